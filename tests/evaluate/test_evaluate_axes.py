"""Samples along coordinate axes: where func is evaluated, how often, and where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.axes import Axes
from checkgrad.evaluate.budget import Budget, Stopped
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.outputs import Outputs


@pytest.fixture
def along(make_evaluator, free):
    """Make the axes of a func, and the record of where it is evaluated."""

    def make(function, x0, bounds=None, weights=None):
        many = np.ndim(function(make_point(x0).copy())) > 0
        evaluator, func = make_evaluator(function, x0, as_vector=many)
        size = evaluator.shape[0] if many else 1
        sums = np.empty((0, size)) if weights is None else np.asarray(weights, dtype=float)
        outputs = Outputs(np.arange(size), sums)
        limits = bounds or free(evaluator.point.size)
        return Axes(evaluator, outputs, limits, np.random.default_rng(0)), func

    return make


def sampled(axes, which, steps):
    lengths, values = axes.sample(np.asarray(which, dtype=np.intp), np.asarray(steps, dtype=float))
    return lengths.tolist(), values.tolist()


def test_one_coordinate_moves_by_a_signed_step(along):
    axes, func = along(lambda x: x[0] + 10 * x[1], np.asarray([1.0, 2.0]))
    lengths, values = sampled(axes, [0, 1, 1], [0.5, 0.25, -0.5])
    assert lengths == [0.5, 0.25, 0.5]
    assert values == [[21.5], [23.5], [16.0]]
    assert [point.tolist() for point in func.points] == [[1.5, 2.0], [1.0, 2.25], [1.0, 1.5]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("step", [0.3, -0.3])
def test_steps_taken_are_those_between_numbers_of_the_dtype(along, dtype, step):
    x0 = np.asarray([1.7], dtype=dtype)
    axes, func = along(lambda x: float(x[0]), x0)
    ((length,), _) = sampled(axes, [0], [step])
    (moved,) = func.points
    assert moved.dtype == dtype
    assert length == abs(float(moved[0]) - float(x0[0]))
    assert length == pytest.approx(0.3, rel=float(np.finfo(dtype).eps) * 8)


def test_steps_taken_are_those_of_each_library_and_dtype(xp, dtype):
    seen = []

    def func(x):
        xp.assert_native(x, dtype)
        seen.append(float(xp.to_numpy(x)[1]))
        return xp.sum(x)

    x0 = xp.asarray([0.5, 1.7], dtype)
    evaluator = Evaluator(func, make_point(x0), ())
    evaluator.at_x0()
    at = float(xp.to_numpy(x0)[1])
    no_bounds = np.full(2, -np.inf), np.full(2, np.inf)
    axes = Axes(
        evaluator, Outputs(np.arange(1), np.empty((0, 1))), no_bounds, np.random.default_rng(0)
    )
    lengths, values = axes.sample(np.asarray([1, 1]), np.asarray([0.3, -0.3]))
    assert lengths.tolist() == [abs(moved - at) for moved in seen[1:]]
    assert np.all(np.isfinite(values))


@pytest.mark.parametrize(
    ("x0", "step"), [(1.0, 1e-17), (1.0, 0.0), (1.0, np.nan), (1e308, 1.5e308), (1.0, np.inf)]
)
def test_steps_that_lead_nowhere_are_skipped(along, x0, step):
    axes, func = along(lambda x: x[0], np.asarray([x0]))
    lengths, values = axes.sample(np.asarray([0, 0]), np.asarray([step, -0.5 * x0]))
    assert np.isnan(lengths).tolist() == np.isnan(values[:, 0]).tolist() == [True, False]
    assert len(func.points) == 1


def test_steps_out_of_bounds_are_skipped_and_those_onto_a_bound_are_not(along):
    bounds = np.asarray([0.5, -np.inf]), np.asarray([2.0, 1.0])
    axes, func = along(lambda x: x[0] + x[1], np.ones(2), bounds)
    lengths, values = sampled(axes, [0, 0, 0, 0, 1, 1], [1.0, 1.01, -0.5, -0.51, 1e-9, -9.0])
    assert np.isfinite(lengths).tolist() == [True, False, True, False, False, True]
    assert np.isfinite(values).ravel().tolist() == np.isfinite(lengths).tolist()
    assert [point.tolist() for point in func.points] == [[2.0, 1.0], [0.5, 1.0], [1.0, -8.0]]


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, "raise"])
def test_values_that_are_not_finite_become_nan(along, bad):
    def func(x):
        if x[0] > 1:
            if bad == "raise":
                raise ValueError("out of the domain")
            return bad
        return x[0]

    axes, _ = along(func, np.ones(1))
    lengths, values = axes.sample(np.asarray([0, 0]), np.asarray([0.5, -0.5]))
    assert lengths.tolist() == [0.5, 0.5]
    assert np.isnan(values[0, 0])
    assert values[1, 0] == 0.5


def test_values_are_those_of_all_outputs(along):
    def func(x):
        return np.stack([x[0], x[0] * x[1], np.log(x[1])])

    axes, _ = along(func, np.asarray([2.0, 3.0]), weights=[[1.0, 10.0, 0.0]])
    _, values = axes.sample(np.asarray([0, 1]), np.asarray([1.0, -4.0]))
    assert values[0].tolist() == [3.0, 9.0, np.log(3.0), 93.0]
    assert values[1, :2].tolist() == [2.0, -2.0]
    assert np.isnan(values[1, 2:]).all()


def test_every_place_is_evaluated_once_for_many_outputs(along):
    axes, func = along(lambda x: np.stack([x[0], x[1], x[0] * x[1]]), np.ones(2))
    first = sampled(axes, [0, 1, 0, 0], [0.5, 0.5, 0.5, -0.5])
    assert len(func.points) == 3
    assert first[1][0] == first[1][2]
    assert sampled(axes, [0, 0, 1], [-0.5, 0.25, 0.5])[1] == [
        first[1][3],
        [1.25, 1.0, 1.25],
        first[1][1],
    ]
    assert len(func.points) == 4


def test_places_are_the_same_if_they_round_to_the_same_number(along):
    axes, func = along(lambda x: np.stack([x[0], x[0]]), np.ones(1, dtype=np.float32))
    sampled(axes, [0, 0], [0.5, 0.5 + 1e-9])
    assert len(func.points) == 1


def test_leaves_move_one_at_a_time(along):
    x0 = {"a": np.asarray([1.0, 2.0]), "b": np.asarray([[3.0, 4.0]]), "c": np.asarray(5.0)}
    axes, func = along(lambda p: p["a"][0] + p["a"][1] + np.sum(p["b"]) + p["c"], x0)
    _, values = sampled(axes, [4, 0, 3], [1.0, 2.0, 4.0])
    assert values == [[16.0], [17.0], [19.0]]
    moved = {tuple(np.concatenate([p[k].ravel() for k in "abc"]).tolist()) for p in func.points}
    assert moved == {
        (3.0, 2.0, 3.0, 4.0, 5.0),
        (1.0, 2.0, 3.0, 8.0, 5.0),
        (1.0, 2.0, 3.0, 4.0, 6.0),
    }


def test_values_along_very_many_axes_are_kept_only_if_few_are_asked_for(make_evaluator, free):
    x0 = np.ones(2**14 + 1)
    for are_few, known in ((False, []), (True, [0.5])):
        evaluator, _ = make_evaluator(lambda x: x[7], x0)
        outputs = Outputs(np.arange(1), np.empty((0, 1)))
        axes = Axes(evaluator, outputs, free(x0.size), np.random.default_rng(0), are_few)
        sampled(axes, [7], [0.5])
        assert axes.known({7}, 0)[7][0].tolist() == known


def test_nothing_is_evaluated_for_no_steps(along):
    axes, func = along(lambda x: x[0], np.ones(1))
    lengths, values = sampled(axes, [], [])
    assert (lengths, values, func.points) == ([], [], [])


# Groups


def test_what_was_sampled_along_an_axis_is_known(along):
    axes, func = along(lambda x: x[0] + 10 * x[1], np.asarray([1.0, 2.0]))
    sampled(axes, [0, 1, 1], [0.5, 0.25, -0.5])
    steps, values = axes.known({1}, 0)[1]
    assert steps.tolist() == [-0.5, 0.25]
    assert values.tolist() == [16.0, 23.5]
    assert len(func.points) == 3


@pytest.mark.parametrize("seed", range(5))
def test_groups_hold_each_coordinate_once_and_one_leaf_each(along, seed):
    sizes = (9, 1, 4, 2)
    x0 = [np.ones(size) for size in sizes]
    axes, _ = along(lambda p: sum(np.sum(x) for x in p), x0)
    axes._rng = np.random.default_rng(seed)
    groups = axes.groups(np.arange(16), 4)
    leaf_of = np.repeat(np.arange(4), sizes)
    assert all(len(set(leaf_of[group])) == 1 for group in groups)
    members = [k for group in groups for k in dict.fromkeys(group.tolist())]
    assert sorted(members) == [k for k in range(16) if k != 9]  # which is alone in its leaf
    assert sorted(len(set(group)) for group in groups.tolist()) == [2, 3, 3, 3, 4]
    for group in groups.tolist():  # a smaller one repeats its first
        assert group[len(set(group)) :] == [group[0]] * (4 - len(set(group)))


def test_groups_are_random_and_of_the_chosen_coordinates(along):
    axes, _ = along(np.sum, np.ones(40))
    chosen = np.arange(0, 40, 2)
    first, second = axes.groups(chosen, 4), axes.groups(chosen, 4)
    assert sorted(first.ravel()) == sorted(second.ravel()) == chosen.tolist()
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("chosen", [[], [1]])
def test_there_may_be_no_group(along, chosen):
    axes, _ = along(np.sum, np.ones(3))
    assert axes.groups(np.asarray(chosen, dtype=np.intp), 4).shape == (0, 4)


def test_offsets_are_between_a_quarter_and_three_quarters(along):
    axes, _ = along(np.sum, np.ones(3))
    offsets = axes.random_offsets((50, 4))
    assert offsets.shape == (50, 4)
    assert 0.25 <= offsets.min() < 0.3
    assert 0.7 < offsets.max() <= 0.75


def test_all_coordinates_of_a_group_move_at_once(along):
    axes, func = along(lambda x: np.stack([np.sum(x), x[0]]), np.arange(6.0))
    groups = np.asarray([[0, 2, 4], [5, 3, 5]])
    steps = np.asarray([[1.0, -2.0, 4.0], [8.0, 16.0, 8.0]])
    taken, values = axes.sample_groups(groups, steps)
    assert taken.tolist() == steps.tolist()
    assert values.tolist() == [[18.0, 1.0], [39.0, 0.0]]  # 5 moves once
    assert [point.tolist() for point in func.points] == [[1, 1, 0, 3, 8, 5], [0, 1, 2, 19, 4, 13]]


def test_steps_of_a_group_are_those_really_taken(along):
    axes, _ = along(lambda x: float(np.sum(x)), np.asarray([1.0, 1.0], dtype=np.float32))
    taken, _ = axes.sample_groups(np.asarray([[0, 1]]), np.asarray([[0.1, -0.1]]))
    one = np.float32(1)
    expected = [np.float32(1.1) - one, np.float32(0.9) - one]
    assert taken.tolist() == [[float(each) for each in expected]]


def test_a_group_with_a_step_that_leads_nowhere_is_skipped(along):
    bounds = np.zeros(4), np.full(4, 2.0)
    axes, func = along(np.sum, np.ones(4), bounds)
    groups = np.asarray([[0, 1], [0, 1], [2, 3]])
    taken, values = axes.sample_groups(groups, np.asarray([[0.5, 1.5], [1e-20, 0.5], [0.5, -0.5]]))
    assert np.isnan(taken).tolist() == [[True] * 2, [True] * 2, [False] * 2]
    assert np.isnan(values).ravel().tolist() == [True, True, False]
    assert len(func.points) == 1


def test_values_of_a_group_that_are_not_finite_become_nan(along):
    axes, _ = along(lambda x: np.inf if x[0] > 1 else x[0], np.ones(2))
    taken, values = axes.sample_groups(np.asarray([[0, 1]]), np.asarray([[0.5, 0.5]]))
    assert taken.tolist() == [[0.5, 0.5]]
    assert np.isnan(values).all()


def test_groups_of_several_leaves_are_sampled_together(along):
    x0 = [np.ones(2), np.ones(2)]
    axes, _ = along(lambda p: np.sum(p[0]) + 10 * np.sum(p[1]), x0)
    groups = np.asarray([[2, 3], [0, 1]])
    _, values = axes.sample_groups(groups, np.asarray([[1.0, 1.0], [2.0, 2.0]]))
    assert values.tolist() == [[42.0], [26.0]]


# Samples that are stopped


def test_axes_that_are_not_sampled_at_all_steps_have_no_samples(along):
    calls = []

    def func(x):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return x[0] + 10 * x[1]

    axes, _ = along(func, np.asarray([1.0, 2.0]))
    axes._evaluator.budget = axes._evaluator._function._budget = Budget()
    with pytest.raises(Stopped) as caught:
        sampled(axes, [0, 1, 0, 1], [0.5, 0.5, -0.5, -0.5])
    lengths, values = caught.value.kept
    assert np.array_equal(lengths, [0.5, np.nan, 0.5, np.nan], equal_nan=True)
    assert np.array_equal(values[:, 0], [21.5, np.nan, 20.5, np.nan], equal_nan=True)


def test_groups_that_are_not_sampled_at_all_steps_have_no_samples(along):
    axes, _ = along(np.sum, np.ones(4))
    axes._evaluator.budget = axes._evaluator._function._budget = Budget(max_evals=3)
    groups = np.asarray([[0, 1], [2, 3], [0, 1], [2, 3]])
    with pytest.raises(Stopped) as caught:
        axes.sample_groups(groups, np.asarray([[0.5, 0.5], [0.5, 0.5], [-0.5, -0.5], [-0.5, -0.5]]))
    taken, values = caught.value.kept
    assert np.isfinite(taken).tolist() == [[True] * 2, [False] * 2, [True] * 2, [False] * 2]
    assert values[[0, 2], 0].tolist() == [5.0, 3.0]
