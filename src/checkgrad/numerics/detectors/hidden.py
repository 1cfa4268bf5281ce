"""Hidden features: what the noise of ``func`` may hide near x0.

A feature no larger than the noise cannot be seen, however many steps are sampled. If it is not much
narrower than the length over which ``func`` is expected to be smooth, it bounds the derivative that
it may have.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import has_few_digits


def detect_hidden(evidence: Evidence) -> Finding:
    """Return the derivative that a feature hidden in the noise might have.

    An estimate that stands out of its uncertainty hides nothing, unless ``func`` shows nothing of
    it over the width of such a feature. In few digits it may always hide a feature as wide as x0:
    there are few steps to look at.
    """
    limits, samples, best = thresholds(), evidence.samples, evidence.best
    sigma, length = samples.sigma_of(), samples.smoothness_length
    seen = np.abs(best.value) > limits.stands_out * best.uncertainty
    seen &= np.abs(best.value) * length > limits.stands_out * sigma
    at_least = np.zeros_like(length)
    if has_few_digits(samples.epsilon):
        at_least = limits.coverage * sigma / np.fmin(samples.scale, length)
    slope = np.where(seen, at_least, limits.narrowest_feature * limits.coverage * sigma / length)
    return Finding.of(Kind.HIDDEN, slope > 0, undetectable_slope=slope)
