"""Which tangents are chosen: random ones, scaled ones, or the user's; how far they may go."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.bounds import make_bounds
from checkgrad.arrays.point import make_point
from checkgrad.evaluate.outputs import Outputs
from checkgrad.evaluate.tangent_choice import (
    ChosenTangents,
    given_tangent,
    random_tangents,
    scaled_tangents,
)

DOUBLE = 2.0**-52


def chosen(x0, count=1, seed=0, bounds=None, claims=None, value=0.0, linearity=False):
    point = make_point(x0)
    limits = make_bounds(bounds, point, "x0")
    rng = np.random.default_rng(seed)
    return random_tangents(point, claims, limits, value, rng, count, linearity)


def entries(tangents, point=None):
    """Return the entries of all tangents, shape (tangents, coordinates)."""
    flat = [np.concatenate([np.ravel(part) for part in each]) for each in tangents.tangents]
    return np.stack(flat)


# Random tangents


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 random tangent"), (3, "3 random tangents"), (10, None)]
)
def test_as_many_as_asked_for(count, words):
    found = chosen(np.ones(5), count)
    assert found.are_random
    assert len(found.tangents) == count
    assert found.words == words or words is None
    assert len({tuple(each) for each in entries(found).tolist()}) == count


def test_entries_are_normal_numbers_times_the_sizes():
    x0 = np.asarray([1e-3, 1.0, -1e6])
    numbers = entries(chosen(x0, 2000)) / np.abs(x0)
    assert np.mean(numbers, axis=0) == pytest.approx(0, abs=0.1)
    assert np.std(numbers, axis=0) == pytest.approx(1, abs=0.1)


def test_tangents_are_arrays_like_x0(xp, dtype):
    x0 = {"a": xp.asarray([[1.0, 2.0]], dtype), "b": xp.asarray(3.0, dtype)}
    (tangent,) = chosen(x0, claims=None).tangents
    for part, shape in zip(tangent, [(1, 2), ()], strict=True):
        xp.assert_native(part, dtype)
        assert tuple(part.shape) == shape
        assert np.all(np.isfinite(xp.to_numpy(part)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_no_entry_overflows(dtype):
    x0 = np.full(200, np.finfo(dtype).max / 2, dtype=dtype)
    with np.errstate(over="ignore"):  # as in a check
        found = entries(chosen(x0, 20))
    assert found.dtype == dtype
    assert np.all(np.isfinite(found))


@pytest.mark.parametrize("size", [1, 2])
def test_tangents_for_linearity_have_a_negative_entry(size):
    for seed in range(40):
        assert np.all(entries(chosen(np.ones(size), 3, seed, linearity=True)).min(axis=1) < 0)
    plain = np.concatenate([entries(chosen(np.ones(size), 3, seed)) for seed in range(40)])
    assert np.any(plain.min(axis=1) > 0)


def test_tangents_for_linearity_are_turned_round_and_no_more():
    for seed in range(10):
        plain = entries(chosen(np.ones(1), 1, seed))
        assert entries(chosen(np.ones(1), 1, seed, linearity=True)) == -np.abs(plain)


def test_a_negative_entry_may_be_in_any_leaf():
    x0 = [np.ones(1), np.ones(1)]
    for seed in range(20):
        plain = entries(chosen(x0, 1, seed))
        turned = entries(chosen(x0, 1, seed, linearity=True))
        assert (turned == (plain if plain.min() < 0 else -plain)).all()


# Bounds


def test_tangents_lead_inward_from_a_bound():
    x0 = np.asarray([0.5, 1.0, 2.0, 3.0])
    bounds = (np.asarray([0.5, 0.0, 0.0, 3.0]), np.asarray([9.0, 9.0, 2.0, 3.0]))
    for seed in range(10):
        free, (inward,) = entries(chosen(x0, 1, seed))[0], entries(chosen(x0, 1, seed, bounds))
        expected = [abs(free[0]), free[1], -abs(free[2]), 0.0]
        assert inward.tolist() == pytest.approx(expected)


def test_tangents_for_linearity_have_a_negative_entry_within_bounds_too():
    for seed in range(10):
        assert entries(chosen(np.ones(2), 1, seed, bounds=(1.0, 2.0), linearity=True)).min() < 0


def directions_of(tangents, point, bounds, make_evaluator, gradients, lazy=False):
    evaluator, func = make_evaluator(np.sum, point.copy())
    limits = make_bounds(bounds, point, "x0")
    claim = FakeLinearMap(gradients)
    outputs = Outputs(np.arange(len(gradients)), np.empty((0, len(gradients))))
    given = [FakeGradient(each, lazy) for each in gradients]
    return tangents.directions(evaluator, outputs, claim, given, limits), func


class FakeLinearMap:
    def __init__(self, gradients):
        self.leaves = [[np.asarray(each)] for each in gradients]


class FakeGradient:
    def __init__(self, claim, lazy):
        self.claim = np.asarray(claim, dtype=float)
        self.leaves = None if lazy else [self.claim]

    def along(self, tangent):
        with np.errstate(invalid="ignore"):
            return float(self.claim @ tangent[0])


def made_along(make_evaluator, tangents, x0, bounds=None, sizes=None, random=False, **values):
    x0 = np.asarray(x0, dtype=float)
    sizes = [np.abs(x0) if sizes is None else np.asarray(sizes, dtype=float)]
    made = ChosenTangents([[np.asarray(v, dtype=float)] for v in tangents], sizes, "these", random)
    gradients = values.pop("gradients", [np.ones(x0.size)])
    return directions_of(made, make_point(x0), bounds, make_evaluator, gradients, **values)


@pytest.mark.parametrize(
    ("tangent", "scale"),
    [([1.0, 4.0], 1.0), ([0.5, 0.5], 2.0), ([3.0, 1.0], 0.25), ([0.0, -16.0], 0.25)],
)
def test_the_scale_is_the_step_that_changes_x0_by_about_itself(make_evaluator, tangent, scale):
    # Relative to sizes of 1 and 4, and no larger than a power of two.
    ((found,), _) = made_along(make_evaluator, [tangent], [1.0, -4.0])
    assert found.scale.tolist() == [scale]
    assert found.smoothness_length.tolist() == [scale]
    assert found.scale_is_guess.tolist() == [False]
    assert (found.words, found.are_axes, found.count) == ("these", False, 1)


@pytest.mark.parametrize(
    ("bounds", "scale", "forward", "backward"),
    [
        ((0.0, 9.0), 1.0, 8.0, 1.0),
        ((0.75, 1.25), 0.25, 0.25, 0.25),
        ((0.75, 1.3), 0.25, 0.3, 0.25),
        ((1.0, 1.3), 0.25, 0.3, 0.0),
        ((0.7, 1.0), 0.25, 0.0, 0.3),
        ((0.0, None), 1.0, np.inf, 1.0),
    ],
)
def test_scale_and_room_are_within_the_bounds(make_evaluator, bounds, scale, forward, backward):
    ((found,), func) = made_along(make_evaluator, [[1.0]], [1.0], bounds)
    assert found.scale.tolist() == [scale]
    room = [min(side, 1e6) for side in (forward, backward)]
    steps = np.asarray([room[0] * 0.999, -room[1] * 0.999, room[0] * 1.001, -room[1] * 1.001])
    lengths, _ = found.sample(np.zeros(4, np.intp), steps)
    usable = [room[0] > 0, room[1] > 0, forward == np.inf, backward == np.inf]
    assert np.isfinite(lengths).tolist() == usable
    low, high = (side if side is not None else np.inf for side in bounds)
    assert all(low <= point[0] <= high for point in func.points)


def test_the_room_is_that_of_the_nearest_bound(make_evaluator):
    bounds = np.asarray([0.0, 0.0, 0.9]), np.asarray([9.0, 2.0, 1.1])
    ((found,), _) = made_along(make_evaluator, [[1.0, -4.0, 0.0]], np.ones(3), bounds)
    lengths, _ = found.sample(np.zeros(4, np.intp), np.asarray([0.25, 0.26, -0.25, -0.26]))
    assert np.isfinite(lengths).tolist() == [True, False, True, False]


@pytest.mark.parametrize("lazy", [False, True])
def test_each_output_says_what_its_claim_says(make_evaluator, lazy):
    gradients = [[1.0, 10.0], [5.0, 0.0]]
    found, _ = made_along(
        make_evaluator, [[1.0, 2.0], [0.0, 3.0]], [1.0, 1.0], gradients=gradients, lazy=lazy
    )
    assert [each.claim.tolist() for each in found] == [[21.0, 30.0], [5.0, 0.0]]
    assert [each.output for each in found] == [0, 1]
    assert found[0].claimed_by(FakeGradient([0.0, 1.0], lazy)).tolist() == [2.0, 3.0]


def test_what_a_random_tangent_typically_says_is_relative_to_the_sizes(make_evaluator):
    values = {"x0": [1.0, 1.0], "sizes": [3.0, 4.0], "gradients": [[1.0, 1.0]]}
    ((found,), _) = made_along(make_evaluator, [[1.0, 2.0]], random=True, **values)
    assert found.tangent_scale == 5.0
    ((given,), _) = made_along(make_evaluator, [[1.0, 2.0]], random=False, **values)
    assert given.tangent_scale == 0.0


@pytest.mark.parametrize(("claim", "scale"), [([3.0, 4.0], 12.5**0.5), ([np.inf, 0.0], 0.0)])
def test_a_claim_without_leaves_typically_says_what_it_says(make_evaluator, claim, scale):
    ((found,), _) = made_along(
        make_evaluator,
        [[1.0, 0.0], [0.0, 1.0]],
        [1.0, 1.0],
        gradients=[claim],
        lazy=True,
        random=True,
    )
    assert found.tangent_scale == pytest.approx(scale)


# Tangents that are given


def given(x0, direction, **values):
    return given_tangent(make_point(x0), values.get("claims"), values.get("value", 0.0), direction)


def test_a_given_tangent_is_one_like_x0(xp, dtype):
    x0 = {"a": xp.asarray([1.0, 2.0], dtype)}
    found = given(x0, {"a": xp.asarray([0.5, -2.0])})
    ((part,),) = found.tangents
    xp.assert_native(part, dtype)
    assert xp.to_numpy(part).tolist() == [0.5, -2.0]
    assert (found.words, found.are_random) == ("the given tangent", False)
    assert xp.to_numpy(found.sizes[0]).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("direction", "message"),
    [
        ([0.0, 0.0], "direction is zero everywhere; pass a finite tangent that is not zero"),
        ([np.nan, 1.0], "direction is not finite"),
        ([np.inf, 1.0], "direction is not finite"),
        ([1.0], "direction has shape"),
    ],
)
def test_a_tangent_that_leads_nowhere_is_an_error(direction, message):
    with pytest.raises(ValueError, match=message):
        given(np.ones(2), np.asarray(direction))


def test_scaled_tangents_are_random_times_the_scale_and_their_sum_and_difference():
    point = make_point(np.ones(2))
    free = make_bounds(None, point, "x0")
    scale, rng = np.asarray([1e-3, 10.0]), np.random.default_rng(5)
    found = scaled_tangents(point, scale, free, rng)
    v, w = np.random.default_rng(5).standard_normal((2, 2)) * scale
    assert entries(found).tolist() == np.stack([v, w, v + w, v - w]).tolist()
    assert found.sizes[0].tolist() == scale.tolist()
    assert found.are_random is False
    inward = scaled_tangents(
        point, scale, make_bounds((1.0, 2.0), point, "x0"), np.random.default_rng(5)
    )
    assert entries(inward)[:2].tolist() == np.abs([v, w]).tolist()
