"""The container of decisions: the verdict, what is open, and the reliable uncertainty."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.decisions import OPEN_REASONS, Criteria, Decisions, Reason, Verdict
from checkgrad.numerics.thresholds import varied

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]


@pytest.fixture
def decisions(estimate_with: Make, decided: Make) -> Callable[..., Decisions]:
    """Decisions with given flags."""

    def make(wrong: list[bool], resolved: list[bool]) -> Decisions:
        made = decided(np.ones(len(wrong)), estimate_with(np.ones(len(wrong))))
        return dataclasses.replace(made, wrong=np.array(wrong), resolved=np.array(resolved))

    return make


@pytest.mark.parametrize(
    ("wrong", "resolved", "verdict"),
    [
        ([False, False], [True, True], Verdict.CORRECT),
        ([False, False], [True, False], Verdict.INCONCLUSIVE),
        ([True, False], [False, False], Verdict.WRONG),
        ([True, False], [False, True], Verdict.WRONG),
        ([], [], Verdict.CORRECT),
    ],
)
def test_one_wrong_decision_makes_wrong_and_one_open_one_inconclusive(
    wrong: list[bool], resolved: list[bool], verdict: Verdict, decisions: Make
) -> None:
    assert decisions(wrong, resolved).verdict is verdict


def test_open_is_what_is_neither_wrong_nor_resolved(decisions: Make) -> None:
    found = decisions([True, False, False], [False, True, False])
    assert found.open.tolist() == [False, False, True]


def test_the_reliable_uncertainty_is_that_of_the_agreement_if_that_is_less(
    decisions: Make,
) -> None:
    found = dataclasses.replace(
        decisions([False] * 4, [True, True, False, True]),
        criteria=Criteria(rtol=0.5, scale=1.0),
        distance=np.array([0.25, 0.25, 0.25, 0.0]),
        uncertainty=np.array([9.0, 0.125, 9.0, math.inf]),
        reference=np.array([10.0, 10.0, 10.0, 20.0]),
    )
    assert found.reliable_uncertainty.tolist() == [0.75, 0.125, 9.0, 1.0]
    with varied(agreement=5.0):
        assert found.reliable_uncertainty.tolist() == [1.25, 0.125, 9.0, 2.0]


def test_the_reasons_of_what_is_open_have_an_order() -> None:
    closed = {
        Reason.AGREES, Reason.CONSTANT, Reason.DIFFERS, Reason.NOT_FINITE, Reason.NARROW
    }  # fmt: skip
    assert set(OPEN_REASONS) == set(Reason) - closed
    assert len(OPEN_REASONS) == len(set(OPEN_REASONS))
    assert OPEN_REASONS[-1] is Reason.TOO_CLOSE


def test_criteria_say_nothing_by_default() -> None:
    criteria = Criteria(rtol=0.1, scale=1.0)
    assert criteria.may_be_negligible is True
    assert criteria.fully_sampled is True
    assert criteria.kink_is_isolated is True
    assert criteria.tangent_scale == criteria.sibling_scale == 0.0
