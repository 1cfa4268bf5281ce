"""JAX: immutable arrays, whose entries are replaced by a compiled scatter.

A function compiled to donate its argument deletes it, so what is handed out is a copy all the
same.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import array_api_compat
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from checkgrad.backends.protocol import Array, Entries, HostArray, Lists, Structure
from checkgrad.backends.seeds import draw_seed


def make(array: Array) -> JaxBackend:
    """The backend of `array`."""
    return JaxBackend(array_api_compat.array_namespace(array))


def _with_entry(array: Array, entry: Array, values: Array, place: Array) -> Array:
    flat = jnp.reshape(array, (-1,))
    return jnp.reshape(flat.at[entry].set(values[place]), array.shape)


# What JAX raises where a function has no rule for a mode: a custom_vjp in forward mode, a rule that
# is not linear in its tangent or a while_loop in reverse mode, a primitive in any.
_NO_RULE = (
    (TypeError, "forward-mode"),
    (NotImplementedError, " rule "),
    (ValueError, "Reverse-mode differentiation does not work"),
)

_compiled_with_entry = jax.jit(_with_entry)


def _with_entries(array: Array, entries: Array, values: Array) -> tuple[Array, Array, Array]:
    count = entries.shape[0]
    rows = jnp.reshape(entries, (count, -1))
    flat = jnp.broadcast_to(jnp.reshape(array, (-1,)), (count + 3, array.size))
    moved = flat.at[jnp.arange(1, count + 1)[:, None], rows].set(jnp.reshape(values, rows.shape))
    moved = moved.at[-2, entries].set(values).at[-1, entries[::2]].set(values[::2])
    together = jnp.reshape(moved, (count + 3, *array.shape))
    return together, together[-2], together[-1]


def _block(array: Array, start: Array, size: int) -> Array:
    return jax.lax.dynamic_slice(jnp.reshape(array, (-1,)), (start,), (size,))


def _with_block(array: Array, block: Array, start: Array) -> Array:
    flat = jax.lax.dynamic_update_slice(jnp.reshape(array, (-1,)), block, (start,))
    return jnp.reshape(flat, array.shape)


_compiled_with_entries = jax.jit(_with_entries)
_compiled_block = jax.jit(_block, static_argnums=2)  # alone, the reshaping is a copy of all
_compiled_with_block = jax.jit(_with_block, donate_argnums=0)  # in place
_compiled_copy = jax.jit(jnp.copy)
_Compiled = type(_compiled_copy)
_compiled_maps: weakref.WeakKeyDictionary[Any, Callable[[Array], Any]]
_compiled_maps = weakref.WeakKeyDictionary()


@functools.cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    compiled: Callable[..., Any] = jax.jit(function, static_argnums=-1)
    return compiled


class JaxBackend:
    """See `checkgrad.backends.protocol.Backend`."""

    name = "jax"
    compiles = True
    differentiates = True
    nests = ("rev", "fwd")
    bitcasts = (32,)  # not of float64 on every device
    maps = True
    maps_gradients = True
    convention = "jax"

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        if array_api_compat.is_jax_array(value):
            return _gathered(value)
        from checkgrad.backends import portable

        host = portable(value)
        return jax.device_put(host) if like is None else _placed(host, like)

    def gather_detached(self, array: Array) -> Array:
        return _gathered(array)

    def placing(self, structure: Structure | None, originals: Sequence[Array]) -> Structure | None:
        if not any(map(_is_explicit, originals)):
            return structure
        whole = _ONE_ARRAY if structure is None else structure

        def placed(leaves: list[Array]) -> list[Array]:
            pairs = zip(leaves, originals, strict=True)
            return [_partitioned(leaf, like) for leaf, like in pairs]

        return dataclasses.replace(
            whole,
            unflatten=lambda leaves: whole.unflatten(placed(leaves)),
            unflatten_tangent=lambda leaves: whole.unflatten_tangent(placed(leaves)),
        )

    def copy(self, array: Array) -> Array:
        return _compiled_copy(collected(array))

    def recording(self, array: Array, original: Array) -> Array:
        return array

    def block_until_ready(self, array: Array) -> Array:
        return jax.block_until_ready(array)

    def complexed(self, pairs: Array) -> Array:
        return jax.lax.complex(pairs[..., 0], pairs[..., 1])

    def joined(self, blocks: Iterator[Array], shape: tuple[int, ...], like: Array) -> Array:
        if not _is_indexed(like):
            return jnp.reshape(jnp.concat(list(blocks)), shape)
        first, start = next(blocks), 0
        with _where(like):
            joined = jnp.zeros(shape, first.dtype)
        for block in itertools.chain([first], blocks):
            joined = _compiled_with_block(joined, block, start).block_until_ready()
            start += block.size
        return joined

    def split(self, array: Array, size: int) -> Iterator[Array]:
        if not _is_indexed(array):
            flat = jnp.reshape(array, (-1,))
            yield from (flat[start : start + size] for start in range(0, array.size, size))
            return
        for start in range(0, array.size, size):
            yield _compiled_block(array, start, min(size, array.size - start))

    def bitcast(self, array: Array, dtype: Any) -> Array:
        return jax.lax.bitcast_convert_type(array, dtype)

    def perturbed_copies(
        self, array: Array, entries: Entries, values: Array, first: int = 0
    ) -> Iterator[Array]:
        for place, entry in enumerate(entries, first):
            yield _compiled_with_entry(array, entry, values, place)

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return _compiled(function)

    def perturbed_batch(
        self, array: Array, entries: Entries, values: Array
    ) -> tuple[Array, Array, Array]:
        found: tuple[Array, Array, Array] = _compiled_with_entries(array, entries, values)
        return found

    def on_host(self, array: Array) -> bool:
        return all(device.platform == "cpu" for device in array.devices())

    def footprint(self, func: Callable[[Array], Any], array: Array) -> int:
        compiled = func if isinstance(func, _Compiled) else jax.jit(func)
        try:
            return _largest(compiled.trace(array).jaxpr.jaxpr)
        except Exception:
            return 0

    def mapped(self, func: Callable[[Array], Any]) -> Callable[[Array], Any]:
        if not isinstance(func, _Compiled):
            over: Callable[[Array], Any] = jax.vmap(func)
            return over
        # What is compiled does not depend on what else its function sees: nor does its map.
        if func not in _compiled_maps:
            _compiled_maps[func] = jax.jit(jax.vmap(weakref.proxy(func)))
        return _compiled_maps[func]

    def random_tangent(self, rng: Any, like: Array) -> Array:
        with _where(like):
            numbers = jax.random.normal(jax.random.key(draw_seed(rng)), like.shape, like.dtype)
        return _placed(numbers, like)

    def random_signs(self, rng: Any, like: Array) -> Array:
        with _where(like):
            signs = jax.random.rademacher(jax.random.key(draw_seed(rng)), like.shape, like.dtype)
        return _placed(signs, like)

    def from_host(self, numbers: HostArray, like: Array) -> Array:
        return _placed(numbers.astype(like.dtype), like)

    def to_host(self, array: Array) -> HostArray:
        wide = np.complex128 if jnp.iscomplexobj(array) else np.float64
        return np.asarray(array).astype(wide)

    def pullback(
        self,
        func: Lists,
        primals: list[Array],
        weights: list[Array],
        again: bool = False,
        between: Callable[[], None] | None = None,
        only: int | None = None,
    ) -> list[Array]:
        chosen = range(len(primals)) if only is None else [only]

        def of_chosen(*parts: Array) -> tuple[Array, ...]:
            every = list(primals)
            for place, part in zip(chosen, parts, strict=True):
                every[place] = part
            return tuple(func(every))

        values, pull = jax.vjp(of_chosen, *(primals[place] for place in chosen))
        weights = [_partitioned(*pair) for pair in zip(weights, values, strict=True)]
        if between is not None:
            between()
        found = [jnp.zeros_like(part) for part in primals]
        for place, part in zip(chosen, pull(tuple(weights)), strict=True):
            found[place] = part
        return found

    def recorded(self, func: Lists, primals: list[Array], forward: bool) -> list[Array]:
        def flat(*parts: Array) -> tuple[Array, ...]:
            return tuple(func(list(parts)))

        still = [jnp.zeros_like(part) for part in primals]
        values, _ = jax.jvp(flat, primals, still) if forward else jax.vjp(flat, *primals)
        return list(values)

    def pushforward(self, func: Lists, primals: list[Array], tangents: list[Array]) -> list[Array]:
        _, found = jax.jvp(lambda *parts: tuple(func(list(parts))), primals, tangents)
        return list(found)

    def pullback_of_many(
        self, func: Lists, primals: list[Array], weights: list[Array]
    ) -> list[Array]:
        found: list[Array] = jax.vmap(functools.partial(self.pullback, func))(primals, weights)
        return found

    def pushforward_of_many(
        self, func: Lists, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        over = jax.vmap(functools.partial(self.pushforward, func))
        found: list[Array] = over(primals, tangents)
        return found

    def values_of_many(self, func: Lists, primals: list[Array]) -> list[Array]:
        found: list[Array] = jax.vmap(func)(primals)
        return found

    def differentiating(self) -> AbstractContextManager[None]:
        return nullcontext()

    def lacks_rule(self, error: Exception) -> bool:
        return any(isinstance(error, kind) and part in str(error) for kind, part in _NO_RULE)


_INT32 = 2**31 - 1
_ONE_ARRAY = Structure(
    unflatten=lambda leaves: leaves[0],
    unflatten_tangent=lambda leaves: leaves[0],
    paths=("",),
    description="one array",
    flatten_like=lambda other: ([other], ("",), "one array"),
)


def collected(array: Array) -> Array:
    """`array`, waited for where several devices compute it.

    They wait for each other in sums over all of them. On a CPU of few cores, many such computations
    that are started at once can hold each other up, until XLA aborts the process.
    """
    if isinstance(array, jax.core.Tracer) or len(array.devices()) == 1:
        return array
    return jax.block_until_ready(array)


def _is_explicit(array: Array) -> bool:
    """Whether the partition of an array over devices is part of its type."""
    if isinstance(array, jax.core.Tracer) or not isinstance(array.sharding, NamedSharding):
        return False
    return AxisType.Explicit in array.sharding.mesh.axis_types


def _where(like: Array) -> AbstractContextManager[Any]:
    """In which arrays are made where `like` is."""
    device: AbstractContextManager[Any] = jax.default_device(next(iter(like.devices())))
    return device


def _placed(array: Array, like: Array) -> Array:
    """`array`, of JAX or NumPy, where `like` is, and committed to its devices if that is.

    Computing with arrays that are committed to others is an error.
    """
    if not like.committed:
        with _where(like):
            return jnp.asarray(array)
    sharding = like.sharding
    if array.shape != like.shape and isinstance(sharding, NamedSharding):
        sharding = NamedSharding(sharding.mesh, PartitionSpec())  # the partition is of like
    return jax.device_put(array, sharding)


def _gathered(array: Array) -> Array:
    """An array that is whole on each of its devices, where every operation must be told else."""
    if not _is_explicit(array):
        return array
    return jax.device_put(array, NamedSharding(array.sharding.mesh, PartitionSpec()))


def _partitioned(array: Array, like: Array) -> Array:
    """An array, partitioned over devices as `like` is, where it has that shape."""
    if not _is_explicit(like) or array.shape != like.shape:
        return array
    return jax.device_put(array, like.sharding)


def _is_indexed(array: Array) -> bool:
    """Whether compiled code finds the entries of an array by numbers, all on one device."""
    return len(array.devices()) == 1 and array.size <= _INT32


def _largest(jaxpr: Any) -> int:
    """The bytes of the largest array that a traced function makes, inner functions included."""
    largest = 0
    for equation in jaxpr.eqns:
        for made in (variable.aval for variable in equation.outvars):
            if hasattr(made, "dtype"):
                largest = max(largest, math.prod(made.shape) * made.dtype.itemsize)
        for parameter in equation.params.values():
            parts = parameter if isinstance(parameter, (tuple, list)) else (parameter,)
            for inner in (getattr(part, "jaxpr", part) for part in parts):
                if hasattr(inner, "eqns"):
                    largest = max(largest, _largest(inner))
    return largest
