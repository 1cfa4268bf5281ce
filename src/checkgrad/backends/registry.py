"""From arrays to the backend of their library.

This module owns the list of libraries, one line for each. A backend is imported only when an
array of its library turns up, so a library that the user has not imported is never imported.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import array_api_compat
import numpy as np

from checkgrad.backends.array_types import Array

if TYPE_CHECKING:
    from checkgrad.backends.base import Backend


@dataclass(frozen=True)
class Library:
    """An array library that has a backend of its own.

    Attributes
    ----------
    name : str
        The name of the library in messages.
    backend : str
        The module in this package, and the class in it.
    owns : callable
        Return whether an object is an array of this library, without importing the library.
    may_fork : bool
        Whether it works in a process that is forked after it was used.
    """

    name: str
    backend: str
    owns: Callable[[Any], bool]
    may_fork: bool = True


LIBRARIES = (
    Library("numpy", "numpy_backend.NumPyBackend", array_api_compat.is_numpy_array),
    Library("jax", "jax_backend.JaxBackend", array_api_compat.is_jax_array, False),
    Library("torch", "torch_backend.TorchBackend", array_api_compat.is_torch_array, False),
    Library("cupy", "cupy_backend.CupyBackend", array_api_compat.is_cupy_array, False),
)
_OTHER = "standard_backend.StandardBackend"
_BACKENDS: WeakKeyDictionary[type, Backend] = WeakKeyDictionary()  # by the types seen so far


def is_array(value: object) -> bool:
    """Return whether `value` is an array of the array API standard.

    A NumPy scalar is none.
    """
    return array_api_compat.is_array_api_obj(value) and not isinstance(value, np.generic)


def may_fork() -> bool:
    """Return whether this process may be forked: no library that forbids it is loaded.

    The threads of JAX and PyTorch hold locks, which nobody gives back in the forked process.
    """
    return not any(each.name in sys.modules for each in LIBRARIES if not each.may_fork)


def library_of(array: Array) -> Library:
    """Return the library of `array`: one of `LIBRARIES`, or one of the standard's others."""
    for library in LIBRARIES:
        if library.owns(array):
            return library
    return Library(type(array).__module__.partition(".")[0], _OTHER, is_array)


def backend_of(array: Array) -> Backend:
    """Return the backend of the library that one `array` comes from."""
    if (known := _BACKENDS.get(type(array))) is not None:
        return known
    backend = _backend(library_of(array).backend, array_api_compat.array_namespace(array))
    if not isinstance(array, np.ndarray):  # this class also holds JAX's zero tangents (float0)
        _BACKENDS[type(array)] = backend
    return backend


@functools.cache
def _backend(name: str, xp: Any) -> Backend:
    """Return the backend `name`, one of `Library.backend`, for the namespace `xp`."""
    module, _, class_name = name.partition(".")
    backend: Backend = getattr(import_module(f"checkgrad.backends.{module}"), class_name)(xp)
    return backend


def find_backend(arrays: Sequence[Array]) -> Backend:
    """Return the backend of the library that all `arrays` come from.

    NumPy arrays may be mixed with JAX arrays: JAX converts them, as its own functions do. Where
    there is no array at all, the backend is NumPy's.

    Raises
    ------
    TypeError
        If the arrays come from more than one library, or `require_values` raises.
    """
    arrays = arrays or [np.empty(0)]
    names = {library_of(array).name: array for array in arrays}
    if names.keys() == {"jax", "numpy"}:
        del names["numpy"]
    if len(names) > 1:
        raise TypeError(
            f"x0 mixes arrays of {' and '.join(sorted(names))}; use arrays of one library "
            "throughout"
        )
    require_values(arrays)
    (array,) = names.values()
    return backend_of(array)


def require_values(arrays: Sequence[Array]) -> None:
    """Check that the values of all `arrays` can be read, and that single entries can be changed.

    Raises
    ------
    TypeError
        If the backend of an array names an obstacle: the array is sparse, for example.
    """
    for array in arrays:
        if obstacle := backend_of(array).obstacle(array):
            raise TypeError(f"x0 is {obstacle}")
