"""Large arrays that are not held in memory, but made block by block where they are needed.

A check along a random tangent of many millions of coordinates needs as much memory as the arrays
like x0 that it holds at once. Random arrays are made anew from a seed instead of being held. This
module owns these arrays; `checkgrad.arrays.blockwise` owns the work on them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from checkgrad.backends import Array, Backend

BLOCK = 2**17  # entries of a block: it fits the cache; longer arrays are worked on in blocks


@dataclass(frozen=True)
class Lazy(ABC):
    """An object that stands for an array and makes its blocks on demand.

    Attributes
    ----------
    held : array
        An array of the same shape, on the same device. It is the only one in memory.
    backend : Backend
        The array library.
    """

    held: Array
    backend: Backend

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return tuple(self.held.shape)

    @abstractmethod
    def blocks(self) -> Iterator[Array]:
        """Yield the flat array in blocks of `BLOCK` entries; the last block may be shorter."""


@dataclass(frozen=True)
class Halved(Lazy):
    """A floating array of which only the upper half of the bits of every number is held.

    The held array has integers of half the width. A tangent needs no more digits than that.

    Attributes
    ----------
    dtype : dtype
        The dtype of the numbers that `blocks` makes.
    """

    dtype: Any

    def blocks(self) -> Iterator[Array]:
        """Yield the flat array in blocks; the lower half of the bits of every number is 0."""
        xp = self.backend.xp
        bits = xp.finfo(self.dtype).bits
        for upper in self.backend.split(self.held, BLOCK):
            whole = xp.astype(upper, getattr(xp, f"int{bits}")) << bits // 2
            yield self.backend.bitcast(whole, self.dtype)


def upper_half(numbers: Array, backend: Backend) -> Array:
    """Return the upper half of the bits of floating `numbers`, as integers of half the width."""
    xp = backend.xp
    bits = xp.finfo(numbers.dtype).bits
    whole = backend.bitcast(numbers, getattr(xp, f"int{bits}"))
    return xp.astype(whole >> bits // 2, getattr(xp, f"int{bits // 2}"))


@dataclass(frozen=True)
class RandomSigns(Lazy):
    """A random 1 or -1 for every entry of the held array.

    Attributes
    ----------
    seed : int
        Every call of `blocks` makes the same signs from this seed.
    """

    seed: int

    def blocks(self) -> Iterator[Array]:
        """Yield the flat array in blocks."""
        rng = np.random.default_rng(self.seed)
        for block in self.backend.split(self.held, BLOCK):
            yield self.backend.random_signs(rng, block)
