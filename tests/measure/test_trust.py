"""Whether func in float64 is the same function as in the dtypes of the user."""

import math

import numpy as np
import pytest

from checkgrad.backends import Observation
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.measure.trust import first_disagreement

pytestmark = pytest.mark.numpy

X0 = np.asarray([0.7, -1.3, 2.1], np.float32)
SINGLE = 2.0**-23


def disagreement(make_near, func, wide=None, largest=math.nan, x0=X0, bounds=None):
    """Compare a func with another one that stands for it in float64."""
    near, seen = make_near(func, x0, bounds)
    point = near.point.widened()
    evaluator = Evaluator(func if wide is None else wide, point, ())
    value = np.atleast_1d(evaluator.value_at_x0())
    return first_disagreement(near, evaluator, value, Observation(SINGLE, largest)), seen


def test_rounding_is_no_disagreement(make_near):
    assert disagreement(make_near, lambda x: np.sum(np.exp(x) / 3))[0] == ""


def test_rounding_of_large_terms_that_cancel_is_no_disagreement(make_near):
    def func(x):
        large = x.dtype.type(1000.1)
        return np.sum((large + x) - large)

    assert disagreement(make_near, func)[0] == ""  # seen from its noise
    assert disagreement(make_near, func, largest=1000.0)[0] == ""  # seen from the inside


def test_a_relative_difference_of_one_in_a_thousand_is_one_at_x0(make_near):
    def wide(x):
        return 1.001 * np.sum(np.exp(x))

    for largest in (math.nan, 8.0):
        said, _ = disagreement(make_near, lambda x: np.sum(np.exp(x)), wide, largest)
        assert said.startswith("it returns 10.4")
        assert "at x0, and 10.4" in said


def test_a_difference_is_allowed_by_the_largest_number_inside(make_near):
    def wide(x):
        return np.sum(x) + 1e-3

    assert disagreement(make_near, np.sum, wide, largest=2.0)[0] != ""
    assert disagreement(make_near, np.sum, wide, largest=1e4)[0] == ""


def test_another_slope_is_one_at_the_second_point(make_near):
    def wide(x):
        return np.sum(X0) + 1.01 * np.sum(x - X0)

    for largest in (math.nan, 3.0):
        said, _ = disagreement(make_near, np.sum, wide, largest)
        assert "near x0" in said


def test_the_second_point_lies_within_the_bounds_and_is_of_the_users_dtype(make_near):
    said, seen = disagreement(make_near, np.sum, largest=1.0, x0=X0, bounds=(X0, None))
    assert said == ""
    (there,) = seen.points
    assert there.dtype == np.float32
    assert np.all(there >= X0)
    assert np.any(there != X0)
    assert np.all(np.abs(there - X0) <= np.abs(X0) * 2.0**-6 * 1.001)


def test_a_coordinate_of_zero_moves_as_well(make_near):
    _, seen = disagreement(make_near, np.sum, largest=1.0, x0=np.zeros(3, np.float32))
    assert np.all(np.abs(seen.points[0]) == 2.0**-6)


def test_a_second_point_outside_of_the_domain_says_nothing(make_near):
    def func(x):
        if np.any(x != X0):
            raise ValueError("outside")
        return np.sum(x)

    assert disagreement(make_near, func, np.sum)[0] == ""


def test_another_number_of_values_is_a_disagreement(make_near):
    near, _ = make_near(lambda x: x[:2], X0)
    evaluator = Evaluator(np.sum, near.point.widened(), ())
    value = np.atleast_1d(evaluator.value_at_x0())
    said = first_disagreement(near, evaluator, value, Observation(SINGLE, 1.0))
    assert said == "it returns 2 numbers at x0, and 1 in float64"
