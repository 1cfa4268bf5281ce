"""The plan: which outputs are looked at and along which directions, for each form."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import make_point
from checkgrad.evaluate.plan import (
    ALL_UP_TO,
    ENTRIES_UP_TO,
    TANGENTS,
    DirectionPlan,
    plan_directions,
)

FORMS = ("grad", "jac", "jvp", "vjp")


def planned(form, direction="auto", size=3, value=None, seed=0, x0=None, convention=None):
    """Return the outputs and the plan, for x0 of a size and func(x0) of three numbers."""
    point = make_point(np.ones(size) if x0 is None else x0, True, convention)
    reader, vector = None, np.ones(1)
    if form != "grad":
        reader = OutputReader(point, many=False)
        read = reader.read(np.asarray([1.0, 2.0, 4.0]) if value is None else value)
        vector = np.asarray(read, dtype=float)
    return plan_directions(form, direction, point, reader, vector, np.random.default_rng(seed))


def shape(outputs):
    """Return how many entries there are, and how many sums."""
    return len(outputs.entries), len(outputs.weights)


@pytest.mark.parametrize("direction", ["auto", "all"])
@pytest.mark.parametrize(
    ("form", "outputs", "tangents"),
    [("grad", (1, 0), 0), ("jac", (3, 0), 0), ("jvp", (3, 0), 1), ("vjp", (3, 1), 0)],
)
def test_all_axes_and_beside_them_what_shows_that_a_claim_is_linear(
    form, direction, outputs, tangents
):
    found, plan = planned(form, direction)
    assert plan == DirectionPlan(axes=True, tangents=tangents)
    assert shape(found) == outputs
    assert found.entries.tolist() == list(range(outputs[0]))


@pytest.mark.parametrize(("direction", "count"), [("random", 1), (1, 1), (5, 5), (np.int64(5), 5)])
@pytest.mark.parametrize(
    ("form", "outputs"), [("grad", (1, 0)), ("jac", (3, 0)), ("jvp", (3, 0)), ("vjp", (3, 1))]
)
def test_random_tangents(form, outputs, direction, count):
    found, plan = planned(form, direction)
    assert plan == DirectionPlan(axes=False, tangents=count)
    assert shape(found) == outputs


@pytest.mark.parametrize("form", ["grad", "jac", "jvp"])
def test_a_tangent_of_the_user_is_taken_as_it_is(form):
    tangent = np.asarray([1.0, 0.0, 0.0])
    found, plan = planned(form, tangent)
    assert plan.given is tangent
    assert (plan.axes, plan.tangents) == (False, 0)
    assert shape(found) == ((1, 0) if form == "grad" else (3, 0))


def test_a_direction_of_a_vjp_is_a_cotangent():
    found, plan = planned("vjp", np.asarray([1.0, 0.0, -2.0]))
    assert shape(found) == (0, 1)
    assert found.weights.tolist() == [[1.0, 0.0, -2.0]]
    assert plan == DirectionPlan(axes=True)
    _, plan = planned("vjp", np.asarray([1.0, 0.0, -2.0]), size=ALL_UP_TO)
    assert plan == DirectionPlan(axes=True)
    _, plan = planned("vjp", np.asarray([1.0, 0.0, -2.0]), size=ALL_UP_TO + 1)
    assert plan == DirectionPlan(axes=False, tangents=TANGENTS)


@pytest.mark.parametrize(
    ("cotangent", "problem"),
    [([0.0, 0.0, 0.0], "zero everywhere"), ([np.nan, 1.0, 1.0], "not finite")],
)
def test_a_cotangent_that_shows_nothing_is_an_error(cotangent, problem):
    with pytest.raises(ValueError, match=f"direction is {problem}; pass a finite cotangent"):
        planned("vjp", np.asarray(cotangent))


@pytest.mark.parametrize(("convention", "sign"), [("torch", 1.0), ("jax", -1.0)])
def test_a_complex_cotangent_has_the_convention_of_x0(convention, sign):
    value = np.asarray([1 + 1j])
    found, _ = planned("vjp", np.asarray([2 + 3j]), value=value, convention=convention)
    assert found.weights.tolist() == [[2.0, sign * 3.0]]


@pytest.mark.parametrize("form", FORMS)
def test_many_coordinates_are_looked_at_along_tangents(form):
    for size, axes in ((ALL_UP_TO, True), (ALL_UP_TO + 1, False)):
        _, plan = planned(form, size=size)
        assert plan.axes == axes
    assert plan.tangents == TANGENTS
    _, plan = planned(form, "all", size=ALL_UP_TO + 1)
    assert plan.axes


@pytest.mark.parametrize("form", ["jac", "jvp", "vjp"])
def test_many_entries_of_a_jacobian_are_looked_at_as_sums_along_tangents(form):
    entries = ENTRIES_UP_TO // 500
    found, plan = planned(form, size=500, value=np.ones(entries))
    assert plan.axes
    assert shape(found) == (entries, form == "vjp")
    found, plan = planned(form, size=500, value=np.ones(entries + 1))
    assert plan == DirectionPlan(axes=False, tangents=TANGENTS)
    assert shape(found) == (0, TANGENTS)


@pytest.mark.parametrize("form", ["jac", "jvp", "vjp"])
def test_along_random_tangents_many_outputs_are_summed_as_often(form):
    assert shape(planned(form, 4, value=np.ones(TANGENTS))[0]) == (TANGENTS, form == "vjp")
    assert shape(planned(form, 4, value=np.ones(TANGENTS + 1))[0]) == (0, 4)


@pytest.mark.parametrize("form", ["jac", "jvp"])
def test_along_a_given_tangent_very_many_outputs_are_summed(form):
    tangent = np.ones(3)
    assert shape(planned(form, tangent, value=np.ones(ALL_UP_TO))[0]) == (ALL_UP_TO, 0)
    assert shape(planned(form, tangent, value=np.ones(ALL_UP_TO + 1))[0]) == (0, TANGENTS)


# Weights of sums


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_random_cotangent_has_a_negative_entry(count):
    for seed in range(40):
        found, _ = planned("vjp", value=np.ones(count), seed=seed)
        assert found.weights.min() < 0
    found, _ = planned("vjp", 50, value=np.ones(TANGENTS + 1))
    assert np.all(found.weights.min(axis=1) < 0)


def test_weights_are_random():
    (first, _), (again, _), (other, _) = (planned("vjp", seed=seed) for seed in (0, 0, 1))
    assert first.weights.tolist() == again.weights.tolist() != other.weights.tolist()


def test_weights_have_few_digits():
    found, _ = planned("vjp", 50, value=np.ones(TANGENTS + 1))
    assert found.weights.astype(np.float16).tolist() == found.weights.tolist()


@pytest.mark.parametrize("factor", [2.0**-40, 1.0, 2.0**40])
def test_each_array_counts_by_its_size(factor):
    value = {"a": factor * np.asarray([3.0, -4.0]), "b": np.zeros(2), "c": np.empty(0)}
    found, _ = planned("vjp", value=value)
    plain, _ = planned("vjp", value={"a": np.asarray([3.0, -4.0]), "b": np.ones(2)})
    ratio = found.weights * [factor, factor, 1, 1] / plain.weights
    assert np.all(ratio == ratio[0, 0])


@pytest.mark.parametrize("factor", [2.0**-40, 1.0, 2.0**40])
def test_the_largest_weight_is_no_small_one(factor):
    """A vjp may clip its cotangent."""
    found, _ = planned("vjp", value=np.full(2, factor))
    assert np.max(np.abs(found.weights)) >= 8


def test_sizes_of_very_large_arrays_do_not_overflow():
    found, _ = planned("vjp", value=np.full(3, 1e308))
    assert np.all(np.isfinite(found.weights))
    assert np.all(found.weights != 0)


# What has no meaning


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("direction", ["every", None, True, False])
def test_unknown_directions_are_errors(form, direction):
    with pytest.raises(ValueError, match=r"direction is .*; pass 'auto', 'all', 'random', a num"):
        planned(form, direction)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("number", [0, -1, np.int64(0)])
def test_no_tangents_are_an_error(form, number):
    with pytest.raises(ValueError, match=f"direction is {number}; at least one tangent is needed"):
        planned(form, number)


def test_a_float_is_a_tangent_of_a_number_only():
    _, plan = planned("grad", 2.0, x0=np.asarray(1.0))
    assert plan.given == 2.0
    for form in ("grad", "jac"):
        with pytest.raises(ValueError, match=r"direction is 2\.0"):
            planned(form, 2.0)


def test_a_float_is_a_cotangent_of_a_number_only():
    found, _ = planned("vjp", 2.0, value=np.asarray(1.0))
    assert found.weights.tolist() == [[2.0]]
    with pytest.raises(ValueError, match=r"direction is 2\.0"):
        planned("vjp", 2.0)
