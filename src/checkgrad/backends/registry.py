"""From arrays to the backend of their library.

This module owns `LIBRARIES`, with one entry for each library. A backend is imported only when an
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
        The name that the library is imported by.
    backend : str
        The module in this package, and the class in it.
    owns : callable
        Return whether an object is an array of this library, without importing the library.
    may_fork : bool
        Whether it works in a process that is forked after it was used. What has threads of its own,
        or a GPU, does not.
    title : str
        What messages call it. Where it is empty, they say nothing of arrays of the wrong library.
    array_type : str
        The class of its arrays, in the module `name`.
    conversion : str
        How to make an array of it, for messages.
    refuses : str
        A regular expression for what it says of arrays of another library. By default it matches
        nothing.
    namespace : str
        The module that has its functions of arrays; `name` where it is empty.
    safetensors : str
        The module of safetensors that reads its arrays from a file. NumPy's is the default: what it
        reads is converted.
    """

    name: str
    backend: str
    owns: Callable[[Any], bool]
    may_fork: bool = True
    title: str = ""
    array_type: str = "ndarray"
    conversion: str = ""
    refuses: str = r"(?!)"
    namespace: str = ""
    safetensors: str = "numpy"


LIBRARIES = (
    Library(
        name="numpy",
        backend="numpy_backend.NumPyBackend",
        owns=array_api_compat.is_numpy_array,
        title="NumPy",
        conversion="an array of NumPy, e.g. np.asarray(x0)",
        refuses=r"got \((axis|dtype|out)=|Implicit conversion to a NumPy array",
    ),
    Library(
        name="jax",
        backend="jax_backend.JaxBackend",
        owns=array_api_compat.is_jax_array,
        may_fork=False,
        title="JAX",
        array_type="Array",
        conversion="an array of JAX, e.g. jnp.asarray(x0)",
        refuses=r"requires ndarray or scalar arguments, got|is not a valid JAX (array )?type"
        r"|as an abstract array",
        namespace="jax.numpy",
        safetensors="flax",
    ),
    Library(
        name="torch",
        backend="torch_backend.TorchBackend",
        owns=array_api_compat.is_torch_array,
        may_fork=False,
        title="PyTorch",
        array_type="Tensor",
        conversion="a tensor, e.g. torch.as_tensor(x0)",
        refuses=r"must be (a )?Tensor, not|expected Tensor as element|must be tuple of Tensors",
        safetensors="torch",
    ),
    Library(
        name="cupy",
        backend="cupy_backend.CupyBackend",
        owns=array_api_compat.is_cupy_array,
        may_fork=False,
        title="CuPy",
        conversion="an array of CuPy, e.g. cupy.asarray(x0)",
        refuses=r"Unsupported type <class",
    ),
)
LIBRARY_NAMES = tuple(library.name for library in LIBRARIES)
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


def library_named(name: str) -> Library:
    """Return the library that is imported by a name: one of `LIBRARIES`, or another."""
    known = (library for library in LIBRARIES if library.name == name)
    return next(known, Library(name, _OTHER, is_array))


def library_of(array: Array) -> Library:
    """Return the library of `array`: one of `LIBRARIES`, or one of the standard's others."""
    for library in LIBRARIES:
        if library.owns(array):
            return library
    return library_named(type(array).__module__.partition(".")[0])


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
