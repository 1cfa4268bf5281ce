"""The whole flow of a check, from a problem to a report.

This module calls the other rooms in order, and computes nothing by itself.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.backends import CannotWidenError
from checkgrad.base_values import base_values, rtol_of
from checkgrad.cross_checks import is_explained_by_axes, without_ties, without_wrong
from checkgrad.digits import with_native_claim
from checkgrad.entry_checks import is_right_as_written
from checkgrad.evaluate.axes import Axes
from checkgrad.evaluate.budget import STOPS
from checkgrad.evaluate.plan import plan_directions
from checkgrad.judging import ClaimOfOutputs, judge_louder, judge_outputs
from checkgrad.locate import can_locate, located_errors, stands_out
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.measure.noise import Noise, measure_noise, measure_noise_farther
from checkgrad.measure.repeatability import Repeatability, is_noisy
from checkgrad.parsed import ParsedProblem, parse
from checkgrad.precision import DOUBLE
from checkgrad.problem import Problem
from checkgrad.report.build import report_on
from checkgrad.report.dtypes import (
    WIDE,
    is_wrong_in_narrow_dtype,
    looks_narrow,
    remark_on_native,
    remarks_in_float64,
)
from checkgrad.report.report import Report
from checkgrad.report.results import ClaimResult, OutputResult
from checkgrad.second_point import confirmed_elsewhere, look_elsewhere
from checkgrad.unfinished import nothing_known, undecided
from checkgrad.widening import WidenedProblem, widen

# The noise of func in machine epsilons of its terms, as long as it was not measured.
_ASSUMED_UNITS = 1.0


def check(problem: Problem) -> Report:
    """Judge a claim.

    Parameters
    ----------
    problem : Problem
        The claim, and the func that it is the derivative of.
    """
    budget = problem.options.evaluation.budget
    with budget.watched():
        result = examine(replace(problem, looks_elsewhere=True))
        if not budget.reason:
            result = confirmed_elsewhere(problem, result, examine)
        report = report_on([result], stopped=budget.reason)
    return budget.outcome(report)


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
            return _examine_parsed(problem, parsed)
        except STOPS as stop:
            budget.stopped_by(stop)
            return nothing_known(parsed, problem.label)


def _examine_parsed(problem: Problem, parsed: ParsedProblem) -> ClaimResult:
    asked, budget = problem.options.precision, problem.options.evaluation.budget
    value = parsed.values_at_x0()
    if asked != "native" and parsed.is_narrow:
        return _examine_narrow(problem, parsed, value)
    result = _examine(parsed, problem.label, value)
    if asked != "native" and not budget.reason and looks_narrow(result):
        # Something inside of func may be narrower than float64.
        try:
            widened = widen(problem, parsed, value)
            if not widened.disagreement:
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
        result = _examine(parsed, problem.label, value)
        remarks = (remark_on_native(parsed.point, str(error)),)
        return replace(result, n_func=parsed.evaluator.n_func, remarks=remarks)
    if widened.disagreement:
        _require_auto(problem, widened.disagreement)
        result, obstacle = _examine(parsed, problem.label, value), widened.disagreement
        if result.is_wrong and not _examine_in_float64(widened, parsed, problem.label).is_wrong:
            result = without_wrong(result)
    else:
        wide = _examine_in_float64(widened, parsed, problem.label)
        if widened.sees_inside or not wide.is_wrong or is_wrong_in_narrow_dtype(wide):
            return wide
        # Nobody sees inside of func. If the claim is right as it is written, func is another
        # function in float64.
        located = wide.located
        if located is not None and located.is_certain:
            is_right = is_right_as_written(parsed, wide.outputs, value, located)
            n_func = parsed.evaluator.n_func + widened.evaluator.n_func
            if not is_right:
                return replace(wide, n_func=n_func)
        result = _examine(parsed, problem.label, value)
        obstacle = "the claim is wrong there, and right as it is written"
        if not (result.is_right and result.rtol <= wide.rtol):
            is_stopped = bool(problem.options.evaluation.budget.reason)
            result, obstacle = undecided(wide) if is_stopped else wide, ""
    return replace(
        result,
        n_func=parsed.evaluator.n_func + widened.evaluator.n_func,
        n_grad=widened.claim.n_grad,
        remarks=(remark_on_native(parsed.point, obstacle),) if obstacle else result.remarks,
    )


def _require_auto(problem: Problem, obstacle: str) -> None:
    if problem.options.precision == "float64":
        raise ValueError(
            f"precision is 'float64', but func cannot be evaluated in it: {obstacle}; pass "
            "precision='auto'"
        )


def _examine_in_float64(widened: WidenedProblem, native: ParsedProblem, label: str) -> ClaimResult:
    with native.point.backend.with_float64():
        try:
            result = _with_digits(widened, _examine(widened.parsed, label, widened.value))
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


def _examine(parsed: ParsedProblem, label: str, vector: Floats) -> ClaimResult:
    # Plan what to look at, and ask the claim.
    outputs, plan = plan_directions(
        parsed.form, parsed.options.direction, parsed.point, parsed.reader, vector, parsed.rng
    )
    value, dtype_epsilon = outputs.of(vector), parsed.dtype_epsilons(outputs)
    gradients = list(parsed.claim.gradients(parsed.point.leaves, outputs))
    near = Neighbourhood(parsed.evaluator, outputs, value, parsed.bounds, parsed.rng)
    axes = Axes(parsed.evaluator, outputs, parsed.bounds, parsed.rng) if plan.axes else None
    claim = ClaimOfOutputs(parsed, near, plan, gradients, dtype_epsilon, axes)

    # Judge each output. In float64 few steps may do.
    repeats = Repeatability(np.ones(outputs.count, dtype=bool))
    elsewhere, located = None, None
    try:
        results, repeats = _certified(claim, vector, repeats)
        is_settled = bool(results) and all(each.is_resolved for each in results)
        located, repeats = located_errors(claim, results, repeats)
        if located is not None and not located.is_certain and is_settled:
            located = None
        elif not is_settled and not (located and located.is_certain):
            results, repeats = _judged(claim, repeats)
            is_wrong = any(np.any(each.decisions.wrong) for each in results)
            if is_wrong and located is None:
                located, repeats = located_errors(claim, results, repeats)
            located = located if is_wrong else None
        if parsed.looks_elsewhere and repeats.first_difference is None and located is None:
            elsewhere = look_elsewhere(claim, results)
    except STOPS as stop:
        stopped = parsed.options.evaluation.budget.stopped_by(stop)
        results = claim.found.results(stopped.kept)
    if plan.axes:  # sums only show what their terms show
        results = [each for each in results if not is_explained_by_axes(claim, each, results)]
    return replace(
        nothing_known(parsed, label),
        outputs=outputs,
        results=tuple(results),
        not_repeatable=repeats.first_difference,
        elsewhere=elsewhere,
        located=located,
    )


def _certified(
    claim: ClaimOfOutputs, vector: Floats, repeats: Repeatability
) -> tuple[list[OutputResult], Repeatability]:
    """Return results in float64 by few steps and without a measurement of noise.

    There are none if a claim is open, unless it may be wrong at few entries, which are looked for
    next. Where the noise of ``func`` is larger than is assumed, claims and estimates do not agree.
    """
    parsed, epsilon, value = claim.parsed, claim.dtype_epsilon, claim.near.value
    if np.any(epsilon > DOUBLE):
        return [], repeats
    units = parsed.rounding_units or _ASSUMED_UNITS
    sigma = units * epsilon * claim.outputs.sizes(vector)
    base = base_values(parsed, value, Noise.assumed(sigma, epsilon))
    every = np.ones(claim.outputs.count, dtype=bool)
    parsed.options.evaluation.budget.phase("directions", claim.expected_evaluations)
    suffices = partial(stands_out, claim) if can_locate(claim) else None
    results = list(judge_outputs(claim, base, every, thorough=False, suffices=suffices))
    if not all(each.is_resolved for each in results):
        return results if suffices else [], repeats
    if not parsed.rounding_units:
        again = claim.outputs.of(parsed.values_at_x0())
        repeats = repeats.compared(value, again, base.epsilon, base.rtol)
        if is_noisy(value, np.abs(again - value), epsilon):
            return [], repeats
    return results, repeats


def _judged(
    claim: ClaimOfOutputs, repeats: Repeatability
) -> tuple[list[OutputResult], Repeatability]:
    """Return results by measured noise and as many steps as it takes."""
    parsed, outputs, near = claim.parsed, claim.outputs, claim.near
    value, dtype_epsilon = near.value, claim.dtype_epsilon

    # Measure the noise of func.
    budget = parsed.options.evaluation.budget
    budget.phase("noise")
    noise = measure_noise(near, dtype_epsilon)
    if is_noisy(value, noise.sigma, noise.epsilon):
        again = outputs.of(parsed.values_at_x0())
        repeats = repeats.compared(value, again, noise.epsilon, rtol_of(parsed, noise.epsilon))
        noise = replace(noise, sigma=np.fmax(noise.sigma, np.abs(again - value)))
    base = base_values(parsed, value, noise)

    # Refine: steps, samples, estimates, decisions. Noise that hides next to x0 is measured where
    # claims are in doubt.
    budget.phase("directions", claim.expected_evaluations)
    results = list(judge_outputs(claim, base, repeats.agrees))
    in_doubt = {each.output for each in results if not np.all(each.decisions.resolved)}
    budget.phase("noise farther from x0")
    noise = measure_noise_farther(near, noise, dtype_epsilon, sorted(in_doubt))
    base = base_values(parsed, value, noise)
    if in_doubt:
        budget.phase("directions")
        results = judge_louder(claim, results, base, repeats.agrees)

    # Before anything is said against the claim: does func still say what it said, and is it
    # differentiable?
    if not all(np.all(each.decisions.resolved) for each in results):
        budget.phase("is func differentiable?")
        again = outputs.of(parsed.values_at_x0())
        repeats = repeats.compared(value, again, base.epsilon, base.rtol)
        results = [each for each in results if repeats.agrees[each.output]]
        results = without_ties(claim, results, base)
    return results, repeats
