"""Samples along tangents: where func is evaluated, and what is taken out of its values."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.evaluate.outputs import Outputs
from checkgrad.evaluate.tangents import Tangents


class FakeClaim:
    """A claim given by its gradients; if `lazy`, only by what it says of a tangent."""

    def __init__(self, gradients, lazy=False):
        self.gradients = [[np.asarray(leaf) for leaf in each] for each in gradients]
        self.leaves = None if lazy else self.gradients
        self.asked = []

    def changes(self, tangent):
        self.asked.append(tangent)
        pairs = [zip(gradient, tangent, strict=True) for gradient in self.gradients]
        return np.asarray([sum(float(np.sum(c * v)) for c, v in each) for each in pairs])


@pytest.fixture
def along(make_evaluator):
    """Make tangents along which a func is sampled, and the record of where it is evaluated."""

    def make(function, x0, tangents, gradients, room=None, lazy=False, finest=0.0):
        many = len(gradients) > 1
        evaluator, func = make_evaluator(function, x0, as_vector=many)
        outputs = Outputs(np.arange(len(gradients)), np.empty((0, len(gradients))))
        free = np.full(len(tangents), np.inf)
        claim = FakeClaim(gradients, lazy)
        return Tangents(evaluator, outputs, tangents, claim, room or (free, free), finest), func

    return make


def sampled(tangents, which, steps):
    lengths, values = tangents.sample(np.asarray(which, np.intp), np.asarray(steps, float))
    return lengths.tolist(), values.tolist()


def total(x):
    return np.sum(x)


V, W = [np.asarray([1.0, -2.0])], [np.asarray([0.0, 4.0])]


def test_steps_that_are_too_fine_are_not_sampled(along):
    tangents, func = along(total, np.ones(2), [V, W], [[[1.0, 1.0]]], finest=np.array([0.0, 0.5]))
    lengths, _ = sampled(tangents, [0, 1, 1, 1], [0.25, 0.25, -0.25, 0.5])
    np.testing.assert_array_equal(lengths, [0.25, np.nan, np.nan, 0.5])
    assert len(func.points) == 2


def test_all_coordinates_move_along_a_tangent(along):
    tangents, func = along(lambda x: x[0] + 10 * x[1], np.ones(2), [V, W], [[[1.0, 10.0]]])
    lengths, values = sampled(tangents, [0, 1, 0], [0.5, 0.25, -1.0])
    assert lengths == [0.5, 0.25, 1.0]
    assert values == [[1.5], [21.0], [30.0]]
    # One tangent after the other, so that the first are complete where a budget is spent.
    assert [point.tolist() for point in func.points] == [[1.5, 0.0], [0.0, 3.0], [1.0, 2.0]]


@pytest.mark.parametrize("lazy", [False, True])
def test_rounding_of_the_points_is_taken_out_of_the_values(along, lazy):
    x0 = np.asarray([1.0, 3.0], dtype=np.float32)
    tangent = [np.asarray([0.3, -0.7], dtype=np.float32)]
    slope = np.asarray([2.0, 5.0])
    gradient = [slope.astype(np.float32)]

    def linear(x):
        return float(slope @ x.astype(np.float64))

    tangents, func = along(linear, x0, [tangent], [[gradient[0]]], lazy=lazy)
    steps = np.asarray([1e-3, 1e-5, -1e-6])
    _, values = tangents.sample(np.zeros(3, np.intp), steps)
    wanted = linear(x0) + steps * linear(tangent[0])
    rough = np.asarray([linear(point) for point in func.points])
    unit = 2.0**-23
    assert np.all(np.abs(values[:, 0] - wanted) < 1e-2 * unit)
    assert np.max(np.abs(rough - wanted)) > 0.1 * unit


def test_a_claim_without_leaves_is_asked_for_each_point(along):
    tangents, _ = along(total, np.ones(2), [V], [[[1.0, 1.0]]], lazy=True)
    sampled(tangents, [0, 0], [0.5, 0.25])
    (claim,) = [tangents._claim]
    assert len(claim.asked) == 2
    assert all(np.all(part == 0) for asked in claim.asked for part in asked)  # nothing rounds here


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_claim_that_is_not_finite_takes_nothing_out(along, bad, lazy):
    tangents, func = along(
        total, np.ones(2) / 3, [[np.ones(2) / 7]], [[[bad, 1.0]], [[1.0, 1.0]]][:1], lazy=lazy
    )
    _, values = sampled(tangents, [0], [1e-5])
    assert values == [[np.sum(func.points[0])]]


def test_leaves_move_together(along):
    x0 = {"a": np.ones(2), "b": np.asarray(3.0)}
    tangent = [np.asarray([1.0, 2.0]), np.asarray(-4.0)]
    gradient = [np.ones(2), np.asarray(10.0)]
    tangents, func = along(lambda p: np.sum(p["a"]) + 10 * p["b"], x0, [tangent], [gradient])
    _, values = sampled(tangents, [0], [0.5])
    assert values == [[2 + 1.5 + 10.0]]
    assert func.points[0]["a"].tolist() == [1.5, 2.0]
    assert float(func.points[0]["b"]) == 1.0


def test_steps_beyond_the_room_are_skipped(along):
    room = np.asarray([0.5, 9.0]), np.asarray([0.0, 0.25])
    tangents, func = along(total, np.ones(2), [V, W], [[[1.0, 1.0]]], room)
    lengths, values = tangents.sample(
        np.asarray([0, 0, 0, 1, 1, 1]), np.asarray([0.5, 0.51, -1e-9, 8.0, -0.25, -0.26])
    )
    usable = [True, False, False, True, True, False]
    assert np.isfinite(lengths).tolist() == np.isfinite(values[:, 0]).tolist() == usable
    assert len(func.points) == 3


@pytest.mark.parametrize("step", [0.0, np.nan, np.inf, -np.inf])
def test_steps_that_lead_nowhere_are_skipped(along, step):
    tangents, func = along(total, np.ones(2), [V], [[[1.0, 1.0]]])
    lengths, values = tangents.sample(np.asarray([0]), np.asarray([step]))
    assert np.isnan([*lengths, *values.ravel()]).all()
    assert func.points == []


@pytest.mark.parametrize("bad", [np.inf, np.nan, "raise"])
def test_values_that_are_not_finite_become_nan(along, bad):
    def func(x):
        if x[0] > 1:
            if bad == "raise":
                raise ZeroDivisionError
            return bad
        return x[0]

    tangents, _ = along(func, np.ones(2), [V], [[[1.0, 0.0]]])
    lengths, values = tangents.sample(np.asarray([0, 0]), np.asarray([0.5, -0.5]))
    assert lengths.tolist() == [0.5, 0.5]
    assert np.isnan(values[0, 0])
    assert values[1, 0] == 0.5


def test_every_place_is_evaluated_once_for_many_outputs(along):
    gradients = [[[1.0, 0.0]], [[0.0, 2.0]]]
    tangents, func = along(lambda x: x * [1.0, 2.0], np.ones(2), [V, W], gradients)
    _, first = sampled(tangents, [0, 1, 0], [0.5, 0.5, 0.5])
    assert first == [[1.5, 0.0], [1.0, 6.0], [1.5, 0.0]]
    assert len(func.points) == 2
    assert sampled(tangents, [1, 0, 1], [0.5, -0.5, 0.5])[1] == [first[1], [0.5, 4.0], first[1]]
    assert len(func.points) == 3


def test_corrections_of_several_outputs_are_their_own(along):
    x0 = np.asarray([1.0, 3.0], dtype=np.float32)
    tangent = [np.asarray([0.3, -0.7], dtype=np.float32)]
    slopes = np.asarray([[2.0, 5.0], [-100.0, 1.0], [np.nan, 0.0]])

    def linear(x):
        return np.nan_to_num(slopes) @ x.astype(np.float64)

    gradients = [[row.astype(np.float32)] for row in slopes]
    tangents, _ = along(linear, x0, [tangent], gradients)
    _, values = sampled(tangents, [0], [1e-5])
    wanted = linear(x0) + 1e-5 * linear(tangent[0])
    assert values[0] == pytest.approx(wanted.tolist(), abs=1e-9)
