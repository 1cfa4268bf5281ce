"""Difference quotients of samples, ordered from coarse to fine steps.

This module owns central and one-sided quotients and the noise in them. `checkgrad.numerics.fit`
extrapolates them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from checkgrad.numerics.samples import Floats, Samples

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
    """

    step: Floats
    value: Floats
    sigma: Floats


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


def one_sided_quotients(samples: Samples) -> tuple[Quotients, Quotients]:
    """Return the quotients to the right and to the left of x0.

    Each has the noise of two values, where a central one has that over twice the step.
    """
    sigma = samples.sigma_of(samples.forward_values, samples.backward_values)
    spread = _SIGMA_OF_DIFFERENCE * sigma
    right, left = one_sided_slopes(samples)
    return ordered(samples.forward, right, spread), ordered(samples.backward, left, spread)


def ordered(step: Floats, value: Floats, sigma: Floats) -> Quotients:
    """Return quotients from coarse to fine steps, with those that are not finite last."""
    valid = np.isfinite(value) & np.isfinite(step)
    order = np.argsort(np.where(valid, -step, np.inf), axis=0, kind="stable")
    step, value, sigma = (
        np.take_along_axis(np.where(valid, part, np.nan), order, axis=0)
        for part in (step, value, sigma)
    )
    return Quotients(step, value, sigma)
