"""Checks of several results against each other: ties of ``func``, and linearity of the claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from checkgrad.claims.linearity import is_sum_of, terms_of_sum
from checkgrad.evaluate.tangent_choice import scaled_tangents
from checkgrad.numerics.decide import decide_without_wrong
from checkgrad.numerics.decisions import Decisions
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.samples import Flags, Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import has_few_digits
from checkgrad.refine.at_x0 import BaseValues
from checkgrad.refine.loop import refine
from checkgrad.refine.spec import CheckSpec
from checkgrad.report.results import ClaimResult, OutputResult
from checkgrad.stages.claim_of_outputs import ClaimOfOutputs


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
        and not np.any(each.decisions.estimate.findings.seen[Kind.JUMP])
    ]
    if not along_axes or claim.parsed.point.size == 1:
        return results
    first = thresholds().outputs_for_ties
    tied = _not_additive(claim, along_axes[:first], base)
    if tied and along_axes[first:]:
        tied |= _not_additive(claim, along_axes[first:], base)
    return [_at_tie(claim, each, base) if each.output in tied else each for each in results]


def _at_tie(claim: ClaimOfOutputs, result: OutputResult, base: BaseValues) -> OutputResult:
    """Return a result in which no claim is wrong where equal numbers may meet."""
    where = _coordinates_of_tie(claim, result, base)
    return replace(result, decisions=decide_without_wrong(result.decisions, where=where))


def _coordinates_of_tie(claim: ClaimOfOutputs, result: OutputResult, base: BaseValues) -> Flags:
    """Return which coordinates may be the cause that ``func`` is not differentiable.

    Some of them may have a kink, as those whose maximum is taken. The others have no part in it if
    they were followed to their end, have no kink, and ``func`` is differentiable in them.
    """
    decisions = result.decisions
    has_kink, everywhere = decisions.estimate.has_kink, np.ones_like(decisions.wrong)
    smooth = decisions.criteria.fully_sampled & ~has_kink
    if not np.any(has_kink) or not np.any(decisions.wrong & smooth):
        return everywhere
    parts = np.where(smooth, 1.0, 0.0)
    return everywhere if _not_additive(claim, [result], base, parts) else ~smooth


def without_wrong(result: ClaimResult) -> ClaimResult:
    """Return a result in which no claim is wrong: ``func`` may be another function in float64.

    Parameters
    ----------
    result : ClaimResult
        What was found in the dtypes of the user, or in float64. The other ones do not confirm it.
    """
    results = tuple(_none_wrong(result.results, Kind.ANOTHER_FUNCTION))
    return replace(result, results=results, located=None)


def at_rounded_factor(results: Sequence[OutputResult]) -> list[OutputResult]:
    """Return results in which no claim is wrong: ``func`` jumps, and longer steps may be right.

    Parameters
    ----------
    results : sequence of OutputResult
        What was found where few steps and a second point support the claim, and ``func`` jumps
        between the two points.
    """
    return _none_wrong(results, Kind.ROUNDED_FACTOR)


def _none_wrong(results: Sequence[OutputResult], kind: Kind) -> list[OutputResult]:
    """Return results in which no claim is wrong, because of a finding about ``func``."""
    return [replace(each, decisions=decide_without_wrong(each.decisions, kind)) for each in results]


def _not_additive(
    claim: ClaimOfOutputs,
    results: Sequence[OutputResult],
    base: BaseValues,
    parts: Floats | float = 1.0,
) -> set[int]:
    """Return the outputs that do not change along random tangents as a linear function does.

    Along one, an output should change as the estimates along all axes say. Where some of these are
    not known, what it does along two should say what it does along their sum and difference.
    The tangents move `parts` of the coordinates, all by default.
    """
    parsed, outputs = claim.parsed, [each.output for each in results]
    scale = results[0].directions.scale
    tangents = scaled_tangents(parsed.point, scale, parsed.bounds, parsed.rng, parts)
    lengths = np.abs(parsed.point.on_host(tangents.tangents[0]))
    known = [_knows_all_axes(each.decisions) for each in results]
    decided = [each.decisions for each in results]
    rows = [d.estimate.value if k else d.claim for d, k in zip(decided, known, strict=True)]
    of_outputs = replace(base, **{name: part[outputs] for name, part in vars(base).items()})
    found = set()
    for place, along in enumerate(claim.along_estimate(tangents, outputs, rows)):
        unsure = np.zeros(along.count)
        if known[place]:
            unsure[0] = np.sum(lengths * decided[place].reliable_uncertainty)
        spec = of_outputs.spec(along, partial(np.copy, unsure), kink_is_isolated=False)
        first = spec.take(np.asarray([0]))
        # In half precision, what looks like a kink is often the rounding.
        at_kinks = bool(np.any(decided[place].estimate.has_kink))
        at_kinks &= not has_few_digits(float(np.max(claim.dtype_epsilon)))
        differs = _is_off(refine(first), at_kinks) if known[place] else not _adds_up(spec, at_kinks)
        if differs:
            found.add(outputs[place])
    return found


def _knows_all_axes(decisions: Decisions) -> bool:
    """Return whether every direction was followed to its end, and is certain."""
    followed = decisions.resolved | decisions.criteria.fully_sampled
    return bool(np.all(followed & np.isfinite(decisions.reliable_uncertainty)))


def _adds_up(spec: CheckSpec, at_kinks: bool) -> bool:
    """Return whether the derivatives along v + w and v - w are what those along v and w make.

    The tangents are v, w, v + w and v - w; `at_kinks` is as in `_is_off`.
    """
    each = [spec.take(np.asarray([i])) for i in range(4)]
    certain = False
    for thorough in (False, True):  # what few steps contradict is put to all
        v, w = (refine(part, thorough) for part in each[:2])
        unsure = v.reliable_uncertainty + w.reliable_uncertainty
        certain = bool(np.all(np.isfinite(unsure)))
        made = v.estimate.value + w.estimate.value, v.estimate.value - w.estimate.value
        if certain and not any(
            _is_off(
                refine(replace(part, claim=claim, claim_noise=partial(np.copy, unsure))), at_kinks
            )
            for part, claim in zip(each[2:], made, strict=True)
        ):
            return True
    return not certain


def _is_off(decisions: Decisions, at_kinks: bool) -> bool:
    """Return whether a linear function would change along a tangent in another way.

    If `at_kinks`, it may be so at a kink too. There, the middle of the one-sided derivatives
    counts. It is linear in the tangent where absolute values of linear terms add up, and is not
    where three equal numbers or more are sorted.
    """
    limits, estimate = thresholds(), decisions.estimate
    allowed = limits.wrong_margin * decisions.criteria.rtol * decisions.magnitude
    apart = np.abs(decisions.claim - estimate.value)
    at_kink = at_kinks & estimate.has_kink & ~estimate.findings.blocks_wrong
    at_kink &= apart - allowed > limits.safety * decisions.uncertainty
    return bool(np.any(decisions.wrong | at_kink))


def is_explained_by_axes(
    claim: ClaimOfOutputs, result: OutputResult, results: Sequence[OutputResult]
) -> bool:
    """Return whether a result only looks for claims that are not linear, and this one is linear.

    Where the axes are sampled, a random tangent or a sum of outputs shows nothing else. What the
    axes show is not put in doubt by what differences make of it, nor by noise.

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
