"""Work on large arrays block by block, so that intermediate arrays stay small.

A function that works entry by entry gets one block of each array at a time. Its intermediate
arrays fit the cache, and take little memory and little time. The arrays may be those of
`checkgrad.arrays.blocks`. An array that the library lays out over devices is no sum of blocks: it
is worked on where it lies, in one call. This module knows nothing of x0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from checkgrad.arrays.blocks import BLOCK, Halved, Lazy, upper_half
from checkgrad.backends import Array, Backend, Deferred, Partitions


def is_large(array: Array) -> bool:
    """Return whether an array is worked on block by block: it has more than `BLOCK` entries."""
    large: bool = math.prod(array.shape) > BLOCK
    return large


def partitions_of(backend: Backend, array: Array) -> Partitions | None:
    """Return how to work on an array that is laid out over devices; None for any other one."""
    held = array.held if isinstance(array, Lazy) else array
    owner = backend.partitions
    return owner if owner is not None and owner.owns(held) else None


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
        yield function(*arrays)
        return
    for each in zip(*(_split(backend, array) for array in arrays), strict=True):
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
        return function(*arrays)
    return backend.joined(blocks(backend, function, *arrays), arrays[0].shape, arrays[0])


def halved(backend: Backend, function: Callable[..., Array], x: Array, *others: Array) -> Array:
    """Return `in_blocks` with half of the digits, in half of the memory, where `x` is large.

    The result is a `Halved` array. It is an ordinary array if `x` is small, or if `backend` cannot
    read the bits of the dtype of `x`.
    """
    if not is_large(x) or backend.xp.finfo(x.dtype).bits not in backend.bitcasts:
        return in_blocks(backend, function, x, *others)

    def upper(*each: Array) -> Array:
        return upper_half(function(*each), backend)

    return Halved(in_blocks(backend, upper, x, *others), backend, x.dtype)


def deferred(backend: Backend, function: Callable[..., Array], *arrays: Array) -> Array:
    """Return `in_blocks`. Of a partitioned array, it is made in every call that needs it."""
    if partitions_of(backend, arrays[0]) is None:
        return in_blocks(backend, function, *arrays)
    first = arrays[0]
    return Deferred(function, arrays, first.like if isinstance(first, Deferred) else first)


def random(
    backend: Backend, rng: Any, function: Callable[..., Array], x: Array, *others: Array
) -> Array:
    """Return `function` of normal numbers like `x` and of `others`, in the least memory.

    Of a partitioned array it is deferred, of another large one it is `halved`.
    """
    if (partitions := partitions_of(backend, x)) is not None:
        return deferred(backend, function, partitions.random_tangent(rng, x), *others)

    def drawn(x: Array, *others: Array) -> Array:
        return function(backend.random_tangent(rng, x), *others)

    return halved(backend, drawn, x, *others)


def whole(backend: Backend, array: Array) -> Array:
    """Return an ordinary array as it is, and all of a lazy or a deferred one."""
    if isinstance(array, Deferred):
        return in_blocks(backend, backend.xp.positive, array)
    if not isinstance(array, Lazy):
        return array
    return backend.joined(array.blocks(), array.shape, array.held)


def _split(backend: Backend, array: Array) -> Iterator[Array]:
    return array.blocks() if isinstance(array, Lazy) else backend.split(array, BLOCK)
