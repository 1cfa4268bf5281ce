"""Work on JAX arrays that are laid out over the devices of a mesh, in one compiled call each.

Inside of checkgrad, such arrays lie over the automatic axes of a mesh, whatever the axes of the
user's are: `checkgrad.backends.jax_placement` owns that. Random numbers come from a counter for
every entry, so that each device makes its own.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from checkgrad.backends.array_types import Array, Entries, HostArray
from checkgrad.backends.jax_closures import NotTakenApartError, Taken, put_together
from checkgrad.backends.jax_placement import is_partitioned
from checkgrad.backends.jax_wide_setting import with_float64
from checkgrad.backends.partitions import Deferred
from checkgrad.backends.seeds import draw_seed

_KEPT = 4096  # compiled functions that are kept
_RANDOM = "threefry2x32"  # of JAX's generators the one that counts entries, on any devices


class JaxPartitions:
    """See `checkgrad.backends.partitions.Partitions`."""

    def owns(self, array: Any) -> bool:
        """See `Partitions.owns`."""
        return isinstance(array, Deferred) or is_partitioned(array)

    def mapped(self, function: Callable[..., Array], *arrays: Any, exactly: bool = False) -> Array:
        """See `Partitions.mapped`."""
        like = _like(arrays)
        return _called(function, arrays, like.sharding, exactly or _is_narrow(like))

    def reduced(self, function: Callable[..., Array], *arrays: Any, exactly: bool = False) -> Array:
        """See `Partitions.reduced`."""
        like = _like(arrays)
        everywhere = NamedSharding(like.sharding.mesh, PartitionSpec())
        return _called(function, arrays, everywhere, exactly or _is_narrow(like))

    def is_shared(self, array: Array) -> bool:
        """See `Partitions.is_shared`."""
        return not _like((array,)).is_fully_addressable

    def any_process(self, flag: bool, array: Array) -> bool:
        """See `Partitions.any_process`."""
        mesh = _like((array,)).sharding.mesh
        by_device = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
        own = np.asarray([flag], np.float32)
        flags = jax.make_array_from_callback((mesh.size,), by_device, lambda _: own)
        return bool(self.reduced(jnp.max, flags))

    def positions(self, array: Array) -> Array:
        """See `Partitions.positions`."""
        flat = jnp.zeros(array.shape, jnp.int64)
        for axis, size in enumerate(array.shape):
            flat = flat * size + jax.lax.broadcasted_iota(jnp.int64, array.shape, axis)
        return flat

    def random_tangent(self, rng: Any, like: Array) -> Deferred:
        """See `Partitions.random_tangent`."""
        return Deferred(_normal_numbers, (like, _seed_of(rng)), like)

    def random_signs(self, rng: Any, like: Array) -> Deferred:
        """See `Partitions.random_signs`."""
        return Deferred(_signs, (like, _seed_of(rng)), like)

    def perturbed_copies(
        self, array: Array, entries: Entries, values: Array, first: int
    ) -> Iterator[Array]:
        """See `Partitions.perturbed_copies`."""
        replaced = functools.partial(_with_entries, positions=self.positions)
        numbers = gathered_on_host(values) if isinstance(values, jax.Array) else values
        for place, entry in enumerate(entries, first):
            inputs = array, np.atleast_1d(entry), np.atleast_1d(numbers[place])
            yield _called(replaced, inputs, array.sharding, False)


def copied(array: Array) -> Array:
    """Return a copy of a partitioned array that lies as it does."""
    return _called(jnp.copy, (array,), array.sharding, False)


def cast(array: Array, dtype: Any) -> Array:
    """Return a partitioned array in another dtype, in memory of its own."""
    to_dtype = functools.partial(_cast, dtype=np.dtype(dtype))
    return _called(to_dtype, (array,), array.sharding, False)


def gathered_on_host(array: Array) -> HostArray:
    """Return all of an array on the host. All processes that have a part of it must call it."""
    if isinstance(array.sharding, NamedSharding) and not array.is_fully_addressable:
        if not array.is_fully_replicated:
            everywhere = NamedSharding(array.sharding.mesh, PartitionSpec())
            array = _called(jnp.copy, (array,), everywhere, False)
        array = array.addressable_data(0)
    return np.asarray(array)


def in_mesh_of(array: Array) -> AbstractContextManager[Any]:
    """Return a context in which a mesh that the user has set does not matter to an array."""
    return _in_mesh(array.sharding) if is_partitioned(array) else nullcontext()


def _like(arrays: tuple[Any, ...]) -> Array:
    return arrays[0].like if isinstance(arrays[0], Deferred) else arrays[0]


def _is_narrow(array: Array) -> bool:
    """Return whether compiled code may keep more digits in between than the dtype has."""
    return bool(jnp.finfo(array.dtype).bits < jnp.finfo(jnp.float32).bits)


def _called(
    function: Callable[..., Any], arrays: tuple[Any, ...], sharding: Any, exactly: bool
) -> Array:
    """Return a function of arrays, with the sharding that its result is to have."""
    with ExitStack() as settings:
        settings.enter_context(with_float64())
        settings.enter_context(jax.threefry_partitionable(True))
        settings.enter_context(_in_mesh(sharding))
        try:
            taken = None if exactly else Taken((function, *arrays))
        except NotTakenApartError:
            taken = None
        if taken is None:
            made = [_made(each) for each in arrays]
            return jax.block_until_ready(jax.device_put(function(*made), sharding))
        compiled = _compiled(taken.forms, sharding)
        # Devices of a CPU that wait for each other in several computations may block each other.
        return jax.block_until_ready(compiled(taken.numbers, taken.arrays))


@functools.lru_cache(maxsize=_KEPT)
def _compiled(forms: tuple[Any, ...], sharding: Any) -> Callable[..., Array]:
    def run(numbers: list[Array], arrays: list[Array]) -> Any:
        function, *inputs = put_together(forms, numbers, arrays)
        return function(*inputs)

    compiled: Callable[..., Array] = jax.jit(run, out_shardings=sharding)
    return compiled


def _made(array: Any) -> Any:
    """Return a deferred array, made operation by operation."""
    if not isinstance(array, Deferred):
        return array
    if array.function in (_normal_numbers, _signs):
        return _called(array.function, array.inputs, array.like.sharding, False)
    found = array.function(*map(_made, array.inputs))
    return jax.device_put(found, array.like.sharding)


def _in_mesh(sharding: Any) -> AbstractContextManager[Any]:
    """Return a context in which a mesh that the user has set, with other axes, does not matter."""
    get_mesh = getattr(jax.sharding, "get_abstract_mesh", None)
    if get_mesh is None or get_mesh().empty:
        return nullcontext()
    set_mesh: AbstractContextManager[Any] = jax.set_mesh(sharding.mesh)
    return set_mesh


def _seed_of(rng: Any) -> HostArray:
    return np.asarray(draw_seed(rng), np.uint32)


def _normal_numbers(like: Array, seed: Array) -> Array:
    return jax.random.normal(jax.random.key(seed, impl=_RANDOM), like.shape, like.dtype)


def _signs(like: Array, seed: Array) -> Array:
    return jax.random.rademacher(jax.random.key(seed, impl=_RANDOM), like.shape, like.dtype)


def _cast(array: Array, dtype: Any) -> Array:
    return jnp.array(array, dtype, copy=True)


def _with_entries(
    array: Array, entries: Array, values: Array, positions: Callable[[Array], Array]
) -> Array:
    """Return an array with some entries replaced, whose places are compared on every device."""
    flat = positions(array)
    for place in range(math.prod(entries.shape)):
        array = jnp.where(flat == entries[place], values[place].astype(array.dtype), array)
    return array
