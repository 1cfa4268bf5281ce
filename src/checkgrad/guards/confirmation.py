"""The check that follows a suspicion of a guard: it says whether the gradient is wrong.

This module owns how many evaluations that takes, what its report says inside of a solver, and who
gets it.
`checkgrad.guards.check` raises suspicions, and `checkgrad.guards.guard` says when to check.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

from checkgrad.evaluate.budget import Budget
from checkgrad.evaluate.direction_evaluator import DirectionEvaluator
from checkgrad.evaluate.options import Evaluation
from checkgrad.guards.check import GuardCheck, SpotCheck
from checkgrad.numerics.decisions import Verdict
from checkgrad.pipeline import judge
from checkgrad.problem import Problem
from checkgrad.report.error import GradientError
from checkgrad.report.report import Report
from checkgrad.report.slips import SEE_WHERE
from checkgrad.tracebacks import frames_of_ours

# Evaluations of func that a check may take. The first tells whether the suspicion is right. The
# second finds the entries that are wrong.
_EVALS_TO_CONFIRM, _EVALS_TO_LOCATE = 400, 2000
_CHANGED = (
    "grad returns another gradient when it is called at the same x again: a cache that is not "
    "refreshed?"
)
_SEE_WHERE_OF_GUARD = "call verify_grad at this x to see where the claim is wrong"
_OPTION, _OPTION_OF_VERIFY_GRAD = (
    "pass direction='all'",
    "call verify_grad at this x with direction='all'",
)


def confirmed(
    problem: Problem, evaluator: DirectionEvaluator, found: SpotCheck, locates: bool
) -> tuple[Report, int]:
    """Check a gradient that is suspected, along the tangent that raised the suspicion.

    Parameters
    ----------
    problem : Problem
        The gradient, and the point where it is suspected.
    evaluator : DirectionEvaluator
        What evaluated ``func`` along the tangent.
    found : SpotCheck
        What raised the suspicion.
    locates : bool
        Whether the entries of a wrong gradient are looked for, too.

    Returns
    -------
    report : Report
        What was found. Its hints name what can be done inside of a solver.
    n_func : int
        The evaluations of ``func`` that all of it took.
    """
    report = _checked(problem, evaluator.direction.tangent(), _EVALS_TO_CONFIRM)
    n_func = report.n_func
    if report.verdict is Verdict.WRONG and locates:
        located = _checked(problem, "auto", _EVALS_TO_LOCATE)
        n_func += located.n_func
        report = located if located.verdict is Verdict.WRONG else report
    again, _ = evaluator.claimed_again(problem.claim)  # a buffer of its own belongs to x again
    report = replace(report, n_grad=report.n_grad + 1)
    if report.verdict is Verdict.CORRECT:
        # The gradient is right now, and was not when the solver asked for it.
        off = abs(again - found.observed_change) + found.uncertainty
        if abs(again - found.claimed_change) > off:
            report = replace(report, verdict=Verdict.WRONG, hints=(_CHANGED,))
    return replace(report, hints=tuple(map(_inside_of_a_solver, report.hints))), n_func


def act_on(found: GuardCheck, on_wrong: str) -> None:
    """Raise or warn if a gradient is wrong, as `on_wrong` of `checkgrad.guard` says."""
    __tracebackhide__ = True
    report = found.report
    if found.verdict is not Verdict.WRONG or report is None or on_wrong == "record":
        return
    where = f"seen by checkgrad.guard at call {found.call} of the gradient"
    if on_wrong == "raise":
        error = GradientError(report)
        error.add_note(where)
        raise error
    warnings.warn(f"{report}\n{where}", RuntimeWarning, stacklevel=frames_of_ours() + 1)


def _checked(problem: Problem, direction: Any, max_evals: int) -> Report:
    evaluation = Evaluation(budget=Budget(max_evals))
    options = replace(problem.options, direction=direction, evaluation=evaluation, rng=None)
    return judge(replace(problem, options=options))


def _inside_of_a_solver(hint: str) -> str:
    """Return a hint without options of `verify_grad` that a guard does not take."""
    if hint == SEE_WHERE:
        return _SEE_WHERE_OF_GUARD
    return hint.replace(_OPTION, _OPTION_OF_VERIFY_GRAD)
