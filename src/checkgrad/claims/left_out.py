"""Functions without some of their outputs: those that a library takes for constants."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import Any

from checkgrad.backends import flatten_tree


def without_outputs(func: Callable[..., Any], paths: Collection[str]) -> Callable[..., Any]:
    """Return `func` with None in the place of some arrays in the tree that it returns."""

    @functools.wraps(func)
    def reduced(x: Any, *args: Any) -> Any:
        leaves, structure = flatten_tree(func(x, *args))
        places = zip(leaves, structure.paths, strict=True)
        return structure.unflatten([None if path in paths else leaf for leaf, path in places])

    return reduced
