"""The noise of one evaluation of ``func``, from values at equally spaced points.

This module owns the arithmetic. `checkgrad.measure.noise` chooses the points and evaluates them.
"""

from __future__ import annotations

import math

import numpy as np

from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import DOUBLE, HALF

# The variance of third differences of independent errors of variance 1: 1 + 9 + 9 + 1 = 6! / 3!**2
# (J. Moré, S. Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33, 2011, eq. 3.3).
_THIRD_DIFFERENCES = math.factorial(6) / math.factorial(3) ** 2
_ORDER = 3


def noise_along_line(values: Floats) -> float:
    """Return the noise of ``func``, as a standard deviation, from equally spaced points.

    Third differences remove whatever is smooth. Those of independent errors of deviation s have
    the variance ``s**2 * 6! / 3!**2`` (Moré and Wild, 2011). Values that are not finite are left
    out.

    Examples
    --------
    >>> noise_along_line(np.array([0.0, 1.0, 4.0, 9.0, 16.0]))
    0.0
    """
    with np.errstate(invalid="ignore"):
        third = np.diff(values, 3)
    third = third[np.isfinite(third)]
    if third.size == 0:
        return 0.0
    largest = float(np.max(np.abs(third)))
    if largest == 0:
        return 0.0
    return largest * math.sqrt(float(np.mean((third / largest) ** 2)) / _THIRD_DIFFERENCES)


def noise_along_lines(line: Floats) -> Floats:
    """Return the same for several outputs: those of shape (points, outputs)."""
    return np.asarray([noise_along_line(column) for column in line.T])


def noise_within_domain(line: Floats) -> Floats:
    """Return the same; 0 where outputs leave their domain, near which nothing is smooth."""
    return np.where(np.all(np.isfinite(line), axis=0), noise_along_lines(line), 0.0)


def noise_without_jump(values: Floats, at: int) -> float:
    """Return the noise of one output, without a jump next to the value at index `at`.

    Examples
    --------
    >>> noise_without_jump(np.array([0.0, 1.0, 4.0, 109.0, 116.0]), 3)
    0.0
    """
    found = []
    with np.errstate(invalid="ignore"):
        changes = np.diff(values)
        both = np.arange(max(at - 1, 0), min(at + 1, changes.size))
        for gaps in (both, both[:1], both[-1:]):
            neighbours = [changes[k] for k in (gaps[0] - 1, gaps[-1] + 1) if 0 <= k < changes.size]
            without = changes.copy()
            without[gaps] = np.mean(neighbours)
            found.append(noise_along_line(np.concatenate([[0.0], np.cumsum(without)])))
    return min(found)


def noise_on_each_side(values: Floats, at: int) -> float:
    """Return the noise of one output from third differences on one side of index `at` each.

    Examples
    --------
    >>> noise_on_each_side(np.array([3.0, 2.0, 1.0, 0.0, 1.0, 2.0, 3.0]), 3)
    0.0
    """
    sides = [values[: at + 1], values[at:]]
    found = [(side.size - _ORDER, noise_along_line(side)) for side in sides if side.size > _ORDER]
    count = sum(size for size, _ in found)
    return math.hypot(*(math.sqrt(size / count) * noise for size, noise in found))


def quantum_of(values: Floats) -> float:
    """Return the largest power of two that all values are multiples of; 0 if all are 0.

    What is left where large terms cancel is a multiple of a unit in the last place of the terms.

    Examples
    --------
    >>> quantum_of(np.array([0.75, -1.5, 0.0]))
    0.25
    """
    digits = -int(math.log2(DOUBLE)) + 1
    mantissa, power = np.frexp(values[np.isfinite(values) & (values != 0)])
    if not mantissa.size:
        return 0.0
    whole = np.ldexp(mantissa, digits).astype(np.int64)
    lowest = (whole & -whole).astype(float)
    return float(np.min(np.ldexp(lowest, power - digits)))


def quanta_of(line: Floats) -> Floats:
    """Return the same for several outputs: those of shape (points, outputs)."""
    return np.asarray([quantum_of(column) for column in line.T])


def largest_cancellation_noise(epsilon: Floats | float, value: Floats | float) -> Floats:
    """Return the largest noise that terms may leave in a `value` by cancelling.

    In few digits it is 0: a ``func`` that is meant to change in steps looks the same there.

    Parameters
    ----------
    epsilon : float or array
        The machine epsilon that ``func`` computes with.
    value : float or array
        ``func(x0)``.

    Examples
    --------
    >>> float(largest_cancellation_noise(2.0**-24, 1.0)) * 64
    1.0
    """
    most = epsilon ** (1 - thresholds().cancelled_digits) * np.abs(value)
    return np.where(np.asarray(epsilon) < HALF, most, 0.0)
