"""Machine epsilons, digits and the default `rtol`."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.precision import (
    BRAIN,
    DOUBLE,
    HALF,
    SINGLE,
    default_rtol,
    digits_of,
    has_few_digits,
)

pytestmark = pytest.mark.numpy


@pytest.mark.parametrize(
    ("epsilon", "dtype"), [(DOUBLE, np.float64), (SINGLE, np.float32), (HALF, np.float16)]
)
def test_epsilons_are_those_of_the_dtypes(epsilon: float, dtype: type) -> None:
    assert epsilon == np.finfo(dtype).eps


@pytest.mark.parametrize(
    ("epsilon", "digits"), [(DOUBLE, 53), (SINGLE, 24), (HALF, 11), (BRAIN, 8)]
)
def test_digits_of_each_dtype(epsilon: float, digits: int) -> None:
    assert digits_of(epsilon) == digits


@pytest.mark.parametrize(
    ("epsilon", "few"),
    [(DOUBLE, False), (SINGLE, False), (HALF / 2, False), (HALF, True), (BRAIN, True)],
)
def test_half_precisions_have_few_digits(epsilon: float, few: bool) -> None:
    assert has_few_digits(epsilon) is few


@pytest.mark.parametrize(
    ("epsilon", "rtol"),
    [
        (DOUBLE / 2, 1e-5),
        (DOUBLE, 1e-5),
        (DOUBLE * 2, 1e-3),
        (SINGLE, 1e-3),
        (SINGLE * 2, 5e-2),
        (HALF, 5e-2),
        (HALF * 2, 2e-1),
        (BRAIN, 2e-1),
        (BRAIN * 2, 2e-1),
    ],
)
def test_the_default_rtol_is_that_of_the_coarsest_dtype(epsilon: float, rtol: float) -> None:
    assert default_rtol(epsilon) == rtol
