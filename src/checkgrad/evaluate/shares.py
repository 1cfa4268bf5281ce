"""How x0 lies on the ranks that check together, and how a whole is made of their shares.

All ranks have the same x0 (replicas), or every rank has an x0 of its own (shards): all of x0 is
then a dictionary of them. During a check every rank has all of it, and func gets the share of its
rank. Or the library lays the leaves of one x0 out over the ranks. Then each rank works on its part
of them where that is possible, and has all of them where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkgrad.arrays.digests import digest_of
from checkgrad.backends import ArrayPart, ProcessGroup, flatten_tree, is_array


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
    in_parts : bool
        Whether each rank works on its part of leaves that the library lays out, if it can.

    Attributes
    ----------
    are_apart : bool
        See above.
    parts : tuple of ArrayPart or None
        The part that this rank has of each leaf, None for one that all ranks have; empty if all
        ranks have all of x0.
    x0 : Any
        What this rank works on: all of x0, the same on all ranks, or its parts.
    """

    def __init__(
        self, x0: Any, group: ProcessGroup, are_apart: bool, in_parts: bool = False
    ) -> None:
        self._group = group
        self._originals = _leaves(x0)
        self._outputs: dict[str, Any] = {}  # the leaves that func lays out, by their paths
        self.are_apart = are_apart
        self.parts = self._parts_of_leaves() if in_parts else ()
        if are_apart:
            self.x0: Any = self.joined(x0)
        else:
            self.x0 = self.like_x0(x0)

    def _parts_of_leaves(self) -> tuple[ArrayPart | None, ...]:
        """Return the parts of all leaves; none if one of them cannot be worked on by itself."""
        laid_out = list(map(self._group.is_partitioned, self._originals))
        pairs = zip(self._originals, laid_out, strict=True)
        parts = tuple(self._group.part(leaf) if lies else None for leaf, lies in pairs)
        is_possible = all(
            part is not None or not lies for part, lies in zip(parts, laid_out, strict=True)
        )
        return parts if is_possible and any(laid_out) else ()

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
        if self.parts:
            parts = zip(leaves, self.parts, strict=True)
            return structure.unflatten(
                [x if part is None else part.assembled(x) for x, part in parts]
            )
        pairs = zip(leaves, self._originals, strict=True)
        return structure.unflatten(
            [
                self._laid_out(leaf, like) if self._group.is_partitioned(like) else leaf
                for leaf, like in pairs
            ]
        )

    def _laid_out(self, leaf: Any, like: Any) -> Any:
        """Return a leaf that all ranks have, laid out over them as one of x0 is."""
        return self._group.laid_out(leaf, like)

    def whole(self, value: Any) -> Any:
        """Return a value with all of those leaves that are laid out over the ranks."""
        leaves, structure = flatten_tree(value)
        if not any(map(self._group.is_partitioned, leaves)):
            return value
        return structure.unflatten(
            [self._whole_leaf(x) if self._group.is_partitioned(x) else x for x in leaves]
        )

    def _whole_leaf(self, leaf: Any) -> Any:
        """Return all of a leaf that is laid out over the ranks."""
        return self._group.whole(leaf)

    def whole_output(self, value: Any) -> Any:
        """Return a value of func with all of its leaves, and note how those lie on the ranks."""
        leaves, structure = flatten_tree(value)
        pairs = zip(structure.paths, leaves, strict=True)
        self._outputs = {path: leaf for path, leaf in pairs if self._group.is_partitioned(leaf)}
        return self.whole(value)

    def cotangent(self, whole: Any) -> Any:
        """Return a cotangent that lies on the ranks as what func returned last."""
        leaves, structure = flatten_tree(whole)
        return structure.unflatten(
            [
                self._group.as_cotangent(leaf, self._outputs[path])
                if path in self._outputs
                else leaf
                for path, leaf in zip(structure.paths, leaves, strict=True)
            ]
        )

    def like_x0(self, value: Any) -> Any:
        """Return what this rank works on of something like x0. All ranks must call it."""
        leaves, structure = flatten_tree(value)
        if len(leaves) != len(self.parts):
            return self.whole(value)
        parts = zip(leaves, self.parts, strict=True)
        return structure.unflatten(
            [
                part.taken(leaf) if part is not None and is_array(leaf) else self.whole(leaf)
                for leaf, part in parts
            ]
        )

    def require_leaves_of_x0(self, value: Any, name: str) -> None:
        """Raise if a value has another number of leaves than x0, which lie on the ranks.

        One that lies on the ranks is gathered by all of them, or by none.
        """
        leaves = _leaves(value)
        count, wanted = len(leaves), len(self.parts)
        if self.parts and count != wanted and any(map(self._group.is_partitioned, leaves)):
            raise ValueError(
                f"{name} returned {count} arrays, but x0 has {wanted}; one is needed for each "
                "array of x0"
            )

    def all_of(self, value: Any) -> Any:
        """Return all of what `like_x0` returned. All ranks must call it."""
        leaves, structure = flatten_tree(value)
        if len(leaves) != len(self.parts):
            return value
        parts = zip(leaves, self.parts, strict=True)
        return structure.unflatten([x if part is None else part.whole(x) for x, part in parts])

    def digests(self, value: Any, is_like_x0: bool = True) -> list[tuple[str, bytes]]:
        """Return a digest of each leaf of what this rank works on, and where it lies in the whole.

        Ranks that have the same part of a leaf must find the same digest, see `are_same`. What is
        not like x0 is whole on all ranks.
        """
        leaves = _leaves(value)
        is_in_parts = is_like_x0 and len(self.parts) == len(leaves)
        parts = self.parts if is_in_parts else (None,) * len(leaves)
        return [
            (part.key if part is not None else "", digest_of(self._group.numbers(leaf)))
            for leaf, part in zip(leaves, parts, strict=True)
        ]

    def joined(self, share: Any) -> dict[str, Any]:
        """Return what all ranks have, each something like its x0. All ranks must call it."""
        leaves, structure = flatten_tree(share)
        of_leaves = [self._of_ranks(leaf) for leaf in leaves]
        return {
            _name(rank): structure.unflatten([each[rank] for each in of_leaves])
            for rank in range(self._group.size)
        }

    def digests_of_given(self, value: Any) -> list[tuple[str, bytes]]:
        """Return a digest of each leaf of an option, as `digests` does of those of x0."""
        return [self._digest_of_given(leaf) for leaf in _leaves(value)]

    def of_all(self, direction: Any) -> Any:
        """Return a tangent, or a list of them, along all of x0."""
        several = type(direction) in (list, tuple)
        if several and len(_leaves(direction)) != len(self._originals):
            return [self.of_all(each) for each in direction]
        return self.joined(direction) if self.are_apart else self.like_x0(direction)

    def _digest_of_given(self, leaf: Any) -> tuple[str, bytes]:
        if not self._group.is_partitioned(leaf):
            return "", digest_of(leaf)
        if (part := self._group.part(leaf)) is None:  # another layout, whose parts nobody compares
            return "", b""
        return part.key, digest_of(self._group.numbers(part.taken(leaf)))

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


def are_same(of_ranks: Sequence[tuple[str, bytes]]) -> bool:
    """Return whether ranks with the same part of a leaf have the same numbers there.

    Parameters
    ----------
    of_ranks : sequence of (str, bytes)
        What `Shares.digests` says of the leaf, on each rank.
    """
    return len(set(of_ranks)) == len({key for key, _ in of_ranks})


def is_tangent(direction: Any) -> bool:
    """Return whether the option `direction` is a tangent, or a list of them."""
    return not (isinstance(direction, str | int) or callable(direction))


def _leaves(tree: Any) -> list[Any]:
    return flatten_tree(tree)[0]


def _name(rank: int) -> str:
    return f"rank {rank}"
