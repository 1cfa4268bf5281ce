"""Coarse estimates: what the coarser half of the steps settles on, against the finer half.

The finer half may see a feature that the coarser one misses. Then the finer half is right. But the
finer half may also see the rounding error of ``func``, which is no noise at steps over which the
terms that it comes from do not change by a unit in the last place.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.fit import limit_at_zero
from checkgrad.numerics.quotients import with_shown_noise
from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds


def detect_coarse(evidence: Evidence) -> Finding:
    """Return where the coarser half of the steps contradicts the limit, and what it settles on."""
    value = np.where(evidence.is_quantised, np.nan, _coarse_limit(evidence))
    return Finding.of(Kind.COARSE, np.isfinite(value), coarse_estimate=value)


def _coarse_limit(evidence: Evidence) -> Floats:
    limits, quotients, limit = thresholds(), evidence.central, evidence.smooth
    half = int(np.max(np.isfinite(quotients.value).sum(axis=0), initial=0)) // 2
    if half < limits.many_steps:
        return np.full(quotients.step.shape[1], np.nan)
    halved = dataclasses.replace(
        quotients,
        step=quotients.step[:half],
        value=quotients.value[:half],
        sigma=quotients.sigma[:half],
    )
    coarse = limit_at_zero(with_shown_noise(halved), order=2)
    gap = limits.coverage * (coarse.uncertainty + limit.uncertainty)
    return np.where(np.abs(coarse.value - limit.value) > gap, coarse.value, np.nan)
