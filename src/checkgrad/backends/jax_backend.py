"""JAX: immutable arrays, whose entries are replaced by a compiled scatter.

A function compiled to donate its argument deletes it, so what is handed out is a copy all the
same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import array_api_compat
import jax
import jax.numpy as jnp
import numpy as np

from checkgrad.backends.protocol import Array, HostArray
from checkgrad.backends.seeds import draw_seed


def make(array: Array) -> JaxBackend:
    """The backend of `array`."""
    return JaxBackend(array_api_compat.array_namespace(array))


def _with_entry(array: Array, entry: Array, values: Array, place: Array) -> Array:
    flat = jnp.reshape(array, (-1,))
    return jnp.reshape(flat.at[entry].set(values[place]), array.shape)


_compiled_with_entry = jax.jit(_with_entry)


class JaxBackend:
    """See `checkgrad.backends.protocol.Backend`."""

    name = "jax"

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        if array_api_compat.is_jax_array(value):
            return value
        from checkgrad.backends import portable

        return jax.device_put(portable(value), None if like is None else like.sharding)

    def detach(self, array: Array) -> Array:
        return array

    def fresh(self, array: Array) -> Array:
        return jnp.array(array, copy=True)

    def fresh_for_grad(self, array: Array, original: Array) -> Array:
        return self.fresh(array)

    def settled(self, array: Array) -> Array:
        return array.block_until_ready()

    def moved(self, array: Array, entries: Sequence[int], values: Array) -> Iterator[Array]:
        for place, entry in enumerate(entries):
            yield _compiled_with_entry(array, entry, values, place)

    def standard_normal(self, rng: Any, like: Array) -> Array:
        with jax.default_device(next(iter(like.devices()))):
            return jax.random.normal(jax.random.key(draw_seed(rng)), like.shape, like.dtype)

    def rounded(self, numbers: HostArray, like: Array) -> Array:
        return jax.device_put(numbers.astype(like.dtype), like.sharding)

    def to_host(self, array: Array) -> HostArray:
        wide = np.complex128 if jnp.iscomplexobj(array) else np.float64
        return np.asarray(array).astype(wide)
