"""What every backend offers: the types that the rooms above rely on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

Array: TypeAlias = Any
HostArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Structure:
    """How a tree of arrays is put together: its leaves' places, and the way back from leaves.

    ``flatten_like`` gives the leaves, paths and description of another tree.
    """

    unflatten: Callable[[list[Any]], Any]
    paths: tuple[str, ...]
    description: str
    flatten_like: Callable[[Any], tuple[list[Any], tuple[str, ...], str]]


class Backend(Protocol):
    """One array library, seen through what the array API standard lacks."""

    name: str
    xp: Any

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        """`value`, from any library, as an array of this one, on the device of `like`."""

    def detach(self, array: Array) -> Array:
        """The same values without a record for automatic differentiation."""

    def fresh(self, array: Array) -> Array:
        """A copy that the user's code may keep, write to or donate."""

    def fresh_for_grad(self, array: Array, original: Array) -> Array:
        """A copy for ``grad``, recording for differentiation where `original` does."""

    def settled(self, array: Array) -> Array:
        """`array`, computed: until it is, a library that computes later keeps the inputs."""

    def moved(self, array: Array, entries: Sequence[int], values: Array) -> Iterator[Array]:
        """Fresh copies of `array`, the i-th with ``values[i]`` at flat entry ``entries[i]``."""

    def standard_normal(self, rng: Any, like: Array) -> Array:
        """Normal random numbers of the shape, dtype and device of `like`, made there."""

    def rounded(self, numbers: HostArray, like: Array) -> Array:
        """Host `numbers` in the dtype and on the device of `like`."""

    def to_host(self, array: Array) -> HostArray:
        """`array` on the host, float64 or, where `array` is complex, complex128."""
