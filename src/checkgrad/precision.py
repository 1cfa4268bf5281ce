"""Machine epsilons, digits, and the default `rtol`.

This module owns the numbers that follow from a floating dtype. It knows no array library.
"""

from __future__ import annotations

import math

DOUBLE = 2.0**-52  # the machine epsilon of float64
SINGLE = 2.0**-23  # ... of float32
HALF = 2.0**-10  # ... of float16
BRAIN = 2.0**-7  # ... of bfloat16

# The default `rtol`, by the coarsest machine epsilon of x0, func and claim.
DEFAULT_RTOL = ((DOUBLE, 1e-5), (SINGLE, 1e-3), (HALF, 5e-2), (BRAIN, 2e-1))


def has_few_digits(epsilon: float) -> bool:
    """Return whether a dtype is a half precision, in which sums agree by accident.

    Examples
    --------
    >>> has_few_digits(HALF), has_few_digits(SINGLE)
    (True, False)
    """
    return epsilon >= HALF


def digits_of(epsilon: float) -> int:
    """Return the number of binary digits of a dtype: 53 for float64, 24 for float32.

    Parameters
    ----------
    epsilon : float
        The machine epsilon of the dtype.

    Examples
    --------
    >>> digits_of(SINGLE)
    24
    """
    return 1 - round(math.log2(epsilon))


def default_rtol(epsilon: float) -> float:
    """Return the smallest relative error that must not get past, for a dtype.

    Parameters
    ----------
    epsilon : float
        The coarsest machine epsilon of x0, func and claim.

    Examples
    --------
    >>> default_rtol(DOUBLE), default_rtol(2.0**-30)
    (1e-05, 0.001)
    """
    for coarsest, rtol in DEFAULT_RTOL:
        if epsilon <= coarsest:
            return rtol
    return DEFAULT_RTOL[-1][1]
