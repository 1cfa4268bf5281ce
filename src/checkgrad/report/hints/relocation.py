"""Whether the claim in one place is the right derivative of another place.

This module owns the comparison. The families `rearrangements` and `other_leaves` choose the
places.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from checkgrad.report.hints.mismatches import Leaf, Mismatches
from checkgrad.report.hints.thresholds import THRESHOLDS

NOWHERE = -1  # the origin of an entry of which a slip predicts nothing


def count_relocated(
    mismatches: Mismatches, leaf: Leaf, origin: npt.NDArray[np.intp], slack: float
) -> int:
    """Return how many wrong entries show that the claim in `leaf` is the estimate at `origin`.

    Parameters
    ----------
    mismatches : Mismatches
        Claims and estimates.
    leaf : Leaf
        The leaf whose claim is compared.
    origin : array of int, shape (leaf.size,)
        For each entry of the leaf, the entry whose estimate is the claim there, or `NOWHERE`.
    slack : float
        How far the two may differ, relative to their size.

    Returns
    -------
    int
        The number. It is zero where an entry of the leaf contradicts, or where only a minority of
        the wrong entries show it.
    """
    claim, estimate = mismatches.claim[leaf.coordinates], mismatches.estimate[leaf.coordinates]
    wrong, margin = mismatches.wrong[leaf.coordinates], mismatches.margin[leaf.coordinates]
    predicted = mismatches.estimate[origin]
    tolerance = mismatches.margin[origin] + slack * np.abs(predicted)
    has_origin = origin != NOWHERE
    is_predicted = has_origin & np.isfinite(predicted) & np.isfinite(tolerance)
    fits = np.abs(claim - predicted) <= tolerance
    if np.any(is_predicted & ~fits & np.isfinite(claim)):
        return 0
    apart = np.abs(predicted - estimate)
    shows = wrong & is_predicted & (apart > margin + THRESHOLDS.distinct * tolerance)
    number = int(np.count_nonzero(shows))
    is_most = number >= THRESHOLDS.majority * np.count_nonzero(wrong & has_origin)
    return number if is_most else 0
