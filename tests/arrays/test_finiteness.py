"""x0 must be finite, and the message names the first entry that is not."""

from __future__ import annotations

import numpy as np
import pytest

from arrays.reversed_part import spread_point
from checkgrad.arrays.point import make_point


def test_the_first_entry_that_is_not_finite_is_named() -> None:
    x = np.asarray([1.0, np.inf, np.nan])
    with pytest.raises(ValueError, match=r"x0\['b'\]\[1\] is inf; a derivative can be checked"):
        make_point({"a": np.ones(2), "b": x})


def test_a_sum_may_overflow() -> None:
    make_point(np.full(2, 1.5e308))


def test_an_entry_of_a_part_is_named_by_its_place_in_the_whole() -> None:
    with pytest.raises(ValueError, match=r"x0\[0\]\[2\] is nan"):
        spread_point(np.asarray([1.0, 2.0, np.nan, 4.0]))
