"""Whether a claim is linear, and whether ``func`` is differentiable where it looks smooth.

Claims of the forms jvp and vjp are looked at along a random tangent or cotangent too. What the axes
show is not put in doubt by what differences make of a sum of outputs, or of a tangent.
"""

from __future__ import annotations

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.evaluate.outputs import Outputs
from checkgrad.numerics.thresholds import thresholds


def terms_of_sum(claims: dict[int, Floats], outputs: Outputs, output: int) -> Floats | None:
    """Return what the claims say of a sum of entries, entry by entry; None if some are not known.

    Parameters
    ----------
    claims : dict of int to array, shape (coordinates,)
        The claimed gradients, by output.
    outputs : Outputs
        The outputs.
    output : int
        Which of them is the sum.
    """
    entries = len(outputs.entries)
    if not all(each in claims for each in range(entries)):
        return None
    weights = outputs.weights[output - entries][outputs.entries][:, None]
    terms: Floats = weights * np.stack([claims[each] for each in range(entries)])
    return terms


def is_sum_of(claim: Floats, terms: Floats, rtol: float, epsilon: float) -> bool:
    """Return whether a claim is the sum of its terms, to within rounding errors.

    Parameters
    ----------
    claim : array, shape (directions,)
        What the claim says of sums.
    terms : array, shape (terms,) or (terms, directions)
        What it says of their terms.
    rtol : float
        The smallest relative error that must not get past.
    epsilon : float
        The machine epsilon that claim and func compute with.

    Examples
    --------
    >>> is_sum_of(np.array([3.0]), np.array([1.0, 2.0]), 1e-5, 2.0**-52)
    True
    """
    if not np.all(np.isfinite(terms)):
        return False
    axis = -1 if terms.ndim == 1 else 0
    off = np.abs(claim - np.sum(terms, axis=axis))
    size = np.sum(np.abs(terms), axis=axis)
    slack = max(rtol, thresholds().coefficient_epsilons * epsilon)
    return bool(np.all(off <= slack * np.max(size, initial=0.0)))
