"""Arrays as rows of real numbers, and back."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("jax")

from checkgrad.backends.jax_flat import FlatLayout

REAL = np.asarray(1.5, np.float32)
COMPLEX = np.asarray([[1 + 2j, 3 - 4j]], np.complex64)
LAYOUT = FlatLayout([REAL, COMPLEX])


def test_row_holds_real_parts_and_then_imaginary_parts() -> None:
    assert LAYOUT.size == 5
    assert LAYOUT.rows([REAL, COMPLEX]).tolist() == [1.5, 1, 3, 2, -4]
    assert LAYOUT.rows([REAL, COMPLEX], conjugate=True).tolist() == [1.5, 1, 3, -2, 4]


@pytest.mark.parametrize("conjugate", [False, True])
def test_way_there_and_back(conjugate: bool) -> None:
    row = LAYOUT.rows([REAL, COMPLEX], conjugate)
    real, complexes = LAYOUT.arrays(row, conjugate)
    assert real.dtype == np.float32
    assert complexes.dtype == np.complex64
    assert np.array_equal(complexes, COMPLEX)
    many = np.stack([row, 2 * row])
    assert np.array_equal(LAYOUT.rows(LAYOUT.wide_arrays(many, conjugate), conjugate), many)


def test_number_of_each_array_for_all_of_its_entries() -> None:
    assert LAYOUT.of_each([7.0, 8.0]).tolist() == [7, 8, 8, 8, 8]
    assert LAYOUT.largest(np.asarray([-1.0, 1, 2, -9, 3])).tolist() == [1, 9, 9, 9, 9]
