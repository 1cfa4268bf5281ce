"""A new array filled block by block, for libraries whose arrays can be written to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import array_api_compat

from checkgrad.backends.array_types import Array


def fill_in_blocks(blocks: Iterator[Array], empty: Callable[[Any], Array]) -> Array:
    """Return one array that holds the flat `blocks`, one after the other.

    Parameters
    ----------
    blocks : iterator of array
        At least one block. All have the same dtype.
    empty : callable
        Takes the dtype of the blocks and returns the array to fill.
    """
    first = next(blocks)
    array = empty(first.dtype)
    flat = array_api_compat.array_namespace(array).reshape(array, (-1,), copy=False)
    start = 0
    for block in itertools.chain([first], blocks):
        flat[start : start + block.shape[0]] = block
        start += block.shape[0]
    return array
