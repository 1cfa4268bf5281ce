"""The functions and dtypes of the stand-in, from NumPy's."""

# ruff: noqa: A001, E402, F401

import types

import numpy as _np  # noqa: ICN001

from cupy import cuda
from cupy._core import array, asarray, asnumpy, ndarray, on_arrays
from cupy._core import asarray as asanyarray

for _name in dir(_np):
    _value = getattr(_np, _name)
    if _name.startswith("_") or _name in globals():
        continue
    if isinstance(_value, type) and issubclass(
        _value, (_np.generic, _np.dtype, _np.finfo, _np.iinfo)
    ):
        globals()[_name] = _value
    elif callable(_value) and not isinstance(_value, type):
        globals()[_name] = on_arrays(_value)

pi, e, inf, nan, newaxis = _np.pi, _np.e, _np.inf, _np.nan, None

# The names of builtins, which `from cupy import *` would not override.
abs, max, min, round = (on_arrays(getattr(_np, _name)) for _name in ("abs", "max", "min", "round"))


def ascontiguousarray(a, dtype=None):
    """Convert to an array in C order, also from the host."""
    return array(a, dtype=dtype, copy=None, order="C")


def get_default_memory_pool():
    """Return what has the memory that arrays gave back."""
    return types.SimpleNamespace(free_bytes=lambda: cuda.runtime.KEPT_BYTES)


from cupy import fft, linalg, random
