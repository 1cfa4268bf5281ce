"""Claims for one array that are the right derivative of another."""

from __future__ import annotations

import numpy as np
import pytest
from hint_cases import (
    OTHER_LEAVES,
    Array,
    W,
    array,
    explanations,
    hints_for,
    mismatches_of,
    texts,
    tree,
    vector,
)

from checkgrad.report.hints.other_leaves import explain_other_leaves, find_twin

pytestmark = pytest.mark.numpy


@pytest.mark.parametrize("slip", OTHER_LEAVES)
def test_another_leaf_is_explained(slip: str) -> None:
    claim, estimate, hint = OTHER_LEAVES[slip]
    assert texts(explain_other_leaves, claim, estimate) == [hint]


def twins(first_wrong: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """Two swapped leaves that are equal up to entry number `first_wrong`, among other leaves."""
    b = vector(6, 3)
    d = np.where(np.arange(6) < first_wrong, b, vector(6, 4))
    estimate = {"a": vector(6, 2), "b": b, "c": vector(4, 5), "d": d}
    return {**estimate, "b": d, "d": b}, estimate


@pytest.mark.parametrize("first_wrong", range(5))
def test_leaves_are_twins_whichever_entry_is_the_first_wrong_one(first_wrong: int) -> None:
    claim, estimate = twins(first_wrong)
    hint = "claim has b and d swapped: names or positions mixed up?"
    assert texts(explain_other_leaves, claim, estimate) == [hint]
    (found,) = explanations(explain_other_leaves, claim, estimate)
    wrong = np.concatenate([claim[path] != estimate[path] for path in estimate])
    np.testing.assert_array_equal(found.explains, wrong)


@pytest.mark.parametrize("first_wrong", range(5))
def test_a_copied_leaf_is_found_whichever_entry_is_the_first_wrong_one(first_wrong: int) -> None:
    claim, estimate = twins(first_wrong)
    claim["d"] = estimate["d"]
    hint = "claim in b is the right derivative of d: a name mixed up?"
    assert texts(explain_other_leaves, claim, estimate) == [hint]
    (found,) = explanations(explain_other_leaves, claim, estimate)
    assert np.flatnonzero(found.explains).tolist() == list(range(6 + first_wrong, 12))


def test_a_single_equal_entry_makes_no_twin() -> None:
    claim, estimate = twins(5)
    assert texts(explain_other_leaves, claim, estimate) == []


def test_leaves_of_one_size_and_another_shape_may_be_twins() -> None:
    estimate = {"a": array(2, 3, seed=2), "b": array(3, 2, seed=3), "c": vector(5)}
    claim = {**estimate, "a": estimate["b"].reshape(2, 3)}
    assert texts(explain_other_leaves, claim, estimate) == [
        "claim in a is the right derivative of b: a name mixed up?"
    ]


def test_three_leaves_in_a_circle_are_three_copies() -> None:
    a, b, c = (vector(4, seed) for seed in (2, 3, 4))
    found = texts(explain_other_leaves, {"a": b, "b": c, "c": a}, {"a": a, "b": b, "c": c})
    assert [text[:41] for text in found] == [
        "claim in a is the right derivative of b: ",
        "claim in b is the right derivative of c: ",
        "claim in c is the right derivative of a: ",
    ]


def test_a_swap_is_cheaper_than_a_copy() -> None:
    (swap,) = explanations(explain_other_leaves, *OTHER_LEAVES["leaves swapped"][:2])
    (copy,) = explanations(explain_other_leaves, *OTHER_LEAVES["a copy"][:2])
    assert (swap.cost, copy.cost) == (2.5, 3.5)


@pytest.mark.parametrize(("n", "said"), [(16, True), (17, False)])
def test_one_number_may_equal_another_of_many_by_accident(n: int, said: bool) -> None:
    estimate = {f"p[{i}]": np.array(value) for i, value in enumerate(vector(n))}
    claim = {**estimate, "p[0]": estimate["p[1]"]}
    assert bool(texts(explain_other_leaves, claim, estimate)) is said


@pytest.mark.parametrize(("error", "said"), [(7e-6, True), (1.5e-5, False)])
def test_numbers_must_be_equal_almost_to_the_last_digit(error: float, said: bool) -> None:
    estimate = {"a": np.array(1.0), "b": np.array(3.0)}
    claim = {**estimate, "a": np.array(3.0 * (1 + error))}
    assert bool(texts(explain_other_leaves, claim, estimate)) is said


@pytest.mark.parametrize(("error", "said"), [(7e-4, True), (1.5e-3, False)])
def test_arrays_must_be_equal_to_one_part_in_a_thousand(error: float, said: bool) -> None:
    estimate = {"a": vector(5, 2), "b": vector(5, 3)}
    claim = {**estimate, "a": estimate["b"] * (1 + error)}
    assert bool(texts(explain_other_leaves, claim, estimate)) is said


def test_of_several_twins_the_one_that_most_entries_show_is_taken() -> None:
    right = vector(6, 3)
    known_in_part = np.where(np.arange(6) < 4, right, np.nan)
    estimate = {"a": vector(6, 2), "part": known_in_part, "whole": right}
    mismatches = mismatches_of({**estimate, "a": right}, estimate)
    twin = find_twin(mismatches, mismatches.leaves[0])
    assert twin is not None
    assert twin.path == "whole"


def test_a_leaf_without_others_of_its_size_has_no_twin() -> None:
    assert texts(explain_other_leaves, {**tree(), "p['b']": vector(5, 9)}, tree()) == []
    assert hints_for({**tree(), W: array(4, 6, seed=9)}, tree()) == []
