"""Claims whose entries are in another place of the same array."""

from __future__ import annotations

import numpy as np
import pytest
from hint_cases import REARRANGEMENTS, M, array, assigned, explanations, hints_for, texts, vector

from checkgrad.report.hints.rearrangements import explain_rearrangements, rearrangements
from checkgrad.report.hints.relocation import NOWHERE

pytestmark = pytest.mark.numpy


@pytest.mark.parametrize("slip", REARRANGEMENTS)
def test_a_rearrangement_is_explained(slip: str) -> None:
    claim, estimate, hint = REARRANGEMENTS[slip]
    assert hint in texts(explain_rearrangements, claim, estimate)


def test_the_order_of_costs() -> None:
    costs = {
        slip: min(found.cost for found in explanations(explain_rearrangements, *case[:2]))
        for slip, case in REARRANGEMENTS.items()
    }
    assert costs["transpose"] < costs["Fortran order"] == costs["from Fortran order"]
    assert costs["Fortran order"] < costs["transpose of a vector"] < costs["flip"]
    assert costs["flip"] == costs["roll"] < costs["shift"]


def test_a_shift_costs_less_than_a_factor_without_a_name() -> None:
    (found,) = explanations(explain_rearrangements, *REARRANGEMENTS["shift"][:2])
    assert found.cost == 4.5


def test_all_leaves_with_the_same_slip_are_one_explanation() -> None:
    estimate = {"U": array(4, 4, seed=2), "b": vector(3), "V": array(5, 5, seed=3)}
    claim = {path: part.T for path, part in estimate.items()}
    (found,) = explanations(explain_rearrangements, claim, estimate)[:1]
    assert found.text == "claim is the transpose of the estimate in U and V: a matrix transposed?"
    assert np.count_nonzero(found.explains) == 12 + 20
    assert hints_for(claim, estimate) == [found.text]


def test_many_leaves_are_counted() -> None:
    estimate = {f"p[{i}]": array(3, 3, seed=i) for i in range(30)}
    claim = {path: part.T for path, part in estimate.items()}
    (hint,) = hints_for(claim, estimate)
    assert hint.startswith("claim is the transpose of the estimate in p[0], p[1], p[2] and 27 more")


def test_only_wrong_entries_are_explained() -> None:
    found = explanations(explain_rearrangements, M.T, M)[0]
    assert not np.any(found.explains.reshape(5, 5)[np.diag_indices(5)])


def test_the_transpose_of_a_symmetric_matrix_is_not_recognised() -> None:
    symmetric = M + M.T
    assert hints_for(symmetric.T, symmetric) == []
    assert texts(explain_rearrangements, -symmetric.T, symmetric) == []


def test_one_entry_that_equals_its_neighbour_is_no_shift() -> None:
    estimate = np.array([1.0, 2.0, 2.0])
    assert texts(explain_rearrangements, assigned(1, 1.0, estimate), estimate) == []
    estimate = np.array([1.0, 2.0, 5.0, 5.0])
    claim = np.array([1.0, 1.0, 2.0, 5.0])
    assert texts(explain_rearrangements, claim, estimate) == [
        "claim is the estimate shifted by 1 in x: an index off by one?"
    ]


def test_a_number_has_no_rearrangement() -> None:
    assert list(rearrangements(())) == []
    assert list(rearrangements((1,))) == []


@pytest.mark.parametrize("shape", [(2,), (3,), (7,), (9,), (2, 3), (4, 2), (1, 5), (2, 3, 4)])
def test_every_rearrangement_has_its_own_text_and_moves_every_entry_once(
    shape: tuple[int, ...],
) -> None:
    found = list(rearrangements(shape))
    assert len({change.text for change in found}) == len(found)
    for change in found:
        bound = change.origin[change.origin != NOWHERE]
        assert change.origin.shape == (np.prod(shape),)
        assert np.unique(bound).size == bound.size
        assert np.all((bound >= 0) & (bound < np.prod(shape)))


@pytest.mark.parametrize("shape", [(2,), (2, 3), (3, 2), (2, 4, 5)])
def test_no_rearrangement_has_two_names(shape: tuple[int, ...]) -> None:
    origins = [tuple(change.origin.tolist()) for change in rearrangements(shape)]
    assert len(set(origins)) == len(origins)


def test_an_array_of_any_rank_may_be_rolled_along_any_axis() -> None:
    estimate = array(3, 4, 5)
    for axis in range(3):
        (hint,) = hints_for(np.roll(estimate, -1, axis), estimate)
        assert hint.startswith(f"claim is the estimate rolled by -1 along axis {axis} in x")


def test_a_vector_is_a_matrix_only_if_its_size_is_a_square() -> None:
    assert any("3 x 3" in change.text for change in rearrangements((9,)))
    assert not any("matrix" in change.text for change in rearrangements((8,)))
