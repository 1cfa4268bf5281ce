"""What processes agree on that have a part of x0 each, and go through the same check.

They see the same numbers, and so do the same. Only their clocks differ.
"""

from __future__ import annotations

from collections.abc import Callable

from checkgrad.arrays.blockwise import partitions_of
from checkgrad.arrays.point import Point


def agreement(point: Point) -> Callable[[bool], bool] | None:
    """Return a function that says whether a flag holds in any process; None if there is but one.

    All processes must call it.

    Parameters
    ----------
    point : Point
        x0.
    """
    for leaf in point.leaves:
        partitions = partitions_of(point.backend, leaf)
        if partitions is not None and partitions.is_shared(leaf):
            owner = partitions
            return lambda flag: owner.any_process(flag, leaf)
    return None
