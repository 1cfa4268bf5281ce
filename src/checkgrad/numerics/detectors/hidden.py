"""Hidden features: what the noise of ``func`` may hide near x0.

A feature no larger than the noise cannot be seen, however many steps are sampled. If it is not much
narrower than the length over which ``func`` is expected to be smooth, it bounds the derivative that
it may have. A ``func`` whose values are rounded hides a slope until that makes up one step of the
rounding.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.detectors.staircase import find_plateau
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.noise_model import largest_cancellation_noise
from checkgrad.numerics.samples import Floats, Samples
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import has_few_digits

# In few digits an uncertainty comes from two or three samples, and may be half of what it is.
_FEW_SAMPLES = 2.0


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
        at_least = _FEW_SAMPLES * limits.coverage * sigma / np.fmin(samples.scale, length)
    slope = np.where(seen, at_least, limits.narrowest_feature * limits.coverage * sigma / length)
    slope = np.where(seen, slope, np.fmax(slope, _slope_on_plateau(samples)))
    if has_few_digits(samples.epsilon):
        # The steps may all be on one plateau: they are as wrong as the guess.
        slope = np.where(samples.scale_is_guess & ~seen & ~evidence.has_kink, np.inf, slope)
    return Finding.of(Kind.HIDDEN, slope > 0, undetectable_slope=slope)


def _slope_on_plateau(samples: Samples) -> Floats:
    """Return the slope that rounding of the values may hide where ``func`` stands still; else 0.

    The values are rounded if their smallest change beyond the plateau is that of a unit in the last
    place, or of terms that cancel. A larger one is meant, as that of floor is. What one direction
    shows of the rounding holds for those along which ``func`` moves by no more, or never.
    """
    plateau, value = find_plateau(samples), samples.value
    unit = 2 * samples.epsilon * np.abs(value)
    most = np.fmax(unit, largest_cancellation_noise(samples.epsilon, value))
    rounds = (plateau.longest > plateau.length) & (plateau.quantum <= most)
    smallest = np.min(plateau.quantum, initial=np.inf, where=rounds & (plateau.length > 0))
    quantum = np.where(np.isinf(plateau.quantum), smallest, plateau.quantum)
    alike = np.isfinite(smallest) & (quantum <= 2 * smallest)  # a step may show on one side only
    hides = (plateau.length > 0) & (rounds | alike)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(hides, quantum / plateau.length, 0.0)


def detect_below_noise(evidence: Evidence) -> Finding:
    """Return where ``func`` changes, but nowhere by more than its noise."""
    samples = evidence.samples
    change = np.concatenate([samples.forward_values, samples.backward_values]) - samples.value
    change = np.where(np.isfinite(change), np.abs(change), 0.0).max(axis=0)
    below = (change > 0) & (change <= thresholds().stands_out * samples.sigma_of())
    return Finding.of(Kind.BELOW_NOISE, below)
