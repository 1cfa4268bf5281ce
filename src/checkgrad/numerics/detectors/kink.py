"""Kinks: the one-sided derivatives settle on two values, and the central one half way.

All claims between the two values are subgradients, and valid. `valid_interval` and `nearest_valid`
say so, and nothing else does. A claim half way between them is certified before a kink is seen,
since a central quotient agrees with it: by the first pair of steps, or in a group.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.limit import Limit
from checkgrad.numerics.quotients import Quotients, one_sided_slopes
from checkgrad.numerics.samples import Flags, Floats, Samples
from checkgrad.numerics.thresholds import thresholds


def detect_kink(evidence: Evidence) -> Finding:
    """Return where ``func`` has a kink at x0, and the one-sided derivatives there."""
    kink = evidence.has_kink
    low, high = valid_interval(evidence.right, evidence.left)
    return Finding.of(
        Kind.KINK,
        kink,
        subgradient_low=np.where(kink, low, np.nan),
        subgradient_high=np.where(kink, high, np.nan),
    )


def valid_interval(right: Limit, left: Limit) -> tuple[Floats, Floats]:
    """Return the lowest and the highest valid derivative at a kink: the one-sided ones."""
    return np.fmin(left.value, right.value), np.fmax(left.value, right.value)


def nearest_valid(claim: Floats, low: Floats, high: Floats) -> Floats:
    """Return the valid derivative that is nearest to a claim, at a kink and elsewhere.

    Parameters
    ----------
    claim : array, shape (directions,)
        The claimed derivatives.
    low, high : array, shape (directions,)
        The lowest and the highest valid derivative. Where ``func`` is smooth they are equal.

    Examples
    --------
    >>> nearest_valid(np.array([-0.5, 0.3]), np.zeros(2), np.ones(2)).tolist()
    [0.0, 0.3]
    """
    nearest: Floats = np.clip(claim, low, high)
    return nearest


def find_kinks(
    samples: Samples, central: Quotients, smooth: Limit, right: Limit, left: Limit
) -> Flags:
    """Return where the limits from the two sides differ, and the central one is half way."""
    limits = thresholds()
    sides = right.uncertainty + left.uncertainty
    width = np.abs(right.value - left.value)
    kink: Flags = width > limits.safety * sides
    off_centre = np.abs((right.value + left.value) / 2 - smooth.value)
    kink &= off_centre <= limits.safety * (sides + smooth.uncertainty)
    # Far from x0, every bend between two samples looks like a kink.
    valid = np.isfinite(central.value)
    kink &= np.min(central.step, axis=0, initial=np.inf, where=valid) <= samples.scale
    kink &= width * samples.scale > limits.stands_out * samples.sigma_of()
    kink &= valid.sum(axis=0) >= limits.kink_steps
    kink &= 2 * _gap_above_finest(samples, width) >= width
    return kink


def _gap_above_finest(samples: Samples, width: Floats) -> Floats:
    """Return the gap between the one-sided slopes some steps above the finest one.

    Between the two finest steps, a plateau of rounded values looks like a kink. The step chosen is
    the shortest at which a kink of this `width` would stand out of the noise.
    """
    limits = thresholds()
    right, left = one_sided_slopes(samples)
    gap = right - left
    both: Flags = np.isfinite(gap)
    finest = np.min(samples.forward, axis=0, initial=np.inf, where=both)
    long_enough = both & (samples.forward >= limits.above_finest * finest)
    long_enough &= samples.forward * width > limits.stands_out * samples.sigma_of()
    # The shortest step that is long enough, else the longest.
    preference = np.where(long_enough, 1 / samples.forward, -1 / samples.forward)
    chosen = np.argmax(np.where(both, preference, -np.inf), axis=0)
    opening: Floats = np.abs(np.take_along_axis(gap, chosen[None], axis=0)[0])
    return opening
