"""Claims that are right in float64 only. `decided` has an rtol of 2**-10, called R here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.decisions import Decisions, Reason, Verdict
from checkgrad.numerics.narrow_claim import decide_in_narrow_dtype
from checkgrad.numerics.thresholds import thresholds

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]

R = 2.0**-10


@pytest.fixture
def narrowed(estimate_with: Make, decided: Make) -> Callable[..., tuple[Decisions, Decisions]]:
    """Decisions on right claims in float64, and those on what the user wrote."""

    def make(
        narrow: Any, wide: Any = 1.0, rounding: Any = 0.0, value: Any = None, **criteria: Any
    ) -> tuple[Decisions, Decisions]:
        narrow, wide, rounding = (np.array(each, float) for each in (narrow, wide, rounding))
        narrow, wide, rounding = (
            np.atleast_1d(each) for each in np.broadcast_arrays(narrow, wide, rounding)
        )
        before = decided(wide, estimate_with(wide if value is None else value), **criteria)
        return before, decide_in_narrow_dtype(before, narrow, rounding)

    return make


@pytest.mark.parametrize("wide", [1.0, -8.0, 2.0**-100, 2.0**100])
def test_a_claim_that_is_off_by_more_than_rtol_in_narrower_dtypes_is_wrong(
    wide: float, narrowed: Make
) -> None:
    """By one and a half times rtol, as a claim is that is wrong in any dtype."""
    margin = thresholds().wrong_margin * R
    for sign in (1, -1):
        before, found = narrowed(wide * (1 + sign * 0.9 * margin), wide)
        assert found is before
        assert found.verdict is Verdict.CORRECT
        narrow = wide * (1 + sign * 1.1 * margin)
        _, found = narrowed(narrow, wide)
        assert found.verdict is Verdict.WRONG
        assert found.resolved.tolist() == [False]
        assert found.claim.tolist() == [narrow]
        assert found.distance[0] == pytest.approx(abs(narrow - wide), abs=0)
        assert [reason for reason, holds in found.reasons.items() if holds[0]] == [Reason.NARROW]


def test_rtol_is_relative_to_the_larger_of_both_claims(narrowed: Make) -> None:
    """With an rtol of a half, 1 and 3 do not differ by more than rtol of 3, but do by that of 1."""
    rtol = 0.5 / thresholds().wrong_margin
    for narrow, wide in ((3.0, 1.8), (1.8, 3.0)):
        assert narrowed(narrow, wide, rtol=rtol)[1].verdict is Verdict.CORRECT
    for narrow, wide in ((3.0, 1.4), (1.4, 3.0)):
        assert narrowed(narrow, wide, rtol=rtol)[1].verdict is Verdict.WRONG


def test_along_tangents_rtol_is_relative_to_what_is_typical_there(narrowed: Make) -> None:
    for scale, verdict in ((100.0, Verdict.CORRECT), (0.01, Verdict.WRONG)):
        assert narrowed(1 + R, 1.0, tangent_scale=scale)[1].verdict is verdict


def test_rounding_excuses_as_much_as_it_may_move_a_claim(narrowed: Make) -> None:
    for narrow, verdict in ((1.0 + 0.25, Verdict.CORRECT), (1.0 + 0.26, Verdict.WRONG)):
        _, found = narrowed(narrow, 1.0, rounding=0.25)
        assert found.verdict is verdict
    assert found.claim_noise.tolist() == [0.25]


@pytest.mark.parametrize("narrow", [np.nan, np.inf, -np.inf])
def test_a_claim_that_is_finite_in_float64_only_is_wrong(narrow: float, narrowed: Make) -> None:
    for rounding in (0.0, np.inf):
        _, found = narrowed(narrow, 1.0, rounding=rounding)
        assert found.verdict is Verdict.WRONG
        assert found.distance.tolist() == [np.inf]


def test_a_claim_that_is_not_right_in_float64_is_left_as_it_is(narrowed: Make) -> None:
    """Whether it is wrong there, or was not decided."""
    for value in ([2.0, 2.0], [np.nan, np.nan]):
        before, found = narrowed([5.0, np.nan], [1.0, 1.0], value=value)
        assert not before.resolved.any()
        assert found is before


def test_each_direction_is_decided_by_itself(narrowed: Make) -> None:
    before, found = narrowed([1.0, 1.5, 7.0], 1.0, value=[1.0, 1.0, 3.0])
    assert before.wrong.tolist() == [False, False, True]
    assert found.wrong.tolist() == [False, True, True]
    assert found.resolved.tolist() == [True, False, False]
    assert found.claim.tolist() == [1.0, 1.5, 1.0]
    assert found.distance.tolist() == [before.distance[0], 0.5, before.distance[2]]
    assert found.reasons[Reason.NARROW].tolist() == [False, True, False]
    assert found.reasons[Reason.AGREES].tolist() == [True, False, False]
    assert found.reasons[Reason.DIFFERS].tolist() == [False, False, True]


@pytest.mark.parametrize("kept", [0.4, 0.6])
def test_claims_none_of_which_keeps_a_digit_are_open(kept: float, narrowed: Make) -> None:
    """However much rounding explains. The probability of a label, less one, may lose all digits."""
    _, found = narrowed([-4.0 * kept, 0.0, 0.0], [-4.0, 0.5, 0.0], rounding=np.inf)
    assert not np.any(found.wrong)
    assert found.resolved.tolist() == [kept > 0.5, kept > 0.5, True]
    assert found.reasons[Reason.NO_DIGITS].tolist() == [kept < 0.5, kept < 0.5, False]
    _, found = narrowed([0.0, 0.0], [0.0, 0.0], rounding=np.inf)
    assert found.verdict is Verdict.CORRECT
