"""``atol`` and ``rtol`` as a number, or by dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad.drop_ins.jax_tolerances import Tolerances


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (None, None),
        (0.1, 0.1),
        ({np.float32: 0.1, np.float64: 0.2}, 0.1),
        ({np.dtype("float64"): 0.2}, None),
        ({"float32": 1}, 1.0),
        ({}, None),
    ],
)
def test_largest_tolerance_of_the_dtypes_at_hand_counts(given: Any, allowed: Any) -> None:
    dtypes = {np.dtype(np.float32), np.dtype(np.float16)}
    assert Tolerances(given, None).at(dtypes) == (allowed, None)
    assert Tolerances(None, given).at(dtypes) == (None, allowed)


@pytest.mark.parametrize("given", [-1, "1", np.nan, {np.float32: None}])
def test_meaningless_tolerance(given: Any) -> None:
    with pytest.raises(ValueError, match="rtol is"):
        Tolerances(None, given)
