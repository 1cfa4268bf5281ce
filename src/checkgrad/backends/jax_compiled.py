"""Copies, blocks and casts of JAX arrays, in compiled code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from checkgrad.backends.array_types import Array


def _with_entry(array: Array, entry: Array, values: Array, place: Array) -> Array:
    flat = jnp.reshape(array, (-1,))
    return jnp.reshape(flat.at[entry].set(values[place]), array.shape)


def _with_entries(array: Array, entries: Array, values: Array) -> tuple[Array, Array, Array]:
    count = entries.shape[0]
    rows = jnp.reshape(entries, (count, -1))
    flat = jnp.broadcast_to(jnp.reshape(array, (-1,)), (count + 3, array.size))
    flat = flat.at[jnp.arange(1, count + 1)[:, None], rows].set(jnp.reshape(values, rows.shape))
    flat = flat.at[-2, entries].set(values).at[-1, entries[::2]].set(values[::2])
    batch = jnp.reshape(flat, (count + 3, *array.shape))
    return batch, batch[-2], batch[-1]


def _block(array: Array, start: Array, size: int) -> Array:
    return jax.lax.dynamic_slice(jnp.reshape(array, (-1,)), (start,), (size,))


def _with_block(array: Array, block: Array, start: Array) -> Array:
    flat = jax.lax.dynamic_update_slice(jnp.reshape(array, (-1,)), block, (start,))
    return jnp.reshape(flat, array.shape)


def _cast(array: Array, dtype: Any) -> Array:
    return jnp.array(array, dtype, copy=True)


compiled_with_entry = jax.jit(_with_entry)
compiled_with_entries = jax.jit(_with_entries)
compiled_block = jax.jit(_block, static_argnums=2)  # outside jit, reshape copies the whole array
compiled_with_block = jax.jit(_with_block, donate_argnums=0)  # writes in place
compiled_copy = jax.jit(jnp.copy)
compiled_cast = jax.jit(_cast, static_argnums=1)


@functools.cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function`, compiled anew for each value of its last argument."""
    found: Callable[..., Any] = jax.jit(function, static_argnums=-1)
    return found
