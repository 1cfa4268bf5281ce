"""Arrays of a library that compiles as one vector of NumPy, and back, for few microseconds a call.

A check inside of a solver meets the same tree of arrays again and again. Each array that such a
library copies, casts or places by itself costs some ten microseconds. What does not change from one
tree to the next is found out once. `checkgrad.arrays.point` takes any tree, and takes longer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from checkgrad.backends.array_types import HostArray


class FlatTree(Protocol):
    """How trees of the same structure become vectors of float64 on the host.

    Attributes
    ----------
    sizes : tuple of int
        The number of coordinates of each leaf.
    epsilon : float
        The largest machine epsilon of the leaves.
    """

    sizes: tuple[int, ...]
    epsilon: float

    def coordinates(self, tree: Any) -> HostArray | None:
        """Return all coordinates of a tree, in memory of its own; None if it is not like it."""

    def points(self, *vectors: HostArray) -> list[Any]:
        """Return a tree of the coordinates of each vector, for the function."""

    def tree(self, vector: HostArray) -> Any:
        """Return a tree of the coordinates of a vector."""

    def snapshot(self, tree: Any) -> Any:
        """Return a copy of a tree whose arrays nobody can write to; None if it is not like it."""

    def read(self, value: Any) -> tuple[float, float] | None:
        """Return an array of one number, and its machine epsilon; None if it is none."""


def flat_tree(tree: Any, func: Callable[..., Any]) -> FlatTree | None:
    """Return how trees like `tree` become vectors; None if they need more than this.

    Parameters
    ----------
    tree : Any
        The tree.
    func : callable
        What gets the trees that are made. It is not called.
    """
    if "jax" not in sys.modules:
        return None
    from checkgrad.backends.jax_flat_tree import JaxFlatTree

    return JaxFlatTree.like(tree, func)
