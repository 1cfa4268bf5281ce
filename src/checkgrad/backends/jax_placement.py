"""Where JAX arrays are: their devices, and their partition over the devices of a mesh."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from checkgrad.backends.array_types import Array, Structure

_INT32 = 2**31 - 1
_ONE_ARRAY = Structure(
    unflatten=lambda leaves: leaves[0],
    unflatten_tangent=lambda leaves: leaves[0],
    paths=("",),
    description="one array",
    flatten_like=lambda other: ([other], ("",), "one array"),
)


def ready_on_all_devices(array: Array) -> Array:
    """Return `array`, computed if it is on several devices.

    Devices wait for each other in sums over all of them. On a CPU of few cores, many such
    computations that are started at once can block each other, until XLA aborts the process.
    """
    if isinstance(array, jax.core.Tracer) or len(array.devices()) == 1:
        return array
    return jax.block_until_ready(array)


def device_of(like: Array) -> AbstractContextManager[Any]:
    """Return a context in which arrays are made on the first device of `like`."""
    device: AbstractContextManager[Any] = jax.default_device(next(iter(like.devices())))
    return device


def placed(array: Array, like: Array) -> Array:
    """Return `array`, of JAX or NumPy, on the devices of `like`, and committed to them as `like`.

    It is an error to compute with arrays that are committed to different devices.
    """
    if not like.committed:
        with device_of(like):
            return jnp.asarray(array)
    sharding = like.sharding
    if array.shape != like.shape and isinstance(sharding, NamedSharding):
        sharding = NamedSharding(sharding.mesh, PartitionSpec())  # the partition fits only `like`
    return jax.device_put(array, sharding)


def gathered(array: Array) -> Array:
    """Return `array` whole on each of its devices, if its partition is part of its type.

    Every operation on such a partitioned array would have to say how its result is partitioned.
    """
    if not _is_explicit(array):
        return array
    return jax.device_put(array, NamedSharding(array.sharding.mesh, PartitionSpec()))


def partitioned(array: Array, like: Array) -> Array:
    """Return `array` partitioned as `like` is, if that is part of the type of `like`.

    An array of another shape is returned as it is.
    """
    if not _is_explicit(like) or array.shape != like.shape:
        return array
    return jax.device_put(array, like.sharding)


def partitioning(structure: Structure | None, originals: Sequence[Array]) -> Structure | None:
    """Return `structure` such that it partitions its leaves as `originals` are."""
    if not any(map(_is_explicit, originals)):
        return structure
    whole = _ONE_ARRAY if structure is None else structure

    def restored(leaves: list[Array]) -> list[Array]:
        return [partitioned(*pair) for pair in zip(leaves, originals, strict=True)]

    return dataclasses.replace(
        whole,
        unflatten=lambda leaves: whole.unflatten(restored(leaves)),
        unflatten_tangent=lambda leaves: whole.unflatten_tangent(restored(leaves)),
    )


def is_indexed(array: Array) -> bool:
    """Return whether compiled code can address the entries of `array`: one device, int32."""
    return len(array.devices()) == 1 and array.size <= _INT32


def _is_explicit(array: Array) -> bool:
    """Return whether the partition of `array` over devices is part of its type."""
    if isinstance(array, jax.core.Tracer) or not isinstance(array.sharding, NamedSharding):
        return False
    return AxisType.Explicit in array.sharding.mesh.axis_types
