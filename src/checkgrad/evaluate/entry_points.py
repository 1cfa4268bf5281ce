"""Points around x0 with some entries of one leaf replaced, and how many of them make a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.blockwise import partitions_of
from checkgrad.arrays.leaf_entries import perturbed_leaf
from checkgrad.arrays.point import Point
from checkgrad.backends import Array, Entries

_ROUND = 256  # numbers of points are multiples of this, or powers of two: each is compiled anew


@dataclass(frozen=True)
class EntryPoints:
    """Points around x0, each with one entry of one leaf replaced, or with several.

    Attributes
    ----------
    leaf : int
        Which leaf moves.
    entries : array of int, shape (n,) or (n, r)
        Which flat entries of it, for each point.
    numbers : array, shape (n,) or (n, r)
        The new values, an array like the leaf.
    """

    leaf: int
    entries: Entries
    numbers: Array

    def __len__(self) -> int:
        return len(self.entries)

    def part(self, start: int, size: int, xp: Any) -> EntryPoints:
        """Return `size` points from `start` on, the last one repeated beyond the end.

        Code is compiled for the number of points: that of every part is the same.
        """
        chosen = slice(start, min(start + size, len(self)))
        entries, numbers = self.entries[chosen], self.numbers[chosen, ...]
        more = size - len(entries)
        if more > 0:
            entries = np.concatenate([entries, *[entries[-1:]] * more])
            numbers = xp.concat([numbers, *[numbers[-1:, ...]] * more])
        return EntryPoints(self.leaf, entries, numbers)


def perturbed(point: Point, leaf: int, entries: Entries, moved: Array) -> Iterator[Any]:
    """Yield x0 with entries of one leaf replaced, in the user's structure."""
    copies = perturbed_leaf(point, leaf, entries, moved)
    return in_place_of(point, leaf, copies)


def perturbed_from_host(
    point: Point, leaf: int, entries: Entries, moved: npt.NDArray[np.float64]
) -> Iterator[Any]:
    """Yield what `perturbed` does, where the new values are on the host.

    They stay there if the leaf is laid out over devices: each device would hold all of them.
    """
    x = point.like(leaf)
    stay = partitions_of(point.backend, x) is not None
    return perturbed(point, leaf, entries, moved if stay else point.backend.from_host(moved, x))


def in_place_of(point: Point, leaf: int, copies: Iterator[Array]) -> Iterator[Any]:
    """Yield x0 with each of `copies` in the place of `leaf`, in the user's structure."""
    if point.is_single_real_array and point.is_plain:
        return copies
    before, after = point.leaves[:leaf], point.leaves[leaf + 1 :]
    return (
        point.for_func([*point.copies(before), moved, *point.copies(after)]) for moved in copies
    )


def placing(point: Point, leaf: int) -> Callable[[Array], Any]:
    """Return a function of what stands in the place of a leaf, which makes a point of it."""
    return lambda moved: next(in_place_of(point, leaf, iter([moved])))


def padded(count: int) -> int:
    """Return a number of points not below `count`, one of few: code is compiled for each.

    Examples
    --------
    >>> [padded(count) for count in (3, 100, 300)]
    [4, 128, 512]
    """
    if count > _ROUND:
        return -(-count // _ROUND) * _ROUND
    return 1 << max(0, count - 1).bit_length()
