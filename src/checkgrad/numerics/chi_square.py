"""Quantiles of the chi-square distribution: how small a sum of squares may be by chance."""

from __future__ import annotations

import math

_HALVINGS = 200  # of the interval that holds a quantile: more than a float64 has digits
_MOST_TERMS = 10_000  # of the series, which needs about sqrt(degrees) of them


def chi_square_quantile(probability: float, degrees: int) -> float:
    """Return the number below which a chi-square variable lies with some probability.

    The variable is the sum of `degrees` squares of independent standard normal numbers.

    Parameters
    ----------
    probability : float
        Between 0 and 1, both excluded.
    degrees : int
        At least 1.

    Examples
    --------
    >>> round(chi_square_quantile(0.05, 10), 3), round(chi_square_quantile(0.95, 1), 3)
    (3.94, 3.841)
    """
    low, high = 0.0, float(degrees)
    while chi_square_probability(high, degrees) < probability:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        below = chi_square_probability(middle, degrees) < probability
        low, high = (middle, high) if below else (low, middle)
    return high


def chi_square_probability(value: float, degrees: int) -> float:
    """Return the probability that a chi-square variable lies below a value.

    It is the regularized lower incomplete gamma function ``P(degrees / 2, value / 2)``, by its
    series [1]_.

    Parameters
    ----------
    value : float
        Not negative.
    degrees : int
        As in `chi_square_quantile`.

    References
    ----------
    .. [1] Abramowitz, M., Stegun, I. A., "Handbook of Mathematical Functions", 1964, formulas
       6.5.29 and 26.4.19.

    Examples
    --------
    >>> round(chi_square_probability(3.94, 10), 3)
    0.05
    """
    if value <= 0:
        return 0.0
    shape, half = degrees / 2, value / 2
    term = total = 1 / shape
    for k in range(1, _MOST_TERMS):
        term *= half / (shape + k)
        total += term
        if term < total * math.ulp(1.0):
            break
    return min(1.0, total * math.exp(shape * math.log(half) - half - math.lgamma(shape)))
