"""When some entries have something in common: by a shared number, or as most of an array.

This module owns the two rules that several families share. It does not know claims or estimates.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.samples import Floats
from checkgrad.report.hints.thresholds import THRESHOLDS


def shared_value(values: Floats, tolerance: Floats) -> float:
    """Return the number that most of `values` agree on, each to within its tolerance.

    Values with a large tolerance agree with many numbers. So only the better half of the values
    may propose a number. The result is the mean of the values that agree, weighted by the inverse
    squares of their tolerances.
    """
    order = np.argsort(values)
    ranked = values[order]
    leading = np.flatnonzero(tolerance <= np.median(tolerance))
    reach = tolerance[leading]
    low = np.searchsorted(ranked, values[leading] - reach, side="left")
    high = np.searchsorted(ranked, values[leading] + reach, side="right")
    best = int(np.argmax(high - low))
    members = order[low[best] : high[best]]
    sharpest = np.min(tolerance[members])
    weight = (sharpest / tolerance[members]) ** 2 if sharpest > 0 else np.ones(members.size)
    centre = values[leading[best]]
    return float(centre + np.sum(weight * (values[members] - centre)) / np.sum(weight))


def represents(number: int, size: int) -> bool:
    """Return whether `number` wrong entries can stand for an array of `size` entries.

    The other entries of the array fit the slip too, but they are too small or too uncertain to
    show it.
    """
    return number >= THRESHOLDS.few or number >= THRESHOLDS.majority * size
