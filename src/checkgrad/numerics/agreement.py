"""Whether two independent sets of derivatives agree so well that no error can be in either.

This module knows no uncertainty: two numbers that agree to so many digits do not do so by
accident. Where they do not agree, nothing is said of either.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds

# Of the largest sum by an argument. An error of 1% in one entry of 10,000 like it changes a sum
# by 1e-4.
_SUMS = 1e-6
_ROUNDING = 1e-10  # of the largest: what central differences in float64 cannot tell


def entries_agree(claim: Floats, estimates: Floats, rtol: float, arguments: Floats) -> bool:
    """Return whether single derivatives agree to a tenth of `rtol`.

    Negligible derivatives of an output agree to that part of what is not negligible.

    Parameters
    ----------
    claim : array, shape (directions, outputs)
        The derivatives.
    estimates : array, shape (k, directions, outputs)
        Several estimates of each. The nearest one counts.
    rtol : float
        The smallest relative error that must not get past.
    arguments : array, shape (directions,)
        Which argument each direction moves. Derivatives by one may be much larger than by another,
        so what is negligible is said of each.
    """
    limits, (distance, size) = thresholds(), _compared(claim, estimates)
    scale = _largest_by_argument(size, arguments)
    allowed = rtol / limits.agreement * np.maximum(size, scale / limits.negligible)
    return _all_within(distance, allowed, size)


def sums_agree(claim: Floats, estimates: Floats, rtol: float, arguments: Floats) -> bool:
    """Return whether random sums of derivatives agree so well that their terms must.

    Parameters
    ----------
    claim : array, shape (tangents, outputs)
        The sums.
    estimates : array, shape (k, tangents, outputs)
        Several estimates of each. The nearest one counts.
    rtol : float
        As in `entries_agree`.
    arguments : array, shape (tangents,)
        Which argument each tangent moves. Each has a limit of its own.
    """
    distance, size = _compared(claim, estimates)
    part = min(_SUMS, rtol / thresholds().agreement)
    return _all_within(distance, part * _largest_by_argument(size, arguments), size)


def _largest_by_argument(size: Floats, arguments: Floats) -> Floats:
    """Return the largest size of each output among the directions of the same argument."""
    found = np.zeros_like(size)
    for argument in np.unique(arguments):
        one = arguments == argument
        found[one] = np.max(size[one], axis=0)
    return found


def _all_within(distance: Floats, allowed: Floats, size: Floats) -> bool:
    """Return whether all distances are allowed, or below the rounding of the largest size."""
    rounding = _ROUNDING * np.max(size, axis=0, initial=0.0)
    return bool(np.all(distance <= np.maximum(allowed, rounding)))


def _compared(claim: Floats, estimates: Floats) -> tuple[Floats, Floats]:
    """Return how far the nearest estimate of each derivative is, and how large the two are.

    What is not finite is infinitely far from everything.
    """
    with np.errstate(all="ignore"):
        apart = np.abs(estimates - claim)
        apart = np.where(np.isfinite(apart), apart, np.inf)
        which = np.argmin(apart, axis=0)[None]
        estimate = np.take_along_axis(estimates, which, axis=0)[0]
        distance: Floats = np.take_along_axis(apart, which, axis=0)[0]
        size = np.maximum(np.abs(claim), np.abs(estimate))
    return distance, np.where(np.isfinite(size), size, 0.0)
