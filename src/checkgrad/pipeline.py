"""The whole flow of a check, from a problem to a report.

This module calls the other rooms in order, and computes nothing by itself.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checkgrad.cross_checks import is_explained_by_axes, without_ties
from checkgrad.evaluate.plan import plan_directions
from checkgrad.judging import ClaimOfOutputs, judge_outputs
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.measure.noise import measure_noise, measure_noise_farther
from checkgrad.measure.repeatability import Repeatability, is_noisy
from checkgrad.parsed import ParsedProblem, parse
from checkgrad.problem import Problem
from checkgrad.refine.spec import BaseValues
from checkgrad.report.build import report_on
from checkgrad.report.report import Report
from checkgrad.report.results import ClaimResult


def check(problem: Problem) -> Report:
    """Judge a claim.

    Parameters
    ----------
    problem : Problem
        The claim, and the func that it is the derivative of.
    """
    return report_on([examine(problem)])


def examine(problem: Problem) -> ClaimResult:
    """Return all that is found out about a claim.

    Parameters
    ----------
    problem : Problem
        The claim, and the func that it is the derivative of.
    """
    parsed = parse(problem)
    # Overflow and the like is expected; the user's code at x0 does not run under this.
    with np.errstate(all="ignore"):
        return _examine(parsed, problem.label)


def _examine(parsed: ParsedProblem, label: str) -> ClaimResult:
    # Evaluate func and the claim at x0, and plan what to look at.
    vector = parsed.values_at_x0()
    outputs, plan = plan_directions(
        parsed.form, parsed.options.direction, parsed.point, parsed.reader, vector, parsed.rng
    )
    value, dtype_epsilon = outputs.of(vector), parsed.dtype_epsilons(outputs)
    gradients = list(parsed.claim.gradients(parsed.point.leaves, outputs))

    # Measure the noise of func.
    near = Neighbourhood(parsed.evaluator, outputs, value, parsed.bounds, parsed.rng)
    noise = measure_noise(near, dtype_epsilon)
    rtol = [parsed.options.tolerance(max(e, parsed.claim.epsilon)) for e in noise.epsilon.tolist()]
    base = BaseValues(value, noise.sigma, noise.epsilon, np.asarray(rtol))
    repeats = Repeatability(np.ones(outputs.count, dtype=bool))
    if is_noisy(value, noise.sigma, noise.epsilon):
        again = outputs.of(parsed.values_at_x0())
        repeats = repeats.compared(value, again, base.epsilon, base.rtol)
        base = replace(base, sigma=np.fmax(base.sigma, np.abs(again - value)))

    # Refine: steps, samples, estimates, decisions. Noise that hides next to x0 is measured where
    # claims are in doubt.
    claim = ClaimOfOutputs(parsed, near, plan, gradients, dtype_epsilon)
    results = list(judge_outputs(claim, base, repeats.agrees))
    in_doubt = {each.output for each in results if not np.all(each.decisions.resolved)}
    sigma = measure_noise_farther(near, noise, base.sigma, dtype_epsilon, sorted(in_doubt))
    if np.any(sigma > base.sigma):
        base = replace(base, sigma=sigma)
        results.clear()  # whose tangents take memory too
        results = list(judge_outputs(claim, base, repeats.agrees))

    # Before anything is said against the claim: does func still say what it said, is it
    # differentiable, and do sums only show what their terms show?
    if not all(np.all(each.decisions.resolved) for each in results):
        again = outputs.of(parsed.values_at_x0())
        repeats = repeats.compared(value, again, base.epsilon, base.rtol)
        results = [each for each in results if repeats.agrees[each.output]]
        results = without_ties(claim, results, base)
    if plan.axes:
        results = [each for each in results if not is_explained_by_axes(claim, each, results)]
    return ClaimResult(
        point=parsed.point,
        name=parsed.name,
        evaluator=parsed.evaluator,
        claim=parsed.claim,
        reader=parsed.reader,
        outputs=outputs,
        form=parsed.form,
        label=label,
        results=tuple(results),
        not_repeatable=repeats.first_difference,
    )
