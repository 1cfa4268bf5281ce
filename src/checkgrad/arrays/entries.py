"""Single entries of arrays like x0: read, searched, and left out, without the others.

Where the library lays arrays out over devices, this goes on where they lie: only single numbers
come to the host. This module reads no claim and judges nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.blockwise import deferred, partitions_of
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array

Leaves = Sequence[Array]
_EXCLUDED = 8  # code is compiled for each multiple of so many excluded coordinates
_HALVINGS = 12  # of the range of exponents of float64, of which there are 2**11


def entry_of(point: Point, leaves: Leaves, coordinate: int) -> float:
    """Return the entry at a coordinate of arrays like x0."""
    xp, backend = point.xp, point.backend
    leaf, entry = point.locate(coordinate)
    partitions = partitions_of(backend, leaves[leaf])
    if partitions is None:
        return float(xp.reshape(point.whole(leaves[leaf]), (-1,))[entry])
    positions, place = partitions.positions, float(entry)
    return float(
        partitions.reduced(
            lambda x: xp.sum(xp.where(positions(x) == place, x, xp.zeros_like(x))), leaves[leaf]
        )
    )


class Entries:
    """Entries of arrays like x0, which can be asked for as those of an array on the host.

    Parameters
    ----------
    point : Point
        x0.
    leaves : sequence of array
        The arrays.
    """

    def __init__(self, point: Point, leaves: Leaves) -> None:
        self._point = point
        self._leaves = leaves
        self._known: dict[int, float] = {}

    @property
    def size(self) -> int:
        """How many there are."""
        return self._point.size

    def __getitem__(self, coordinates: npt.NDArray[np.intp] | int) -> Floats:
        """Return the entries at some coordinates."""
        asked = np.asarray(coordinates)
        for each in np.unique(asked).tolist():
            if each not in self._known:
                self._known[each] = entry_of(self._point, self._leaves, each)
        found = [self._known[each] for each in asked.reshape(-1).tolist()]
        return np.asarray(found, dtype=np.float64).reshape(asked.shape)


def coordinates_of(point: Point, leaves: Leaves, single: bool) -> Floats | Entries:
    """Return all entries of arrays like x0, on the host.

    If `single` ones are to be asked for, and x0 is partitioned, they come one by one.
    """
    return Entries(point, leaves) if single and point.is_partitioned else point.on_host(leaves)


def largest_of(
    point: Point,
    function: Callable[..., Array],
    parts: Sequence[Leaves],
    start: int,
    stop: int,
    excluded: Collection[int],
) -> tuple[int, float]:
    """Return the coordinate where a function of partitioned arrays is largest, and its value.

    Parameters
    ----------
    point : Point
        x0.
    function : callable
        Takes and returns arrays like a leaf.
    parts : sequence of sequence of array
        Its arguments, each of them arrays like x0.
    start, stop : int
        The range of coordinates to choose from.
    excluded : collection of int
        Coordinates that are left out.

    Returns
    -------
    int
        The coordinate; -1 if there is none.
    float
        The value there.
    """
    best, highest = -1, -math.inf
    for leaf, (offset, size) in enumerate(zip(point.offsets, point.sizes, strict=True)):
        if size == 0 or offset >= stop or offset + size <= start:
            continue
        out = [float(each - offset) for each in excluded if offset <= each < offset + size]
        out += [-1.0] * (-len(out) % _EXCLUDED)
        arrays = [part[leaf] for part in parts]
        place, value = _largest_of_leaf(
            point, function, arrays, (float(start - offset), float(stop - offset)), out
        )
        if value > highest:
            best, highest = offset + place, value
    return best, highest


def _largest_of_leaf(
    point: Point,
    function: Callable[..., Array],
    arrays: Sequence[Array],
    ends: tuple[float, float],
    out: Sequence[float],
) -> tuple[int, float]:
    """Return the entry of one leaf where a function is largest, and its value there."""
    xp = point.xp
    partitions = partitions_of(point.backend, arrays[0])
    if partitions is None:
        found = point.backend.to_host(function(*map(point.whole, arrays))).reshape(-1)
        numbers = np.arange(found.size)
        kept = (numbers >= ends[0]) & (numbers < ends[1]) & ~np.isin(numbers, out)
        found = np.where(kept & ~np.isnan(found), found, -np.inf)
        place = int(np.argmax(found))
        return place, float(found[place])
    positions, (low, high) = partitions.positions, ends

    def largest(*each: Array) -> Array:
        scores, places = function(*each), positions(each[0])
        kept = (places >= low) & (places < high) & ~xp.isnan(scores)
        for place in out:
            kept = kept & (places != place)
        scores = xp.where(kept, xp.astype(scores, xp.float64), -math.inf)
        highest = xp.max(scores)
        first = xp.min(xp.where(scores == highest, places, math.prod(each[0].shape) - 1))
        return xp.stack([xp.astype(first, xp.float64), highest])

    place, value = point.backend.to_host(partitions.reduced(largest, *arrays)).tolist()
    return int(place), value


def between(point: Point, leaves: Leaves, start: int, stop: int, without: int = -1) -> list[Array]:
    """Return arrays like x0 with 0 outside of a range of coordinates, and at one of them.

    Those that are 0 all over are ordinary arrays, and so are those of which a part is 0, unless
    they are partitioned. The others are as they were.
    """
    part = []
    for x, v, offset in zip(point.leaves, leaves, point.offsets, strict=True):
        size = math.prod(x.shape)
        low, high = np.clip([start - offset, stop - offset], 0, size).tolist()
        is_holed = low <= without - offset < high
        if (low, high) == (0, size) and not is_holed:
            part.append(v)
        elif low >= high:
            part.append(point.xp.zeros_like(x))
        else:
            hole = without - offset if is_holed else -1
            part.append(_masked(point, x, v, (low, high), hole))
    return part


def _masked(point: Point, x: Array, v: Array, ends: tuple[int, int], hole: int) -> Array:
    """Return an array like a leaf with 0 outside of a range of entries, and at a hole."""
    low, high = ends
    partitions = partitions_of(point.backend, x)
    if partitions is None:
        kept = np.zeros(math.prod(x.shape))
        kept[low:high] = 1.0
        if hole >= 0:
            kept[hole] = 0.0
        mask = point.xp.reshape(point.backend.from_host(kept, x), x.shape)
        return point.whole(v) * mask
    xp, positions = point.xp, partitions.positions
    first, end, left_out = float(low), float(high), float(hole)

    def masked(v: Array) -> Array:
        places = positions(v)
        kept = (places >= first) & (places < end) & (places != left_out)
        return xp.where(kept, v, xp.zeros_like(v))

    return deferred(point.backend, masked, v)


def typical_size(point: Point, sizes: Leaves) -> float:
    """Return the median of positive numbers in partitioned arrays, as a power of two.

    They are not sorted, but counted, by halving the range of exponents.
    """
    xp = point.xp
    low, high = np.finfo(np.float64).minexp, np.finfo(np.float64).maxexp
    for _ in range(_HALVINGS):
        middle = (low + high) // 2
        below = partial(_count_below, most=2.0**middle, xp=xp)
        count = sum(map(float, point.blockwise(below, sizes)))
        low, high = (low, middle) if 2 * count >= point.size else (middle, high)
    return 2.0**high


def _count_below(x: Array, most: float, xp: Any) -> Array:
    return xp.sum(xp.astype(x <= most, xp.int64))
