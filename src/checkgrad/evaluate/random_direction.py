"""One random direction through a point, for a check inside of a solver.

This module owns the direction, and what a gradient claims along it. It judges nothing, and calls
no function. A plain array of NumPy takes the shortest way, a tree of plain arrays of JAX a short
one. Other points of up to some hundred thousand coordinates are moved on the host: a library that
compiles would compile every operation for a check of microseconds. Larger ones are moved on their
device.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.bounds import bounded
from checkgrad.arrays.point import Floats, Point, make_point
from checkgrad.arrays.products import product
from checkgrad.backends import Array, FlatTree
from checkgrad.evaluate.coordinate_sizes import claimed_change
from checkgrad.evaluate.tangent_choice import random_tangents
from checkgrad.precision import DOUBLE

_LEAST_PART = 1e-3  # of the mean size of its leaf that a coordinate moves by at least
_PLAIN = (float, np.float64)

Leaves = Sequence[Array]


class RandomDirection(Protocol):
    """A random tangent at x0, with a step on both sides.

    Every coordinate moves by the size of a normal number times its own size, in the direction in
    which the gradient says that ``func`` grows. What the coordinates change ``func`` by adds up
    then. Along any other tangent of many coordinates it nearly cancels, and rounding and curvature
    hide the rest.
    """

    @property
    def point(self) -> Point:
        """X0 as a point."""

    @property
    def is_pure(self) -> bool:
        """Whether ``func`` keeps nothing from one call to the next."""

    def at(self, steps: float) -> Any:
        """Return x0 moved by so many steps, for ``func``; in memory of its own."""

    def tangent(self) -> Any:
        """Return the step, as a tangent in the user's structure."""

    def read(self, value: Any) -> tuple[float, float] | None:
        """Return a value of ``func``, and its machine epsilon; None if that takes long."""

    def claimed(self, gradient: Any) -> tuple[float, float]:
        """Return by how much ``func`` changes over a step, as a gradient says.

        It is half of what it changes by over both steps together.

        Parameters
        ----------
        gradient : Any
            As the user's code returned it.

        Returns
        -------
        change, size : float
            The change, which is a sum, and the 2-norm of its terms.

        Raises
        ------
        ValueError, TypeError
            If the gradient is not like x0.
        """


class DirectionOfArray:
    """A random tangent at a NumPy array of float64.

    Parameters
    ----------
    x, gradient : array
        x0, and the gradient there. Nobody may write to x0 afterwards.
    length : float
        The step, relative to the sizes of the coordinates.
    rng : numpy.random.Generator
        Where random numbers come from.
    """

    is_pure = False

    def __init__(
        self, x: Floats, gradient: Floats, length: float, rng: np.random.Generator
    ) -> None:
        self._x = x
        step = _along(gradient.reshape(-1), rng)
        step *= _sizes(x.reshape(-1))
        step *= length
        self._step = step.reshape(x.shape)

    @cached_property
    def point(self) -> Point:
        """See `RandomDirection`."""
        return make_point(self._x)

    def at(self, steps: float) -> Any:
        """See `RandomDirection`."""
        return self._x + steps * self._step

    def tangent(self) -> Any:
        """See `RandomDirection`."""
        return self._step

    def read(self, value: Any) -> tuple[float, float] | None:
        """See `RandomDirection`."""
        return (float(value), DOUBLE) if type(value) in _PLAIN else None

    def claimed(self, gradient: Any) -> tuple[float, float]:
        """See `RandomDirection`. The gradient is an array like x0."""
        return _sum_and_norm(gradient.reshape(-1) * self._step.reshape(-1))


class DirectionOfTree:
    """A random tangent at a tree of plain arrays of JAX.

    Parameters
    ----------
    tree : FlatTree
        How the tree becomes a vector.
    x, gradient : array
        x0, and the gradient there, as vectors.
    length : float
        The step, relative to the sizes of the coordinates.
    rng : numpy.random.Generator
        Where random numbers come from.
    """

    is_pure = True

    def __init__(
        self,
        tree: FlatTree,
        x: Floats,
        gradient: Floats,
        length: float,
        rng: np.random.Generator,
    ) -> None:
        self._tree = tree
        self._x = x
        self._step = _along(gradient, rng) * _sizes_in(x, tree.sizes) * length

    @cached_property
    def point(self) -> Point:
        """See `RandomDirection`."""
        return make_point(self.at(0.0))

    def at(self, steps: float) -> Any:
        """See `RandomDirection`."""
        return self._tree.tree(self._x + steps * self._step)

    def tangent(self) -> Any:
        """See `RandomDirection`."""
        return self._tree.tree(self._step)

    def read(self, value: Any) -> tuple[float, float] | None:
        """See `RandomDirection`."""
        return self._tree.read(value)

    def claimed(self, gradient: Any) -> tuple[float, float]:
        """See `RandomDirection`."""
        claims = self._tree.coordinates(gradient)
        if claims is None:
            claims = self.point.on_host(self.point.claim_leaves(gradient))
        return _sum_and_norm(claims * self._step)


class DirectionOfPoint:
    """A random tangent at any x0.

    Parameters
    ----------
    point : Point
        x0.
    gradient : sequence of array
        The gradient there, as arrays like the leaves.
    length : float
        The step, relative to the sizes of the coordinates.
    bounds : tuple of array
        Coordinates that would leave them stay where they are.
    rng : numpy.random.Generator
        Where random numbers come from.
    """

    def __init__(
        self,
        point: Point,
        gradient: Leaves,
        length: float,
        bounds: tuple[Floats, Floats],
        rng: np.random.Generator,
    ) -> None:
        self.point = self._point = point
        self.is_pure = point.backend.compiles  # JAX: its compiled functions keep nothing
        self._on_host = point.size <= BLOCK or bounded(bounds)
        if self._on_host:
            self._x = point.on_host(point.leaves)
            sizes = _sizes_in(self._x, point.sizes)
            step = _along(point.on_host(gradient), rng) * sizes * length
            reach = np.abs(step)
            stays = (self._x + reach > bounds[1]) | (self._x - reach < bounds[0])
            self._step = np.where(stays, 0.0, step)
        else:
            (tangent,) = random_tangents(point, None, bounds, 0.0, rng, 1).tangents
            xp = point.xp

            def turned(_: Array, v: Array, c: Array) -> Array:
                sign = xp.astype(xp.where(c < 0, -xp.ones_like(c), xp.ones_like(c)), v.dtype)
                return xp.abs(v) * sign * length

            self._tangent = point.leafwise(turned, tangent, gradient)

    def at(self, steps: float) -> Any:
        """See `RandomDirection`."""
        return self._point.for_func(self._moved(steps))

    def _moved(self, steps: float) -> Leaves:
        point = self._point
        if self._on_host:
            return point.from_host(self._x + steps * self._step)
        return point.leafwise(lambda x, v: x + steps * v, self._tangent)

    def tangent(self) -> Any:
        """See `RandomDirection`."""
        leaves = self._point.from_host(self._step) if self._on_host else self._tangent
        return self._point.as_tangent(leaves)

    def read(self, value: Any) -> tuple[float, float] | None:
        """See `RandomDirection`."""
        return (float(value), DOUBLE) if type(value) in _PLAIN else None

    def claimed(self, gradient: Any) -> tuple[float, float]:
        """See `RandomDirection`."""
        point = self._point
        claims = point.claim_leaves(gradient)
        if self._on_host:
            return _sum_and_norm(point.on_host(claims) * self._step)
        along = product(claims, self._tangent, point)
        return along, claimed_change(claims, self._tangent, point)


def _sum_and_norm(terms: Floats) -> tuple[float, float]:
    """Return the sum of some terms, and their 2-norm."""
    return float(terms.sum()), math.sqrt(float(terms @ terms))


def _along(gradient: Floats, rng: np.random.Generator) -> Floats:
    """Return normal numbers that have the signs of a gradient; their own where it has none."""
    numbers = rng.standard_normal(gradient.size)
    signed: Floats = np.copysign(numbers, gradient)
    return signed if gradient.all() else np.where(gradient != 0, signed, numbers)


def _sizes_in(x: Floats, counts: Sequence[int]) -> Floats:
    """Return the size of every coordinate of some arrays, whose coordinates follow each other."""
    overall = _mean(np.abs(x))
    ends = itertools.accumulate(counts)
    leaves = zip(ends, counts, strict=True)
    return np.concatenate([_sizes(x[end - count : end], overall) for end, count in leaves])


def _mean(sizes: Floats) -> float:
    """Return the mean of some sizes, which does not overflow where their sum does."""
    return float((sizes / sizes.size).sum())


def _sizes(x: Floats, overall: float = 0.0) -> Floats:
    """Return the size of every coordinate: that of its array for those that are 0."""
    sizes = np.abs(x)
    mean = (_mean(sizes) if x.size else 0.0) or overall or 1.0
    at_least: Floats = np.maximum(sizes, _LEAST_PART * mean)
    return at_least if sizes.all() else np.where(sizes > 0, at_least, mean)
