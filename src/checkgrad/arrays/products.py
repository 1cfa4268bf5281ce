"""What a claim says of a tangent: the sum of the products of all entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    with np.errstate(invalid="ignore", over="ignore"):  # a claim may not be finite
        pairs = zip(claims, tangent, strict=True)
        return sum(float(part) for pair in pairs for part in _products(*pair, point))


def _products(claim: Array, tangent: Array, point: Point) -> Iterator[Array]:
    xp, backend = point.xp, point.backend
    if 0 in claim.shape:
        return
    if partitions_of(backend, claim) is None or backend.lacks_float64(claim):
        yield from point.blocks(lambda c, v: dot(c, v, xp), claim, tangent)
    else:  # where the sum of a whole shard is not split into blocks, it is taken in float64
        wide = xp.float64
        yield from point.blocks(
            lambda c, v: xp.sum(xp.astype(c, wide) * xp.astype(v, wide)), claim, tangent
        )
