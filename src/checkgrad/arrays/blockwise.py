"""Work on large arrays block by block, so that intermediate arrays stay small.

A function that works entry by entry gets one block of each array at a time. Its intermediate
arrays fit the cache, and take little memory and little time. The arrays may be those of
`checkgrad.arrays.blocks`. This module knows nothing of x0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from checkgrad.arrays.blocks import BLOCK, Halved, Lazy, upper_half
from checkgrad.backends import Array, Backend


def is_large(array: Array) -> bool:
    """Return whether an array is worked on block by block: it has more than `BLOCK` entries."""
    large: bool = math.prod(array.shape) > BLOCK
    return large


def blocks(backend: Backend, function: Callable[..., Array], *arrays: Array) -> Iterator[Array]:
    """Yield `function` of every block of some arrays of one shape; of small arrays as they are."""
    if not is_large(arrays[0]):
        yield function(*arrays)
        return
    for each in zip(*(_split(backend, array) for array in arrays), strict=True):
        # Wait before the next block. A library that computes later holds all blocks at once.
        yield backend.block_until_ready(function(*each))


def in_blocks(backend: Backend, function: Callable[..., Array], *arrays: Array) -> Array:
    """Return `function` of arrays of one shape, computed block by block.

    The results of the blocks are joined to an array of the shape and device of the first array.
    """
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


def whole(backend: Backend, array: Array) -> Array:
    """Return an ordinary array as it is, and the joined blocks of a lazy one."""
    if not isinstance(array, Lazy):
        return array
    return backend.joined(array.blocks(), array.shape, array.held)


def _split(backend: Backend, array: Array) -> Iterator[Array]:
    return array.blocks() if isinstance(array, Lazy) else backend.split(array, BLOCK)
