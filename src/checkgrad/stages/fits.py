"""What fits residuals along tangents best: one wrong entry of a claim, or a factor of a part of it.

`checkgrad.stages.search` decides which of them is tried.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np

from checkgrad.arrays.arithmetic import norm_in_range
from checkgrad.evaluate.tangent_parts import TangentParts
from checkgrad.stages.ranges import Range, Rows


class BestEntry(NamedTuple):
    """The entry that fits best; -1 if there is none."""

    coordinate: int
    squared_cosine: float


class BestFactor(NamedTuple):
    """The range whose claim fits best, and the relative error that it has there."""

    squared_cosine: float
    error: float
    start: int
    stop: int
    candidates: int  # how many ranges were compared


def best_entry(
    parts: TangentParts, here: Range, left: Rows, excluded: Collection[int]
) -> BestEntry:
    """Return the entry of a range that fits best.

    Parameters
    ----------
    parts : TangentParts
        The tangents.
    here : Range
        Where to look.
    left : dict of int to float
        The residuals that are to be explained, by tangent.
    excluded : collection of int
        Coordinates that are left out.
    """
    if len(left) < 2:  # any entry fits one residual
        return BestEntry(-1, 0.0)
    residuals = np.asarray(list(left.values()))
    return BestEntry(*parts.best_match(list(left), residuals, here.start, here.stop, excluded))


def best_factor(
    parts: TangentParts, leaves: Iterable[tuple[int, int]], here: Range, left: Rows
) -> BestFactor:
    """Return the factor that fits best, of the claim in all of a range or in one leaf.

    Parameters
    ----------
    parts, here, left
        As in `best_entry`.
    leaves : iterable of (int, int)
        The parts of the range that are in different leaves.
    """
    ranges = list(dict.fromkeys([(here.start, here.stop), *leaves]))
    residuals, best = np.asarray(list(left.values())), BestFactor(0.0, 0.0, 0, 0, len(ranges))
    length = norm_in_range(residuals)
    for start, stop in ranges:
        claims = np.asarray([parts.claimed(j, start, stop) for j in left])
        size = norm_in_range(claims)
        if 0 < size < math.inf and math.isfinite(length):
            cosine = float(residuals / length @ (claims / size))
            error = cosine * (length / size)
            best = max(best, BestFactor(cosine**2, error, start, stop, len(ranges)))
    return best
