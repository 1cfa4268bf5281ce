"""Whether func in float64 is the same function as in the dtypes of the user."""

from dataclasses import dataclass

import numpy as np
import pytest

from checkgrad.backends import CannotWidenError, Observation, WideFunction, Widening
from checkgrad.evaluate.options import DEFAULT_EVALUATION
from checkgrad.evaluate.wide_evaluator import WideEvaluator
from checkgrad.evaluate.widened import Wide
from checkgrad.measure.trust import compare_in_float64

pytestmark = pytest.mark.numpy

X0 = np.asarray([0.7, -1.3, 2.1], np.float32)


@dataclass
class Seen(Widening, WideFunction):
    """A widening that calls a function of float64, and says what it is told of the inside."""

    wide: object
    largest_inside: float = float("nan")
    error: float | None = None  # of a run with random rounding errors

    def widened(self, function, natives):
        del function, natives
        return self

    def __call__(self, x):
        return self.wide(x)

    def observed(self, x):
        return self.wide(x), Observation(2.0**-23)

    def largest(self, x):
        return self.largest_inside

    def perturbed(self, seed, x):
        if self.error is None:
            raise CannotWidenError("its operations cannot be seen")
        return self.wide(x) + self.error * (-1) ** seed


def disagreement(make_near, func, wide=None, x0=X0, bounds=None, **inside):
    """Compare a func with another one that stands for it in float64."""
    near, seen = make_near(func, x0, bounds)
    widening = Seen(func if wide is None else wide, **inside)
    point = near.point.widened()
    evaluator = WideEvaluator(func, point, (), DEFAULT_EVALUATION, None, Wide(widening, near.point))
    value = np.atleast_1d(evaluator.value_at_x0())
    return compare_in_float64(near, evaluator, value).disagreement, seen


def test_rounding_is_no_disagreement(make_near):
    assert disagreement(make_near, lambda x: np.sum(np.exp(x) / 3))[0] == ""


def test_rounding_of_large_terms_that_cancel_is_no_disagreement(make_near):
    def func(x):
        large = x.dtype.type(1000.1)
        return np.sum((large + x) - large)

    assert disagreement(make_near, func)[0] == ""  # seen from its noise
    assert disagreement(make_near, func, error=1e-4)[0] == ""  # seen from random errors


def test_a_relative_difference_of_one_in_a_thousand_is_one_at_x0(make_near):
    def wide(x):
        return 1.001 * np.sum(np.exp(x))

    for inside in ({}, {"error": 1e-6}, {"largest_inside": 8.0}, {"largest_inside": 1e38}):
        said, _ = disagreement(make_near, lambda x: np.sum(np.exp(x)), wide, **inside)
        assert said.startswith("it returns 10.4")
        assert "at x0, and 10.4" in said


def test_a_difference_is_allowed_by_the_largest_number_inside(make_near):
    def wide(x):
        return np.sum(x) + 5e-5  # 280 units of the value

    assert disagreement(make_near, np.sum, wide, error=0.0, largest_inside=2.0)[0] != ""
    assert disagreement(make_near, np.sum, wide, error=0.0, largest_inside=20.0)[0] == ""


def test_another_slope_is_one_at_the_second_point(make_near):
    def wide(x):
        return np.sum(X0) + 1.01 * np.sum(x - X0)

    for inside in ({}, {"error": 1e-7}, {"largest_inside": 3.0}):
        said, _ = disagreement(make_near, np.sum, wide, **inside)
        assert "near x0" in said


def test_the_second_point_lies_within_the_bounds_and_is_of_the_users_dtype(make_near):
    said, seen = disagreement(make_near, np.sum, bounds=(X0, None))
    assert said == ""
    (there,) = seen.points
    assert there.dtype == np.float32
    assert np.all(there >= X0)
    assert np.any(there != X0)
    assert np.all(np.abs(there - X0) <= np.abs(X0) * 2.0**-6 * 1.001)


def test_a_coordinate_of_zero_moves_as_well(make_near):
    _, seen = disagreement(make_near, np.sum, x0=np.zeros(3, np.float32))
    assert np.all(np.abs(seen.points[0]) == 2.0**-6)


def test_a_second_point_outside_of_the_domain_says_nothing(make_near):
    def func(x):
        if np.any(x != X0):
            raise ValueError("outside")
        return np.sum(x)

    assert disagreement(make_near, func, np.sum)[0] == ""


def test_another_number_of_values_is_a_disagreement(make_near):
    said, _ = disagreement(make_near, lambda x: x[:2], np.sum)
    assert said == "it returns 2 numbers at x0, and 1 in float64"
