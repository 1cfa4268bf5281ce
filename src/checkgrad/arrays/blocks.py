"""Large arrays that are not held in memory, but made block by block where they are needed.

A check along a random tangent of many millions of coordinates needs as much memory as the arrays
like x0 that it holds at once. Random arrays are made anew from a seed instead of being held, and
what follows from other arrays is computed again. This module owns these arrays;
`checkgrad.arrays.blockwise` owns the work on them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import array_api_compat
import numpy as np

from checkgrad.backends import Array, Backend, Entries

BLOCK = 2**17  # entries of a block: it fits the cache; longer arrays are worked on in blocks


@dataclass(frozen=True)
class Lazy(ABC):
    """An object that stands for an array and makes its blocks on demand.

    Attributes
    ----------
    held : array
        An array of the same shape, on the same device, that is in memory anyway.
    backend : Backend
        The array library.
    """

    held: Array
    backend: Backend

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return tuple(self.held.shape)

    @property
    def device(self) -> Any:
        """The device of the array."""
        return array_api_compat.device(self.held)

    @cached_property
    def first(self) -> Array:
        """The first block. It has the dtype of the array."""
        return next(self.blocks())

    @property
    def dtype(self) -> Any:
        """The dtype of the array."""
        return self.first.dtype

    @abstractmethod
    def blocks(self) -> Iterator[Array]:
        """Yield the flat array in blocks of `BLOCK` entries; the last block may be shorter."""


@dataclass(frozen=True)
class Computed(Lazy):
    """What a function makes, entry by entry, of some arrays.

    Attributes
    ----------
    function : callable
        Takes one block of each array.
    arrays : tuple of array
        Arrays of the shape of the held one. They may be lazy.
    """

    function: Callable[..., Array]
    arrays: tuple[Any, ...]

    def blocks(self) -> Iterator[Array]:
        """Yield the flat array in blocks.

        No block is kept, nor those that it is made of: many arrays may be worked on together, and
        they may be made of each other.
        """
        parts = [split(self.backend, array) for array in self.arrays]
        for _ in range(0, math.prod(self.shape), BLOCK):
            # Wait before the next block. A library that computes later holds all blocks at once.
            yield self.backend.block_until_ready(self.function(*map(next, parts)))


@dataclass(frozen=True)
class Random(Lazy):
    """Random numbers, one for every entry.

    Attributes
    ----------
    like : array
        A block of the dtype and on the device of the numbers.
    draw : callable
        Makes the numbers of one block, as `Backend.random_tangent` does.
    seed : int
        Every call of `blocks` makes the same numbers from this seed.
    """

    like: Array
    draw: Callable[[np.random.Generator, Array], Array]
    seed: int

    def blocks(self) -> Iterator[Array]:
        """Yield the flat array in blocks."""
        rng, size = np.random.default_rng(self.seed), math.prod(self.shape)
        for start in range(0, size, BLOCK):
            like = self.like
            if size - start < BLOCK:
                like = next(self.backend.split(like, size - start))
            yield self.draw(rng, like)


def kept_in_range(
    backend: Backend, array: Array, start: int, stop: int, without: int = -1
) -> Array:
    """Return an array in a range of entries, and 0 elsewhere. The entry `without` is 0 too.

    The range may reach beyond the array. Where nothing becomes 0, the array itself is returned.
    """
    size = math.prod(array.shape)
    low, high = (min(max(end, 0), size) for end in (start, stop))
    ranges = [(low, high)]
    if low <= without < high:
        ranges = [(low, without), (without + 1, high)]
    if ranges == [(0, size)]:
        return array
    return backend.computed(partial(_kept, ranges=ranges, xp=backend.xp), array)


def _kept(array: Array, ranges: Sequence[tuple[int, int]], xp: Any) -> Array:
    """Return an array in some ranges of entries, in their order, and 0 elsewhere."""
    flat, parts, end = xp.reshape(array, (-1,)), [], 0
    zeros = xp.zeros_like(flat)
    for start, stop in ranges:
        parts += [zeros[end:start], flat[start:stop]]
        end = stop
    return xp.reshape(xp.concat([*parts, zeros[end:]]), array.shape)


@dataclass(frozen=True)
class Range(Lazy):
    """An array in a range of entries, and 0 elsewhere.

    Attributes
    ----------
    array : array
        The array. It may be lazy.
    start, stop : int
        The range.
    without : int
        An entry of the range that is 0 too; -1 if there is none.
    """

    array: Any
    start: int
    stop: int
    without: int = -1

    def blocks(self) -> Iterator[Array]:
        """Yield the flat array in blocks."""
        first = 0
        for block in split(self.backend, self.array):
            kept = (each - first for each in (self.start, self.stop, self.without))
            yield kept_in_range(self.backend, block, *kept)
            first += block.shape[0]


@dataclass(frozen=True)
class Replaced(Lazy):
    """An array with other values at some entries.

    Attributes
    ----------
    array : array
        The array. It may be lazy.
    entries : array of int, shape (r,)
        The flat entries.
    values : array, shape (r,)
        Their values.
    """

    array: Any
    entries: Entries
    values: Array

    def blocks(self) -> Iterator[Array]:
        """Yield the flat array in blocks."""
        first = 0
        for block in split(self.backend, self.array):
            size = block.shape[0]
            (here,) = np.nonzero((self.entries >= first) & (self.entries < first + size))
            if here.size:
                places, values = self.entries[here] - first, self.values[here.tolist()]
                yield from self.backend.perturbed_copies(block, places[None, :], values[None, :])
            else:
                yield block
            first += size


def split(backend: Backend, array: Any) -> Iterator[Array]:
    """Yield an array, lazy or not, flat and in blocks."""
    return array.blocks() if isinstance(array, Lazy) else backend.split(array, BLOCK)
