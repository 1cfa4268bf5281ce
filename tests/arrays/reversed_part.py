"""The part of the only rank there is, which holds a leaf in reversed order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from checkgrad.arrays.point import Point, make_point
from checkgrad.arrays.spread import Spread


@dataclass(frozen=True)
class ReversedPart:
    """See `checkgrad.backends.ArrayPart`."""

    shape: tuple[int, ...]
    key: str = "all"
    counts: bool = True

    @property
    def _size(self) -> int:
        return int(np.prod(self.shape))

    def taken(self, array: Any) -> Any:
        return np.asarray(array).reshape(-1)[::-1].reshape(self.shape)

    assembled = whole = taken

    def indices(self, start: int, stop: int) -> Any:
        return self._size - 1 - np.arange(start, stop)

    def place_of(self, entry: int) -> int:
        return self._size - 1 - entry

    def random_block(self, seed: int, start: int, stop: int, like: Any) -> Any:
        numbers = np.random.default_rng(seed).standard_normal(self._size).astype(like.dtype)
        return numbers[::-1][start:stop]


def spread_point(*wholes: Any) -> Point:
    """Return a point of which the first leaf lies in a part, and the others on all ranks."""
    part = ReversedPart(np.shape(wholes[0]))
    parts = (part, *[None] * (len(wholes) - 1))
    spread = Spread(parts, lambda about, message: [message])
    return make_point([part.taken(wholes[0]), *wholes[1:]], spread=spread)
