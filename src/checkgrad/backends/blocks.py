"""Arrays filled block by block, where a library's arrays can be written into."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import array_api_compat

from checkgrad.backends.protocol import Array


def filled(blocks: Iterator[Array], empty: Callable[[Any], Array]) -> Array:
    """What `empty` makes, given the dtype of the `blocks`, filled with one after the other."""
    first = next(blocks)
    joined = empty(first.dtype)
    flat = array_api_compat.array_namespace(joined).reshape(joined, (-1,), copy=False)
    start = 0
    for block in itertools.chain([first], blocks):
        flat[start : start + block.shape[0]] = block
        start += block.shape[0]
    return joined
