"""JAX: immutable arrays, whose entries a compiled scatter replaces.

A function that is compiled to donate its argument deletes the argument. So what the user's code
gets is a copy all the same.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import array_api_compat
import jax
import jax.numpy as jnp
import numpy as np

from checkgrad.backends.array_types import Array, Entries, HostArray, Structure
from checkgrad.backends.base import Backend
from checkgrad.backends.host_arrays import as_numpy
from checkgrad.backends.jax_compiled import (
    compiled,
    compiled_block,
    compiled_cast,
    compiled_copy,
    compiled_with_block,
    compiled_with_entries,
    compiled_with_entry,
)
from checkgrad.backends.jax_differentiation import JaxDifferentiation
from checkgrad.backends.jax_footprint import largest_made
from checkgrad.backends.jax_host import (
    HostOrDevice,
    cast_on_host,
    computed,
    computed_like,
    is_at_hand,
    is_computed_on_host,
    is_in_host_memory,
    is_read_on_host,
    is_reduced_on_host,
    on_device_of,
)
from checkgrad.backends.jax_partitions import (
    JaxPartitions,
    cast,
    copied,
    gathered_on_host,
    in_mesh_of,
)
from checkgrad.backends.jax_placement import (
    device_of,
    gathered,
    is_indexed,
    is_on_one_cpu,
    is_partitioned,
    is_traced_now,
    laid_out,
    name_of_devices,
    over_auto_axes,
    partitioning,
    placed,
    ready_on_all_devices,
)
from checkgrad.backends.jax_wide_dtypes import wide_dtype
from checkgrad.backends.jax_wide_setting import as_user_set, with_float64
from checkgrad.backends.jax_widening import JaxprWidening
from checkgrad.backends.numpy_backend import NumPyBackend
from checkgrad.backends.seeds import draw_seed
from checkgrad.backends.widening import Widening

_NUMPY = NumPyBackend(np)
_WITH_FLOAT64 = {"cpu", "gpu", "cuda", "rocm"}
_Compiled = type(compiled_copy)
_compiled_maps: weakref.WeakKeyDictionary[Any, Callable[[Array], Any]]
_compiled_maps = weakref.WeakKeyDictionary()


class JaxBackend(Backend):
    """JAX, on one device or on several."""

    name = "jax"
    differentiation = JaxDifferentiation()
    partitions = JaxPartitions()
    compiles = True
    maps = True

    def __init__(self, xp: Any) -> None:
        super().__init__(HostOrDevice())

    def host(self, array: Array) -> HostArray:
        return as_numpy(gathered_on_host(array) if isinstance(array, jax.Array) else array)

    def obstacle(self, array: Array) -> str:
        if not isinstance(array, jax.core.Tracer) and not is_traced_now(array):
            return ""
        return (
            f"traced by JAX (an array of shape {tuple(array.shape)} and dtype {array.dtype}), so "
            "that there are no values; call checkgrad outside of jit, vmap and grad"
        )

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        if getattr(value, "dtype", None) == jax.dtypes.float0:  # JAX's sign for "no derivative"
            return np.zeros(value.shape, dtype=bool)
        if array_api_compat.is_jax_array(value):
            return gathered(value)
        from checkgrad.backends.dispatch import portable

        host = portable(value)
        return jax.device_put(host) if like is None else placed(host, like)

    def gather_detached(self, array: Array) -> Array:
        return gathered(array)

    def as_leaf(self, array: Array) -> Array:
        return over_auto_axes(array)

    def laid_out(self, array: Any, like: Array) -> Any:
        return laid_out(array, like)

    def placing(self, structure: Structure | None, originals: Sequence[Array]) -> Structure | None:
        return partitioning(structure, originals)

    def copy(self, array: Array) -> Array:
        if is_partitioned(array):
            return copied(array)
        if is_read_on_host(array):
            return on_device_of(np.array(array, copy=True), array)
        return compiled_copy(ready_on_all_devices(array))

    def snapshot(self, array: Array) -> Array:
        return ready_on_all_devices(array)

    def block_until_ready(self, array: Array) -> Array:
        return jax.block_until_ready(array)

    def complexed(self, pairs: Array) -> Array:
        return jax.lax.complex(pairs[..., 0], pairs[..., 1])

    def joined(self, blocks: Iterator[Array], shape: tuple[int, ...], like: Array) -> Array:
        if not is_indexed(like):
            return jnp.reshape(jnp.concat(list(blocks)), shape)
        first, start = next(blocks), 0
        blocks = itertools.chain([first], blocks)
        if isinstance(first, np.ndarray):
            return on_device_of(_NUMPY.joined(blocks, shape, first), like)
        with device_of(like):
            joined = jnp.zeros(shape, first.dtype)
        for block in blocks:
            joined = compiled_with_block(joined, block, start).block_until_ready()
            start += block.size
        return joined

    def split(self, array: Array, size: int) -> Iterator[Array]:
        if is_read_on_host(array):
            yield from _NUMPY.split(np.asarray(array), size)
            return
        if not is_indexed(array):
            flat = jnp.reshape(array, (-1,))
            yield from (flat[start : start + size] for start in range(0, array.size, size))
            return
        for start in range(0, array.size, size):
            yield compiled_block(array, start, min(size, array.size - start))

    def perturbed_copies(
        self, array: Array, entries: Entries, values: Array, first: int = 0
    ) -> Iterator[Array]:
        if is_partitioned(array):
            yield from self.partitions.perturbed_copies(array, entries, values, first)
            return
        if is_at_hand(array):
            hosts = np.asarray(array), entries, np.asarray(values)
            for copy in _NUMPY.perturbed_copies(*hosts, first):
                yield on_device_of(copy, array)
            return
        for place, entry in enumerate(entries, first):
            yield compiled_with_entry(array, entry, values, place)

    def widenings(self) -> Sequence[Widening]:
        return (JaxprWidening(), *super().widenings())

    def lacks_float64(self, array: Array) -> str:
        platforms = {device.platform for device in array.devices()} - _WITH_FLOAT64
        names = ", ".join(sorted(platforms))
        return f"JAX has no float64 on a device of the kind {names}" if platforms else ""

    def widened(self, array: Array) -> Array:
        if is_partitioned(array):
            return cast(array, wide_dtype(array.dtype))
        if is_read_on_host(array):
            return cast_on_host(array, wide_dtype(array.dtype))
        with with_float64():
            return compiled_cast(ready_on_all_devices(array), wide_dtype(array.dtype))

    def narrowed(self, array: Array, like: Array) -> Array:
        if is_partitioned(array):
            return cast(array, like.dtype)
        # NumPy rounds float64 to half precision as JAX does, although it does not compute so in it.
        if is_read_on_host(array) and is_in_host_memory(like):
            return cast_on_host(array, like.dtype)
        with with_float64():
            return compiled_cast(ready_on_all_devices(array), like.dtype)

    def with_float64(self) -> AbstractContextManager[None]:
        return with_float64()

    def as_user_set(self) -> AbstractContextManager[None]:
        return as_user_set()

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return compiled(function)

    def perturbed_batch(
        self, array: Array, entries: Entries, values: Array
    ) -> tuple[Array, Array, Array]:
        if is_at_hand(array, len(entries) + 3):
            hosts = np.asarray(array), entries, np.asarray(values)
            whole, one, other = _NUMPY.perturbed_batch(*hosts)
            return tuple(on_device_of(each, array) for each in (whole, one, other))
        with in_mesh_of(array):
            batch: tuple[Array, Array, Array] = compiled_with_entries(array, entries, values)
        return batch

    def device_name(self, array: Array) -> str:
        return name_of_devices(array) if is_partitioned(array) else super().device_name(array)

    def on_host(self, array: Array) -> bool:
        return all(device.platform == "cpu" for device in array.devices())

    def is_local(self, array: Array) -> bool:
        return is_on_one_cpu(array)

    def computed(self, function: Callable[..., Array], *arrays: Array) -> Array:
        return (
            computed_like(function, arrays) if is_computed_on_host(*arrays) else function(*arrays)
        )

    def reduced(self, function: Callable[..., Any], *arrays: Array) -> Any:
        return computed(function, arrays) if is_reduced_on_host(*arrays) else function(*arrays)

    def footprint(self, func: Callable[[Array], Any], array: Array) -> int:
        traceable = func if isinstance(func, _Compiled) else jax.jit(func)
        try:
            return largest_made(traceable.trace(array).jaxpr.jaxpr)
        except Exception:
            return 0

    def mapped(self, func: Callable[[Array], Any]) -> Callable[[Array], Any]:
        if not isinstance(func, _Compiled):
            mapped: Callable[[Array], Any] = jax.vmap(func)
            return mapped
        # Compiled code does not depend on later changes of what func closes over. Neither does
        # the mapped code, so one map is enough for each compiled func.
        if func not in _compiled_maps:
            _compiled_maps[func] = jax.jit(jax.vmap(weakref.proxy(func)))
        return _compiled_maps[func]

    def random_tangent(self, rng: Any, like: Array) -> Array:
        if is_partitioned(like):
            return self.partitions.mapped(jnp.positive, self.partitions.random_tangent(rng, like))
        if is_at_hand(like):
            return super().random_tangent(rng, like)
        return self.random_block(rng, like)

    def random_block(self, rng: np.random.Generator, like: Array) -> Array:
        if isinstance(like, np.ndarray):
            return _NUMPY.random_block(rng, like)
        with device_of(like):
            numbers = jax.random.normal(jax.random.key(draw_seed(rng)), like.shape, like.dtype)
        return placed(numbers, like)

    def random_signs(self, rng: Any, like: Array) -> Array:
        if is_at_hand(like):
            return super().random_signs(rng, like)
        with device_of(like):
            signs = jax.random.rademacher(jax.random.key(draw_seed(rng)), like.shape, like.dtype)
        return placed(signs, like)

    def from_host(self, numbers: HostArray, like: Array) -> Array:
        return placed(numbers.astype(like.dtype), like)
