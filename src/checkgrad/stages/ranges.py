"""Ranges of coordinates: what a search for wrong entries splits, and how."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from checkgrad.arrays.point import Point

# Parts that a range is split into: leaves, or else blocks, more of them if it is all of x0.
_LEAVES, FIRST_BLOCKS, _BLOCKS = 32, 16, 8

Rows: TypeAlias = dict[int, float]  # residuals along parts of some tangents, by tangent


@dataclass
class Range:
    """Coordinates from one to another, and the residuals along these parts of some tangents."""

    start: int
    stop: int
    rows: Rows

    @property
    def size(self) -> int:
        """How many coordinates."""
        return self.stop - self.start


def split(point: Point, here: Range) -> list[tuple[int, int]]:
    """Return the parts that a range is split into: between leaves, or else evenly.

    Parameters
    ----------
    point : Point
        x0.
    here : Range
        The range.
    """
    leaves = [start for start, _ in leaf_ranges(point, here)]
    if leaves:
        chosen = np.linspace(0, len(leaves), min(len(leaves), _LEAVES) + 1).astype(int)
        edges = [*(leaves[k] for k in chosen[:-1].tolist()), here.stop]
    else:
        count = FIRST_BLOCKS if here.size == point.size else _BLOCKS
        even = np.linspace(here.start, here.stop, min(count, here.size) + 1)
        edges = even.astype(int).tolist()
    return list(itertools.pairwise(edges))


def leaf_ranges(point: Point, here: Range) -> list[tuple[int, int]]:
    """Return the parts of a range that are in different leaves of x0; none if it is in one."""
    leaves = [each for _, each in leaves_in(point, here.start, here.stop)]
    return leaves if len(leaves) > 1 else []


def leaves_in(point: Point, start: int, stop: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the leaves that have coordinates in a range, and their coordinates there."""
    for leaf, (offset, size) in enumerate(zip(point.offsets, point.sizes, strict=True)):
        low, high = max(start, offset), min(stop, offset + size)
        if low < high:
            yield leaf, (low, high)
