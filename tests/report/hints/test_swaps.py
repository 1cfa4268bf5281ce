"""Claims in which pairs of entries have changed places."""

from __future__ import annotations

import numpy as np
import pytest
from hint_cases import SWAPS, D, assigned, explanations, hints_for, random_errors, texts

from checkgrad.report.hints.swaps import explain_swaps, find_pairs

pytestmark = pytest.mark.numpy


def pairs(claim: list[float], estimate: list[float], margin: float = 1e-9) -> list[list[int]]:
    found = find_pairs(np.array(claim), np.array(estimate), np.full(len(claim), margin))
    return found.tolist()


@pytest.mark.parametrize("slip", SWAPS)
def test_swapped_entries_are_explained(slip: str) -> None:
    claim, estimate, hint = SWAPS[slip]
    assert texts(explain_swaps, claim, estimate) == [hint]


def test_exactly_the_swapped_entries_are_explained() -> None:
    (found,) = explanations(explain_swaps, assigned([3, 9, 12], [D[9], D[3], 7.0]), D)
    assert np.flatnonzero(found.explains).tolist() == [3, 9]


def test_one_pair_is_cheaper_than_two() -> None:
    (one,) = explanations(explain_swaps, *SWAPS["one pair"][:2])
    (two,) = explanations(explain_swaps, *SWAPS["two pairs"][:2])
    assert one.cost == 3.0
    assert two.cost == 6.0


def test_of_many_pairs_three_are_named() -> None:
    claim = D.reshape(15, 2)[:, ::-1].ravel()
    (text,) = texts(explain_swaps, claim, D)
    first = "x[0] with x[1], x[2] with x[3], x[4] with x[5] and 12 more"
    assert text == f"15 pairs of entries are swapped in the claim, {first}: indices mixed up?"


@pytest.mark.parametrize(("n_wrong", "said"), [(14, True), (20, False)])
def test_one_pair_among_more_than_sixteen_errors_may_be_an_accident(
    n_wrong: int, said: bool
) -> None:
    claim = assigned([0, 1], D[[1, 0]], random_errors(n_wrong))
    assert bool(texts(explain_swaps, claim, D)) is said


@pytest.mark.parametrize(("n_pairs", "said"), [(5, False), (9, True)])
def test_among_many_errors_a_quarter_must_be_pairs(n_pairs: int, said: bool) -> None:
    claim = random_errors(30)
    claim[: 2 * n_pairs] = D[: 2 * n_pairs].reshape(-1, 2)[:, ::-1].ravel()
    assert bool(texts(explain_swaps, claim, D)) is said


def test_a_single_wrong_entry_is_no_pair() -> None:
    assert texts(explain_swaps, assigned(3, D[4]), D) == []
    assert pairs([], []) == []


def test_both_claims_of_a_pair_must_fit() -> None:
    assert pairs([2.0, 1.0], [1.0, 2.0]) == [[0, 1]]
    assert pairs([2.0, 1.5], [1.0, 2.0]) == []
    assert pairs([1.5, 1.0], [1.0, 2.0]) == []


@pytest.mark.parametrize(("error", "found"), [(7e-4, True), (1.5e-3, False)])
def test_a_claim_must_be_the_other_estimate_to_one_part_in_a_thousand(
    error: float, found: bool
) -> None:
    assert bool(pairs([2.0 * (1 + error), 1.0], [1.0, 2.0])) is found


@pytest.mark.parametrize(("distance", "found"), [(5e-3, False), (7e-3, True)])
def test_estimates_that_are_nearly_equal_are_not_swapped(distance: float, found: bool) -> None:
    """Three tolerances of both: 6e-3."""
    assert bool(pairs([1 + distance, 1.0], [1.0, 1 + distance])) is found


def test_equal_entries_are_not_swapped() -> None:
    estimate = np.array([1.0, 1.0, 3.0])
    assert hints_for(np.array([1.0 + 3e-4, 1.0 - 3e-4, 3.0]), estimate, 1e-5) == []


def test_no_entry_is_in_two_pairs() -> None:
    assert pairs([1.0, 1.0, 2.7], [2.7, 2.7, 1.0]) == [[0, 2]]


def test_the_other_entry_is_found_among_equal_ones() -> None:
    assert pairs([7.0, 8.0, 9.0, 3.0, 1.0], [1.0, 1.0, 1.0, 1.0, 3.0]) == [[3, 4]]
