"""The ranks of a process group that check together, whatever library the group is from.

This module owns what the rest of checkgrad sees of a group. The modules of the libraries have the
groups themselves, and are imported where a group of theirs turns up.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from checkgrad.backends.array_parts import ArrayPart
from checkgrad.backends.array_types import Array, HostArray
from checkgrad.backends.trees import flatten_tree


class LostError(RuntimeError):
    """The messages between the ranks are gone: the process that holds them has ended."""


class ProcessGroup(Protocol):
    """Some processes, which run the same program.

    What has to do with messages raises `LostError` where these are gone.

    Attributes
    ----------
    rank : int
        The number of this process among them, from 0 on.
    size : int
        How many there are.
    """

    rank: int
    size: int

    def start(self) -> None:
        """Begin a check of its own. All ranks do so equally often."""

    def post(self, key: str, message: bytes) -> None:
        """Lay a message out for the other ranks. Nobody is waited for."""

    def read(self, key: str) -> bytes | None:
        """Return a message; None if there is none yet. Any thread may ask."""

    def forget(self, key: str) -> None:
        """Take a message away."""

    def gather(self, value: Any) -> list[Any]:
        """Return what each rank passes. All ranks must call it at once."""

    def numbers(self, leaf: Any) -> HostArray:
        """Return the numbers of an array, or a number, on the host; in float64 where widened."""

    def with_numbers(self, numbers: HostArray, leaf: Any) -> Any:
        """Return `numbers` as a leaf of the same kind, on the device of this rank."""

    def waiting_at_most(self, seconds: float) -> AbstractContextManager[None]:
        """Return a context in which a collective of the user's fails after so many seconds."""

    def is_partitioned(self, array: Any) -> bool:
        """Return whether one array is laid out over the ranks by its library."""

    def part(self, array: Array) -> ArrayPart | None:
        """Return the part of this rank of a partitioned array.

        None if it cannot be worked on by itself.
        """

    def whole(self, array: Array) -> Array:
        """Return all of an array that is laid out over the ranks. All ranks must call it."""

    def laid_out(self, array: Array, like: Array) -> Array:
        """Return a whole array laid out over the ranks as `like` is."""

    def as_cotangent(self, array: Array, like: Array) -> Array:
        """Return a whole array laid out as the library lays out the cotangent of `like`."""

    def recorded(self, array: Array, like: Array) -> Array:
        """Return a whole array laid out as `like` is; the library differentiates through it."""

    def recorded_whole(self, array: Array) -> Array:
        """Return all of an array; the library differentiates through it. All ranks must call it."""

    def records(self, leaf: Any) -> bool:
        """Return whether the library records what is done with an array, to differentiate it."""


def find_group(group: Any, x0: Any) -> ProcessGroup | None:
    """Return the ranks that check together; None for this process alone.

    Parameters
    ----------
    group : Any
        What the user passed: a process group, or None.
    x0 : Any
        As the user passed it. Leaves that their library lays out over ranks bring a group along.

    Raises
    ------
    TypeError
        If `group` is no process group.
    ValueError
        If this process does not belong to it, or the leaves lie on several meshes.
    """
    if group is None and "torch.distributed.tensor" not in sys.modules:
        return None
    if "torch" in sys.modules:
        from checkgrad.backends.torch_ranks import find_torch_group

        leaves = [] if isinstance(x0, Iterator) else flatten_tree(x0)[0]
        return find_torch_group(group, leaves)
    raise TypeError(f"group is a {type(group).__name__}; pass a process group of torch.distributed")
