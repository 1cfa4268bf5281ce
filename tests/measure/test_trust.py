"""Whether func in float64 is the same function as in the dtypes of the user."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest

from checkgrad.arrays.outputs import OutputReader
from checkgrad.backends import CannotWidenError, Observation, WideFunction, Widening
from checkgrad.evaluate.options import DEFAULT_EVALUATION
from checkgrad.evaluate.wide_evaluator import WideEvaluator
from checkgrad.evaluate.widened import Wide
from checkgrad.measure.trust import Agreement, compare_in_float64, follows_float64

pytestmark = pytest.mark.numpy

X0 = np.asarray([0.7, -1.3, 2.1], np.float32)


@dataclass
class Seen(Widening, WideFunction):
    """A widening that calls a function of float64, and says what it is told of the inside."""

    wide: object
    largest_inside: float = float("nan")
    error: float | None = None  # of a run with random rounding errors
    error_of_seed: int | None = None  # the only seed with such an error; None if all have one
    points: list[np.ndarray] = field(default_factory=list)  # at which it is called

    def widened(self, function, natives):
        del function, natives
        return self

    def __call__(self, x):
        self.points.append(np.array(x))
        return self.wide(x)

    def observed(self, x):
        return self.wide(x), Observation(2.0**-23)

    def largest(self, x):
        return self.largest_inside

    def perturbed(self, seed, x):
        if self.error is None:
            raise CannotWidenError("its operations cannot be seen")
        if self.error_of_seed not in (None, seed):
            return self.wide(x)
        return self.wide(x) + self.error * (-1) ** seed


def in_both(make_near, func, wide, x0, bounds=None, **inside):
    """Return func and the one that stands for it in float64, and the value of the latter at x0."""
    near, seen = make_near(func, x0, bounds)
    wide = func if wide is None else wide
    widening, point = Seen(wide, **inside), near.point.widened()
    reader = OutputReader(point, many=False) if np.ndim(wide(x0)) else None
    evaluator = WideEvaluator(
        func, point, (), DEFAULT_EVALUATION, reader, Wide(widening, near.point)
    )
    value = evaluator.vector_at_x0() if reader else np.atleast_1d(evaluator.value_at_x0())
    widening.points.clear()
    return near, evaluator, value, seen, widening


def compared(make_near, func, wide=None, x0=X0, bounds=None, **inside):
    """Compare a func with another one that stands for it in float64."""
    near, evaluator, value, seen, _ = in_both(make_near, func, wide, x0, bounds, **inside)
    return compare_in_float64(near, evaluator, value), seen


def disagreement(make_near, func, wide=None, x0=X0, bounds=None, **inside):
    """Return where they differ, and func with the points that it was asked for."""
    agreement, seen = compared(make_near, func, wide, x0, bounds, **inside)
    return agreement.disagreement, seen


def follows(make_near, wide, x0=X0, bounds=None):
    """Return whether a func follows digits of float64, and the points that it was asked for."""
    near, evaluator, value, _, widening = in_both(make_near, wide, None, x0, bounds)
    return follows_float64(near, evaluator, value), np.asarray(widening.points)


def as_single(x):
    """Return numbers as float32 holds them, in the dtype that they have."""
    return x.astype(np.float32).astype(x.dtype)


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
    said, _ = disagreement(make_near, lambda x: np.repeat(np.sum(x), 2), np.sum)
    assert said == "it returns 2 numbers at x0, and 1 in float64"
    said, _ = disagreement(make_near, np.sum, lambda x: np.repeat(np.sum(x), 2))
    assert said == "it returns 1 numbers at x0, and 2 in float64"


def test_values_in_another_dtype_differ_by_few_machine_epsilons(make_near):
    """By ten they may; by a hundred only where something inside explains it."""
    for epsilons, said in ((10, False), (-10, False), (100, True), (-100, True)):

        def wide(x, by=1 + epsilons * 2.0**-23):
            return by * np.sum(x)

        assert bool(disagreement(make_near, np.sum, wide, error=0.0)[0]) == said


def test_values_below_the_smallest_normal_number_do_not_differ(make_near):
    """Float32 has no digits there, and may have nothing but 0."""
    for size, said in ((1e-39, False), (1e-36, True)):

        def wide(x, size=size):
            return size * np.float64(np.sum(x))

        assert bool(disagreement(make_near, lambda x: 0 * np.sum(x), wide, error=0.0)[0]) == said


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_any_of_three_runs_with_random_errors_explains_a_difference(make_near, seed):
    def wide(x):
        return np.sum(x) + 1e-4

    inside = {"error": 1e-4, "error_of_seed": seed}
    assert disagreement(make_near, np.sum, wide, **inside)[0] == ""


def test_random_errors_cost_three_runs(make_near):
    inside = {"error": 1e-4, "error_of_seed": 3}
    assert disagreement(make_near, np.sum, lambda x: np.sum(x) + 1e-4, **inside)[0] != ""


def test_a_difference_of_many_random_errors_is_not_explained_by_them(make_near):
    """A few runs show errors that are smaller than the largest one, but not by a factor of 100."""

    def wide(x):
        return np.sum(x) + 1e-3

    assert disagreement(make_near, np.sum, wide, error=1e-4)[0] == ""
    assert disagreement(make_near, np.sum, wide, error=1e-5)[0] != ""


def test_a_difference_of_much_noise_is_not_explained_by_it(make_near):
    """Sums of terms of 1000 and their opposites have a noise of about 3e-5 in float32."""

    def func(x):
        large = x.dtype.type(1000.1)
        return np.sum((large + x) - large)

    def by(off):
        return lambda x: np.sum(x) + off

    assert disagreement(make_near, func, by(3e-4))[0] == ""
    assert disagreement(make_near, func, by(-3e-4))[0] == ""
    assert disagreement(make_near, func, by(1e-2))[0] != ""
    assert disagreement(make_near, func, by(-1e-2))[0] != ""


def test_the_largest_number_inside_counts_up_to_a_multiple_of_the_value(make_near):
    """That of a mask, which is as good as infinite, allows as much as 64 times the value does."""

    def func(x):
        return 10 * np.sum(x)

    for off, said in ((1e-3, False), (1e-2, True)):

        def wide(x, off=off):
            return func(x) + off

        inside = {"error": 0.0, "largest_inside": 1e38}
        assert bool(disagreement(make_near, func, wide, **inside)[0]) == said


def test_values_that_agree_by_themselves_round_by_a_known_number_of_units(make_near):
    """Where it takes large terms, or random errors, to explain them, rounding may do more."""
    assert compared(make_near, np.sum)[0].units > 0
    for inside in ({"error": 1e-4}, {"error": 0.0, "largest_inside": 20.0}):
        found, _ = compared(make_near, np.sum, lambda x: np.sum(x) + 5e-5, **inside)
        assert (found.disagreement, found.units) == ("", 0.0)


def test_a_difference_that_only_the_second_point_shows_leaves_the_units_unknown(make_near):
    def wide(x):
        return np.sum(x) + 5e-5 * np.any(x != X0)

    found, _ = compared(make_near, np.sum, wide, error=1e-4)
    assert (found.disagreement, found.units) == ("", 0.0)


def test_nothing_is_known_of_the_rounding_of_values_that_differ_or_are_not_there(make_near):
    def outside(x):
        if np.any(x != X0):
            raise ValueError("outside")
        return np.sum(x)

    assert compared(make_near, outside, np.sum)[0] == Agreement("", 0.0)
    found, _ = compared(make_near, np.sum, lambda x: 1.001 * np.sum(x), error=0.0)
    assert found.disagreement != ""
    assert found.units == 0.0


def test_every_number_of_func_is_compared(make_near):
    """Each explains its own differences only."""

    def wide(x):
        return 2 * x + np.asarray([0.0, 0.0, 1e-3])

    assert disagreement(make_near, lambda x: 2 * x)[0] == ""
    said, _ = disagreement(make_near, lambda x: 2 * x, wide, error=np.asarray([1.0, 1e-6, 1e-6]))
    assert said.startswith("it returns 4.19999981 at x0, and 4.20099981 in float64")
    assert (
        disagreement(make_near, lambda x: 2 * x, wide, error=np.asarray([0.0, 0.0, 1.0]))[0] == ""
    )


def test_the_largest_difference_is_named(make_near):
    def wide(x):
        return x + np.asarray([0.25, -0.5, 0.125])

    said, _ = disagreement(make_near, lambda x: 1 * x, wide, error=0.0)
    assert said.startswith("it returns -1.29999995 at x0, and -1.79999995 in float64")


def test_a_value_that_is_not_finite_in_float64_is_the_largest_difference(make_near):
    def wide(x):
        return x + np.asarray([1.0, np.nan, 2.0])

    said, _ = disagreement(make_near, lambda x: 1 * x, wide, error=0.0)
    assert "and nan in float64" in said


def test_every_coordinate_of_the_second_point_moves_by_the_same_part_of_itself(make_near):
    _, seen = disagreement(make_near, np.sum)
    assert np.abs(seen.points[0] / X0 - 1) == pytest.approx(2.0**-6, rel=1e-4)


# Digits that only float64 has


def test_a_smooth_func_follows_digits_that_only_float64_has(make_near):
    for wide in (np.sum, lambda x: -np.sum(x), lambda x: np.sum(np.sin(30 * x))):
        assert follows(make_near, wide)[0]


def test_a_func_that_rounds_inside_does_not_follow_them(make_near):
    for sign in (1, -1):
        assert not follows(make_near, lambda x, sign=sign: sign * np.sum(as_single(x)))[0]


@pytest.mark.parametrize(("part", "followed"), [(0.05, True), (0.2, False), (1.0, False)])
def test_a_func_that_rounds_a_large_part_of_itself_does_not_follow(make_near, part, followed):
    """Over longer steps a smooth func changes its slope by less than a tenth."""

    def wide(x):
        return np.sum((1 - part) * x + part * as_single(x))

    assert follows(make_near, wide)[0] == followed


def test_a_func_that_moves_too_much_does_not_follow(make_near):
    """Where one side of a jump is as near as that, short steps show a slope that others do not."""
    assert not follows(make_near, lambda x: np.sum(x) + 2.0**-30 * np.sum(x > X0))[0]


def test_every_number_of_func_has_to_follow(make_near):
    assert follows(make_near, lambda x: 3 * x)[0]
    for k in range(3):
        chosen = np.arange(3) == k
        assert not follows(make_near, lambda x, at=chosen: np.where(at, as_single(x), x))[0]


def test_a_slope_that_rounding_in_float64_hides_is_not_missed(make_near):
    """Over the shorter steps the func moves by less than a unit in the last place of its value."""
    assert follows(make_near, lambda x: 2.0**20 + 0.01 * np.sum(x))[0]


def test_a_slope_that_rounding_in_float64_does_not_hide_is_missed(make_near):
    """The func moves by hundreds of units in the last place of its value."""
    assert not follows(make_near, lambda x: 2.0**10 + np.sum(as_single(x)))[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_points_lie_in_pairs_around_x0_one_pair_nearer_than_float32_can_tell(make_near, dtype):
    x0 = np.asarray([0.5, -3.0, 48.0], dtype)
    _, points = follows(make_near, np.sum, x0)
    assert len(points) == 4
    near, far = points[:2], points[2:]
    for pair in (near, far):
        assert np.all(pair[0] != x0)
        assert np.array_equal(pair[0] - x0, x0 - pair[1])
        relative = np.abs(pair[0] / x0 - 1)
        assert relative == pytest.approx(relative[0], abs=0)  # of every coordinate the same part
    assert np.all(near.astype(np.float32) == x0)
    assert np.all(far.astype(dtype) != x0)
    assert np.all(np.abs(far - x0) < 0.02 * np.abs(x0))  # so near that a smooth func hardly bends


def test_the_farther_points_are_some_units_of_the_users_dtype_away(make_near):
    """Half precision has units of 2**-10, of which some would lead far from x0."""
    x0 = np.ones(1, np.float32)
    for dtype, farthest in ((np.float32, 100 * 2.0**-23), (np.float16, 100 * 2.0**-10)):
        _, points = follows(make_near, np.sum, x0.astype(dtype))
        assert farthest / 100 < np.abs(points[2] - 1)[0] < farthest


def test_within_bounds_a_single_step_tells(make_near):
    """It stays inside, where one coordinate is at its bound and may not move."""
    room = np.asarray([0.0, 1.0, 1.0], np.float32)
    for wide, followed in ((np.sum, True), (lambda x: 2 * x, True), (as_single, False)):
        for bounds in ((X0 - room, None), (None, X0 + room)):
            found, points = follows(make_near, wide, bounds=bounds)
            assert found == followed
            (there,) = points
            assert np.all((there != X0)[1:])
            assert there[0] >= X0[0] if bounds[1] is None else there[0] <= X0[0]


@pytest.mark.parametrize("side", ["lower", "upper"])
@pytest.mark.parametrize("x0", [X0, X0[:1], np.zeros(2, np.float32)])
def test_on_its_bounds_a_smooth_func_follows_wherever_it_has_room(make_near, x0, side):
    for bounds in ((x0, None) if side == "lower" else (None, x0), (x0, x0)):
        for seed in range(8):  # of the sides that coordinates would move to without bounds
            assert follows(partial(make_near, seed=seed), np.sum, x0, bounds)[0]
