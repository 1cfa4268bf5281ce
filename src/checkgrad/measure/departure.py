"""Where ``func`` departs from a slope that it has at short steps: by a jump, or smoothly.

This module owns the search for the step. The caller says what ``func`` does at one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

_HALVINGS = 8  # of the distance between two steps: even what is 50 times as steep is no jump then
_PART = 0.5  # of what is allowed: less than that changes over so short a distance, but at a jump


def departs_by_jump(
    off: Callable[[float], float],
    allowed: Callable[[float], float],
    powers: tuple[int, int],
    largest: float = math.inf,
) -> bool:
    """Return whether ``func`` jumps where it departs from a slope.

    Parameters
    ----------
    off : callable
        By how much ``func`` is off the slope, at a step.
    allowed : callable
        By how much it may be off at a step and still follow the slope.
    powers : tuple of int
        log2 of a step at which it follows the slope, and of one at which it does not.
    largest : float
        The size of the largest jump that counts: that of ``func``, where a factor may round.

    Returns
    -------
    bool
        Whether it jumps. False, too, where it does not follow the slope at the first step.

    Examples
    --------
    >>> allowed = lambda step: 0.2 * step
    >>> departs_by_jump(lambda step: 0.1 if step > 0.03 else 0.0, allowed, (-20, -2))
    True
    >>> departs_by_jump(lambda step: step - 0.03 if step > 0.03 else 0.0, allowed, (-20, -2))
    False
    """
    low, high = powers
    if abs(off(2.0**low)) > allowed(2.0**low):
        return False
    while high - low > 1:
        middle = (low + high) // 2
        follows = abs(off(2.0**middle)) <= allowed(2.0**middle)
        low, high = (middle, high) if follows else (low, middle)
    shorter, longer = 2.0**low, 2.0**high
    before, after = off(shorter), off(longer)
    for _ in range(_HALVINGS):
        step = (shorter + longer) / 2
        here = off(step)
        if abs(here) <= allowed(step):
            shorter, before = step, here
        else:
            longer, after = step, here
    return bool(_PART * allowed(longer) < abs(after - before) <= largest)
