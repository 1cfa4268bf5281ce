"""What every backend offers: the types that the rooms above rely on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

Array: TypeAlias = Any
HostArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]


# Flat entries of an array, shape (n,), or (n, r) where each of n points moves several of them.
Entries: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]
Lists: TypeAlias = Callable[[list[Array]], list[Array]]


@dataclass(frozen=True)
class Structure:
    """How a tree of arrays is put together: its leaves' places, and the way back from leaves.

    ``flatten_like`` gives the leaves, paths and description of another tree; leaves that are not
    differentiated are left out of all of them: ``fixed`` are their paths, and ``unflatten_tangent``
    puts zeros in their places.
    """

    unflatten: Callable[[list[Any]], Any]
    unflatten_tangent: Callable[[list[Any]], Any]
    paths: tuple[str, ...]
    description: str
    flatten_like: Callable[[Any], tuple[list[Any], tuple[str, ...], str]]
    fixed: tuple[str, ...] = ()


class Backend(Protocol):
    """One array library, seen through what the array API standard lacks."""

    name: str
    xp: Any
    compiles: bool  # code for every new shape
    differentiates: bool  # by itself, as the methods from `pullback` on do
    nests: tuple[str, ...]  # the modes whose derivatives it can differentiate: "rev", "fwd"
    convention: str  # one of `checkgrad.backends.conventions.CONVENTIONS`
    bitcasts: tuple[int, ...]  # widths, in bits, of the dtypes whose bits can be read as integers
    maps: bool  # functions over a leading axis, as `mapped` does
    maps_gradients: bool  # whether `mapped` takes functions that differentiate

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        """`value`, from any library, as an array of this one, on the device of `like`."""

    def gather_detached(self, array: Array) -> Array:
        """The same values without a record for automatic differentiation, and not partitioned.

        (As JAX arrays are over the explicit axes of a mesh.)
        """

    def placing(self, structure: Structure | None, originals: Sequence[Array]) -> Structure | None:
        """`structure`, whose leaves are partitioned as `originals` are that `detach` gathers."""

    def copy(self, array: Array) -> Array:
        """A copy that the user's code may keep, write to or donate."""

    def recording(self, array: Array, original: Array) -> Array:
        """`array` itself, now recording for differentiation where `original` does."""

    def complexed(self, pairs: Array) -> Array:
        """Complex numbers from real and imaginary parts along the last axis, signs of 0 kept."""

    def block_until_ready(self, array: Array) -> Array:
        """`array`, or whatever else, computed: until then, some libraries keep the inputs."""

    def split(self, array: Array, size: int) -> Iterator[Array]:
        """`array`, flat, in blocks of `size` entries; the last has what is left."""

    def joined(self, blocks: Iterator[Array], shape: tuple[int, ...], like: Array) -> Array:
        """The flat `blocks`, at least one, as one array of a `shape`, on the device of `like`."""

    def bitcast(self, array: Array, dtype: Any) -> Array:
        """The bits of `array` as those of another dtype of the same width, one of `bitcasts`."""

    def perturbed_copies(
        self, array: Array, entries: Entries, values: Array, first: int = 0
    ) -> Iterator[Array]:
        """Fresh copies of `array`, the i-th with ``values[first + i]`` at entry ``entries[i]``.

        Entries are flat ones. Or at several: rows of `entries` and `values` are of one length then.
        """

    def perturbed_batch(
        self, array: Array, entries: Entries, values: Array
    ) -> tuple[Array, Array, Array]:
        """`array`, then what `perturbed_copies` gives, as one fresh array with a leading axis.

        The last two along it have all entries moved, and every other one; these two are also
        returned by themselves.
        """

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, compiled where the library does that, anew for each last argument."""

    def on_host(self, array: Array) -> bool:
        """Whether `array` is in the memory of a CPU."""

    def footprint(self, func: Callable[[Array], Any], array: Array) -> int:
        """The bytes of the largest array that ``func(array)`` makes; 0 where that is unknown."""

    def mapped(self, func: Callable[[Array], Any]) -> Callable[[Array], Any]:
        """`func` over a leading axis, at all points in one go."""

    def random_tangent(self, rng: Any, like: Array) -> Array:
        """Independent random numbers of mean 0 and variance 1, like `like`, made on its device."""

    def random_signs(self, rng: Any, like: Array) -> Array:
        """A random 1 or -1 for every entry, like `like`, made on its device."""

    def from_host(self, numbers: HostArray, like: Array) -> Array:
        """Host `numbers` in the dtype and on the device of `like`."""

    def to_host(self, array: Array) -> HostArray:
        """`array` on the host, float64 or, where `array` is complex, complex128."""

    def pullback(
        self,
        func: Lists,
        primals: list[Array],
        weights: list[Array],
        again: bool = False,
        between: Callable[[], None] | None = None,
        only: int | None = None,
    ) -> list[Array]:
        """The gradient of the sum of ``func(primals)`` times `weights`, in reverse mode.

        If `again`, it can itself be differentiated. `between` is called before the backward pass.
        If `only` is given, nothing but that one of the `primals` takes part.
        """

    def recorded(self, func: Lists, primals: list[Array], forward: bool) -> list[Array]:
        """``func(primals)``, while it is differentiated: in forward mode, or in reverse mode."""

    def pushforward(self, func: Lists, primals: list[Array], tangents: list[Array]) -> list[Array]:
        """The derivative of `func` along `tangents`, in forward mode."""

    def pullback_of_many(
        self, func: Lists, primals: list[Array], weights: list[Array]
    ) -> list[Array]:
        """`pullback` mapped over a leading axis of all arrays."""

    def pushforward_of_many(
        self, func: Lists, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        """`pushforward` mapped over a leading axis of all arrays."""

    def values_of_many(self, func: Lists, primals: list[Array]) -> list[Array]:
        """`func` mapped over a leading axis of all arrays."""

    def differentiating(self) -> AbstractContextManager[None]:
        """In which functions can be differentiated, whatever the user has switched off."""

    def lacks_rule(self, error: Exception) -> bool:
        """Whether an exception says that a function has no rule to be differentiated by."""
