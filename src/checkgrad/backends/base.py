"""The class `Backend`: one array library, with defaults that the array API standard suffices for.

This module names no library. It imports ``array_api_extra`` only where it is needed: the import
takes time, and NumPy, JAX and PyTorch do without it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import array_api_compat
import numpy as np

from checkgrad.backends.array_types import Array, Entries, HostArray, Structure
from checkgrad.backends.blocks import fill_in_blocks
from checkgrad.backends.differentiation import Differentiation
from checkgrad.backends.free_memory import free_host_memory
from checkgrad.backends.partitions import Partitions
from checkgrad.backends.widening import PassedFloat64, Widening


class Backend(ABC):
    """One array library: what checkgrad needs of it beyond the array API standard.

    A new library needs one entry of `LIBRARIES` in `checkgrad.backends.registry`, and one module
    with a subclass that gives the *minimal set*: `name` and `host`. It overrides a default where
    its library does something differently, can do more, or is faster another way. A library for a
    GPU also overrides `on_host`, `obstacle` (another device than the current one), `copy` (on the
    device of the array), `free_memory` (what the library keeps for itself counts as free),
    `random_tangent` and `random_signs`, which by default draw on the host from seeds of `draw_seed`
    in `checkgrad.backends.seeds`.

    Attributes
    ----------
    name : str
        The name of the library in messages. *Minimal set.*
    xp : module
        The array API namespace of the library.
    convention : str
        The convention of complex gradients, one of `checkgrad.backends.conventions.CONVENTIONS`.
    differentiation : Differentiation or None
        The library's own differentiation; None where it has none.
    partitions : Partitions or None
        Work on arrays that the library lays out over devices; None where it has none.
    compiles : bool
        Whether the library compiles code for every new shape.
    maps : bool
        Whether the library maps a function over a leading axis, as `mapped` does.
    """

    name: str
    xp: Any
    convention: str = "jax"
    differentiation: Differentiation | None = None
    partitions: Partitions | None = None
    compiles: bool = False
    maps: bool = False

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    # ---- The minimal set, together with `name`. ----

    @abstractmethod
    def host(self, array: Array) -> HostArray:
        """Return `array` as a NumPy array of its own dtype; bfloat16 as float32."""

    # ---- Arrays of the user: whether they can be x0, and copies of them. ----

    def obstacle(self, array: Array) -> str:
        """Return why `array` cannot be x0, and what to pass instead; empty where it can be."""
        return ""

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        """Return `value`, from any library, as an array of this one, on the device of `like`.

        A plain array of this library is returned as it is.
        """
        foreign = isinstance(value, np.generic | np.ndarray)
        foreign |= not array_api_compat.is_array_api_obj(value)
        if not foreign and array_api_compat.array_namespace(value) is self.xp:
            return value
        from checkgrad.backends.dispatch import portable

        device = None if like is None else array_api_compat.device(like)
        return self.xp.asarray(portable(value), device=device)

    def gather_detached(self, array: Array) -> Array:
        """Return the same values without a record for differentiation, whole on each device.

        (An array over the explicit axes of a JAX mesh is not whole on each device.)
        """
        return array

    def as_leaf(self, array: Array) -> Array:
        """Return the same values as checkgrad holds them, without a record, where they are."""
        return self.gather_detached(array)

    def laid_out(self, array: Any, like: Array) -> Any:
        """Return what the user's code returned for a leaf `like`, laid out over devices as that."""
        return array

    def placing(self, structure: Structure | None, originals: Sequence[Array]) -> Structure | None:
        """Return `structure` such that it partitions leaves over devices as `originals` are.

        It undoes what `as_leaf` does to the placement.
        """
        return structure

    def constants(self, leaves: Sequence[Any]) -> list[bool]:
        """Return which floating leaves the library's own differentiation takes for constants."""
        return [False] * len(leaves)

    def is_plain(self, original: Array) -> bool:
        """Return whether `resembling` has nothing to do for an array of the user's."""
        return True

    def resembling(self, array: Array, original: Array) -> Array:
        """Return `array`, or a copy, as the user's code expects it: like `original`.

        It lies in memory as `original` does, and records for differentiation from now on if
        `original` does.
        """
        return array

    def copy(self, array: Array) -> Array:
        """Return a copy that the user's code may keep, write to or donate."""
        return self.xp.asarray(array, copy=True)

    def snapshot(self, array: Array) -> Array:
        """Return what `array` holds now, safe from later writes by the user's code."""
        return self.copy(array)

    # ---- Numbers between the host and a device. ----

    def from_host(self, numbers: HostArray, like: Array) -> Array:
        """Return host `numbers` in the dtype and on the device of `like`."""
        return self.xp.asarray(numbers, dtype=like.dtype, device=array_api_compat.device(like))

    def to_host(self, array: Array) -> HostArray:
        """Return a copy of `array` on the host: complex128 if it is complex, otherwise float64."""
        numbers = self.host(array)
        return numbers.astype(np.complex128 if np.iscomplexobj(numbers) else np.float64)

    def on_host(self, array: Array) -> bool:
        """Return whether `array` is in the memory of a CPU."""
        return True

    def is_local(self, array: Array) -> bool:
        """Return whether `array` is whole in the memory of one CPU, and costs little to read."""
        return False

    def device_name(self, array: Array) -> str:
        """Return what a report calls the device of `array`."""
        return str(array_api_compat.device(array))

    def machine_epsilon(self, array: Array) -> Any:
        """Return the machine epsilon of the dtype of `array`; 0 where the dtype is exact."""
        if self.xp.isdtype(array.dtype, ("real floating", "complex floating")):
            return self.xp.finfo(array.dtype).eps
        return 0.0

    def random_tangent(self, rng: Any, like: Array) -> Array:
        """Return independent random numbers of mean 0 and variance 1, like `like`."""
        numbers = np.asarray(rng.standard_normal(size=like.shape))
        return self.from_host(numbers, like)  # the host casts: the device may lack float64

    def random_block(self, rng: np.random.Generator, like: Array) -> Array:
        """Return the same for a block of a large array, at once. The numbers need not be normal."""
        return self.random_tangent(rng, like)

    def random_signs(self, rng: Any, like: Array) -> Array:
        """Return a random 1 or -1 for every entry, like `like`."""
        return self.from_host(rng.integers(2, size=like.shape) * 2.0 - 1.0, like)

    # ---- Copies of x0 with some entries changed. ----

    def perturbed_copies(
        self, array: Array, entries: Entries, values: Array, first: int = 0
    ) -> Iterator[Array]:
        """Yield copies of `array`, the i-th with ``values[first + i]`` at entry ``entries[i]``.

        Entries are flat. Rows of `entries` and `values` change several entries of one copy.
        """
        flat = self.xp.reshape(array, (-1,))
        for place, entry in enumerate(entries.tolist(), first):
            copy = self._replaced(flat, entry, values[place, ...])
            yield self.xp.reshape(copy, array.shape)

    def _replaced(self, flat: Array, entry: int | list[int], value: Array) -> Array:
        """Return a copy of `flat` with one entry replaced, or several."""
        import array_api_extra as xpx

        if isinstance(entry, int):
            return xpx.at(flat)[entry].set(value, copy=True, xp=self.xp)
        for place, each in enumerate(entry):
            flat = self._replaced(flat, each, value[place])
        return flat

    def perturbed_batch(
        self, array: Array, entries: Entries, values: Array
    ) -> tuple[Array, Array, Array]:
        """Return `array`, its `perturbed_copies` and two control points along a new leading axis.

        The first control point has all entries changed, the second every other one. Both are
        also returned by themselves.
        """
        control_points = []
        for every in (1, 2):
            flat = self.xp.reshape(array, (-1,))
            for place in range(0, len(entries), every):
                flat = self._replaced(flat, entries[place].tolist(), values[place, ...])
            control_points.append(self.xp.reshape(flat, array.shape))
        copies = self.perturbed_copies(array, entries, values)
        batch = self.xp.stack([array, *copies, *control_points])
        return batch, control_points[0], control_points[1]

    # ---- Large arrays, block by block. ----

    def split(self, array: Array, size: int) -> Iterator[Array]:
        """Yield `array`, flat, in blocks of `size` entries; the last block has what is left."""
        flat = self.xp.reshape(array, (-1,))
        for start in range(0, flat.shape[0], size):
            yield flat[start : min(start + size, flat.shape[0])]

    def joined(self, blocks: Iterator[Array], shape: tuple[int, ...], like: Array) -> Array:
        """Return the flat `blocks`, at least one, as one array, on the device of `like`."""
        device = array_api_compat.device(like)
        return fill_in_blocks(
            blocks, lambda dtype: self.xp.empty(shape, dtype=dtype, device=device)
        )

    def complexed(self, pairs: Array) -> Array:
        """Return complex numbers from real and imaginary parts along the last axis."""
        wide = self.xp.result_type(pairs.dtype, self.xp.complex64)
        return self.xp.astype(pairs[..., 0], wide) + 1j * self.xp.astype(pairs[..., 1], wide)

    # ---- Functions of narrower floats, evaluated in float64. ----

    def widenings(self) -> Sequence[Widening]:
        """Return the ways to evaluate a function in float64, the best one first."""
        return (PassedFloat64(lambda dtype: float(self.xp.finfo(dtype).eps)),)

    def lacks_float64(self, array: Array) -> str:
        """Return why there is no float64 where `array` is; empty where there is."""
        return ""

    def free_memory(self, array: Array) -> float:
        """Return how many bytes are free where `array` is; infinity where nobody says so."""
        return free_host_memory() if self.on_host(array) else math.inf

    def widened(self, array: Array) -> Array:
        """Return a floating `array` in float64 or complex128, on the same devices."""
        is_complex = self.xp.isdtype(array.dtype, "complex floating")
        wide = self.xp.complex128 if is_complex else self.xp.float64
        return self.xp.astype(array, wide, copy=True)

    def narrowed(self, array: Array, like: Array) -> Array:
        """Return a wide `array`, rounded to the dtype of `like`."""
        return self.xp.astype(array, like.dtype, copy=True)

    def with_float64(self) -> AbstractContextManager[None]:
        """Return a context in which the library computes in float64. What a user sets stays."""
        return nullcontext()

    def as_user_set(self) -> AbstractContextManager[None]:
        """Return a context, inside of `with_float64`, in which the user's settings hold."""
        return nullcontext()

    # ---- How functions run: at once or later, compiled, mapped. ----

    def computed(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """Return the array that `function` makes of arrays. It calls nothing but `xp`."""
        return function(*arrays)

    def reduced(self, function: Callable[..., Any], *arrays: Array) -> Any:
        """Return the number that such a `function` makes of arrays, here or on the host."""
        return function(*arrays)

    def block_until_ready(self, array: Array) -> Array:
        """Return `array`, or a tree, once it is computed: until then JAX keeps the inputs."""
        return array

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, compiled where the library compiles, anew for each last argument."""
        return function

    def mapped(self, func: Callable[[Array], Any]) -> Callable[[Array], Any]:
        """Return `func` over a leading axis: one call for all points. Only where `maps`."""
        raise NotImplementedError(f"{self.name} has no vmap")

    def footprint(self, func: Callable[[Array], Any], array: Array) -> int:
        """Return the bytes of the largest array that ``func(array)`` makes; 0 if unknown."""
        return 0
