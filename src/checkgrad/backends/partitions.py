"""Arrays that one library lays out over several devices, and work on them where they lie.

Such an array is never whole on one device, nor on the host. A function of it runs as one compiled
call on all devices, and its result lies as the array does, or is a few numbers. This module names
no library, and has no default: a library that lays arrays out over devices has a class of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from checkgrad.backends.array_types import Array, Entries


@dataclass(frozen=True)
class Deferred:
    """A partitioned array that is not held, but made in every compiled call that needs it.

    Attributes
    ----------
    function : callable
        Makes it from `inputs`, inside of compiled code.
    inputs : tuple of array or Deferred
        What it is made from.
    like : array
        A partitioned array of the same shape and dtype. It lies on the devices as this one would.
    """

    function: Callable[..., Array]
    inputs: tuple[Any, ...]
    like: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return tuple(self.like.shape)

    @property
    def dtype(self) -> Any:
        """The dtype of the array."""
        return self.like.dtype


class Partitions(Protocol):
    """Work on partitioned arrays.

    Functions get arrays with the shape of the whole, and work entry by entry, or reduce. Compiled
    code is kept for the next function that differs only in the floats and arrays in its closure.
    Such a float must not decide what Python code runs.
    """

    def owns(self, array: Any) -> bool:
        """Return whether an array is laid out over several devices, or would be."""

    def mapped(self, function: Callable[..., Array], *arrays: Any, exactly: bool = False) -> Array:
        """Return `function` of arrays of one shape, laid out as the first is.

        If `exactly`, each operation rounds by itself, and takes memory for its result.
        """

    def reduced(self, function: Callable[..., Array], *arrays: Any, exactly: bool = False) -> Array:
        """Return a few numbers, which `function` makes of arrays; all devices have them."""

    def is_shared(self, array: Array) -> bool:
        """Return whether a part of an array lies on devices of another process."""

    def any_process(self, flag: bool, array: Array) -> bool:
        """Return whether a flag holds in any process that has a part of an array.

        All of them must call it.
        """

    def positions(self, array: Array) -> Array:
        """Return the flat index of every entry of an array, inside of a function."""

    def random_tangent(self, rng: Any, like: Array) -> Deferred:
        """Return independent normal numbers like `like`, from a seed that is drawn of `rng`."""

    def random_signs(self, rng: Any, like: Array) -> Deferred:
        """Return a random 1 or -1 for every entry."""

    def perturbed_copies(
        self, array: Array, entries: Entries, values: Array, first: int
    ) -> Iterator[Array]:
        """See `checkgrad.backends.base.Backend.perturbed_copies`."""
