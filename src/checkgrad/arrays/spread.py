"""Leaves of x0 that lie in parts on many ranks: each rank holds its part, and works on that.

Random numbers depend on where an entry is in the whole leaf. Sums are those of all ranks. This
module owns both, and knows neither tangents nor claims.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from checkgrad.arrays.blocks import BLOCK, Lazy
from checkgrad.backends import Array, ArrayPart

_T = TypeVar("_T")


@dataclass(frozen=True)
class Spread:
    """How the leaves of x0 lie on the ranks.

    Attributes
    ----------
    parts : tuple of ArrayPart or None
        The part of this rank of every leaf; None for a leaf that is the same on all ranks.
    tell : callable
        ``tell(about, message)`` returns the messages of all ranks. All of them must call it.
    """

    parts: tuple[ArrayPart | None, ...]
    tell: Callable[[str, Any], list[Any]]

    def shared(self, found: Sequence[list[_T]], leaves: Sequence[int]) -> list[list[_T]]:
        """Return what is found in blocks of some leaves, on all ranks.

        Parameters
        ----------
        found : sequence of list
            For each of the leaves, what this rank finds in the blocks of its part.
        leaves : sequence of int
            The leaves.
        """
        parts = [self.parts[leaf] for leaf in leaves]
        if not any(parts):
            return list(found)
        counted = [
            each if part is not None and part.counts else []
            for each, part in zip(found, parts, strict=True)
        ]
        of_ranks = self.tell("what is found in blocks", counted)
        return [
            each if part is None else list(itertools.chain(*(told[k] for told in of_ranks)))
            for k, (each, part) in enumerate(zip(found, parts, strict=True))
        ]

    def entry_of(self, leaf: int, entry: int, read: Callable[[int], float]) -> float:
        """Return one entry of an array like a leaf, which the rank that has it reads."""
        part = self.parts[leaf]
        if part is None:
            return read(entry)
        place = part.place_of(entry)
        told = self.tell("an entry", read(place) if place >= 0 else None)
        return next(float(each) for each in told if each is not None)


@dataclass(frozen=True)
class PartNumbers(Lazy):
    """Random numbers, or indices, for every entry of the part that this rank has of a leaf.

    Attributes
    ----------
    part : ArrayPart
        The part.
    seed : int or None
        Every call of `blocks` makes the same numbers from this seed. If it is None, the blocks are
        the indices of the entries in the whole leaf.
    """

    part: ArrayPart
    seed: int | None

    def blocks(self) -> Iterator[Array]:
        """Yield the flat part in blocks."""
        size = int(np.prod(self.shape, dtype=np.int64))
        like = next(self.backend.split(self.held, BLOCK), self.held)
        for start in range(0, size, BLOCK) if size else (0,):
            stop = min(start + BLOCK, size)
            if self.seed is None:
                yield self.part.indices(start, stop)
            else:
                yield self.part.random_block(self.seed, start, stop, like)
