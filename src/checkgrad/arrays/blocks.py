"""Large arrays that are not held as they are, but made block by block where they are needed.

A check along a random tangent of many millions of coordinates needs as much memory as the arrays
like x0 that it holds at once. What is random need not be one of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from checkgrad.backends import Array, Backend

BLOCK = 2**17  # entries of large arrays that are worked on at a time: they fit the cache


@dataclass(frozen=True)
class Lazy(ABC):
    """What stands for an array.

    Attributes
    ----------
    held : array
        An array of its shape, on its device.
    backend : Backend
        The array library.
    """

    held: Array
    backend: Backend

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array."""
        return tuple(self.held.shape)

    @abstractmethod
    def blocks(self) -> Iterator[Array]:
        """The array, flat, in blocks."""


@dataclass(frozen=True)
class Halved(Lazy):
    """A floating array, of which the upper half of the bits of every number is held, as integers.

    In a tangent, numbers of half of the digits serve as well.

    Attributes
    ----------
    dtype : dtype
        That of the numbers.
    """

    dtype: Any

    def blocks(self) -> Iterator[Array]:
        """The array, flat, in blocks; the lower half of the bits of every number is 0."""
        xp = self.backend.xp
        bits = xp.finfo(self.dtype).bits
        for upper in self.backend.split(self.held, BLOCK):
            whole = xp.astype(upper, getattr(xp, f"int{bits}")) << bits // 2
            yield self.backend.bitcast(whole, self.dtype)


def upper_half(numbers: Array, backend: Backend) -> Array:
    """The upper half of the bits of some floating `numbers`, as integers."""
    xp = backend.xp
    bits = xp.finfo(numbers.dtype).bits
    whole = backend.bitcast(numbers, getattr(xp, f"int{bits}"))
    return xp.astype(whole >> bits // 2, getattr(xp, f"int{bits // 2}"))


@dataclass(frozen=True)
class RandomSigns(Lazy):
    """A random 1 or -1 for every entry of what is held, the same ones whenever they are made.

    Attributes
    ----------
    seed : int
        What they come from.
    """

    seed: int

    def blocks(self) -> Iterator[Array]:
        """The array, flat, in blocks."""
        rng = np.random.default_rng(self.seed)
        for block in self.backend.split(self.held, BLOCK):
            yield self.backend.random_signs(rng, block)
