"""Arrays of JAX as rows of real numbers on the host, and back: NumPy does the small arithmetic.

Every operation of JAX on a new shape is a compilation. On the host it is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.backends.jax_wide_dtypes import is_complex, wide_dtype

Floats = npt.NDArray[np.float64]


class FlatLayout:
    """How some arrays make up a row: the real parts of each, and then its imaginary parts.

    Parameters
    ----------
    arrays : sequence of array
        The floating arrays, or what has their shapes and dtypes.

    Attributes
    ----------
    size : int
        How many numbers a row has.
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.shapes = [tuple(each.shape) for each in arrays]
        self.dtypes = [np.dtype(each.dtype) for each in arrays]
        counts = [math.prod(shape) for shape in self.shapes]
        sizes = [
            count * (2 if is_complex(dtype) else 1)
            for count, dtype in zip(counts, self.dtypes, strict=True)
        ]
        ends = np.cumsum([0, *sizes]).tolist()
        self.slices = [slice(*ends[k : k + 2]) for k in range(len(sizes))]
        self.size = ends[-1]

    def wide_arrays(self, rows: Floats, conjugate: bool = False) -> list[np.ndarray[Any, Any]]:
        """Return arrays of float64 or complex128 from rows, which lie along the leading axes."""
        arrays = []
        for part, shape, dtype in zip(self.slices, self.shapes, self.dtypes, strict=True):
            numbers = rows[..., part]
            if is_complex(dtype):
                real, imaginary = np.split(numbers, 2, axis=-1)
                numbers = real + (-1j if conjugate else 1j) * imaginary
            arrays.append(numbers.reshape((*rows.shape[:-1], *shape)))
        return arrays

    def arrays(self, row: Floats, conjugate: bool = False) -> list[np.ndarray[Any, Any]]:
        """Return arrays in their own dtypes from one row."""
        wide = self.wide_arrays(row, conjugate)
        return [each.astype(dtype) for each, dtype in zip(wide, self.dtypes, strict=True)]

    def rows(self, arrays: Sequence[Any], conjugate: bool = False) -> Floats:
        """Return rows from arrays like these, which may have more leading axes."""
        rows = []
        for array, shape, dtype in zip(arrays, self.shapes, self.dtypes, strict=True):
            wide = np.asarray(array).astype(wide_dtype(dtype))
            leading = wide.shape[: wide.ndim - len(shape)]
            flat = wide.reshape((*leading, math.prod(shape)))
            if is_complex(dtype):
                imaginary = -flat.imag if conjugate else flat.imag
                flat = np.concatenate([flat.real, imaginary], axis=-1)
            rows.append(flat)
        return np.concatenate(rows, axis=-1) if rows else np.zeros(0)

    def of_each(self, numbers: Sequence[float]) -> Floats:
        """Return a row that holds one number for every entry of each array."""
        found = np.empty(self.size)
        for part, number in zip(self.slices, numbers, strict=True):
            found[part] = number
        return found

    def largest(self, row: Floats) -> Floats:
        """Return the largest magnitude among the entries of each array, for each of its entries."""
        each = [float(np.max(np.abs(row[part]), initial=0.0)) for part in self.slices]
        return self.of_each(each)
