"""Where JAX arrays are: their devices, and their partition over the devices of a mesh."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from checkgrad.backends.array_types import Array, Structure
from checkgrad.backends.jax_wide_setting import with_float64

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

    It is an error to compute with arrays that are committed to different devices. Beside an array
    of NumPy, one of NumPy stays what it is.
    """
    if isinstance(like, np.ndarray | np.generic):
        return array
    if not like.committed:
        with device_of(like):  # an array of NumPy is put there without compiling anything
            is_host = isinstance(array, np.ndarray | np.generic)
            return jax.device_put(array) if is_host else jnp.asarray(array)
    sharding = like.sharding
    if array.shape != like.shape and isinstance(sharding, NamedSharding):
        sharding = NamedSharding(sharding.mesh, PartitionSpec())  # the partition fits only `like`
    if isinstance(array, np.ndarray) and not sharding.is_fully_addressable:
        # All processes have the same numbers, and each takes its part.
        return jax.make_array_from_callback(array.shape, sharding, lambda place: array[place])
    return jax.device_put(array, sharding)


def is_on_one_cpu(array: Any) -> bool:
    """Return whether `array` is an array of JAX, whole in the memory of one CPU."""
    if not isinstance(array, jax.Array) or isinstance(array, jax.core.Tracer):
        return False
    devices = array.devices()
    return len(devices) == 1 and next(iter(devices)).platform == "cpu"


def is_partitioned(array: Any) -> bool:
    """Return whether `array` is laid out over several devices of a mesh."""
    if not isinstance(array, jax.Array) or isinstance(array, jax.core.Tracer):
        return False
    return isinstance(array.sharding, NamedSharding) and len(array.sharding.device_set) > 1


def is_traced_now(array: Any) -> bool:
    """Return whether JAX traces what is done with a partitioned `array`, so that it has no values.

    Other arrays are copied, and the copy shows it.
    """
    return is_partitioned(array) and isinstance(jnp.positive(jnp.zeros(())), jax.core.Tracer)


def name_of_devices(array: Array) -> str:
    """Return how many devices of which kind a partitioned array is laid out over."""
    kinds = dict.fromkeys(device.platform for device in array.sharding.device_set)
    return f"{len(array.sharding.device_set)} devices ({', '.join(kinds)})"


def gathered(array: Array) -> Array:
    """Return `array` whole on each of its devices, if its partition is part of its type.

    Every operation on such a partitioned array would have to say how its result is partitioned.
    """
    if not _is_explicit(array):
        return array
    return jax.device_put(array, NamedSharding(array.sharding.mesh, PartitionSpec()))


def over_auto_axes(array: Array) -> Array:
    """Return `array` where it is, with a partition that is no part of its type. It is no copy."""
    if not _is_explicit(array):
        return array
    mesh = array.sharding.mesh
    axes = (AxisType.Auto,) * len(mesh.axis_names)
    auto = Mesh(mesh.devices, mesh.axis_names, axis_types=axes)
    return jax.device_put(array, NamedSharding(auto, array.sharding.spec))


def laid_out(array: Any, like: Array) -> Any:
    """Return `array` partitioned as `like` is, or on its device.

    It may have more axes before those of `like`, which are not partitioned. If it is complex and
    `like` has pairs of real numbers, it lacks their axis. What is no array of JAX, or has another
    shape, is returned as it is; and so it is where JAX traces one of the two.
    """
    if not isinstance(array, jax.Array) or _is_traced(array) or _is_traced(like):
        return array
    if not is_partitioned(like):
        return _on_device_of(like, array)
    shape, spec = tuple(like.shape), tuple(like.sharding.spec)
    if jnp.iscomplexobj(array) and not jnp.iscomplexobj(like):
        shape, spec = shape[:-1], spec[: len(shape) - 1]
    more = array.ndim - len(shape)
    if more < 0 or tuple(array.shape[more:]) != shape:
        return array
    sharding = NamedSharding(like.sharding.mesh, PartitionSpec(*[None] * more, *spec))
    sharding = like.sharding if shape == tuple(array.shape) == tuple(like.shape) else sharding
    return array if array.sharding == sharding else jax.device_put(array, sharding)


def _is_traced(array: Any) -> bool:
    return isinstance(array, jax.core.Tracer)


def _on_device_of(like: Any, array: Array) -> Array:
    """Return a partitioned `array` on the device of `like`, if that is on a single one."""
    is_single = isinstance(like, jax.Array) and isinstance(like.sharding, SingleDeviceSharding)
    if not is_single or not is_partitioned(array) or not array.is_fully_addressable:
        return array
    with with_float64():
        return placed(np.asarray(array), like)


def partitioning(structure: Structure | None, originals: Sequence[Array]) -> Structure | None:
    """Return `structure` such that it partitions its leaves as `originals` are."""
    if not any(map(is_partitioned, originals)):
        return structure
    whole = _ONE_ARRAY if structure is None else structure

    def restored(leaves: list[Array]) -> list[Array]:
        return [laid_out(*pair) for pair in zip(leaves, originals, strict=True)]

    return dataclasses.replace(
        whole,
        unflatten=lambda leaves: whole.unflatten(restored(leaves)),
        unflatten_tangent=lambda leaves: whole.unflatten_tangent(restored(leaves)),
    )


def is_indexed(array: Array) -> bool:
    """Return whether compiled code can address the entries of `array`: one device, int32."""
    return len(array.devices()) == 1 and array.size <= _INT32


def sharding_in_type(array: Array) -> Any:
    """Return the sharding of `array` if it is part of its type, else None."""
    return array.sharding if _is_explicit(array) else None


def _is_explicit(array: Array) -> bool:
    """Return whether the partition of `array` over devices is part of its type."""
    if isinstance(array, jax.core.Tracer) or not isinstance(array.sharding, NamedSharding):
        return False
    return AxisType.Explicit in array.sharding.mesh.axis_types
