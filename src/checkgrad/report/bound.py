"""How large the error of the whole claim can be, by what was seen along all directions.

Along the axes every entry is seen, and the bound is certain. Along random tangents it holds with a
probability. This module owns both formulas. Their assumptions are in docs/verdict.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from checkgrad.numerics.chi_square import chi_square_quantile
from checkgrad.numerics.samples import Floats
from checkgrad.report.results import ClaimResult, OutputResult

CONFIDENCE = 0.95  # of a bound along random tangents: the usual one
BY_TRUNCATION = 0.3  # of a residual by one step: if truncation makes as much, it tells nothing

Bound = tuple[float | None, float | None]
_NONE: Bound = (None, None)


def error_bound(claims: Sequence[ClaimResult]) -> Bound:
    """Return a bound of the relative error of the claim, and the confidence in it.

    Both are None where the directions say nothing of the others: along tangents of the user's, and
    of random sums of many outputs.

    Parameters
    ----------
    claims : sequence of ClaimResult
        What was found.
    """
    bounds = [_bound_of_claim(claim) for claim in claims]
    known = [each for each in bounds if each[0] is not None and each[1] is not None]
    if not bounds or len(known) < len(bounds):
        return _NONE
    with np.errstate(all="ignore"):
        # With several claims, each bound may fail.
        confidence = 1 - sum(1 - float(each[1] or 0.0) for each in known)
        return max(float(each[0] or 0.0) for each in known), max(confidence, 0.0)


def _bound_of_claim(claim: ClaimResult) -> Bound:
    entries, count = len(claim.outputs.entries), claim.outputs.count
    single = [each for each in claim.results if each.output < entries]
    axes = [each for each in single if each.directions.are_axes]
    if axes:
        return (_certain_bound(axes), 1.0) if len(axes) == entries else _NONE
    if len(single) < count or not single:  # there are sums, whose weights are random too
        return _NONE
    if not all(each.directions.tangent_scale > 0 for each in single):
        return _NONE
    chance = (1 - CONFIDENCE) / count  # that the bound of one output does not hold
    is_sampled = claim.form == "jvp"
    return max(_bound_along_tangents(each, chance, is_sampled) for each in single), CONFIDENCE


def _certain_bound(axes: Sequence[OutputResult]) -> float:
    """Return the 2-norm of all distances and uncertainties, relative to that of the claim."""
    errors = np.concatenate([_largest_errors(each) for each in axes])
    claims = np.concatenate([each.decisions.claim for each in axes])
    estimates = np.concatenate([each.decisions.estimate.value for each in axes])
    size = max(norm(claims[np.isfinite(claims)]), norm(estimates[np.isfinite(estimates)]))
    error = norm(errors)
    return error / size if size > 0 else error


def _bound_along_tangents(result: OutputResult, chance: float, is_sampled: bool) -> float:
    """Return the bound of one output, which does not hold with a small `chance`.

    Along a Gaussian tangent, the error of the claim is a normal number times the norm of the
    error. The sum of k squares is this norm squared times a chi-square variable of k degrees of
    freedom. So the norm is at most the root of the sum over the quantile of that variable.

    Where the norm of the claim is known from the same tangents only, it may be smaller by chance.
    """
    errors = _largest_errors(result)
    scale = result.directions.tangent_scale
    if is_sampled:
        chance /= 2
        scale *= math.sqrt(errors.size / chi_square_quantile(1 - chance, errors.size))
    return norm(errors) / math.sqrt(chi_square_quantile(chance, errors.size)) / scale


def _largest_errors(result: OutputResult) -> Floats:
    """Return how far the claim may be off along each direction, its uncertainty included."""
    decisions = result.decisions
    unsure = decisions.reliable_uncertainty
    # After one step alone, as where entries are wrong, truncation makes no more than this part.
    of_one_step = decisions.estimate.rounding + BY_TRUNCATION * decisions.distance
    errors: Floats = decisions.distance + np.where(np.isfinite(unsure), unsure, of_one_step)
    return np.nan_to_num(errors, nan=math.inf, posinf=math.inf)


def norm(numbers: Floats) -> float:
    """Return the 2-norm, without overflow or underflow of the squares.

    Examples
    --------
    >>> norm(np.array([3.0, 4.0]))
    5.0
    """
    if numbers.size == 0:
        return 0.0
    largest = float(np.max(np.abs(numbers)))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(numbers / largest))
