"""Claims that are not finite."""

from __future__ import annotations

import numpy as np
import pytest
from hint_cases import D, assigned, explanations, hints_for, leaves_of, texts

from checkgrad.report.hints import recognise
from checkgrad.report.hints.not_finite import explain_not_finite

pytestmark = pytest.mark.numpy

GUESS = "a division by zero, a log or root at 0, or an overflow?"


def test_entries_that_are_not_finite_are_named_and_counted() -> None:
    claim = assigned([2, 5, 6, 8], [np.nan, np.inf, -np.inf, np.nan])
    where = "at x[2] (nan), x[5] (inf), x[6] (-inf) and 1 more"
    assert texts(explain_not_finite, claim, D) == [
        f"claim is not finite in 4 entries of 30, {where}: {GUESS}"
    ]


def test_a_single_entry_is_no_plural() -> None:
    assert texts(explain_not_finite, assigned(2, np.inf), D) == [
        f"claim is not finite in 1 entry of 30, at x[2] (inf): {GUESS}"
    ]


def test_a_finite_claim_needs_no_explanation() -> None:
    assert texts(explain_not_finite, -D, assigned(3, np.nan)) == []


def test_exactly_these_entries_are_explained() -> None:
    (found,) = explanations(explain_not_finite, assigned([2, 5], np.nan), D)
    assert np.flatnonzero(found.explains).tolist() == [2, 5]


def test_it_comes_first_and_does_not_hide_another_slip() -> None:
    assert hints_for(assigned(2, np.nan, -D), D) == [
        f"claim is not finite in 1 entry of 30, at x[2] (nan): {GUESS}",
        "claim is -1 times the estimate at every coordinate whose estimate tells: a flipped sign?",
    ]


def test_it_is_said_whether_the_verdict_calls_the_entry_wrong_or_not() -> None:
    claim, none = assigned(2, np.nan), np.full(30, False)
    (hint,) = recognise(claim, D, np.full(30, 1e-9), none, leaves_of({"x": (30,)}))
    assert hint.startswith("claim is not finite in 1 entry")
