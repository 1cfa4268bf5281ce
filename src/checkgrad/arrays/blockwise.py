"""Work on large arrays block by block, so that intermediate arrays stay small.

A function that works entry by entry gets one block of each array at a time. Its intermediate
arrays fit the cache, and take little memory and little time. The arrays may be those of
`checkgrad.arrays.blocks`. This module knows nothing of x0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from checkgrad.arrays.blocks import BLOCK, Computed, Lazy, Random, Range, split
from checkgrad.backends import Array, Backend

_SEEDS = 2**63


def is_large(array: Array) -> bool:
    """Return whether an array is worked on block by block: it has more than `BLOCK` entries."""
    large: bool = math.prod(array.shape) > BLOCK
    return large


def blocks(backend: Backend, function: Callable[..., Array], *arrays: Array) -> Iterator[Array]:
    """Yield `function` of every block of some arrays of one shape; of small arrays as they are."""
    if not is_large(arrays[0]):
        yield function(*arrays)
        return
    for each in zip(*(split(backend, array) for array in arrays), strict=True):
        # Wait before the next block. A library that computes later holds all blocks at once.
        yield backend.block_until_ready(function(*each))


def in_blocks(backend: Backend, function: Callable[..., Array], *arrays: Array) -> Array:
    """Return `function` of arrays of one shape, computed block by block.

    The results of the blocks are joined to an array of the shape and device of the first array.
    """
    if not is_large(arrays[0]):
        return function(*arrays)
    return backend.joined(blocks(backend, function, *arrays), arrays[0].shape, _held(arrays[0]))


def on_demand(backend: Backend, function: Callable[..., Array], *arrays: Array) -> Array:
    """Return `in_blocks` as a lazy array, which is computed anew wherever it is needed.

    The result is an ordinary array where the arrays are small.
    """
    if not is_large(arrays[0]):
        return function(*arrays)
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
    return Random(_held(x), backend, next(split(backend, x)), draw, int(rng.integers(_SEEDS)))


def in_range(backend: Backend, array: Array, start: int, stop: int, without: int = -1) -> Array:
    """Return an array in a range of entries, and 0 elsewhere; lazy if it is large.

    See `checkgrad.arrays.blocks.Range`.
    """
    part = Range(_held(array), backend, array, start, stop, without)
    return part if is_large(array) else whole(backend, part)


def entry_of(backend: Backend, array: Array, entry: int) -> float:
    """Return one entry of an array, which may be lazy."""
    if not isinstance(array, Lazy):
        return float(backend.xp.reshape(array, (-1,))[entry])
    block = next(itertools.islice(array.blocks(), entry // BLOCK, None))
    return float(block[entry % BLOCK])


def whole(backend: Backend, array: Array) -> Array:
    """Return an ordinary array as it is, and the joined blocks of a lazy one."""
    if not isinstance(array, Lazy):
        return array
    return backend.joined(array.blocks(), array.shape, array.held)


def copy(backend: Backend, array: Array) -> Array:
    """Return an array in memory of its own; a lazy one is computed."""
    return whole(backend, array) if isinstance(array, Lazy) else backend.copy(array)


def resembled(array: Array) -> Array:
    """Return an array of the dtype and on the device of `array`, which may be lazy."""
    return array.first if isinstance(array, Lazy) else array


def _held(array: Array) -> Array:
    return array.held if isinstance(array, Lazy) else array
