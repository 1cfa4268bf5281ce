"""Single entries, and ranges of entries, of arrays like a leaf of x0, wherever the entries are.

Entries are counted in the flat whole leaf. The arrays may be lazy, or the part that this rank has
of a leaf. This module moves no points.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from checkgrad.arrays import blockwise
from checkgrad.arrays.blocks import Lazy
from checkgrad.arrays.point import Point
from checkgrad.arrays.spread import PartNumbers
from checkgrad.backends import Array, ArrayPart, Entries


def entry_of(point: Point, leaf: int, array: Array, entry: int) -> float:
    """Return one entry of an array like a leaf."""

    def read(place: int) -> float:
        return blockwise.entry_of(point.backend, array, place)

    return read(entry) if point.spread is None else point.spread.entry_of(leaf, entry, read)


def in_range(
    point: Point, leaf: int, array: Array, start: int, stop: int, without: int = -1
) -> Array:
    """Return an array like a leaf in a range of entries, and 0 elsewhere.

    The entry `without` is 0 too, if it is not negative.
    """
    part, xp = point.part(leaf), point.xp
    if part is None:
        return blockwise.in_range(point.backend, array, start, stop, without)

    def kept(numbers: Array, index: Array) -> Array:
        inside = (index >= start) & (index < stop) & (index != without)
        return xp.where(inside, numbers, xp.zeros_like(numbers))

    indices = PartNumbers(point.leaves[leaf], point.backend, part, None)
    is_large = blockwise.is_large(array)
    shaped = indices if is_large else xp.reshape(point.whole(indices), array.shape)
    return point.on_demand(kept, array, shaped)


def perturbed_leaf(point: Point, leaf: int, entries: Entries, values: Array) -> Iterator[Array]:
    """Yield copies of a leaf with other values at single entries, or at rows of entries.

    The arguments are those of `Backend.perturbed_copies`.
    """
    part, array = point.part(leaf), point.leaves[leaf]
    if part is not None:
        return _perturbed_parts(point, part, point.whole(array), entries, values)
    if isinstance(array, Lazy) and not point.backend.compiles:
        return _perturbed_one_by_one(point, array, entries, values)
    return point.backend.perturbed_copies(point.whole(array), entries, values)


def _perturbed_one_by_one(
    point: Point, array: Array, entries: Entries, values: Array
) -> Iterator[Array]:
    """Yield copies of a lazy array; only one of them is in memory at a time."""
    rows = np.reshape(entries, (len(entries), -1))
    for place, row in enumerate(rows):
        numbers = point.xp.reshape(values[place, ...], (-1,))
        yield blockwise.replaced(point.backend, array, row, numbers)


def _perturbed_parts(
    point: Point, part: ArrayPart, array: Array, entries: Entries, values: Array
) -> Iterator[Array]:
    """Yield copies of a part. An entry that another rank has changes nothing here."""
    backend: Any = point.backend
    for place, row in enumerate(np.reshape(entries, (len(entries), -1))):
        own = np.asarray([part.place_of(int(entry)) for entry in row])
        (kept,) = np.nonzero(own >= 0)
        if not kept.size:
            yield backend.copy(array)
            continue
        numbers = point.xp.reshape(values[place, ...], (-1,))[kept.tolist()]
        yield from backend.perturbed_copies(array, own[kept][None, :], numbers[None, :])
