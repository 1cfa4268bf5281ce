"""Functions of a value of any library, or of none.

A function of the user's may return arrays of another library than that of x0, numbers, or a tree.
The functions here find the backend by the value itself. What a library does is in its backend.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checkgrad.backends.array_types import HostArray
from checkgrad.backends.host_arrays import as_numpy
from checkgrad.backends.registry import backend_of, is_array
from checkgrad.backends.trees import flatten_tree

_FLOATING = "efdgFDG"  # NumPy's codes for its own floating and complex dtypes


def host(value: Any) -> HostArray:
    """Return `value`, an array of any library or an array-like, as a NumPy array.

    The dtype stays, except for a dtype that NumPy lacks: bfloat16 becomes float32.
    """
    if isinstance(value, np.ndarray) or not is_array(value):
        return as_numpy(value)
    return backend_of(value).host(value)


def portable(value: Any) -> HostArray:
    """Return `value` as a NumPy array in memory of its own, which every library can read.

    PyTorch and JAX accept neither foreign byte order nor extended precision. PyTorch accepts no
    negative strides. JAX would share the memory.
    """
    array = host(value)
    dtype = array.dtype.newbyteorder("=")
    if dtype.char in "gG":
        dtype = np.dtype(np.float64 if dtype.char == "g" else np.complex128)
    return np.array(array, dtype=dtype, order="C")


def snapshot(value: Any) -> Any:
    """Return a copy of `value`, an array or tree that the user's function returned.

    The function may return a buffer of its own, and write into the buffer at its next call.
    """
    if isinstance(value, np.ndarray):  # a short way for NumPy: this runs at every call of func
        return np.array(value)
    if value is None or isinstance(value, (int, float, complex, str, np.generic)):
        return value
    if is_array(value):
        return backend_of(value).snapshot(value)
    leaves, structure = flatten_tree(value)
    if not any(map(is_array, leaves)):
        return value
    return structure.unflatten([snapshot(leaf) if is_array(leaf) else leaf for leaf in leaves])


def machine_epsilon(value: Any) -> Any:
    """Return the machine epsilon of the dtype of `value`, a result of the user's function.

    It is 0 where the dtype is exact, as integers are. It is a number of that dtype where NumPy
    has the dtype. For a list of arrays it is the largest.
    """
    if isinstance(value, np.ndarray) and value.dtype.char in _FLOATING:
        return np.finfo(value.dtype).eps
    if is_array(value):
        return backend_of(value).machine_epsilon(value)
    dtype = np.asarray(value).dtype
    if dtype.kind == "O" and isinstance(value, (list, tuple)) and value:
        return max(machine_epsilon(item) for item in value)
    return np.finfo(dtype).eps if dtype.kind in "fc" else 0.0
