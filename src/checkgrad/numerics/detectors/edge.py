"""The edge of the domain: ``func`` has no finite value at two steps, so there is no estimate."""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind


def detect_edge(evidence: Evidence) -> Finding:
    """Return where no derivative can be estimated: nothing can be said of a claim there."""
    edge = ~np.isfinite(evidence.best.value)
    return Finding.of(Kind.EDGE, edge, blocks_correct=edge, blocks_wrong=edge)
