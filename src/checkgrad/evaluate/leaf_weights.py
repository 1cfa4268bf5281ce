"""Weights of the leaves of a tree in random tangents.

In a large tree, most of what a claim says of a random tangent comes from a few large leaves. An
error in a bias then drowns. The weights make what the claim says of every leaf about equally large.
This module makes no tangents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from checkgrad.arrays.point import Point
from checkgrad.backends import Array
from checkgrad.evaluate.coordinate_sizes import claimed_change
from checkgrad.precision import DOUBLE, digits_of

# The part of the digits of func that weights may cost: where a leaf moves farther than the others,
# func changes by less. In float64 a leaf may weigh 2**10 times as much as another, in float32 2**4.
_DIGITS = 0.2


def leaf_changes(claims: Sequence[Array], sizes: Sequence[Array], point: Point) -> list[float]:
    """Return what the claim says of a random tangent, leaf by leaf: the norms of its terms.

    Parameters
    ----------
    claims : sequence of array
        The claimed gradient.
    sizes : sequence of array
        The size of every coordinate.
    point : Point
        x0.
    """
    return [
        claimed_change([claim], [size], point, [leaf]) if point.sizes[leaf] else 0.0
        for leaf, (claim, size) in enumerate(zip(claims, sizes, strict=True))
    ]


def leaf_weights(
    point: Point, claims: Sequence[Array] | None, sizes: Sequence[Array]
) -> list[float]:
    """Return a weight for every leaf, a power of two; the largest is 1.

    A leaf weighs in inverse proportion to what the claim says of it, up to a cap. One whose claim
    is 0 gets the cap: if the claim is wrong there, it shows.

    Parameters
    ----------
    point : Point
        x0.
    claims : sequence of array, or None
        The claimed gradient; None if there is none, or more than one. Then all weights are 1.
    sizes : sequence of array
        The size of every coordinate.
    """
    if claims is None or len(sizes) == 1:
        return [1.0] * len(sizes)
    changes = leaf_changes(claims, sizes, point)
    largest = max(changes)
    if largest == 0:
        return [1.0] * len(sizes)
    cap = math.floor(_DIGITS * digits_of(max(DOUBLE, *point.epsilons)))
    powers = [
        min(cap, round(math.log2(largest / change))) if change > 0 else cap for change in changes
    ]
    filled = [power for power, size in zip(powers, point.sizes, strict=True) if size]
    return [2.0 ** min(power - max(filled), 0) for power in powers]
