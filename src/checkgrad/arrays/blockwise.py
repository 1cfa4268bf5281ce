"""Work on large arrays block by block, so that intermediate arrays stay small.

A function that works entry by entry gets one block of each array at a time. Its intermediate
arrays fit the cache, and take little memory and little time. The arrays may be those of
`checkgrad.arrays.blocks`. An array that the library lays out over devices is no sum of blocks: it
is worked on where it lies, in one call. This module knows nothing of x0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from checkgrad.arrays.blocks import (
    BLOCK,
    Computed,
    Lazy,
    Random,
    Range,
    Replaced,
    kept_in_range,
    split,
)
from checkgrad.backends import Array, Backend, Deferred, Entries, Partitions

_SEEDS = 2**63


def is_large(array: Array) -> bool:
    """Return whether an array is worked on block by block: it has more than `BLOCK` entries."""
    large: bool = math.prod(array.shape) > BLOCK
    return large


def partitions_of(backend: Backend, array: Array) -> Partitions | None:
    """Return how to work on an array that is laid out over devices; None for any other one."""
    owner = backend.partitions
    return owner if owner is not None and owner.owns(array) else None


def block_lengths(backend: Backend, array: Array) -> list[int]:
    """Return how many entries each block has that `blocks` makes of an array."""
    count = math.prod(array.shape)
    if partitions_of(backend, array) is not None:
        return [count]
    return [min(BLOCK, count - start) for start in range(0, count, BLOCK)]


def blocks(
    backend: Backend, function: Callable[..., Array], *arrays: Array, exactly: bool = False
) -> Iterator[Array]:
    """Yield what `function` reduces every block of some arrays of one shape to.

    Small arrays are one block. `exactly` is as in `in_blocks`.
    """
    if (partitions := partitions_of(backend, arrays[0])) is not None:
        yield partitions.reduced(function, *arrays, exactly=exactly)
        return
    if not is_large(arrays[0]):
        yield backend.reduced(function, *arrays)
        return
    for each in zip(*(split(backend, array) for array in arrays), strict=True):
        # Wait before the next block. A library that computes later holds all blocks at once.
        yield backend.block_until_ready(function(*each))


def in_blocks(
    backend: Backend, function: Callable[..., Array], *arrays: Array, exactly: bool = False
) -> Array:
    """Return `function` of arrays of one shape, computed block by block.

    The results of the blocks are joined to an array of the shape and device of the first array.
    If `exactly`, every operation rounds by itself. Otherwise compiled code may combine some.
    """
    if (partitions := partitions_of(backend, arrays[0])) is not None:
        return partitions.mapped(function, *arrays, exactly=exactly)
    if not is_large(arrays[0]):
        return backend.computed(function, *arrays)
    return backend.joined(blocks(backend, function, *arrays), arrays[0].shape, _held(arrays[0]))


def on_demand(backend: Backend, function: Callable[..., Array], *arrays: Array) -> Array:
    """Return `in_blocks` as a lazy array, which is computed anew wherever it is needed.

    Of a partitioned array, the result is a `Deferred` one of the same dtype. The result is an
    ordinary array where the arrays are small.
    """
    if partitions_of(backend, arrays[0]) is not None:
        return Deferred(function, tuple(arrays), _held(arrays[0]))
    if not is_large(arrays[0]):
        return backend.computed(function, *arrays)
    return Computed(_held(arrays[0]), backend, function, tuple(arrays))


def random(
    backend: Backend,
    draw: Callable[[np.random.Generator, Array], Array],
    rng: np.random.Generator,
    x: Array,
) -> Array:
    """Return random numbers like `x`; lazy ones, which take no memory, if `x` is large.

    Parameters
    ----------
    backend : Backend
        The array library of `x`.
    draw : callable
        Makes random numbers like an array, as `Backend.random_tangent` does.
    rng : numpy.random.Generator
        Where they, or their seed, come from.
    x : array
        The array.
    """
    if not is_large(x):
        return draw(rng, x)
    like = x.first if isinstance(x, Lazy) else next(split(backend, x))
    return Random(_held(x), backend, like, draw, int(rng.integers(_SEEDS)))


def in_range(backend: Backend, array: Array, start: int, stop: int, without: int = -1) -> Array:
    """Return an array in a range of entries, and 0 elsewhere; lazy if it is large.

    See `checkgrad.arrays.blocks.Range`. Of a partitioned array it is deferred.
    """
    if (partitions := partitions_of(backend, array)) is not None:
        return _in_range_where_it_lies(backend, partitions, array, start, stop, without)
    if is_large(array):
        return Range(_held(array), backend, array, start, stop, without)
    return kept_in_range(backend, array, start, stop, without)


def replaced(backend: Backend, array: Array, entries: Entries, values: Array) -> Array:
    """Return a copy of a lazy array with other values at some entries, see `Replaced`."""
    return whole(backend, Replaced(_held(array), backend, array, entries, values))


def entry_of(backend: Backend, array: Array, entry: int) -> float:
    """Return one entry of an array, which may be lazy or deferred."""
    if (partitions := partitions_of(backend, array)) is not None:
        return _entry_where_it_lies(backend, partitions, array, entry)
    if not isinstance(array, Lazy):
        return float(backend.reduced(lambda x: backend.xp.reshape(x, (-1,))[entry], array))
    block = next(itertools.islice(array.blocks(), entry // BLOCK, None))
    return float(block[entry % BLOCK])


def whole(backend: Backend, array: Array) -> Array:
    """Return an ordinary array as it is, and all of a lazy or a deferred one."""
    if isinstance(array, Deferred):
        return in_blocks(backend, backend.xp.positive, array)
    if not isinstance(array, Lazy):
        return array
    return backend.joined(array.blocks(), array.shape, array.held)


def copy(backend: Backend, array: Array) -> Array:
    """Return an array in memory of its own; a lazy or a deferred one is computed."""
    is_held = not isinstance(array, Lazy | Deferred)
    return backend.copy(array) if is_held else whole(backend, array)


def widened(backend: Backend, array: Array) -> Array:
    """Return an array in float64, see `on_demand`; one in memory if it is partitioned."""
    if partitions_of(backend, array) is not None or not is_large(array):
        return backend.widened(whole(backend, array))
    return on_demand(backend, backend.widened, array)


def narrowed(backend: Backend, array: Array, like: Array) -> Array:
    """Return an array in the dtype of `like`, in memory."""
    if partitions_of(backend, array) is not None or not is_large(array):
        return backend.narrowed(whole(backend, array), like)
    return in_blocks(backend, partial(backend.narrowed, like=like), array)


def resembled(array: Array) -> Array:
    """Return an array of the dtype and on the device of `array`, which may be lazy."""
    if not isinstance(array, Lazy):
        return array
    # A library may have blocks that are no arrays of its own.
    return array.backend.joined(iter([array.first]), tuple(array.first.shape), array.held)


def _held(array: Array) -> Array:
    if isinstance(array, Deferred):
        return array.like
    return array.held if isinstance(array, Lazy) else array


def _entry_where_it_lies(
    backend: Backend, partitions: Partitions, array: Array, entry: int
) -> float:
    xp, positions, place = backend.xp, partitions.positions, float(entry)

    def only(x: Array) -> Array:
        return xp.sum(xp.where(positions(x) == place, x, xp.zeros_like(x)))

    return float(partitions.reduced(only, array))


def _in_range_where_it_lies(
    backend: Backend, partitions: Partitions, array: Array, start: int, stop: int, without: int
) -> Array:
    xp, positions = backend.xp, partitions.positions
    # Code is compiled anew for other integers in a closure, but not for other floats.
    first, end, left_out = float(start), float(stop), float(without)

    def kept(x: Array) -> Array:
        places = positions(x)
        inside = (places >= first) & (places < end) & (places != left_out)
        return xp.where(inside, x, xp.zeros_like(x))

    return on_demand(backend, kept, array)
