"""What is known of a claim where its check is stopped before its end."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from checkgrad import Report, Verdict, verify_grad, verify_jac
from checkgrad.evaluate.budget import make_budget
from checkgrad.evaluate.options import Evaluation
from checkgrad.numerics.decisions import Reason
from checkgrad.pipeline import examine
from checkgrad.problem import Options, Problem
from checkgrad.refine import progress

X0 = np.array([0.5, 1.5, -0.7])

EVERY = 1 if os.environ.get("CHECKGRAD_FULL") == "1" else 3  # of the budgets


def func(x: Any) -> Any:
    return np.sum(np.sin(x))


def one_wrong(x: Any) -> Any:
    return np.cos(x) * np.array([1.0, 1.2, 1.0])


def examined(max_evals: int, claim: Any = one_wrong) -> Any:
    evaluation = Evaluation(budget=make_budget(max_evals, None, False, "raise"))
    options = Options(evaluation=evaluation, precision="native")
    return examine(Problem("grad", func, claim, X0, (), options))


def test_what_was_certified_stays_while_noise_is_measured() -> None:
    complete = verify_grad(func, one_wrong, X0)
    left = {
        verify_grad(func, one_wrong, X0, max_evals=each).n_unresolved
        for each in range(9, complete.n_func, EVERY)
    }
    assert left == {1}


def test_nothing_is_wrong_before_the_end() -> None:
    complete = verify_grad(func, one_wrong, X0)
    for max_evals in range(1, complete.n_func, 7):
        result = examined(max_evals)
        assert not result.is_wrong
        assert not result.is_right


def test_what_is_not_decided_says_that_the_check_was_stopped() -> None:
    (result,) = examined(60).results
    assert result.decisions.reasons[Reason.STOPPED].tolist() == [False, True, False]


def test_nothing_is_looked_at_where_not_even_x0_is_known() -> None:
    def interrupted(x: Any) -> Any:
        raise KeyboardInterrupt

    report = verify_grad(interrupted, np.cos, X0, on_interrupt="report")
    assert (report.n_func, report.n_checked, report.n_unresolved) == (1, 0, 0)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert str(report).startswith("inconclusive: incomplete, since the check was interrupted\n")


@pytest.mark.parametrize("call", [1, 2, 5])
def test_an_interrupt_of_our_own_arithmetic_gives_a_report(
    call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, estimate = [], progress.estimate

    def interrupted(samples: Any) -> Any:
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return estimate(samples)

    monkeypatch.setattr(progress, "estimate", interrupted)
    report = verify_grad(func, one_wrong, X0, on_interrupt="report")
    assert not report.complete
    assert report.n_checked == 3


def test_outputs_that_were_certified_stay_where_another_is_stopped() -> None:
    matrix = np.array([[0.3, -1.2, 0.7], [1.1, 0.4, -0.2]])

    def field(x: Any) -> Any:
        return np.sin(matrix @ x)

    def jac(x: Any) -> Any:
        return np.cos(matrix @ x)[:, None] * matrix * np.array([[1.0], [1.2]])

    def check(max_evals: int | None) -> Report:
        return verify_jac(field, jac, X0, max_evals=max_evals)

    report = check(check(None).n_func - 1)
    assert not report.complete
    assert report.n_unresolved == 3
    assert {each.where[:10] for each in report.mismatches} == {"d func[1] "}
