"""One random direction through a point, for a check inside of a solver.

This module owns the direction, and what a gradient claims along it. It judges nothing, and calls
no function. A plain array of NumPy takes the shortest way, a tree of plain arrays of JAX a short
one. Other points of up to some hundred thousand coordinates are moved on the host: a library that
compiles would compile every operation for a check of microseconds. Larger ones are moved on their
device.
"""

from __future__ import annotations

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

_FEW = 64  # normal numbers that are drawn anew each time, in some microseconds
_LEAST_PART = 1e-3  # of the mean size of its leaf that a coordinate moves by at least
_PLAIN = (float, np.float64)

Leaves = Sequence[Array]


class NormalNumbers:
    """Normal numbers for one direction after the other: many at a time are drawn only once.

    To draw them takes longer than all else that is done with them. Each direction gets a random
    part of twice as many, so that two directions differ in every coordinate.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where random numbers come from.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._drawn = np.empty(0)

    def standard_normal(self, size: int) -> Floats:
        """Return normal numbers. Nobody may write to them."""
        if not _FEW < size <= BLOCK:
            return self._rng.standard_normal(size)
        if self._drawn.size != 2 * size:
            self._drawn = self._rng.standard_normal(2 * size)
        start = int(self._rng.random() * (size + 1))
        return self._drawn[start : start + size]


class RandomDirection(Protocol):
    """A random tangent at x0, with a step on both sides.

    Every coordinate moves by the size of a normal number times its own size, in the direction in
    which the gradient says that ``func`` grows. What the coordinates change ``func`` by adds up
    then. Along any other tangent of many coordinates it nearly cancels, and rounding and curvature
    hide the rest.

    Attributes
    ----------
    claim : tuple of float
        What `claimed` says of the gradient at x0 that the direction was made with.
    """

    claim: tuple[float, float]

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
    rng : NormalNumbers or numpy.random.Generator
        Where normal numbers come from.

    Raises
    ------
    ValueError
        If x0 is not finite.
    """

    is_pure = False

    def __init__(
        self, x: Floats, gradient: Floats, length: float, rng: NormalNumbers | np.random.Generator
    ) -> None:
        self._x = x
        sizes = _sizes(x.reshape(-1))
        claims = gradient.reshape(-1)
        step = _along(claims, rng)
        step *= sizes
        step *= length
        self.claim = _sum_and_norm(claims * step)
        self._step = step.reshape(x.shape)

    @cached_property
    def point(self) -> Point:
        """See `RandomDirection`."""
        return make_point(self._x)

    def at(self, steps: float) -> Any:
        """See `RandomDirection`."""
        if steps == 0.0:
            return np.array(self._x)
        return self._x + (self._step if steps == 1.0 else steps * self._step)

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
        How trees like x0 become vectors.
    x, gradient : tree
        x0, and the gradient there. Nobody may write to x0 afterwards.
    vectors : tuple of array
        Both as vectors.
    length : float
        The step, relative to the sizes of the coordinates.
    rng : NormalNumbers or numpy.random.Generator
        Where normal numbers come from.

    Raises
    ------
    ValueError
        If x0 is not finite.
    """

    is_pure = True

    def __init__(
        self,
        tree: FlatTree,
        x: Any,
        vectors: tuple[Floats, Floats],
        length: float,
        rng: NormalNumbers | np.random.Generator,
    ) -> None:
        self._tree = tree
        self._x = x
        self._coordinates, claims = vectors
        sizes = _sizes_in(self._coordinates, tree.sizes)
        self._step = _along(claims, rng)
        self._step *= sizes
        self._step *= length
        self.claim = _sum_and_norm(claims * self._step)
        self._behind: tuple[float, Any] | None = None  # a point that `at` made, and its steps

    @cached_property
    def point(self) -> Point:
        """See `RandomDirection`."""
        return make_point(self._x)

    def at(self, steps: float) -> Any:
        """See `RandomDirection`. Two points at once take little longer than one."""
        if steps == 0.0:
            return self._x
        if self._behind is not None and self._behind[0] == steps:
            (_, made), self._behind = self._behind, None
            return made
        moved = self._step if steps == 1.0 else steps * self._step
        ahead, behind = self._tree.points(self._coordinates + moved, self._coordinates - moved)
        self._behind = -steps, behind
        return ahead

    def tangent(self) -> Any:
        """See `RandomDirection`."""
        return self._tree.tree(self._step)

    def read(self, value: Any) -> tuple[float, float] | None:
        """See `RandomDirection`."""
        return (float(value), DOUBLE) if type(value) in _PLAIN else self._tree.read(value)

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
        self.claim = self._claimed(gradient)

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
        return self._claimed(self._point.claim_leaves(gradient))

    def _claimed(self, claims: Leaves) -> tuple[float, float]:
        point = self._point
        if self._on_host:
            return _sum_and_norm(point.on_host(claims) * self._step)
        along = product(claims, self._tangent, point)
        return along, claimed_change(claims, self._tangent, point)


def _sum_and_norm(terms: Floats) -> tuple[float, float]:
    """Return the sum of some terms, and their 2-norm."""
    size = math.sqrt(float(terms.dot(terms)))
    if not 0.0 < size < math.inf:  # the squares may over- or underflow
        largest = float(np.max(np.abs(terms), initial=0.0))
        if 0.0 < largest < math.inf:
            scaled = terms / largest
            size = largest * math.sqrt(float(scaled.dot(scaled)))
    return float(np.add.reduce(terms)), size


def _along(gradient: Floats, rng: NormalNumbers | np.random.Generator) -> Floats:
    """Return normal numbers that have the signs of a gradient; their own where it has none."""
    numbers = rng.standard_normal(gradient.size)
    signed: Floats = np.copysign(numbers, gradient)
    if np.count_nonzero(gradient) == gradient.size:
        return signed
    return np.where(gradient != 0, signed, numbers)


def _sizes_in(x: Floats, counts: Sequence[int]) -> Floats:
    """Return the size of every coordinate of some arrays, whose coordinates follow each other."""
    if len(counts) == 1:
        return _sizes(x)
    sizes = np.abs(x)
    overall = _mean(sizes)
    counted = np.asarray([count for count in counts if count], dtype=np.intp)
    starts = np.cumsum(counted) - counted
    means = np.add.reduceat(sizes / x.size, starts) * (x.size / counted)
    means[means == 0.0] = overall
    return _filled(sizes, np.repeat(means, counted))


def _sizes(x: Floats) -> Floats:
    """Return the size of every coordinate of one array, see `_filled`."""
    sizes = np.abs(x)
    return _filled(sizes, _mean(sizes))


def _mean(sizes: Floats) -> float:
    """Return the mean of some sizes, and 1 if all are 0; a ValueError if one is not finite."""
    mean = float(np.add.reduce(sizes)) / max(sizes.size, 1)
    if not math.isfinite(mean):  # the sum may overflow
        mean = min(float(np.add.reduce(sizes / sizes.size)), float(sizes.max()))
        if not math.isfinite(mean):
            raise ValueError("x is not finite")
    return mean or 1.0


def _filled(sizes: Floats, mean: Floats | float) -> Floats:
    """Return sizes, of which those that are 0 become the mean, and none is far below it."""
    at_least: Floats = np.maximum(sizes, _LEAST_PART * mean)
    if np.count_nonzero(sizes) == sizes.size:
        return at_least
    return np.where(sizes > 0, at_least, mean)
