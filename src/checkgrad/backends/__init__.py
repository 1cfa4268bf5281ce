"""The few things that the array API standard lacks, one small backend per array library.

This package is the only place that knows an array library by name. A backend is found from the
arrays that the user passes, so a library that the user has not imported is never imported here.
What the standard does offer is written once, elsewhere, against ``array_api_compat``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import array_api_compat
import numpy as np

from checkgrad.backends.conventions import CONVENTIONS, is_conj_convention, other_convention
from checkgrad.backends.obstacles import obstacle
from checkgrad.backends.protocol import Array, Backend, HostArray, Structure
from checkgrad.backends.trees import flatten_tree, is_number, without

__all__ = [
    "CONVENTIONS",
    "Array",
    "Backend",
    "Structure",
    "find_backend",
    "flatten_tree",
    "host",
    "is_array",
    "is_conj_convention",
    "is_number",
    "machine_epsilon",
    "other_convention",
    "require_values",
    "snapshot",
    "without",
]

_NARROW_EXTENSIONS = ("bfloat16",)  # dtypes of ml_dtypes, which NumPy does not know
_MODULES = {"jax": "jax_backend", "torch": "torch_backend", "numpy": "numpy_backend"}


def is_array(value: object) -> bool:
    """Whether `value` is an array of a library that the standard covers (not a NumPy scalar)."""
    return array_api_compat.is_array_api_obj(value) and not isinstance(value, np.generic)


def find_backend(arrays: Sequence[Array]) -> Backend:
    """The backend of the library that all `arrays` come from.

    NumPy arrays may stand beside those of JAX, which converts them as it does in its own
    functions. No array at all, only numbers, is NumPy's.

    Raises
    ------
    TypeError
        If the arrays come from more than one library, or cannot be read or moved: sparse ones, say.
    """
    names = sorted({_library(array) for array in arrays})
    if names == ["jax", "numpy"]:
        names = ["jax"]
    if len(names) > 1:
        raise TypeError(
            f"x0 mixes arrays of {' and '.join(names)}; use arrays of one library throughout"
        )
    require_values(arrays)
    name = names[0] if names else "numpy"
    module = import_module(f"checkgrad.backends.{_MODULES.get(name, 'standard_backend')}")
    backend: Backend = module.make(next((a for a in arrays if _library(a) == name), None))
    return backend


def require_values(arrays: Sequence[Array]) -> None:
    """Raise a `TypeError` where one of `arrays` has no values that can be read and moved."""
    for array in arrays:
        if what := obstacle(array):
            raise TypeError(f"x0 is {what}")


def _library(array: Array) -> str:
    for name, is_of_library in (
        ("numpy", array_api_compat.is_numpy_array),
        ("jax", array_api_compat.is_jax_array),
        ("torch", array_api_compat.is_torch_array),
    ):
        if is_of_library(array):
            return name
    return type(array).__module__.partition(".")[0]


def host(value: Any) -> HostArray:
    """`value`, an array of any library or an array-like, as a NumPy array of its own dtype."""
    if "torch" in sys.modules and array_api_compat.is_torch_array(value):
        value = dense(value.detach()).cpu().resolve_conj().resolve_neg()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        return np.asarray(value.numpy())
    array = np.asarray(value)
    if array.dtype.name in _NARROW_EXTENSIONS:
        return array.astype(np.float32)  # holds them exactly, and NumPy computes in it
    return array


def dense(tensor: Any) -> Any:
    """A PyTorch tensor in the plain layout; a sparse one holds zeros that it does not store."""
    return tensor if str(tensor.layout) == "torch.strided" else tensor.to_dense()


def portable(value: Any) -> HostArray:
    """`value` as a NumPy array that every other library can read, in memory of its own.

    PyTorch and JAX take neither foreign byte order nor extended precision, PyTorch no negative
    strides, and JAX would share the memory where it can.
    """
    array = host(value)
    dtype = array.dtype.newbyteorder("=")
    if dtype.char in "gG":
        dtype = np.dtype(np.float64 if dtype.char == "g" else np.complex128)
    return np.array(array, dtype=dtype, order="C")


def snapshot(value: Any) -> Any:
    """`value`, an array or tree that the user's function returned, in memory of its own.

    The function may write into a buffer of its own when it is called again.
    """
    if is_array(value):
        if isinstance(value, np.ndarray):
            return np.array(value)
        if array_api_compat.is_jax_array(value):
            from checkgrad.backends.jax_backend import collected

            return collected(value)
        if array_api_compat.is_torch_array(value):
            return value.detach().clone()
        return array_api_compat.array_namespace(value).asarray(value, copy=True)
    if value is None or isinstance(value, (int, float, complex, str, np.generic)):
        return value
    leaves, structure = flatten_tree(value)
    if not any(map(is_array, leaves)):
        return value
    return structure.unflatten([snapshot(leaf) if is_array(leaf) else leaf for leaf in leaves])


def machine_epsilon(value: Any) -> Any:
    """The machine epsilon of the dtype of `value`, a result of the user's; 0 where it is exact.

    The number is of that dtype where NumPy has it.
    """
    if is_array(value):
        xp = array_api_compat.array_namespace(value)
        if xp.isdtype(value.dtype, ("real floating", "complex floating")):
            return xp.finfo(value.dtype).eps
        return 0.0
    dtype = np.asarray(value).dtype
    if dtype.kind == "O" and isinstance(value, (list, tuple)) and value:
        return max(machine_epsilon(item) for item in value)
    return np.finfo(dtype).eps if dtype.kind in "fc" else 0.0
