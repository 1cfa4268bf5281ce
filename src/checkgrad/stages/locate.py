"""Where a claim is wrong, after random tangents have shown that something is.

Residuals that stand out of their uncertainty are searched, also those that are far below the norm
of the claim: a single entry of many that is wrong makes no more. What counts is whether that
entry is wrong by itself, as along a coordinate axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from checkgrad.arrays.bounds import bounded
from checkgrad.arrays.point import Floats
from checkgrad.backends import Array
from checkgrad.claims.linear_map import ClaimAtX0
from checkgrad.evaluate.tangent_parts import TangentParts
from checkgrad.measure.noise import measure_noise
from checkgrad.measure.repeatability import Repeatability
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import DOUBLE, has_few_digits
from checkgrad.refine.at_x0 import BaseValues
from checkgrad.report.bound import BY_TRUNCATION
from checkgrad.report.results import LeafError, Located, OutputResult
from checkgrad.stages.base_values import base_values
from checkgrad.stages.claim_of_outputs import ClaimOfOutputs
from checkgrad.stages.entry_checks import EntryChecks
from checkgrad.stages.search import Search, rms

_TANGENTS = 10  # that tell one entry from all others; where fewer were checked, more are sampled
# Coordinates: a look along each of fewer costs no more than a search, and for more the search takes
# long: it makes all tangents anew for every entry that it looks for.
_FEWEST, _MOST = 64, 2**24
# Uncertainties by which residuals must stand out to be searched: of noise as it was measured. They
# may stand out, and noise is measured, if they do so of noise as it usually is.
_STANDS_OUT, _MAY_STAND_OUT = 3.0, 1.0
_PART_OF_RTOL = 0.3  # of the residual that an error of rtol in a single typical entry makes
_CLAIM_EPSILONS = 16.0  # of the dtype of the claim, which its rounding may amount to


@dataclass(frozen=True)
class _Seen:
    """Residuals along random tangents: arrays of shape (tangents,)."""

    tangents: Sequence[Sequence[Array]]
    residuals: Floats
    steps: Floats
    noise: Floats


def can_locate(claim: ClaimOfOutputs) -> bool:
    """Return whether wrong entries can be looked for: along random tangents, by a whole gradient.

    Parameters
    ----------
    claim : ClaimOfOutputs
        The claim, and what is to be looked at.
    """
    plan, parsed = claim.plan, claim.parsed
    return (
        parsed.options.locate == "auto"
        and parsed.options.method == "differences"
        and plan.tangents > 0
        and not plan.axes
        and _FEWEST <= parsed.point.size <= _MOST
        and not bounded(parsed.bounds)
        and all(each.leaves is not None for each in claim.gradients)
        and not has_few_digits(float(np.max(claim.dtype_epsilon)))
    )


def stands_out(claim: ClaimOfOutputs, result: OutputResult) -> bool:
    """Return whether the residuals of an output stand out, so that they are worth a search.

    They stand out of noise, and of what a typical entry may be off by.

    Parameters
    ----------
    claim : ClaimOfOutputs
        The claim.
    result : OutputResult
        What was found along random tangents.
    """
    seen = _seen(result, result.spec.sigma_at_x0)
    # The noise that is assumed may be so many times the usual one.
    at_most = max(1.0, claim.parsed.rounding_units)
    return seen is not None and _stands_out(claim, result, seen, _MAY_STAND_OUT / at_most)


def located_errors(
    claim: ClaimOfOutputs, results: Sequence[OutputResult], repeats: Repeatability
) -> tuple[Located | None, Repeatability]:
    """Return where the claim is wrong; None if nothing stands out, or nothing is found.

    Parameters
    ----------
    claim : ClaimOfOutputs
        The claim.
    results : sequence of OutputResult
        What was found along random tangents.
    repeats : Repeatability
        Whether ``func`` is known to return the same at x0 again. If not, nothing is returned.
    """
    if not can_locate(claim) or not any(stands_out(claim, each) for each in results):
        return None, repeats
    parsed, value = claim.parsed, claim.near.value
    parsed.options.evaluation.budget.phase("where is the claim wrong?")
    base = base_values(parsed, value, measure_noise(claim.near, claim.dtype_epsilon))
    located = _located(claim, _worst(results), base)
    if located is None:
        return None, repeats
    again = claim.outputs.of(parsed.values_at_x0())
    repeats = repeats.compared(value, again, base.epsilon, base.rtol)
    return located if repeats.first_difference is None else None, repeats


def _located(claim: ClaimOfOutputs, result: OutputResult, base: BaseValues) -> Located | None:
    seen = _seen(result, float(base.sigma[result.output]))
    if seen is None or not _stands_out(claim, result, seen, _STANDS_OUT):
        return None
    seen = _with_more_tangents(claim, result, seen)
    parts = _parts(claim, result, seen)
    worst = int(np.argmax(np.abs(seen.residuals)))
    longer = parts.residual(worst, 0, claim.parsed.point.size, longer=2.0)
    truncation = abs(longer - float(seen.residuals[worst])) / 3
    if not truncation <= BY_TRUNCATION * abs(float(seen.residuals[worst])):
        return None
    return _found(claim, result, replace(seen, noise=seen.noise + truncation), parts, base)


def _found(
    claim: ClaimOfOutputs,
    result: OutputResult,
    seen: _Seen,
    parts: TangentParts,
    base: BaseValues,
) -> Located | None:
    """Search, and return what was found; None if that is nothing."""
    entries = EntryChecks(claim, result.output, base)
    point = claim.parsed.point
    search = Search(parts, point, entries.axes, seen.residuals, seen.noise, entries.check)
    is_all = search.run()
    leaves = tuple(
        LeafError(leaf, None if error is None or error == 1 else 1 / (1 - error))
        for leaf, error in sorted(search.leaves.items())
    )
    if not entries.wrong and not leaves:
        return None
    return Located(
        entries=tuple(entries.wrong),
        leaves=leaves,
        every_leaf=len(leaves) == sum(size > 0 for size in point.sizes),
        is_certain=bool(entries.wrong) and (is_all or search.is_additive),
        is_all=is_all,
    )


def _worst(results: Sequence[OutputResult]) -> OutputResult:
    """Return the result whose residuals are the largest, relative to the norm of the claim."""

    def size(result: OutputResult) -> float:
        decisions, scale = result.decisions, result.directions.tangent_scale
        off = np.nan_to_num(decisions.distance, nan=0.0, posinf=0.0)
        return float(np.max(off)) / scale if scale > 0 else float(np.max(off) > 0) * math.inf

    return max(results, key=lambda each: np.nan_to_num(size(each), nan=0.0))


def _seen(result: OutputResult, sigma: float) -> _Seen | None:
    """Return the residuals of a result by noise `sigma`; None if there are none along a tangent."""
    decisions, directions = result.decisions, result.directions
    residuals = decisions.claim - decisions.estimate.value
    if directions.tangents is None or not np.all(np.isfinite(residuals)):
        return None
    coverage, rounding = thresholds().coverage, decisions.estimate.rounding
    steps = decisions.estimate.step
    if not np.all(np.isfinite(steps)):  # of one central quotient
        steps = coverage * result.spec.sigma_at_x0 / rounding
    if not np.all(np.isfinite(steps) & (steps > 0)):
        return None
    uncertainty = decisions.uncertainty
    noise = np.where(np.isfinite(uncertainty), uncertainty, coverage * sigma / steps)
    return _Seen(directions.tangents, residuals, steps, noise)


def _stands_out(
    claim: ClaimOfOutputs, result: OutputResult, seen: _Seen, uncertainties: float
) -> bool:
    scale, rtol = result.directions.tangent_scale, result.spec.rtol
    least = _PART_OF_RTOL * rtol * scale / math.sqrt(claim.parsed.point.size)
    epsilon = claim.parsed.claim.epsilon
    if epsilon > DOUBLE:
        least = max(least, _CLAIM_EPSILONS * epsilon * scale)
    return rms(seen.residuals) > max(least, uncertainties * rms(seen.noise))


def _with_more_tangents(claim: ClaimOfOutputs, result: OutputResult, seen: _Seen) -> _Seen:
    """Return residuals along as many tangents as it takes to tell one entry from all others."""
    missing = _TANGENTS - seen.residuals.size
    if missing <= 0:
        return seen
    more = claim.random_tangents(missing)
    scale = claim.directions_along(more)[result.output].scale
    steps = scale * float(np.median(seen.steps / result.directions.scale))
    noise = np.full(missing, float(np.median(seen.noise * seen.steps))) / steps
    found = _Seen(more.tangents, np.full(missing, math.nan), steps, noise)
    parts, size = _parts(claim, result, found), claim.parsed.point.size
    residuals = np.asarray([parts.residual(j, 0, size) for j in range(missing)])
    known = np.flatnonzero(np.isfinite(residuals))
    return _Seen(
        [*seen.tangents, *(more.tangents[j] for j in known.tolist())],
        np.concatenate([seen.residuals, residuals[known]]),
        np.concatenate([seen.steps, steps[known]]),
        np.concatenate([seen.noise, noise[known]]),
    )


def _parts(claim: ClaimOfOutputs, result: OutputResult, seen: _Seen) -> TangentParts:
    at_x0 = ClaimAtX0(claim.parsed.claim, claim.outputs, claim.gradients)
    gradient = claim.gradients[result.output]
    known = claim.parsed.evaluator, claim.outputs, result.output, at_x0, gradient
    return TangentParts(*known, seen.tangents, seen.steps)
