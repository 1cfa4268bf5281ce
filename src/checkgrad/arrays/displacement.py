"""How far a point that the user's function got lies from x0, coordinate by coordinate.

A report says with it where a function failed. The module moves no points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.entries import largest_of
from checkgrad.arrays.leaf_entries import entry_of
from checkgrad.arrays.point import Point
from checkgrad.backends import Array

_NAMED = 3  # coordinates that moved are named up to so many


@dataclass(frozen=True)
class Displacement:
    """Where a point differs from x0.

    Attributes
    ----------
    moved : tuple of (str, float)
        The places of the coordinates that differ, and their values; empty if they are many.
    largest : float
        The largest difference of a coordinate.
    """

    moved: tuple[tuple[str, float], ...]
    largest: float

    def in_words(self, name: str) -> str:
        """Return where the point lies; `name` is what the user calls x0.

        Examples
        --------
        >>> Displacement((("[0]", 1.5),), 0.5).in_words("x")
        'at x[0] = 1.5'
        >>> Displacement((), 0.5).in_words("x")
        'at a point 0.5 from x'
        """
        if not self.moved:
            return f"at a point {self.largest:.2g} from {name}"
        values = (f"{name}{place} = {value:.10g}" for place, value in self.moved)
        return f"at {', '.join(values)}"


def displacement_of(point: Point, x: Any) -> Displacement | None:
    """Return where `x`, of the user's structure, differs from x0; None if that cannot be told.

    Parameters
    ----------
    point : Point
        x0.
    x : Any
        A point near x0, which the user's function may have written to.
    """
    try:
        leaves = point.claim_leaves(x, name="x", said="is", tangent=True)
        farthest = largest_distance(point, leaves)
    except Exception:  # whatever a function that failed has left of its argument
        return None
    if not farthest:
        return None
    if point.is_partitioned:
        return Displacement(_moved_where_they_lie(point, leaves), farthest)
    if point.size > BLOCK:  # the numbers of all coordinates would take much memory
        return Displacement((), farthest)
    coordinates = point.on_host(leaves)
    moved = np.flatnonzero(coordinates != point.on_host(point.leaves)).tolist()
    named = moved if len(moved) <= _NAMED else []
    return Displacement(tuple((point.place(i), float(coordinates[i])) for i in named), farthest)


def largest_distance(point: Point, leaves: Sequence[Array]) -> float:
    """Return how far the coordinate lies from x0 that lies farthest."""
    xp = point.xp

    def distance(x: Array, y: Array) -> Array:
        return xp.max(xp.abs(x - y))

    return max(point.numbers(distance, point.leaves, leaves))


def _moved_where_they_lie(point: Point, leaves: Sequence[Array]) -> tuple[tuple[str, float], ...]:
    """Return the coordinates of a partitioned point that differ from x0, if they are few."""
    xp = point.xp
    moved: list[int] = []

    def distance(x: Array, y: Array) -> Array:
        return xp.abs(y - x)

    while len(moved) <= _NAMED:
        place, apart = largest_of(point, distance, [point.leaves, leaves], 0, point.size, moved)
        if place < 0 or apart == 0:
            break
        moved.append(place)
    named = sorted(moved) if len(moved) <= _NAMED else []
    places = [(i, *point.locate(i)) for i in named]
    return tuple(
        (point.place(i), entry_of(point, leaf, leaves[leaf], entry)) for i, leaf, entry in places
    )
