"""Steps that tell a jump from a kink, before a claim is called wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.decisions import Reason, Verdict
from checkgrad.numerics.findings import Kind
from checkgrad.refine.loop import refine

pytestmark = pytest.mark.numpy

PLATEAU = 2.0**-12.5


def rounded(_: int, t: float) -> float:
    """Return a factor of slope 0.5 that rounds, times one of slope 1: the slope is 1.5 in all."""
    return float((1 + np.round(0.5 * t / PLATEAU) * PLATEAU) * (1 + t))


def bent(_: int, t: float) -> float:
    return float(1 + t + 0.5 * max(abs(t) - PLATEAU, 0) * np.sign(t))


def test_a_claim_that_longer_steps_support_is_not_wrong_beyond_a_plateau(
    lines: Any, make_spec: Any
) -> None:
    decisions = refine(make_spec(lines(rounded), 1.5))
    assert decisions.verdict is Verdict.INCONCLUSIVE
    assert decisions.estimate.findings.seen[Kind.ROUNDED_FACTOR][0]
    assert decisions.reasons[Reason.COARSE][0]


def test_a_jump_is_meant_where_no_factor_can_round(lines: Any, make_spec: Any) -> None:
    spec = replace(make_spec(lines(rounded), 1.5), factors_round=False)
    assert refine(spec).verdict is Verdict.WRONG


@pytest.mark.parametrize("claim", [2.0, 0.7, -1.5])
def test_a_claim_that_nothing_supports_is_wrong_beyond_a_plateau(
    claim: float, lines: Any, make_spec: Any
) -> None:
    assert refine(make_spec(lines(rounded), claim)).verdict is Verdict.WRONG


def test_the_slope_of_longer_steps_is_wrong_beyond_a_kink(lines: Any, make_spec: Any) -> None:
    decisions = refine(make_spec(lines(bent), 1.5))
    assert decisions.verdict is Verdict.WRONG
    assert not decisions.estimate.findings.seen[Kind.ROUNDED_FACTOR][0]


def test_a_claim_that_is_right_costs_no_step_more(lines: Any, make_spec: Any) -> None:
    smooth = lines(lambda _, t: float(np.sin(1 + t)))
    assert refine(make_spec(smooth, np.cos(1.0))).verdict is Verdict.CORRECT
    assert smooth.evaluations == 2


@pytest.mark.parametrize(("epsilon", "is_longer"), [(2.0**-52, False), (2.0**-23, True)])
def test_in_float32_steps_are_longer_than_x0_before_a_claim_is_wrong(
    epsilon: float, is_longer: bool, lines: Any, make_spec: Any
) -> None:
    smooth = lines(lambda _, t: float(np.sin(1 + t)))
    assert refine(make_spec(smooth, 1.0, epsilon=epsilon, rtol=1e-3)).verdict is Verdict.WRONG
    longest = max(max(each) for each in smooth.steps_of(0))
    assert (longest > 2) == is_longer


def test_once_a_direction_is_wrong_the_others_are_spared_longer_steps(
    lines: Any, make_spec: Any
) -> None:
    smooth = lines(lambda k, t: float(np.sin(1 + t)), scale=np.ones(3))
    refine(make_spec(smooth, 1.0, epsilon=2.0**-23, rtol=1e-3))
    longest = sorted(max(max(each) for each in smooth.steps_of(k)) for k in range(3))
    assert longest[0] <= 1
    assert longest[1] <= 1
    assert longest[2] > 2
