"""What a claim says of a tangent: the sum of the products of all entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from checkgrad.arrays.arithmetic import dot
from checkgrad.arrays.blockwise import partitions_of
from checkgrad.arrays.point import Point
from checkgrad.backends import Array


def product(claims: Sequence[Array], tangent: Sequence[Array], point: Point) -> float:
    """Return the sum of the products of all entries of a claim and a tangent.

    Parameters
    ----------
    claims, tangent : sequence of array
        Arrays like the leaves of x0. They may be lazy or deferred.
    point : Point
        x0.
    """
    if point.is_partitioned:
        pairs = zip(claims, tangent, strict=True)
        return sum(product_in_leaf(*pair, point, leaf) for leaf, pair in enumerate(pairs))
    xp = point.xp
    with np.errstate(invalid="ignore", over="ignore"):  # a claim may not be finite
        return sum(point.numbers(lambda c, v: dot(c, v, xp), claims, tangent))


def product_in_leaf(claim: Array, tangent: Array, point: Point, leaf: int) -> float:
    """Return the sum of the products of all entries of a claim and a tangent in one leaf."""
    with np.errstate(invalid="ignore", over="ignore"):
        return sum(point.numbers(_product_of(claim, point), [claim], [tangent], leaves=[leaf]))


def _product_of(claim: Array, point: Point) -> Callable[[Array, Array], Array]:
    """Return how to sum the products with a claim, an array like a leaf."""
    xp, backend = point.xp, point.backend
    if partitions_of(backend, claim) is None or backend.lacks_float64(claim):
        return lambda c, v: dot(c, v, xp)
    wide = xp.float64  # the sum of a whole shard is not split into blocks
    return lambda c, v: xp.sum(xp.astype(c, wide) * xp.astype(v, wide))
