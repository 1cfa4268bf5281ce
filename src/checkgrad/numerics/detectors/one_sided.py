"""One-sided ranges: what the limits from either side of x0 leave open.

These limits are far less certain than the central one. But where bends of ``func`` near x0 are lost
in its noise, one of them may see what the central one misses.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.fit import limit_at_zero
from checkgrad.numerics.quotients import one_sided_quotients
from checkgrad.numerics.samples import Flags
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import has_few_digits


def detect_one_sided(evidence: Evidence) -> Finding:
    """Return the range of claims that one of the one-sided limits supports.

    Where such a limit contradicts the best estimate, ``func`` is not smooth, and no uncertainty is
    what it seems: then the range is wider. In few digits, the limits leave nearly all open, and
    there is no range. Nor is there one at a kink, whose subgradients are valid.
    """
    limits, best = thresholds(), evidence.best
    nowhere = np.zeros(best.value.shape, dtype=bool)
    if has_few_digits(evidence.samples.epsilon):
        return Finding.of(Kind.ONE_SIDED, nowhere)
    sides = (evidence.right, evidence.left)
    if evidence.central_noisy is not evidence.central:
        shown = np.fmin.reduce(evidence.central_noisy.sigma)
        right, left = one_sided_quotients(evidence.samples, shown)
        sides = limit_at_zero(right, order=1), limit_at_zero(left, order=1)
    values = np.stack([np.where(np.isfinite(e.uncertainty), e.value, np.nan) for e in sides])
    spread = np.stack([e.uncertainty for e in sides])
    off = np.abs(values - best.value) > limits.one_sided_range * (spread + best.uncertainty)
    contradicted: Flags = np.any(off, axis=0)
    spread = spread * np.where(contradicted, limits.safety, limits.one_sided_range)
    return Finding.of(
        Kind.ONE_SIDED,
        contradicted,
        one_sided_low=np.where(evidence.has_kink, np.nan, np.fmin.reduce(values - spread)),
        one_sided_high=np.where(evidence.has_kink, np.nan, np.fmax.reduce(values + spread)),
    )
