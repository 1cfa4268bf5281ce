"""How far a point that the user's function got lies from x0, coordinate by coordinate.

A report says with it where a function failed. The module moves no points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from checkgrad.arrays.entries import entry_of, largest_of
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
        if point.is_partitioned:
            return _where_it_lies(point, leaves)
        coordinates = point.on_host(leaves)
    except Exception:  # whatever a function that failed has left of its argument
        return None
    apart = np.abs(coordinates - point.on_host(point.leaves))
    moved = np.flatnonzero(apart)
    if not moved.size:
        return None
    named = moved.tolist() if moved.size <= _NAMED else []
    places = tuple((point.place(i), float(coordinates[i])) for i in named)
    return Displacement(places, float(np.max(apart)))


def _where_it_lies(point: Point, leaves: Sequence[Array]) -> Displacement | None:
    """Return what `displacement_of` does, of a partitioned point: only numbers are read."""
    xp, largest = point.xp, 0.0
    moved: list[int] = []

    def distance(x: Array, y: Array) -> Array:
        return xp.abs(y - x)

    for _ in range(_NAMED + 1):
        place, apart = largest_of(point, distance, [point.leaves, leaves], 0, point.size, moved)
        if place < 0 or apart == 0:
            break
        largest = max(largest, apart)
        moved.append(place)
    if not moved:
        return None
    named = sorted(moved) if len(moved) <= _NAMED else []
    places = tuple((point.place(i), entry_of(point, leaves, i)) for i in named)
    return Displacement(places, largest)
