"""Difference quotients of samples, ordered from coarse to fine steps.

This module owns central and one-sided quotients and the noise in them. `checkgrad.numerics.fit`
extrapolates them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from checkgrad.numerics.samples import Floats, Samples
from checkgrad.numerics.thresholds import thresholds

# The median of absolute values of a normal number of deviation s is s / 1.4826. That of the
# difference of two such numbers is 0.95 s; the smaller of two medians is smaller still.
_SIGMA_PER_MEDIAN = 1.4826
# The difference of two values has sqrt(2) times the noise of one.
_SIGMA_OF_DIFFERENCE = math.sqrt(2)


@dataclass(frozen=True)
class Quotients:
    """Difference quotients, coarse to fine, valid ones first; NaN after them.

    Attributes
    ----------
    step, value : array, shape (steps, directions)
        The length of each step, and the quotient.
    sigma : array, shape (steps, directions)
        The standard deviation of the noise in quotient times step.
    shared : array, shape (directions,)
        The same of the error that all quotients of a direction have in common.
    """

    step: Floats
    value: Floats
    sigma: Floats
    shared: Floats


def central_quotients(samples: Samples) -> Quotients:
    """Return central differences.

    Where rounding makes the two steps unequal, the curvature is taken out with ``func(x0)``
    (three points, second order for unequal spacing: B. Fornberg, Math. Comp. 51, 1988).
    """
    span = samples.forward + samples.backward
    quotient = (samples.forward_values - samples.backward_values) / span
    uneven = (samples.backward - samples.forward) / span
    right, left = one_sided_slopes(samples)
    value = np.where(uneven == 0, quotient, quotient + (right - left) * uneven)
    sigma = samples.sigma_of(samples.forward_values, samples.backward_values)
    return ordered(span / 2, value, sigma)


def one_sided_slopes(samples: Samples) -> tuple[Floats, Floats]:
    """Return the slopes to the right and to the left of x0, at every step."""
    right = (samples.forward_values - samples.value) / samples.forward
    left = (samples.value - samples.backward_values) / samples.backward
    return right, left


def one_sided_quotients(
    samples: Samples, least_sigma: Floats | float = 0.0
) -> tuple[Quotients, Quotients]:
    """Return the quotients to the right and to the left of x0.

    Each has the noise of two values, where a central one has that over twice the step. The noise
    of ``func(x0)`` is in all of them.

    Parameters
    ----------
    samples : Samples
        The samples.
    least_sigma : float or array of shape (directions,)
        The noise is at least this large.
    """
    sigma = samples.sigma_of(samples.forward_values, samples.backward_values)
    spread = _SIGMA_OF_DIFFERENCE * np.fmax(sigma, least_sigma)
    shared = np.fmax(samples.sigma_of(), least_sigma)
    right, left = one_sided_slopes(samples)
    return (
        ordered(samples.forward, right, spread, shared),
        ordered(samples.backward, left, spread, shared),
    )


def ordered(step: Floats, value: Floats, sigma: Floats, shared: Floats | float = 0.0) -> Quotients:
    """Return quotients from coarse to fine steps, with those that are not finite last."""
    valid = np.isfinite(value) & np.isfinite(step)
    order = np.argsort(np.where(valid, -step, np.inf), axis=0, kind="stable")
    step, value, sigma = (
        np.take_along_axis(np.where(valid, part, np.nan), order, axis=0)
        for part in (step, value, sigma)
    )
    return Quotients(step, value, sigma, np.broadcast_to(np.asarray(shared, float), step.shape[1:]))


def with_shown_noise(quotients: Quotients) -> Quotients:
    """Return the quotients with at least the noise that the scatter of the finest ones shows.

    Noise was measured at one place and scale. At the finest steps, noise is all that differs from
    step to step.
    """
    limits = thresholds()
    count = np.isfinite(quotients.value).sum(axis=0)
    if np.max(count, initial=0) < limits.many_steps:
        return quotients
    scatter = np.abs(np.diff(quotients.value, axis=0)) * quotients.step[1:]
    finest = np.maximum(count - 1 - np.arange(1, limits.finest_steps + 1)[:, None], 0)
    scatter = np.take_along_axis(scatter, finest, axis=0)  # the finest first
    few = limits.scatter_finest_steps
    shown = np.fmin(np.median(scatter[:few], axis=0), np.median(scatter, axis=0))
    # Truncation falls like h**3 from step to step; noise does not fall.
    truncation = np.all(scatter[1:few] > limits.noise_stays * scatter[: few - 1], axis=0)
    shown = _SIGMA_PER_MEDIAN * np.where(truncation, scatter[0] / _SIGMA_PER_MEDIAN, shown)
    shown = np.where(count >= limits.many_steps, shown, 0.0)
    return replace(quotients, sigma=np.fmax(quotients.sigma, shown))
