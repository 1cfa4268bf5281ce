"""Which tangents ``func`` is sampled along: random ones, or one that the user gives.

This module makes tangents, in the tree, dtypes and device of x0, and the directions along them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from checkgrad.arrays.bounds import bounded
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array
from checkgrad.evaluate.coordinate_sizes import coordinate_sizes, largest_size
from checkgrad.evaluate.directions import ClaimedGradient, Directions, power_of_two
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.given_tangents import GivenTangents, one_or_several
from checkgrad.evaluate.leaf_weights import leaf_changes, leaf_weights
from checkgrad.evaluate.outputs import Outputs
from checkgrad.evaluate.tangents import LinearMap, Tangents

_SEEDS = 2**63
_UNITS = 2.0**7  # in the last place of x0, which the finest step along a tangent is long
_ROOM = 2.0**-4  # of the largest number of a dtype: a random number times it is none too large

Leaves = Sequence[Array]


class ChosenTangents:
    """Tangents that all outputs are sampled along.

    Attributes
    ----------
    tangents : list of list of array
        Each has the tree, dtypes and device of x0.
    sizes : list of array
        The size of every coordinate.
    words : str
        What they are.
    are_random : bool
        Whether they are random.
    weights : sequence of float, or None
        What the entries of each leaf were multiplied by; None for 1.
    """

    def __init__(
        self,
        tangents: list[list[Array]],
        sizes: list[Array],
        words: str,
        are_random: bool,
        weights: Sequence[float] | None = None,
    ) -> None:
        self.tangents = tangents
        self.sizes = sizes
        self.words = words
        self.are_random = are_random
        self.weights = weights or [1.0] * len(sizes)

    def directions(
        self,
        evaluator: Evaluator,
        outputs: Outputs,
        claim: LinearMap,
        gradients: Sequence[ClaimedGradient],
        bounds: tuple[Floats, Floats],
    ) -> list[Directions]:
        """Return the directions along them, for every output.

        Parameters
        ----------
        evaluator : Evaluator
            To sample with.
        outputs : Outputs
            The outputs.
        claim : LinearMap
            What the claim says of all of them.
        gradients : sequence of ClaimedGradient
            The same, output by output.
        bounds : tuple of array
            The bounds.
        """
        point = evaluator.point
        room = _room(point, self.tangents, bounds)
        relative = [
            largest_size(point, lambda v, size: v / size, v, self.sizes) for v in self.tangents
        ]
        scale = power_of_two(np.asarray([1 / (largest or 1.0) for largest in relative]))
        widest = np.fmax(room[0], room[1])
        limited = (widest > 0) & (widest < scale)
        # What bounds leave of the scale may reach down to steps that rounding removes.
        finest = np.where(limited, _UNITS * max(point.epsilons) * scale, 0.0)
        scale = np.where(limited, power_of_two(widest), scale)
        tangents = self.tangents  # and not self, whose sizes take memory too
        lines = Tangents(evaluator, outputs, tangents, claim, room, finest)

        def claimed_by(gradient: ClaimedGradient) -> Floats:
            return np.asarray([gradient.along(tangent) for tangent in tangents])

        found = []
        for output, gradient in enumerate(gradients):
            along = claimed_by(gradient)
            found.append(
                Directions(
                    point=point,
                    lines=lines,
                    output=output,
                    scale=scale,
                    claim=along,
                    claimed_by=claimed_by,
                    smoothness_length=scale,
                    scale_is_guess=np.zeros(scale.shape, dtype=bool),
                    words=self.words,
                    tangent_scale=self._tangent_scale(gradient, along, point),
                    tangents=tangents,
                )
            )
        return found

    def _tangent_scale(self, gradient: ClaimedGradient, along: Floats, point: Point) -> float:
        """Return what an output typically says of a random tangent; 0 if they are not random."""
        if not self.are_random:
            return 0.0
        if gradient.leaves is not None:
            changes = leaf_changes(gradient.leaves, self.sizes, point)
            weighted = (w * change for w, change in zip(self.weights, changes, strict=True))
            return math.hypot(*weighted)
        with np.errstate(all="ignore"):
            typical = float(np.sqrt(np.mean(along**2)))
        return typical if math.isfinite(typical) else 0.0


def random_tangents(
    point: Point,
    claims: Leaves | None,
    bounds: tuple[Floats, Floats],
    value: float,
    rng: np.random.Generator,
    count: int,
    linearity: bool = False,
) -> ChosenTangents:
    """Return random tangents, made on the device of x0. Those of large leaves are lazy.

    Each coordinate is a normal number times its own size. In a tree, it is also multiplied by the
    weight of its leaf, see `checkgrad.evaluate.leaf_weights`. Tangents that are to show whether a
    claim is linear have a negative entry: of positive ones, a claim that takes the absolute value
    of its tangent says the right thing.

    Parameters
    ----------
    point : Point
        x0.
    claims : sequence of array, or None
        The claimed gradient of the only output, if there is just one.
    bounds : tuple of array
        The bounds.
    value : float
        The only output at x0.
    rng : numpy.random.Generator
        Where random numbers come from.
    count : int
        How many tangents.
    linearity : bool
        Whether they are to show whether a claim is linear.
    """
    # x0 itself may come from a generator of the same seed.
    rng = np.random.default_rng(rng.integers(_SEEDS))
    sizes = coordinate_sizes(point, claims, value)
    shrunk = _shrunk(point, sizes)
    weights = leaf_weights(point, claims, sizes)

    def tangent(leaf: int) -> Array:
        factor, size, random = shrunk * weights[leaf], sizes[leaf], point.random_numbers(rng, leaf)
        return point.on_demand(lambda number, size: number * (size * factor), random, size)

    tangents = [[tangent(leaf) for leaf in range(len(sizes))] for _ in range(count)]
    tangents = [_inward(point, tangent, bounds) for tangent in tangents]
    if linearity:  # on a bound, such a tangent may be followed backward only
        tangents = [_with_negative_entry(point, tangent) for tangent in tangents]
    words = "1 random tangent" if count == 1 else f"{count} random tangents"
    weights = [shrunk * weight for weight in weights]
    return ChosenTangents(tangents, sizes, words, are_random=True, weights=weights)


def _shrunk(point: Point, sizes: Sequence[Array]) -> float:
    """Return the factor of the length of random tangents with which no entry overflows."""
    room = [
        largest_size(point, lambda size: size, [size], leaves=[leaf])
        / float(point.xp.finfo(point.leaves[leaf].dtype).max)
        for leaf, size in enumerate(sizes)
        if point.sizes[leaf]
    ]
    return 1.0 if max(room) < _ROOM else _ROOM


def scaled_tangents(
    point: Point,
    scale: Floats,
    bounds: tuple[Floats, Floats],
    rng: np.random.Generator,
    parts: Floats | float = 1.0,
) -> ChosenTangents:
    """Return two random tangents, their sum and their difference.

    Parameters
    ----------
    point : Point
        x0.
    scale : array, shape (coordinates,)
        The size of each coordinate. Those of a random tangent are normal numbers times it.
    bounds : tuple of array
        The bounds.
    rng : numpy.random.Generator
        Where random numbers come from.
    parts : array, shape (coordinates,), or float
        Which part of its size each coordinate moves by, 0 for those that stay.
    """
    v, w = (
        _inward(point, point.from_host(rng.standard_normal(scale.size) * scale * parts), bounds)
        for _ in range(2)
    )
    made = [
        point.leafwise(lambda _, v, w: v + w, v, w),
        point.leafwise(lambda _, v, w: v - w, v, w),
    ]
    words = "2 random tangents, their sum and their difference"
    return ChosenTangents([v, w, *made], point.from_host(scale), words, are_random=False)


def _with_negative_entry(point: Point, tangent: list[Array]) -> list[Array]:
    """Return a tangent, or its opposite if it has no negative entry."""
    if min(point.numbers(point.xp.min, tangent)) < 0:
        return tangent
    return [point.on_demand(operator.neg, v) for v in tangent]


def _inward(point: Point, tangent: list[Array], bounds: tuple[Floats, Floats]) -> list[Array]:
    """Return a tangent turned inward where x0 lies on a bound, so that it can be followed."""
    if not bounded(bounds):
        return tangent
    x0, v = point.on_host(point.leaves), point.on_host(tangent)
    v = np.where(x0 == bounds[0], np.abs(v), v)
    v = np.where(x0 == bounds[1], -np.abs(v), v)
    return point.from_host(np.where(bounds[0] == bounds[1], 0.0, v))


def given_tangent(
    point: Point, claims: Leaves | None, value: float, direction: Any
) -> ChosenTangents:
    """Return the tangents that the user gives; `claims` and `value` are as in `random_tangents`.

    Raises
    ------
    ValueError, TypeError
        As `checkgrad.evaluate.given_tangents.one_or_several`.
    """
    given = direction
    if not isinstance(given, GivenTangents):
        given = one_or_several(point, direction)
    sizes = coordinate_sizes(point, claims, value)
    return ChosenTangents(given.tangents, sizes, given.words, are_random=False)


def _room(
    point: Point, tangents: list[list[Array]], bounds: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Return how far each tangent may be followed, forward and backward, within the bounds."""
    lower, upper = bounds
    unbounded = np.full(len(tangents), np.inf)
    if not bounded(bounds):
        return unbounded, unbounded
    x0 = point.on_host(point.leaves)
    above, below = upper - x0, x0 - lower
    forward, backward = unbounded.copy(), unbounded.copy()
    for i, tangent in enumerate(tangents):
        v = point.on_host(tangent)
        with np.errstate(divide="ignore", invalid="ignore"):
            up, down = above / np.abs(v), below / np.abs(v)
        forward[i] = np.nanmin(np.where(v > 0, up, np.where(v < 0, down, np.inf)))
        backward[i] = np.nanmin(np.where(v > 0, down, np.where(v < 0, up, np.inf)))
    return forward, backward
