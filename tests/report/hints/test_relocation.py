"""Whether the claim in one place is the estimate of another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hint_cases import PRECISE, flatten

from checkgrad.report.hints import Mismatches
from checkgrad.report.hints.relocation import NOWHERE, count_relocated

pytestmark = pytest.mark.numpy


def count(claim: Any, estimate: Any, origin: Any, uncertainty: Any = PRECISE) -> int:
    flat = flatten(np.asarray(claim), np.asarray(estimate), uncertainty)
    found = Mismatches.of(flat.claim, flat.estimate, flat.uncertainty, flat.wrong, flat.leaves)
    with np.errstate(invalid="ignore"):
        return count_relocated(found, flat.leaves[0], np.asarray(origin), 1e-3)


REVERSED = [3, 2, 1, 0]


def test_wrong_entries_that_have_moved_are_counted() -> None:
    assert count([5.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 5.0], REVERSED) == 4
    assert count([5.0, 2.0, 2.0, 1.0], [1.0, 2.0, 2.0, 5.0], REVERSED) == 2


def test_a_claim_that_contradicts_rules_it_out() -> None:
    assert count([5.0, 3.0, 2.0, 9.0], [1.0, 2.0, 3.0, 5.0], REVERSED) == 0


def test_an_entry_of_which_nothing_is_predicted_does_not_contradict() -> None:
    assert count([9.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 5.0], [NOWHERE, 0, 1, 2]) == 3


def test_numbers_that_are_not_finite_do_not_contradict() -> None:
    assert count([5.0, 3.0, np.nan, 1.0], [1.0, 2.0, 3.0, 5.0], REVERSED) == 3
    assert count([5.0, 7.0, 2.0, 1.0], [1.0, 2.0, np.nan, 5.0], REVERSED) == 2
    uncertainty = np.array([PRECISE, PRECISE, np.inf, PRECISE])
    assert count([5.0, 7.0, 2.0, 1.0], [1.0, 2.0, 3.0, 5.0], REVERSED, uncertainty) == 2


def test_most_wrong_entries_must_show_it() -> None:
    estimate = [1.0, np.nan, np.nan, np.nan, 5.0, 2.0, 3.0, 4.0]
    claim = [5.0, 2.0, 3.0, 4.0, 1.0, 7.0, 7.0, 7.0]
    origin = [4, 5, 6, 7, 0, 1, 2, 3]
    assert count(claim, estimate, origin) == 0
    assert count(claim[:2] + claim[4:6], estimate[:2] + estimate[4:6], [2, 3, 0, 1]) == 2


def test_an_entry_of_which_nothing_is_predicted_need_not_show_it() -> None:
    origin = [4, NOWHERE, NOWHERE, NOWHERE, 0]
    assert count([5.0, 8.0, 8.0, 8.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0], origin) == 2


@pytest.mark.parametrize(("error", "number"), [(9e-4, 4), (1.1e-3, 0)])
def test_the_numbers_may_differ_by_the_slack(error: float, number: int) -> None:
    claim = [5.0 * (1 + error), 3.0, 2.0, 1.0]
    assert count(claim, [1.0, 2.0, 3.0, 5.0], REVERSED) == number


@pytest.mark.parametrize(("distance", "number"), [(2.5e-3, 2), (3.5e-3, 4)])
def test_numbers_that_are_nearly_equal_show_nothing(distance: float, number: int) -> None:
    """Three tolerances: 3e-3."""
    estimate = [1.0, 2.0, 2.0 * (1 + distance), 5.0]
    assert count(estimate[::-1], estimate, REVERSED) == number
