"""Hidden features: what the noise of ``func`` may hide near x0.

A feature no larger than the noise cannot be seen, however many steps are sampled. If it is not much
narrower than the length over which ``func`` is expected to be smooth, it bounds the derivative that
it may have.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.samples import Flags, Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import BRAIN, has_few_digits


def detect_hidden(evidence: Evidence) -> Finding:
    """Return the derivative that a feature hidden in the noise might have."""
    samples, best = evidence.samples, evidence.best
    stands_out = np.abs(best.value) > thresholds().stands_out * best.uncertainty
    few = has_few_digits(samples.epsilon)
    slope = _in_few_digits(evidence, stands_out) if few else _in_many_digits(evidence, stands_out)
    return Finding.of(Kind.HIDDEN, slope > 0, undetectable_slope=slope)


def _in_many_digits(evidence: Evidence, stands_out: Flags) -> Floats:
    """Return the hidden slope where the steps cover many powers of two.

    An estimate that stands out of its uncertainty hides nothing, unless ``func`` shows nothing of
    it over the width of such a feature. Along a coordinate that is much smaller than the others, a
    feature may be as narrow as that coordinate, as that of x * log(x) is.
    """
    limits, samples = thresholds(), evidence.samples
    sigma, length = samples.sigma_of(), samples.smoothness_length
    seen = stands_out & (np.abs(evidence.best.value) * length > limits.stands_out * sigma)
    hidden = np.where(seen, 0.0, limits.narrowest_feature * limits.coverage * sigma / length)
    small = (samples.scale <= length / limits.small_coordinate) & ~samples.scale_is_guess
    own = limits.coverage * sigma / samples.scale
    return np.where(small, np.fmax(hidden, own), hidden)


def _in_few_digits(evidence: Evidence, stands_out: Flags) -> Floats:
    """Return the hidden slope in half precision, which leaves few steps to look at."""
    limits, samples = thresholds(), evidence.samples
    shown = evidence.central_noisy.sigma
    shown = np.where(np.isfinite(shown), shown, np.inf).min(axis=0)
    sigma = samples.sigma_of()
    sigma = np.where(np.isfinite(shown), np.fmax(sigma, shown), sigma)
    hidden = limits.coverage * sigma / np.fmin(samples.scale, samples.smoothness_length)
    hidden = np.where(stands_out, 1.0, max(1.0, BRAIN / samples.epsilon)) * hidden
    guessed = samples.scale_is_guess & ~stands_out & ~evidence.has_kink
    return np.where(guessed, np.inf, hidden)


def detect_below_noise(evidence: Evidence) -> Finding:
    """Return where ``func`` changes, but nowhere by more than its noise."""
    samples = evidence.samples
    change = np.concatenate([samples.forward_values, samples.backward_values]) - samples.value
    change = np.where(np.isfinite(change), np.abs(change), 0.0).max(axis=0)
    below = (change > 0) & (change <= thresholds().stands_out * samples.sigma_of())
    return Finding.of(Kind.BELOW_NOISE, below)
