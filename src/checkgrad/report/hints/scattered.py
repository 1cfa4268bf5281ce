"""Claims that are off by a little in most entries, without a pattern."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.thresholds import THRESHOLDS

_SMALL = 1e-2  # relative errors; three numbers are all as near as this by luck once in 4000 times


def scattered_errors(mismatches: Mismatches) -> Iterator[str]:
    """Yield a hint on errors that no slip of the pen makes, if they are small and all over."""
    wrong = mismatches.wrong
    number = int(np.count_nonzero(wrong))
    if number < max(THRESHOLDS.few, THRESHOLDS.majority * wrong.size):
        return
    claim, estimate = mismatches.claim[wrong], mismatches.estimate[wrong]
    relative = np.abs(claim - estimate) / np.maximum(np.abs(claim), np.abs(estimate))
    worst = float(np.max(relative))
    if not worst <= _SMALL:
        return
    rtol = 10.0 ** math.ceil(math.log10(worst))
    yield (
        f"claim is off by at most {worst:.1g} of its size at {number} of {wrong.size} places, "
        "without a pattern: an iteration, in func or in the claim, that stops early? Tighten its "
        f"tolerance, or pass rtol={rtol:.0e}"
    )
