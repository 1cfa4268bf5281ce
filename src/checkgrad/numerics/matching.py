"""Whether numbers that agree with one of many candidates do so by chance.

Residuals along a few random tangents are proportional to one entry of the tangents if nothing but
that entry of a claim is wrong. This module says how likely it is that an entry that has nothing to
do with them fits as well.
"""

from __future__ import annotations

import math

# Numbers of finite precision never fit exactly: this much of a squared cosine is rounding.
_ROUNDING = 2.0**-40
_FAR_BETTER = 2.0  # how much less of the residuals such a fit leaves, squared


def chance_of_match(squared_cosine: float, count: int, candidates: int) -> float:
    """Return about how many of the candidates fit as well by chance.

    The direction of a vector of independent normal numbers is uniform on a sphere. With `count`
    numbers, the squared sine of its angle to a given line has the distribution
    ``Beta((count - 1) / 2, 1 / 2)``. The incomplete beta function is bounded from above by its
    integrand.

    Parameters
    ----------
    squared_cosine : float
        Of the angle between the residuals and the entries of the best candidate.
    count : int
        How many residuals there are.
    candidates : int
        How many candidates there are.

    Examples
    --------
    >>> chance_of_match(0.999, 10, 10**6) < 1e-6 < chance_of_match(0.8, 10, 10**6)
    True
    """
    if count < 2:
        return float(candidates)
    squared_sine = min(max(1 - squared_cosine, _ROUNDING), 1.0)
    if squared_sine == 1:
        return float(candidates)
    half = (count - 1) / 2
    beta = math.exp(math.lgamma(half) + math.lgamma(0.5) - math.lgamma(half + 0.5))
    below: float = squared_sine**half / (half * beta) / math.sqrt(1 - squared_sine)
    return candidates * min(below, 1.0)


def fits_far_better(squared_cosine: float, other: float) -> bool:
    """Return whether a candidate leaves far less of the residuals than another one.

    Parameters
    ----------
    squared_cosine, other : float
        As in `chance_of_match`, of the two.

    Examples
    --------
    >>> fits_far_better(0.9999, 0.98), fits_far_better(1.0, 1 - 1e-15)
    (True, False)
    """
    left, left_by_other = (max(1 - each, _ROUNDING) for each in (squared_cosine, other))
    return _FAR_BETTER * left < left_by_other


def residuals_needed(relative_noise: float, candidates: int, chance: float) -> int:
    """Return how many residuals it takes to tell the right candidate from the others.

    Parameters
    ----------
    relative_noise : float
        The error of the residuals, relative to their size.
    candidates : int
        How many candidates there are.
    chance : float
        How many of the others may fit as well by chance.

    Examples
    --------
    >>> residuals_needed(1e-3, 10**6, 1e-2), residuals_needed(0.1, 10**6, 1e-2)
    (4, 9)
    """
    count = 2
    squared_sine = min(relative_noise**2, 0.5)
    while count < candidates + 2 and chance_of_match(1 - squared_sine, count, candidates) > chance:
        count += 1
    return count
