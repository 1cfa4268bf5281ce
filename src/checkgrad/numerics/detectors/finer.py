"""Finer steps: what they say together against the estimate, where each by itself says nothing.

A wave of a few times the noise, over a larger smooth term, shows at few steps, next to the noise.
Steps of a turn and more see the slope of the larger term alone, and far more exactly.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind


def detect_finer(evidence: Evidence) -> Finding:
    """Return the range of claims that the finer steps support together."""
    low, high = evidence.best.finer_low, evidence.best.finer_high
    return Finding.of(Kind.FINER, np.isfinite(low), finer_low=low, finer_high=high)
