"""Tangents that the user gives: one, several, or a function that makes allowed ones of random ones.

Where x0 is constrained (a symmetric matrix, a point of a manifold), ``func`` may be evaluated along
allowed tangents only. The module reads and validates tangents. It samples nothing.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from checkgrad.arrays.point import Point
from checkgrad.backends import Array, flatten_tree
from checkgrad.evaluate.coordinate_sizes import coordinate_sizes, largest_size

PROJECTED = "projected tangents"  # what a report calls those that a function made


@dataclass(frozen=True)
class GivenTangents:
    """Tangents of the user's.

    Attributes
    ----------
    tangents : list of list of array
        Each has the tree, dtypes and device of x0.
    words : str
        What they are.
    """

    tangents: list[list[Array]]
    words: str


def one_or_several(point: Point, direction: Any) -> GivenTangents:
    """Return the tangent that the user gives, or the tangents in a list of them.

    A list that can be read as one tangent is one.

    Raises
    ------
    ValueError
        If one is not shaped like x0, not finite, or zero.
    TypeError
        If one is not numeric.
    """
    try:
        return GivenTangents([_tangent(point, direction)], "the given tangent")
    except (TypeError, ValueError):
        if not _is_list(direction) or not all(_is_tangent(point, each) for each in direction):
            raise
    tangents = [_tangent(point, each) for each in direction]
    return GivenTangents(tangents, f"{len(tangents)} given tangents")


def is_projection(direction: Any) -> bool:
    """Return whether a direction is a function of tangents, and no tree that can be called."""
    if not callable(direction):
        return False
    leaves, _ = flatten_tree(direction)
    return len(leaves) == 1 and leaves[0] is direction


def projected(
    point: Point, project: Callable[[Any], Any], count: int, rng: np.random.Generator
) -> GivenTangents:
    """Return random tangents as a function of the user's makes allowed ones of them.

    Parameters
    ----------
    point : Point
        x0.
    project : callable
        Takes a tangent like x0 and returns an allowed one.
    count : int
        How many tangents.
    rng : numpy.random.Generator
        Where random numbers come from.

    Raises
    ------
    ValueError, TypeError
        If the function returns what is no tangent like x0.
    """
    sizes = coordinate_sizes(point, None, 0.0)
    tangents = []
    for _ in range(count):
        random = [
            point.in_blocks(operator.mul, point.random_numbers(rng, leaf), size)
            for leaf, size in enumerate(sizes)
        ]
        tangents.append(_tangent(point, project(point.as_tangent(random)), "returned"))
    return GivenTangents(tangents, f"{count} {PROJECTED}")


def _is_list(direction: Any) -> bool:
    return isinstance(direction, Sequence) and len(direction) > 0 and not isinstance(direction, str)


def _is_tangent(point: Point, direction: Any) -> bool:
    try:
        point.claim_leaves(direction, name="direction", said="is", tangent=True)
    except (TypeError, ValueError):
        return False
    return True


def _tangent(point: Point, direction: Any, said: str = "is") -> list[Array]:
    """Return a tangent of the user's in the dtypes of x0."""
    parts = point.claim_leaves(direction, name="direction", said=said, tangent=True)
    tangent = [point.xp.astype(part, x.dtype) for part, x in zip(parts, point.leaves, strict=True)]
    largest = largest_size(point, lambda part: part, tangent)
    if not math.isfinite(largest) or largest == 0:
        problem = "zero everywhere" if largest == 0 else "not finite"
        what = "direction is" if said == "is" else "direction returned a tangent that is"
        raise ValueError(f"{what} {problem}; pass a finite tangent that is not zero")
    return tangent
