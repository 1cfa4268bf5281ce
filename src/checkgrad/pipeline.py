"""The whole flow of a check, from a problem to a report.

This module calls the other rooms in order, and computes nothing by itself.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.backends import CannotWidenError, find_group
from checkgrad.evaluate.budget import STOPS
from checkgrad.numerics.decisions import Verdict
from checkgrad.problem import Problem
from checkgrad.report.build import report_on
from checkgrad.report.dtypes import (
    WIDE,
    is_wrong_in_narrow_dtype,
    remark_on_native,
    remarks_in_float64,
)
from checkgrad.report.report import Report
from checkgrad.report.results import ClaimResult
from checkgrad.session import SESSION
from checkgrad.stages.cross_checks import without_wrong
from checkgrad.stages.digits import with_native_claim
from checkgrad.stages.entry_checks import is_wrong_as_written, verdict_as_written
from checkgrad.stages.examination import examine_parsed
from checkgrad.stages.parsed import ParsedProblem, parse
from checkgrad.stages.second_point import confirmed_elsewhere
from checkgrad.stages.together import check_together
from checkgrad.stages.unfinished import nothing_known, undecided
from checkgrad.stages.widening import WidenedProblem, widen


def check(problem: Problem) -> Report:
    """Judge a claim, and notify the listener of this process of the report.

    Parameters
    ----------
    problem : Problem
        The claim, and the func that it is the derivative of.

    Returns
    -------
    Report
        What was found.

    Raises
    ------
    KeyboardInterrupt
        If the check was interrupted and the user wants it raised. The listener has the report.
    """
    try:
        report = judge(problem)
    except KeyboardInterrupt as interrupt:
        if hasattr(interrupt, "report"):
            SESSION.notify(interrupt.report)
        raise
    SESSION.notify(report)
    return report


def judge(problem: Problem) -> Report:
    """Judge a claim, and notify nobody: the caller may yet change the report, or judge again.

    Parameters
    ----------
    problem : Problem
        The claim, and the func that it is the derivative of.

    Returns
    -------
    Report
        What was found.

    Raises
    ------
    KeyboardInterrupt
        As in `check`. The exception has the report.
    """
    if (group := find_group(problem.options.group, problem.x0)) is not None:
        return check_together(problem, group, _check_alone)
    return _check_alone(problem)


def _check_alone(problem: Problem) -> Report:
    evaluation = problem.options.evaluation
    budget, options, start = evaluation.budget, problem.options, time.perf_counter()
    with evaluation.running():
        result = examine(replace(problem, looks_elsewhere=True))
        if not budget.reason:
            result = confirmed_elsewhere(problem, result, examine)
        report = report_on([result], stopped=budget.reason, keep_samples=options.keep_samples)
    elapsed = time.perf_counter() - start
    return budget.outcome(replace(report, seed=options.seed, elapsed=elapsed))


def examine(problem: Problem) -> ClaimResult:
    """Return all that is found out about a claim.

    Where something is narrower than float64, ``func`` and the claim are evaluated in float64 if
    they can be.

    Parameters
    ----------
    problem : Problem
        The claim, and the func that it is the derivative of.

    Raises
    ------
    ValueError
        If the user asks for float64, and ``func`` cannot be evaluated in it.
    """
    parsed, budget = parse(problem), problem.options.evaluation.budget
    # Overflow and the like is expected; the user's code at x0 does not run under this.
    with np.errstate(all="ignore"):
        try:
            return _examine_in_best_dtype(problem, parsed)
        except STOPS as stop:
            budget.stopped_by(stop)
            return nothing_known(parsed, problem.label)


def _examine_in_best_dtype(problem: Problem, parsed: ParsedProblem) -> ClaimResult:
    asked, budget = problem.options.precision, problem.options.evaluation.budget
    value = parsed.values_at_x0()
    if asked != "native" and parsed.is_narrow:
        return _examine_narrow(problem, parsed, value)
    result = examine_parsed(parsed, problem.label, value)
    if asked != "native" and not budget.reason:
        # Something inside of func may be narrower than float64. Short steps do not move what it
        # rounds, so that a claim without this part of func seems right.
        try:
            widened = widen(problem, parsed, value)
            if not widened.disagreement and not widened.rounds_inside():
                return _examine_in_float64(widened, parsed, problem.label)
        except CannotWidenError:
            pass
        except STOPS as stop:
            budget.stopped_by(stop)
            result = undecided(result)
    return replace(result, n_func=parsed.evaluator.n_func)


def _examine_narrow(problem: Problem, parsed: ParsedProblem, value: Floats) -> ClaimResult:
    """Examine a claim in float64 if func is the same function there, and else as it is."""
    try:
        widened = widen(problem, parsed, value)
    except CannotWidenError as error:
        _require_auto(problem, str(error))
        return _examine_natively(problem, parsed, value, str(error))
    if widened.disagreement:
        _require_auto(problem, widened.disagreement)
        result, obstacle = examine_parsed(parsed, problem.label, value), widened.disagreement
        if result.is_wrong and not _examine_in_float64(widened, parsed, problem.label).is_wrong:
            result = without_wrong(result)
    else:
        wide = _examine_in_float64(widened, parsed, problem.label)
        is_open = not wide.is_right and not problem.options.evaluation.budget.reason
        if is_open and (obstacle := widened.rounds_inside()):
            parsed.evaluator.n_refused += widened.evaluator.n_func
            return _examine_natively(problem, parsed, value, obstacle)
        is_known = widened.sees_inside and widened.claim.is_wide
        if is_known or not wide.is_wrong or is_wrong_in_narrow_dtype(wide):
            return wide
        result, obstacle = _compared_as_written(problem, parsed, wide, value, widened.sees_inside)
    return replace(
        result,
        n_func=parsed.evaluator.n_func + widened.evaluator.n_func,
        n_grad=widened.claim.n_grad,
        remarks=(remark_on_native(parsed.point, obstacle),) if obstacle else result.remarks,
    )


def _compared_as_written(
    problem: Problem, parsed: ParsedProblem, wide: ClaimResult, value: Floats, sees_inside: bool
) -> tuple[ClaimResult, str]:
    """Return what holds of a claim that is wrong in float64, and why not what float64 says.

    Where nobody sees inside of func, a claim that is right as it is written shows that func is
    another function in float64. Elsewhere the claim is a constant of a narrower dtype. Constants of
    func may be rounded too: an inverse, times its matrix, is the identity up to such rounding.
    """
    budget = problem.options.evaluation.budget
    try:
        if is_wrong_as_written(parsed, wide, value):
            return wide, ""
        of_worst = verdict_as_written(parsed, wide, value)
    except STOPS as stop:
        budget.stopped_by(stop)
        return undecided(wide), ""
    if of_worst is Verdict.WRONG or (of_worst is Verdict.CORRECT and sees_inside):
        return wide, ""
    result = examine_parsed(parsed, problem.label, value)
    if not (result.is_right and result.rtol <= wide.rtol):
        return (undecided(wide) if budget.reason else wide), ""
    if of_worst is Verdict.INCONCLUSIVE:
        return without_wrong(wide), ""
    return result, "the claim is wrong there, and right as it is written"


def _examine_natively(
    problem: Problem, parsed: ParsedProblem, value: Floats, obstacle: str
) -> ClaimResult:
    """Examine a claim as it is, and remark why not in float64."""
    result = examine_parsed(parsed, problem.label, value)
    remarks = (remark_on_native(parsed.point, obstacle),)
    return replace(result, n_func=parsed.evaluator.n_func, remarks=remarks)


def _require_auto(problem: Problem, obstacle: str) -> None:
    if problem.options.precision == "float64":
        raise ValueError(
            f"precision is 'float64', but func cannot be evaluated in it: {obstacle}; pass "
            "precision='auto'"
        )


def _examine_in_float64(widened: WidenedProblem, native: ParsedProblem, label: str) -> ClaimResult:
    with native.point.backend.with_float64():
        try:
            result = _with_digits(widened, examine_parsed(widened.parsed, label, widened.value))
        finally:
            widened.release()
    claim_obstacle, seen = widened.claim.obstacle, widened.observation
    return replace(
        result,
        point=native.point,
        n_func=native.evaluator.n_func + widened.evaluator.n_func,
        evaluated_in=WIDE,
        remarks=tuple(remarks_in_float64(seen, claim_obstacle)),
    )


def _with_digits(widened: WidenedProblem, result: ClaimResult) -> ClaimResult:
    budget = widened.parsed.options.evaluation.budget
    budget.phase("digits of the claim")
    try:
        return with_native_claim(widened, result)
    except STOPS as stop:  # how many digits it keeps is not known
        budget.stopped_by(stop)
        return result
