"""Single entries of arrays like x0: read and searched, without the others.

Where the library lays arrays out over devices, this goes on where they lie: only single numbers
come to the host. Of large arrays, one block at a time does. This module reads no claim and judges
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.blockwise import partitions_of
from checkgrad.arrays.leaf_entries import entry_of
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array, ArrayPart, Partitions

Leaves = Sequence[Array]
_EXCLUDED = 8  # code is compiled for each multiple of so many excluded coordinates
_HALVINGS = 12  # of the range of exponents of float64, of which there are 2**11


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
                leaf, entry = self._point.locate(each)
                self._known[each] = entry_of(self._point, leaf, self._leaves[leaf], entry)
        found = [self._known[each] for each in asked.reshape(-1).tolist()]
        return np.asarray(found, dtype=np.float64).reshape(asked.shape)


def coordinates_of(point: Point, leaves: Leaves, single: bool) -> Floats | Entries:
    """Return all entries of arrays like x0, on the host.

    If `single` ones are to be asked for, and x0 is large or partitioned, they come one by one.
    """
    return Entries(point, leaves) if single and come_one_by_one(point) else point.on_host(leaves)


def come_one_by_one(point: Point) -> bool:
    """Return whether entries are read one by one: x0 is partitioned, or the host has no room.

    All entries of x0 on the host take twice the memory of a float32 x0, and the search of a wrong
    entry asks for those of several arrays.
    """
    return point.is_partitioned or point.size > BLOCK


def largest_of(
    point: Point,
    function: Callable[..., Array],
    parts: Sequence[Leaves],
    start: int,
    stop: int,
    excluded: Collection[int],
) -> tuple[int, float]:
    """Return the coordinate where a function of arrays is largest, and its value.

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
        arrays, ends = [part[leaf] for part in parts], (start - offset, stop - offset)
        out = [each - offset for each in excluded if offset <= each < offset + size]
        if (partitions := partitions_of(point.backend, arrays[0])) is not None:
            found = [_largest_where_it_lies(point, partitions, function, arrays, ends, out)]
        else:
            of_blocks = _largest_of_blocks(point, point.part(leaf), function, arrays, ends, out)
            found = sorted(*point.shared([list(of_blocks)], [leaf]))
        for place, value in found:
            if value > highest:
                best, highest = offset + place, value
    return best, highest


def _largest_of_blocks(
    point: Point,
    part: ArrayPart | None,
    function: Callable[..., Array],
    arrays: Sequence[Array],
    ends: tuple[int, int],
    out: Sequence[int],
) -> Iterator[tuple[int, float]]:
    """Yield the entry of each block of a leaf where a function is largest, and its value there.

    Where this rank has a part of the leaf, the blocks are those of the part.
    """
    first, to_host = 0, point.backend.to_host
    for block in point.blocks(function, *arrays):
        scores = to_host(block).reshape(-1)
        last = first + scores.size
        indices = np.arange(first, last) if part is None else to_host(part.indices(first, last))
        scores[np.isnan(scores) | (indices < ends[0]) | (indices >= ends[1])] = -math.inf
        scores[np.isin(indices, out)] = -math.inf
        if scores.size:
            place = int(np.argmax(scores))
            yield int(indices[place]), float(scores[place])
        first = last


def _largest_where_it_lies(
    point: Point,
    partitions: Partitions,
    function: Callable[..., Array],
    arrays: Sequence[Array],
    ends: tuple[int, int],
    out: Sequence[int],
) -> tuple[int, float]:
    """Return the entry of a partitioned leaf where a function is largest, and its value there."""
    xp, positions = point.xp, partitions.positions
    low, high = map(float, ends)
    left_out = [*map(float, out), *[-1.0] * (-len(out) % _EXCLUDED)]

    def largest(*each: Array) -> Array:
        scores, places = function(*each), positions(each[0])
        kept = (places >= low) & (places < high) & ~xp.isnan(scores)
        for place in left_out:
            kept = kept & (places != place)
        scores = xp.where(kept, xp.astype(scores, xp.float64), -math.inf)
        highest = xp.max(scores)
        first = xp.min(xp.where(scores == highest, places, math.prod(each[0].shape) - 1))
        return xp.stack([xp.astype(first, xp.float64), highest])

    place, value = point.backend.to_host(partitions.reduced(largest, *arrays)).tolist()
    return int(place), value


def typical_size(point: Point, sizes: Leaves) -> float:
    """Return about the median of positive numbers in arrays like x0, as a power of two.

    They are not sorted, but counted, by halving the range of exponents.
    """
    xp = point.xp
    low, high = np.finfo(np.float64).minexp, np.finfo(np.float64).maxexp
    for _ in range(_HALVINGS):
        middle = (low + high) // 2
        below = partial(_count_below, most=2.0**middle, xp=xp)
        count = sum(point.numbers(below, sizes))
        low, high = (low, middle) if 2 * count >= point.size else (middle, high)
    return 2.0**high


def _count_below(x: Array, most: float, xp: Any) -> Array:
    with np.errstate(over="ignore", under="ignore"):  # of the limit, in the dtype of x
        return xp.sum(xp.astype(x <= most, xp.int32))  # JAX may be set to have no int64
