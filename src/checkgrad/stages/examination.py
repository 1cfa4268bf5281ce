"""The examination of a claim, in the dtypes that it is evaluated in: from a plan to what was found.

This module calls the measurements, the refinement and the cross-checks in order.
`checkgrad.pipeline` chooses the dtypes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.evaluate.axes import Axes
from checkgrad.evaluate.budget import STOPS
from checkgrad.evaluate.plan import plan_directions
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.measure.noise import Noise, measure_noise, measure_noise_farther
from checkgrad.measure.repeatability import Repeatability, is_noisy
from checkgrad.precision import DOUBLE
from checkgrad.report.results import ClaimResult, OutputResult
from checkgrad.stages.base_values import base_values, rtol_of
from checkgrad.stages.claim_of_outputs import ClaimOfOutputs
from checkgrad.stages.cross_checks import at_rounded_factor, is_explained_by_axes, without_ties
from checkgrad.stages.judging import in_order, judge_louder, judge_outputs
from checkgrad.stages.kept_samples import sample_for_report
from checkgrad.stages.locate import can_locate, located_errors, stands_out
from checkgrad.stages.parsed import ParsedProblem
from checkgrad.stages.second_point import look_elsewhere, note_second_point
from checkgrad.stages.unfinished import nothing_known

# The noise of func in machine epsilons of its terms, as long as it was not measured.
_ASSUMED_UNITS = 1.0


def examine_parsed(parsed: ParsedProblem, label: str, vector: Floats) -> ClaimResult:
    """Return all that is found out about a claim, evaluated as it is.

    Parameters
    ----------
    parsed : ParsedProblem
        What to work with.
    label : str
        What the claim is called, if it is one of several.
    vector : array
        All numbers of ``func(x0)``.
    """
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
        located, repeats = located_errors(claim, results, repeats)
        is_certain = located is not None and located.is_certain
        if results and _all_resolved(results):
            located = located if is_certain else None
        elif not is_certain:
            results, repeats = _judged(claim, repeats)
            is_wrong = any(np.any(each.decisions.wrong) for each in results)
            if is_wrong and located is None:
                located, repeats = located_errors(claim, results, repeats)
            located = located if is_wrong else None
        if parsed.looks_elsewhere and repeats.first_difference is None and located is None:
            elsewhere = look_elsewhere(claim, results)
            if elsewhere is not None and not elsewhere.agrees:
                # A few steps may see a plateau of a rounded factor.
                results, repeats = _judged(claim, repeats, closely=True)
            if elsewhere is not None and elsewhere.is_doubtful and _all_resolved(results):
                results, repeats = _judged(claim, repeats, closely=True, jumps=True)
                results = at_rounded_factor(results)
        sample_for_report(parsed, results)
    except STOPS as stop:
        stopped = parsed.options.evaluation.budget.stopped_by(stop)
        results, located = claim.found.results(stopped.kept), None
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
    results = []
    for each in judge_outputs(claim, base, every, thorough=False, suffices=suffices):
        if suffices is None and not each.is_resolved:
            return [], repeats
        results.append(each)
    if not _all_resolved(results):
        return in_order(results), repeats
    # Beside a term of 1, func may not move along steps of a part of a tiny x0.
    some_claim_nothing = not all(np.any(each.decisions.claim) for each in results)
    if some_claim_nothing and claim.near.is_tiny(DOUBLE):
        return [], repeats
    if not parsed.rounding_units:
        note_second_point(claim, results)
        again = claim.outputs.of(parsed.values_at_x0())
        repeats = repeats.compared(value, again, base.epsilon, base.rtol)
        if is_noisy(value, np.abs(again - value), epsilon):
            return [], repeats
    return in_order(results), repeats


def _judged(
    claim: ClaimOfOutputs, repeats: Repeatability, closely: bool = False, jumps: bool = False
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
    if closely:
        noise = measure_noise_farther(near, noise, list(range(outputs.count)), jumps)
    base = base_values(parsed, value, noise)

    # Refine: steps, samples, estimates, decisions. Noise that hides next to x0 is measured where
    # claims are in doubt.
    budget.phase("directions", claim.expected_evaluations)
    results = in_order(judge_outputs(claim, base, repeats.agrees))
    in_doubt = {
        each.output
        for each in results
        if np.any(each.decisions.estimate.is_fitted | ~each.decisions.resolved)
    }
    budget.phase("noise farther from x0")
    noise = measure_noise_farther(near, noise, sorted(in_doubt))
    base = base_values(parsed, value, noise)
    if in_doubt:
        budget.phase("directions")
        results = judge_louder(claim, results, base, repeats.agrees, noise.may_be_wave)

    # Before anything is said against the claim: does func still say what it said, and is it
    # differentiable?
    if not _all_resolved(results):
        budget.phase("is func differentiable?")
        again = outputs.of(parsed.values_at_x0())
        repeats = repeats.compared(value, again, base.epsilon, base.rtol)
        results = [each for each in results if repeats.agrees[each.output]]
        results = without_ties(claim, results, base)
    return results, repeats


def _all_resolved(results: list[OutputResult]) -> bool:
    """Return whether all claims are correct by now."""
    return all(each.is_resolved for each in results)
