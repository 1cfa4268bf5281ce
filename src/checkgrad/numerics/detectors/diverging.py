"""Diverging slopes: a one-sided slope still grows at the shortest steps.

So it does at a cusp, and at the edge of a root.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.samples import Floats, Samples
from checkgrad.numerics.thresholds import thresholds


def detect_diverging(evidence: Evidence) -> Finding:
    """Return where a slope grows towards x0.

    If it is far steeper than the estimate, the coarser steps do not see x0 at all, and the true
    derivative may be as steep.
    """
    steepest = _steepest(evidence.samples)
    far = steepest > thresholds().diverging_far * np.abs(evidence.best.value)
    return Finding.of(Kind.DIVERGING, steepest > 0, undetectable_slope=np.where(far, steepest, 0.0))


def _steepest(samples: Samples) -> Floats:
    """Return the one-sided slope at the shortest steps where it grows towards x0, else 0.

    Only slopes that stand out of the noise count, at the shortest step and at the next longer one.
    """
    limits = thresholds()
    steepest = np.zeros(samples.scale.size)
    for lengths, values in samples.sides:
        change = np.abs(values - samples.value)
        seen = change > limits.stands_out * samples.sigma_of(values)
        finest = np.min(lengths, axis=0, initial=np.inf, where=seen)
        following = np.min(lengths, axis=0, initial=np.inf, where=lengths > finest)
        slope = np.where(seen, (values - samples.value) / lengths, 0.0)
        both = [np.sum(slope, axis=0, where=lengths == each) for each in (finest, following)]
        near = np.where(both[0] * both[1] > 0, np.fmin(*np.abs(both)), 0.0)
        away = lengths >= limits.above_finest * finest
        farther = np.max(np.abs(slope), axis=0, initial=0.0, where=away)
        grows = (farther > 0) & (near > limits.diverging_growth * farther)
        steepest = np.where(grows, np.fmax(steepest, near), steepest)
    return steepest
