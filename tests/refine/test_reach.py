"""The scale of coordinates that are 0: how far func changes as its claim says."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.directions import _typical, coordinate_directions


class FakeAxes:
    """Coordinate axes along which output 1 of 2 is a function of the coordinate and the step."""

    def __init__(self, function):
        self.function = function
        self.steps = []

    def sample(self, which, steps):
        self.steps.append(steps.tolist())
        values = [self.function(k, t) for k, t in zip(which.tolist(), steps.tolist(), strict=True)]
        both = np.stack([np.full(which.size, 1e9), np.asarray(values, dtype=float)], axis=-1)
        return np.abs(steps), both.reshape(which.size, 2)


class FakeGradient:
    leaves = None

    def __init__(self, claim):
        self.claim = np.asarray(claim, dtype=float)

    def coordinates(self):
        return self.claim


def scale_of(function, claim, x0=(0.0,), value=0.0, limits=(-np.inf, np.inf)):
    axes, x0 = FakeAxes(function), np.asarray(x0, dtype=float)
    sides = tuple(np.broadcast_to(np.float64(side), x0.shape) for side in limits)
    point = make_point(x0)
    directions = coordinate_directions(axes, 1, FakeGradient(claim), point, sides, value)
    return directions, axes


@pytest.mark.parametrize("claim", [1.0, -3.0, 1e-30, 1e30])
def test_reach_of_a_linear_func_is_1_at_one_evaluation(claim):
    directions, axes = scale_of(lambda k, t: claim * t, [claim])
    assert directions.scale.tolist() == [1.0]
    assert axes.steps == [[1.0]]
    assert directions.scale_is_guess.tolist() == [True]
    assert directions.smoothness_length.tolist() == [1.0]


def test_reach_of_a_curved_func_is_where_it_changes_about_as_claimed():
    # func is c t (1 + t / L): half way in powers of two at each try, until 2 digits are left.
    length = 2.0**-20
    directions, axes = scale_of(lambda k, t: 3 * t * (1 + t / length), [3.0])
    assert directions.scale.tolist() == [2.0**-19]
    shorter, longer = [steps[0] for steps in axes.steps[1::2]], [s[0] for s in axes.steps[2::2]]
    assert np.log2(shorter) == pytest.approx([-10, -15, -17.5, -18.9], abs=0.1)
    assert np.log2(longer) == pytest.approx([0, -10, -15, -17.5], abs=0.1)


def test_reach_may_be_far():
    length = 2.0**20
    directions, axes = scale_of(lambda k, t: t * abs(t) / (length + abs(t)), [1.0])
    assert np.log2(directions.scale[0]) in (18, 19)
    assert len(axes.steps) < 12


def test_reach_is_where_func_moves_as_claimed_whatever_power_it_is_of():
    for power in (2, 3, 5):
        directions, _ = scale_of(lambda k, t, p=power: t + (t * 2.0**30) ** p / 2.0**30, [1.0])
        assert directions.scale[0] <= 2.0**-29


@pytest.mark.parametrize(
    ("off", "tried"), [(3.99, False), (4.01, True), (0.249, True), (0.251, False)]
)
def test_a_factor_of_4_is_about_as_claimed(off, tried):
    _, axes = scale_of(lambda k, t: off * t, [1.0])
    assert (len(axes.steps) > 1) == tried


def test_reach_of_a_wrong_claim_stays_where_it_was():
    directions, axes = scale_of(lambda k, t: 100 * t, [1.0])
    assert directions.scale.tolist() == [1.0]
    assert len(axes.steps) == 3  # a shorter and a longer step do no better


@pytest.mark.parametrize("function", [lambda k, t: 0.0, lambda k, t: np.nan])
def test_reach_of_a_func_that_does_not_move_stays_where_it_was(function):
    directions, axes = scale_of(function, [1.0])
    assert directions.scale.tolist() == [1.0]
    powers = np.log2(axes.steps).ravel().tolist()
    assert powers == [0.0, -1.0, -3.0, -7.0, -15.0, -31.0, -512.0, 512.0]


@pytest.mark.parametrize(("end", "reach"), [(0.9, 0.5), (0.3, 2.0**-3), (1e-4, 2.0**-15)])
def test_reach_is_within_the_domain_of_func(end, reach):
    """Much nearer to x0, func may round its terms away, and then any claim agrees with it."""
    directions, axes = scale_of(lambda k, t: t if t < end else np.nan, [1.0])
    assert directions.scale.tolist() == [reach]
    assert min(axes.steps) == [reach]


@pytest.mark.parametrize(
    ("limits", "steps"),
    [((-0.5, 0.5), [0.5]), ((0, 0.75), [0.5]), ((-0.3, 0.1), [-0.25]), ((-np.inf, 0), [-1.0])],
)
def test_reach_is_looked_for_within_bounds(limits, steps):
    directions, axes = scale_of(lambda k, t: t, [1.0], limits=limits)
    assert axes.steps == [steps]
    assert directions.scale.tolist() == np.abs(steps).tolist()


def test_a_coordinate_without_room_has_no_reach():
    _, axes = scale_of(lambda k, t: t, [1.0], limits=(0, 0))
    assert axes.steps == [[]]


def test_reach_is_tried_12_times_at_most():
    axes_of = []

    def better_and_better(k, t):
        axes_of.append(t)
        return t * 2.0 ** (500 * 0.99 ** len(axes_of))

    _, axes = scale_of(better_and_better, [1.0])
    assert len(axes.steps) == 1 + 2 * 12


def test_each_coordinate_has_its_own_reach():
    lengths = 2.0 ** np.asarray([-20, 40, 10])
    directions, axes = scale_of(
        lambda k, t: t * (1 + t / lengths[k]), [1.0, 1.0, 1.0], x0=np.zeros(3)
    )
    assert np.log2(directions.scale).tolist() == [-19, 0, 0]
    assert [len(steps) for steps in axes.steps[:3]] == [3, 1, 1]


@pytest.mark.parametrize("claim", [0.0, np.nan, np.inf])
def test_a_claim_that_shows_no_reach_takes_the_typical_one(claim):
    length = 2.0**-20
    directions, axes = scale_of(lambda k, t: t * (1 + t / length), [1.0, claim], x0=np.zeros(2))
    assert directions.scale.tolist() == [2.0**-19] * 2
    assert {len(steps) for steps in axes.steps} == {1}
    alone, axes = scale_of(lambda k, t: t, [claim])
    assert alone.scale.tolist() == [1.0]


def test_the_size_of_other_coordinates_is_where_the_reach_is_looked_for_first():
    directions, axes = scale_of(lambda k, t: 2 * t, [2.0] * 4, x0=[0.0, 4.0, -100.0, 0.0])
    assert axes.steps == [pytest.approx([20.0, 20.0])]
    assert directions.scale.tolist() == [16.0, 4.0, 64.0, 16.0]
    assert directions.scale_is_guess.tolist() == [True, False, False, True]
    assert directions.smoothness_length.tolist() == pytest.approx([20.0, 20.0, 64.0, 20.0])


def test_a_value_shows_the_scale_without_an_evaluation():
    directions, axes = scale_of(None, [4.0, -8.0, 0.0], x0=np.zeros(3), value=32.0)
    assert axes.steps == []
    assert directions.scale[:2].tolist() == [8.0, 4.0]
    assert directions.scale[2] == 4.0  # the largest power of two below the typical sqrt(32)
    negative, _ = scale_of(None, [4.0], value=-32.0)
    assert negative.scale.tolist() == [8.0]


def test_the_scale_is_no_longer_than_the_bounds_are_wide():
    directions, _ = scale_of(lambda k, t: t, [1.0], limits=(-0.125, 0.25))
    assert directions.scale.tolist() == [0.25]
    fixed, _ = scale_of(lambda k, t: t, [1.0], limits=(0.0, 0.0))
    assert fixed.scale.tolist() == [1.0]


@pytest.mark.parametrize("sizes", [(1e-160, 1e160), (5e-324, 1e308), (3.0, 5.0), (2.0, 4.0, 9.0)])
def test_the_typical_size_is_free_of_scale_and_of_overflow(sizes):
    found = _typical(np.array(sizes))
    middle = sorted(sizes)[(len(sizes) - 1) // 2], sorted(sizes)[len(sizes) // 2]
    assert found == pytest.approx(np.sqrt(middle[0]) * np.sqrt(middle[1]), rel=1e-15)
    for power in (-5, 2, 7) if min(sizes) > 1e-300 else ():
        assert _typical(np.ldexp(sizes, power)) == np.ldexp(found, power)


# A value that is 0 but for rounding


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float64, 2.0**-42), (np.float32, 2.0**-13)])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("size", [1.0, 2.0**40])
def test_a_value_that_rounding_of_its_terms_explains_counts_as_0(dtype, rounding, sign, size):
    """Terms of 1 and -1 cancel; what is left says nothing of the scale of a coordinate."""
    x0 = np.asarray([1.0, 1.0, 0.0], dtype=dtype)
    claim = size * np.asarray([1.0, -1.0, 4.0])

    def scales(value):
        axes, point = FakeAxes(lambda k, t: value + claim[k] * t), make_point(x0)
        sides = (np.full(3, -np.inf), np.full(3, np.inf))
        found = coordinate_directions(axes, 1, FakeGradient(claim), point, sides, value)
        return found.scale.tolist()

    for value in (0.0, 2.0**-60, rounding):
        assert scales(sign * size * value) == [1.0, 1.0, 1.0]
    assert scales(sign * size * 2 * rounding) == [1.0, 1.0, rounding / 2]


@pytest.mark.parametrize("claim", [np.nan, np.inf])
def test_claims_that_are_not_finite_make_no_terms(claim):
    directions, axes = scale_of(lambda k, t: 4 * t, [claim, 4.0], (1.0, 0.0), value=2.0**-60)
    assert directions.scale.tolist() == [1.0, 2.0**-62]
    assert axes.steps == []
