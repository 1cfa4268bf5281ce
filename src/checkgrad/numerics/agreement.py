"""Whether two independent sets of derivatives agree so well that no error can be in either.

This module knows no uncertainty: two numbers that agree to so many digits do not do so by
accident. Where they do not agree, nothing is said of either.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds

_SAFETY = 10.0  # numbers that agree to a tenth of rtol certify each other
# Of the largest sum. An error of 1% in one entry of 10,000 like it changes a sum by 1e-4.
_SUMS = 1e-6


def entries_agree(claim: Floats, estimates: Floats, rtol: float) -> bool:
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
    """
    estimate = _nearest(claim, estimates)
    size = np.maximum(np.abs(claim), np.abs(estimate))
    scale = np.max(size, axis=0, initial=0.0)
    allowed = rtol / _SAFETY * np.maximum(size, scale / thresholds().negligible)
    return bool(np.all(np.abs(claim - estimate) <= allowed))


def sums_agree(claim: Floats, estimates: Floats, rtol: float) -> bool:
    """Return whether random sums of derivatives agree so well that their terms must.

    Parameters
    ----------
    claim : array, shape (tangents, outputs)
        The sums.
    estimates : array, shape (k, tangents, outputs)
        Several estimates of each. The nearest one counts.
    rtol : float
        As in `entries_agree`.
    """
    estimate = _nearest(claim, estimates)
    size = np.maximum(np.abs(claim), np.abs(estimate))
    scale = np.max(size, axis=0, initial=0.0)
    allowed = min(_SUMS, rtol / _SAFETY) * scale
    return bool(np.all(np.abs(claim - estimate) <= allowed))


def _nearest(claim: Floats, estimates: Floats) -> Floats:
    """Return the estimate of each derivative that is nearest to the claim; the first if none is."""
    apart = np.nan_to_num(np.abs(estimates - claim), nan=np.inf)
    which = np.argmin(apart, axis=0)
    found: Floats = np.take_along_axis(estimates, which[None], axis=0)[0]
    return found
