"""Large arrays that are not held as they are, but made block by block where they are needed.

A check along a random tangent of many millions of coordinates needs as much memory as the arrays
like x0 that it holds at once. What is random need not be one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from checkgrad.backends import Array, Backend

BLOCK = 2**17  # entries of large arrays that are worked on at a time: they fit the cache


@dataclass(frozen=True)
class Halved:
    """A floating array, of which the upper half of the bits of every number is kept.

    In a tangent, numbers of half of the digits serve as well.

    Attributes
    ----------
    upper : array
        Integers of the half width.
    dtype : dtype
        That of the numbers.
    backend : Backend
        The array library.
    """

    upper: Array
    dtype: Any
    backend: Backend

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array."""
        return tuple(self.upper.shape)

    @property
    def like(self) -> Array:
        """An array of this shape, on this device."""
        return self.upper

    def blocks(self) -> Iterator[Array]:
        """The array, flat, in blocks; the lower half of the bits of every number is 0."""
        xp = self.backend.xp
        bits = xp.finfo(self.dtype).bits
        for upper in self.backend.split(self.upper, BLOCK):
            whole = xp.astype(upper, getattr(xp, f"int{bits}")) << bits // 2
            yield self.backend.bitcast(whole, self.dtype)


def upper_half(numbers: Array, backend: Backend) -> Array:
    """The upper half of the bits of some floating `numbers`, as integers."""
    xp = backend.xp
    bits = xp.finfo(numbers.dtype).bits
    whole = backend.bitcast(numbers, getattr(xp, f"int{bits}"))
    return xp.astype(whole >> bits // 2, getattr(xp, f"int{bits // 2}"))


@dataclass(frozen=True)
class RandomSigns:
    """A random 1 or -1 for every entry of an array, the same ones whenever they are made.

    Attributes
    ----------
    like : array
        An array of this shape, dtype and device.
    seed : int
        What they come from.
    backend : Backend
        The array library.
    """

    like: Array
    seed: int
    backend: Backend

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array."""
        return tuple(self.like.shape)

    def blocks(self) -> Iterator[Array]:
        """The array, flat, in blocks."""
        rng = np.random.default_rng(self.seed)
        for block in self.backend.split(self.like, BLOCK):
            yield self.backend.random_signs(rng, block)
