"""How x0 lies on the ranks that check together, and how a whole is made of their shares.

During a check, every rank has all of x0, and func gets the share of its rank. There are two ways.
All ranks have the same x0 (replicas), whose leaves the library may lay out over the ranks. Or every
rank has an x0 of its own (shards): all of x0 is then a dictionary of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkgrad.backends import ProcessGroup, flatten_tree, is_array


class Shares:
    """The shares of the ranks.

    Parameters
    ----------
    x0 : Any
        x0 as the user passed it on this rank.
    group : ProcessGroup
        The ranks.
    are_apart : bool
        Whether every rank has an x0 of its own.

    Attributes
    ----------
    are_apart : bool
        See above.
    x0 : Any
        All of x0, the same on all ranks.
    """

    def __init__(self, x0: Any, group: ProcessGroup, are_apart: bool) -> None:
        self._group = group
        self._originals = _leaves(x0)
        self.are_apart = are_apart
        self.x0 = self.joined(x0) if are_apart else self.whole(x0)

    @property
    def are_partitioned(self) -> bool:
        """Whether the library lays a leaf out over the ranks."""
        return any(map(self._group.is_partitioned, self._originals))

    def own(self, x: Any) -> Any:
        """Return the share of this rank of something like all of x0."""
        if self.are_apart:
            return x[_name(self._group.rank)]
        if not self.are_partitioned:
            return x
        leaves, structure = flatten_tree(x)
        pairs = zip(leaves, self._originals, strict=True)
        return structure.unflatten(
            [
                self._group.laid_out(leaf, like) if self._group.is_partitioned(like) else leaf
                for leaf, like in pairs
            ]
        )

    def whole(self, value: Any) -> Any:
        """Return a value with all of those leaves that are laid out over the ranks."""
        leaves, structure = flatten_tree(value)
        if not any(map(self._group.is_partitioned, leaves)):
            return value
        return structure.unflatten(
            [self._group.whole(x) if self._group.is_partitioned(x) else x for x in leaves]
        )

    def joined(self, share: Any) -> dict[str, Any]:
        """Return what all ranks have, each something like its x0. All ranks must call it."""
        leaves, structure = flatten_tree(share)
        of_leaves = [self._of_ranks(leaf) for leaf in leaves]
        return {
            _name(rank): structure.unflatten([each[rank] for each in of_leaves])
            for rank in range(self._group.size)
        }

    def of_all(self, direction: Any) -> Any:
        """Return a tangent, or a list of them, along all of x0."""
        if isinstance(direction, list) and len(_leaves(direction)) != len(self._originals):
            return [self.of_all(each) for each in direction]
        return self.joined(direction) if self.are_apart else self.whole(direction)

    def _of_ranks(self, leaf: Any) -> Sequence[Any]:
        """Return what stands at the place of a leaf on each rank."""
        group = self._group
        if not is_array(leaf):
            return group.gather(leaf)
        of_ranks = group.gather(group.numbers(leaf))
        return [
            leaf if rank == group.rank else group.with_numbers(numbers, leaf)
            for rank, numbers in enumerate(of_ranks)
        ]


def is_tangent(direction: Any) -> bool:
    """Return whether the option `direction` is a tangent, or a list of them."""
    return not (isinstance(direction, str | int) or callable(direction))


def _leaves(tree: Any) -> list[Any]:
    return flatten_tree(tree)[0]


def _name(rank: int) -> str:
    return f"rank {rank}"
