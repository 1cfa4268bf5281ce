"""Work on the leaves of x0, and on arrays like them, wherever their entries lie.

Large arrays are worked on block by block, arrays that are laid out over devices where they lie, and
the parts that ranks have together. `checkgrad.arrays.blockwise` owns the work on a single array.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from checkgrad.arrays import blockwise
from checkgrad.arrays.layout import Layout
from checkgrad.backends import Array


@dataclass(frozen=True)
class LeafWork(Layout):
    """x0 as arrays that functions are computed of."""

    @cached_property
    def is_partitioned(self) -> bool:
        """Whether the library lays a leaf out over devices."""
        owners = (blockwise.partitions_of(self.backend, leaf) for leaf in self.leaves)
        return any(owner is not None for owner in owners)

    def leafwise(
        self, function: Callable[..., Array], *others: Sequence[Array], exactly: bool = False
    ) -> list[Array]:
        """Return `function` of each leaf of x0 and of the arrays like it in `others`.

        The function works entry by entry. It gets large leaves block by block. `exactly` is as in
        `checkgrad.arrays.blockwise.in_blocks`.
        """
        arrays = zip(self.leaves, *others, strict=True)
        return [
            blockwise.in_blocks(self.backend, function, *each, exactly=exactly) for each in arrays
        ]

    def numbers(
        self,
        function: Callable[..., Any],
        *arrays: Sequence[Array],
        leaves: Sequence[int] | None = None,
        exactly: bool = False,
    ) -> list[float]:
        """Return `function` of every block, a number each, on all ranks together.

        Parameters
        ----------
        function : callable
            Takes a block of each of the arrays.
        *arrays : sequence of array
            Each is arrays like the leaves.
        leaves : sequence of int, optional
            Which leaves they are like; by default all.
        exactly : bool
            As in `checkgrad.arrays.blockwise.in_blocks`.
        """
        found = [
            [float(block) for block in self.blocks(function, *each, exactly=exactly)]
            if math.prod(each[0].shape)
            else []
            for each in zip(*arrays, strict=True)
        ]
        return list(itertools.chain(*self.shared(found, leaves)))

    def in_blocks(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """Return `function` of arrays of one shape, computed block by block if they are large."""
        return blockwise.in_blocks(self.backend, function, *arrays)

    def blocks(
        self, function: Callable[..., Array], *arrays: Array, exactly: bool = False
    ) -> Iterator[Array]:
        """Yield what `function` reduces every block of arrays of one shape to."""
        return blockwise.blocks(self.backend, function, *arrays, exactly=exactly)

    def on_demand(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """Return `function` of arrays of one shape, computed where it is needed if they are large.

        See `checkgrad.arrays.blockwise.on_demand`. The methods of this class take the result for
        an array.
        """
        return blockwise.on_demand(self.backend, function, *arrays)

    def whole(self, array: Array) -> Array:
        """Return `array` as it is, or all of a lazy or a deferred one."""
        return blockwise.whole(self.backend, array)
