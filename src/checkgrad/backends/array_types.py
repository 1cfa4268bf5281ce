"""The types that backends and the rooms above share: arrays, and the structure of a tree.

This module knows no array library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any
HostArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]

# Flat entries of an array. The shape is (n,) where each of n points moves one entry, and (n, r)
# where each moves r entries.
Entries: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True)
class Structure:
    """How a tree of arrays is put together: the places of its leaves, and the way back.

    Attributes
    ----------
    unflatten : callable
        Takes the leaves and returns the tree.
    unflatten_tangent : callable
        The same for a tangent: it puts zeros in the places of the leaves in `fixed`.
    paths : tuple of str
        The place of each leaf, e.g. ``['bias']``.
    description : str
        The tree without its leaves, for messages.
    flatten_like : callable
        Takes another tree and returns its leaves, paths and description.
    fixed : tuple of str
        The paths of the leaves that are not differentiated. No other attribute lists these
        leaves.
    constants : tuple of str
        Those in `fixed` that are floating: the library's differentiation takes them for constants.
    entry_name : callable or None
        Takes a flat entry of the only leaf and returns its place, where entries have labels.
    """

    unflatten: Callable[[list[Any]], Any]
    unflatten_tangent: Callable[[list[Any]], Any]
    paths: tuple[str, ...]
    description: str
    flatten_like: Callable[[Any], tuple[list[Any], tuple[str, ...], str]]
    fixed: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    entry_name: Callable[[int], str] | None = None
