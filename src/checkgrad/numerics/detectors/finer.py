"""Finer steps: what they say together against the estimate, where each by itself says nothing.

A small wave over a larger smooth term shows at few steps only, and hardly above the noise. Longer
steps see the slope of the larger term alone, and see it far more exactly.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind


def detect_finer(evidence: Evidence) -> Finding:
    """Return the range of claims that the finer steps support together."""
    low, high = evidence.best.finer_low, evidence.best.finer_high
    return Finding.of(Kind.FINER, np.isfinite(low), finer_low=low, finer_high=high)
