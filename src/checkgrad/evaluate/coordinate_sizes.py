"""The size of every coordinate, and norms of arrays like x0, computed on its device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from checkgrad.arrays.arithmetic import alike, at_least_single, norm
from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.blockwise import block_lengths
from checkgrad.arrays.point import Point
from checkgrad.backends import Array
from checkgrad.precision import DOUBLE

# What rounding leaves of terms whose sum is 0: so many machine epsilons, up to a part of them.
_EPSILONS_LEFT = 1024.0
_MOST_LEFT = 2.0**-13

Leaves = Sequence[Array]


def coordinate_sizes(point: Point, claims: Leaves | None, value: float) -> list[Array]:
    """Return the size of every coordinate, as arrays like x0; large ones are lazy.

    Where a coordinate is 0, it is the mean size of its leaf, or of all leaves. It is no more than
    what changes ``func``, by the claim, by all of its value or by what the other coordinates are
    worth.

    Parameters
    ----------
    point : Point
        x0.
    claims : sequence of array, or None
        The claimed gradient, if there is one.
    value : float
        ``func(x0)``.
    """
    xp = point.xp
    if not any(point.numbers(lambda x: xp.any(x == 0), point.leaves)):
        return [point.on_demand(xp.abs, x) for x in point.leaves]
    means = [_mean_size(point, leaf) for leaf in range(len(point.leaves))]
    overall = max(means) or 1.0
    worth = 0.0
    if claims is not None:
        worth = max(abs(value), claimed_change(claims, point.leaves, point))
    # Where nothing but rounding shows how large zeros may be, the claim shows how much they differ.
    if claims is not None:
        typical = overall * _norm(point, lambda claim: claim, claims) / math.sqrt(point.size)
        if worth <= left_by_cancelling(point) * typical:
            worth = typical

    most = worth if worth > 0 else math.inf

    def size(x: Array, claim: Array, mean: float) -> Array:
        # Most blocks of a large array hold no zero. Code of several devices is compiled, and cannot
        # ask.
        if not point.is_partitioned and not bool(xp.any(x == 0)):
            return xp.abs(x)
        with np.errstate(all="ignore"):
            needed = most / xp.abs(xp.astype(claim, x.dtype))
        typical = xp.zeros_like(x) + mean
        stand_in = xp.where(needed < typical, needed, typical)
        stand_in = xp.where(stand_in > 0, stand_in, typical)
        return xp.where(x != 0, xp.abs(x), stand_in)

    return [
        point.on_demand(partial(size, mean=mean or overall), x, claim)
        for x, claim, mean in zip(point.leaves, claims or point.leaves, means, strict=True)
    ]


def left_by_cancelling(point: Point) -> float:
    """Return how much of terms whose sum is 0 rounding may leave."""
    return min(_EPSILONS_LEFT * max(DOUBLE, *point.epsilons), _MOST_LEFT)


def _mean_size(point: Point, leaf: int, scale: float = 1.0) -> float:
    """Return the mean size of the entries of a leaf. They are summed times `scale`."""
    xp, count = point.xp, point.sizes[leaf]
    if count == 0:
        return 0.0
    array = point.leaves[leaf]
    means = point.numbers(lambda x: xp.mean(xp.abs(x) * scale), [array], leaves=[leaf])
    (lengths,) = point.shared([block_lengths(point.backend, array)], [leaf])
    mean = sum(each * (n / count) for each, n in zip(means, lengths, strict=True)) / scale
    return mean if math.isfinite(mean) or scale < 1 else _mean_size(point, leaf, 1 / BLOCK)


def claimed_change(
    claims: Sequence[Array],
    steps: Sequence[Array],
    point: Point,
    leaves: Sequence[int] | None = None,
) -> float:
    """Return what the claim says ``func`` changes by when every coordinate takes its step.

    The 2-norm over the coordinates of some leaves, by default all, computed where they are; 0 where
    it is not finite.
    """
    xp = point.xp

    def change(claim: Array, step: Array) -> Array:
        # Products overflow in float16.
        pair = [at_least_single(part, xp) for part in (claim, step)]
        one, other = alike(pair, xp)
        return one * other

    return _norm(point, change, claims, steps, leaves=leaves)


def _norm(
    point: Point,
    function: Callable[..., Array],
    *parts: Sequence[Array],
    leaves: Sequence[int] | None = None,
) -> float:
    """Return the 2-norm of `function` of all entries; 0 if it is not finite."""
    xp = point.xp
    with np.errstate(all="ignore"):
        norms = point.numbers(lambda *each: norm([function(*each)], xp), *parts, leaves=leaves)
        size = math.hypot(*norms)
    return size if math.isfinite(size) else 0.0


def largest_size(
    point: Point,
    function: Callable[..., Array],
    *parts: Sequence[Array],
    leaves: Sequence[int] | None = None,
) -> float:
    """Return the largest size of `function` of all entries of some leaves, by default all."""
    xp = point.xp
    return max(point.numbers(lambda *each: xp.max(xp.abs(function(*each))), *parts, leaves=leaves))


def is_zero_everywhere(point: Point) -> bool:
    """Return whether all coordinates are 0."""
    return largest_size(point, lambda x: x, point.leaves) == 0
