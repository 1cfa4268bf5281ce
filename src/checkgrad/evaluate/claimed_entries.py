"""What a claim says of single coordinates, and how large x0 is there: on the host or where it lies.

A search along tangents asks for few of the coordinates. Where x0 is large or laid out over devices,
the others are not copied to the host.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np

from checkgrad.arrays.entries import Entries, come_one_by_one, largest_of, typical_size
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array
from checkgrad.evaluate.directions import ClaimedGradient
from checkgrad.evaluate.known_values import Places


class ClaimedEntries(Protocol):
    """The claimed gradient of one output, x0, and the sizes of its coordinates, entry by entry.

    The weight of a coordinate is what the claim says of its size, in magnitude.
    """

    def claims(self, chosen: Places) -> Floats:
        """Return the claimed entries."""

    def claims_of(self, gradient: ClaimedGradient, chosen: Places) -> Floats:
        """Return the entries of another claimed gradient."""

    def sizes(self, chosen: Places) -> Floats:
        """Return the sizes of some coordinates."""

    def x0(self, chosen: Places) -> Floats:
        """Return the entries of x0."""

    def median_size(self) -> float:
        """Return the median of all sizes, or about that."""

    def weight(self, coordinate: int) -> float:
        """Return the weight of a coordinate."""

    def heaviest(self, start: int, stop: int, excluded: Collection[int]) -> int:
        """Return the coordinate of the largest weight in a range, without those excluded."""

    def largest_claim(self) -> int:
        """Return the coordinate whose claimed entry is the largest in magnitude."""


def claimed_entries(
    point: Point, gradient: ClaimedGradient, sizes: Sequence[Array]
) -> ClaimedEntries:
    """Return the entries of a claimed gradient.

    Parameters
    ----------
    point : Point
        x0.
    gradient : ClaimedGradient
        The claimed gradient of one output.
    sizes : sequence of array
        The size of every coordinate.
    """
    if come_one_by_one(point) and gradient.leaves is not None:
        return _WhereTheyLie(point, gradient.leaves, sizes)
    return _OnHost(point, gradient, sizes)


class _OnHost:
    def __init__(self, point: Point, gradient: ClaimedGradient, sizes: Sequence[Array]) -> None:
        self._sizes = point.on_host(sizes)
        self._x0 = point.on_host(point.leaves)
        self._claim = gradient.coordinates()
        with np.errstate(all="ignore"):
            weights = np.abs(self._claim) * self._sizes
        self._weights: Floats = np.where(np.isfinite(weights), weights, 0.0)

    def claims(self, chosen: Places) -> Floats:
        found: Floats = self._claim[chosen]
        return found

    def claims_of(self, gradient: ClaimedGradient, chosen: Places) -> Floats:
        return gradient.coordinates()[chosen]

    def sizes(self, chosen: Places) -> Floats:
        return self._sizes[chosen]

    def x0(self, chosen: Places) -> Floats:
        return self._x0[chosen]

    def median_size(self) -> float:
        return float(np.median(self._sizes))

    def weight(self, coordinate: int) -> float:
        return float(self._weights[coordinate])

    def heaviest(self, start: int, stop: int, excluded: Collection[int]) -> int:
        weights = self._weights[start:stop].copy()
        for each in excluded:
            if start <= each < stop:
                weights[each - start] = -1.0
        return start + int(np.argmax(weights))

    def largest_claim(self) -> int:
        return int(np.argmax(np.where(np.isfinite(self._claim), np.abs(self._claim), 0.0)))


class _WhereTheyLie:
    def __init__(self, point: Point, claim: Sequence[Array], sizes: Sequence[Array]) -> None:
        self._point = point
        self._claim_leaves, self._size_leaves = claim, sizes
        self._claims, self._sizes = Entries(point, claim), Entries(point, sizes)
        self._x0 = Entries(point, point.leaves)

    def claims(self, chosen: Places) -> Floats:
        return self._claims[chosen]

    def claims_of(self, gradient: ClaimedGradient, chosen: Places) -> Floats:
        if gradient.leaves is None:
            return gradient.coordinates()[chosen]
        return Entries(self._point, gradient.leaves)[chosen]

    def sizes(self, chosen: Places) -> Floats:
        return self._sizes[chosen]

    def x0(self, chosen: Places) -> Floats:
        return self._x0[chosen]

    def median_size(self) -> float:
        return typical_size(self._point, self._size_leaves)

    def weight(self, coordinate: int) -> float:
        chosen = np.asarray([coordinate])
        with np.errstate(all="ignore"):
            weight = float(abs(self._claims[chosen] * self._sizes[chosen])[0])
        return weight if math.isfinite(weight) else 0.0

    def heaviest(self, start: int, stop: int, excluded: Collection[int]) -> int:
        xp, parts = self._point.xp, [self._claim_leaves, self._size_leaves]

        def weights(claim: Array, size: Array) -> Array:
            with np.errstate(all="ignore"):  # a claim may not be finite
                found = xp.abs(claim) * size
            return xp.where(xp.isfinite(found), found, xp.zeros_like(found))

        return max(largest_of(self._point, weights, parts, start, stop, excluded)[0], start)

    def largest_claim(self) -> int:
        xp, point = self._point.xp, self._point

        def size(claim: Array) -> Array:
            return xp.where(xp.isfinite(claim), xp.abs(claim), xp.zeros_like(claim))

        return largest_of(point, size, [self._claim_leaves], 0, point.size, ())[0]
