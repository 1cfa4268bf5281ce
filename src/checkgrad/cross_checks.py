"""Checks of several results against each other: ties of ``func``, and linearity of the claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from checkgrad.claims.linearity import is_sum_of, terms_of_sum
from checkgrad.evaluate.tangent_choice import scaled_tangent
from checkgrad.judging import ClaimOfOutputs
from checkgrad.numerics.decide import decide_without_wrong
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.thresholds import thresholds
from checkgrad.refine.loop import refine
from checkgrad.refine.spec import BaseValues
from checkgrad.report.results import ClaimResult, OutputResult


def without_ties(
    claim: ClaimOfOutputs, results: list[OutputResult], base: BaseValues
) -> list[OutputResult]:
    """Return the results, in which no claim is wrong where ``func`` is not differentiable.

    ``func`` may be smooth along every axis all the same, as the median of equal numbers is. Then
    its derivative along a tangent is not the sum of those along the axes.

    Parameters
    ----------
    claim : ClaimOfOutputs
        The claim.
    results : list of OutputResult
        What was found.
    base : BaseValues
        What is known at x0.
    """
    entries = len(claim.outputs.entries)
    suspects = {each.output for each in results if np.any(each.decisions.wrong)}
    along_axes = [
        each
        for each in results
        if each.directions.are_axes
        and each.output in suspects
        and each.output < entries
        and np.all(np.isfinite(each.decisions.reliable_uncertainty))
        and not np.any(each.decisions.estimate.findings.seen[Kind.JUMP])
    ]
    if not along_axes or claim.parsed.point.size == 1:
        return results
    first = thresholds().outputs_for_ties
    tied = {each.output for each in along_axes[:first] if not _is_additive(claim, each, base)}
    if tied:
        rest = along_axes[first:]
        tied |= {each.output for each in rest if not _is_additive(claim, each, base)}
    return [
        replace(each, decisions=decide_without_wrong(each.decisions))
        if each.output in tied
        else each
        for each in results
    ]


def without_wrong(result: ClaimResult) -> ClaimResult:
    """Return a result in which no claim is wrong: ``func`` is another function in float64.

    Parameters
    ----------
    result : ClaimResult
        What was found in the dtypes of the user. In float64 the claim is not wrong.
    """
    results = tuple(
        replace(each, decisions=decide_without_wrong(each.decisions, Kind.ANOTHER_FUNCTION))
        for each in result.results
    )
    return replace(result, results=results)


def _is_additive(claim: ClaimOfOutputs, result: OutputResult, base: BaseValues) -> bool:
    """Return whether ``func`` changes along a random tangent as the estimates along axes say."""
    parsed, decisions = claim.parsed, result.decisions
    scale = result.directions.scale
    tangents = scaled_tangent(parsed.point, scale, parsed.bounds, parsed.rng)
    lengths = np.abs(parsed.point.on_host(tangents.tangents[0]))
    (along,) = claim.along_estimate(tangents, [result.output], [decisions.estimate.value])
    unsure = np.asarray([np.sum(lengths * decisions.reliable_uncertainty)])
    along_output = replace(base, **{k: v[[result.output]] for k, v in vars(base).items()})
    spec = along_output.spec(along, partial(np.copy, unsure), kink_is_isolated=False)
    return not np.any(refine(spec).wrong)


def is_explained_by_axes(
    claim: ClaimOfOutputs, result: OutputResult, results: Sequence[OutputResult]
) -> bool:
    """Return whether a result only looks for claims that are not linear, and this one is linear.

    Beside the axes, a random tangent or a sum of outputs shows nothing else. What the axes show is
    not put in doubt by what differences make of it, nor by noise.

    Parameters
    ----------
    claim : ClaimOfOutputs
        The claim.
    result : OutputResult
        The result.
    results : sequence of OutputResult
        All results.
    """
    outputs, directions, output = claim.outputs, result.directions, result.output
    entries = len(outputs.entries)
    claims = {each.output: each.decisions.claim for each in results if each.directions.are_axes}
    if directions.are_axes and (output < entries or not entries):
        return False
    if not np.any(result.decisions.wrong):
        return True
    if directions.tangents is not None:
        if output not in claims:
            return False
        terms = claims[output] * claim.parsed.point.on_host(directions.tangents[0])
    else:
        known = terms_of_sum(claims, outputs, output)
        if known is None:
            return False
        terms = known
    epsilon = max(result.spec.epsilon, claim.parsed.claim.epsilon)
    return is_sum_of(result.decisions.claim, terms, result.spec.rtol, epsilon)
