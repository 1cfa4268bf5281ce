"""Values of any library as arrays of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from checkgrad.backends.array_types import HostArray

_NARROW_EXTENSIONS = ("bfloat16",)  # dtypes of the package ml_dtypes, which NumPy does not know


def as_numpy(value: Any) -> HostArray:
    """Return `value` as a NumPy array; bfloat16 as float32, which NumPy can compute in."""
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.name in _NARROW_EXTENSIONS else array
