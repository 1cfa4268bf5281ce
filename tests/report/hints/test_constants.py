"""Claims that differ from the right derivative by a constant."""

from __future__ import annotations

import numpy as np
import pytest
from hint_cases import CONSTANTS, D, assigned, changed, explanations, random_errors, texts, vector

from checkgrad.report.hints.constants import explain_constants

pytestmark = pytest.mark.numpy

MANY = vector(40)


def added(where: object, constant: float, of: np.ndarray = D) -> np.ndarray:
    return changed(where, lambda entries: entries + constant, of)


@pytest.mark.parametrize("slip", CONSTANTS)
def test_a_constant_is_explained(slip: str) -> None:
    claim, estimate, hint = CONSTANTS[slip]
    assert hint in texts(explain_constants, claim, estimate)


def test_a_constant_is_dearer_than_any_factor() -> None:
    costs = [explanations(explain_constants, *slip[:2])[0].cost for slip in CONSTANTS.values()]
    assert costs == [5.5, pytest.approx(5.6), pytest.approx(5.7)]


def test_three_entries_share_a_constant_by_no_accident_and_two_may() -> None:
    assert texts(explain_constants, added([3, 7, 20], 0.7), D)
    assert not texts(explain_constants, added([3, 7], 0.7), D)


@pytest.mark.parametrize(("entries", "said"), [(6, False), (9, True)])
def test_half_of_the_errors_must_share_the_constant(entries: int, said: bool) -> None:
    claim = added(slice(15, 15 + entries), 0.7, random_errors(15 - entries))
    assert bool(texts(explain_constants, claim, D)) is said


@pytest.mark.parametrize(("spread", "explained"), [(0.9e-3, 30), (1.5e-3, 15)])
def test_the_constant_must_be_the_same_to_one_part_in_a_thousand(
    spread: float, explained: int
) -> None:
    claim = added(slice(15, None), 0.7 * (1 + spread), added(slice(15), 0.7))
    (found,) = explanations(explain_constants, claim, D)
    assert np.count_nonzero(found.explains) == explained


def test_a_constant_is_read_from_entries_that_tell_it_only() -> None:
    uncertainty = np.where(np.arange(30) < 15, 1e-9, 0.3 / np.abs(D))
    claim = added(slice(15, None), 3.0, added(slice(15), 0.7))
    (found,) = explanations(explain_constants, claim, D, uncertainty)
    assert found.text.startswith("claim is 0.7 more than the estimate at x[0:15]")


@pytest.mark.parametrize(("relative_error", "read"), [(0.008, True), (0.018, False)])
def test_an_uncertainty_of_five_percent_of_the_constant_is_too_rough(
    relative_error: float, read: bool
) -> None:
    """Four uncertainties count as the error: the margin."""
    uncertainty = relative_error * 0.7 / np.abs(D)
    assert bool(texts(explain_constants, D + 0.7, D, uncertainty)) is read


def test_each_leaf_may_have_its_own_constant() -> None:
    estimate = {"a": vector(9, 2), "b": vector(5, 3)}
    claim = {"a": estimate["a"] + 0.5, "b": estimate["b"] - 3}
    found = texts(explain_constants, claim, estimate)
    assert any("0.5 more than the estimate everywhere in a:" in text for text in found)
    assert any("3 less than the estimate everywhere in b:" in text for text in found)


def test_an_entry_that_is_not_finite_has_no_constant() -> None:
    (found,) = explanations(explain_constants, assigned(4, np.nan, D + 0.7), D)
    assert np.flatnonzero(~found.explains).tolist() == [4]
    assert "at every coordinate whose estimate tells" in found.text
