"""Open decisions that are accepted, since claim and estimate are near."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad.drop_ins.allowance import Allowance
from checkgrad.drop_ins.unresolved import settled
from checkgrad.numerics.decisions import Reason
from checkgrad.pipeline import examine
from checkgrad.problem import Problem
from checkgrad.report.results import ClaimResult


def result(func: Any, grad: Any, x0: float = 1.0) -> ClaimResult:
    return examine(Problem("grad", func, grad, np.asarray([x0])))


def rounding(scale: float) -> Any:
    """Return a function that is 0 but for rounding."""
    return lambda x: scale * ((x[0] + 1.1) ** 2 - x[0] ** 2 - 2.2 * x[0] - 1.21)


@pytest.mark.parametrize(("scale", "is_near"), [(1.0, True), (1e12, False)])
def test_claim_lost_in_noise_is_accepted_if_the_noise_is_small(scale: float, is_near: bool) -> None:
    found = result(rounding(scale), lambda x: 0 * x + 1e-17)
    assert not found.is_right
    assert not found.is_wrong
    assert settled(found).is_right is is_near


def test_wrong_and_resolved_decisions_stay() -> None:
    wrong = result(lambda x: x[0] ** 2, lambda x: 3 * x)
    assert settled(wrong).is_wrong
    right = result(lambda x: x[0] ** 2, lambda x: 2 * x)
    assert settled(right).is_right


def test_allowance_resolves_what_is_within_it_and_keeps_one_reason() -> None:
    wrong = result(lambda x: x[0] ** 2, lambda x: 2.1 * x)
    assert Allowance(atol=0.05).applied(wrong).is_wrong
    allowed = Allowance(rtol=0.1).applied(wrong)
    assert allowed.is_right
    (each,) = allowed.results
    assert sum(where.sum() for where in each.decisions.reasons.values()) == 1
    assert each.decisions.reasons[Reason.AGREES].all()
    assert Allowance().applied(wrong) is wrong
