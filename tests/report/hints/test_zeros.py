"""Claims that are zero."""

from __future__ import annotations

import numpy as np
import pytest
from hint_cases import ZEROS, D, assigned, explanations, leaves_of, random_errors, texts, vector

from checkgrad.report.hints import recognise
from checkgrad.report.hints.zeros import explain_zeros

pytestmark = pytest.mark.numpy


@pytest.mark.parametrize("slip", ZEROS)
def test_zeros_are_explained(slip: str) -> None:
    claim, estimate, hint = ZEROS[slip]
    assert texts(explain_zeros, claim, estimate) == [hint]


def test_a_right_zero_is_not_explained_but_may_be_part_of_the_place() -> None:
    estimate = assigned(4, 0)
    assert texts(explain_zeros, estimate, estimate) == []
    (found,) = explanations(explain_zeros, 0 * D, estimate)
    assert found.text.startswith("claim is 0 at every coordinate")
    assert np.flatnonzero(~found.explains).tolist() == [4]


def test_no_zero_needs_no_explanation() -> None:
    assert texts(explain_zeros, -D, D) == []


def test_the_fewer_words_the_place_needs_the_cheaper() -> None:
    costs = [
        explanations(explain_zeros, *ZEROS[slip][:2])[0].cost
        for slip in ("all", "a leaf", "a range", "an entry", "two entries")
    ]
    assert costs == sorted(costs)
    assert costs[0] == 1.0


@pytest.mark.parametrize(("n_wrong", "said"), [(80, True), (150, False)])
def test_one_zero_is_worth_a_hint_among_a_hundred_errors(n_wrong: int, said: bool) -> None:
    estimate = vector(300)
    claim = assigned(n_wrong - 1, 0, random_errors(n_wrong, estimate))
    assert bool(texts(explain_zeros, claim, estimate)) is said


def test_an_entry_too_uncertain_to_tell_is_not_said_to_be_missing() -> None:
    claim, off = assigned(3, 0), np.arange(30) == 3
    leaves = leaves_of({"x": (30,)})
    assert recognise(claim, D, np.full(30, 1e-9), off, leaves) != []
    assert recognise(claim, D, np.where(off, 1.0, 1e-9), off, leaves) == []


def test_the_estimate_is_given_to_four_digits() -> None:
    estimate = np.array([1.23456789, 2.0, 3.0])
    (text,) = texts(explain_zeros, assigned(0, 0, estimate), estimate)
    assert "where the estimate is 1.235:" in text
