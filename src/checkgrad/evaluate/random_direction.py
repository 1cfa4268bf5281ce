"""``func`` along one random direction through a point, for a check inside of a solver.

This module owns the direction, ``func`` along it, and what a gradient claims along it. It judges
nothing. A plain array of NumPy takes the short way. Other points of up to some hundred thousand
coordinates are moved on the host: a library that compiles would compile every operation for a
check of microseconds. Larger ones are moved on their device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.bounds import bounded
from checkgrad.arrays.point import Floats, Point, make_point
from checkgrad.arrays.products import product
from checkgrad.backends import Array, machine_epsilon
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.coordinate_sizes import claimed_change
from checkgrad.evaluate.tangent_choice import random_tangents
from checkgrad.evaluate.values import numeric_value
from checkgrad.evaluate.whose_error import is_of_user
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
        x0, and the gradient there.
    length : float
        The step, relative to the sizes of the coordinates.
    rng : numpy.random.Generator
        Where random numbers come from.
    """

    def __init__(
        self, x: Floats, gradient: Floats, length: float, rng: np.random.Generator
    ) -> None:
        self._x = np.array(x)
        flat = self._x.reshape(-1)
        step = _along(gradient.reshape(-1), rng) * _sizes(flat) * length
        self._step = step.reshape(x.shape)

    is_pure = False

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

    def claimed(self, gradient: Any) -> tuple[float, float]:
        """See `RandomDirection`. The gradient is an array like x0."""
        with np.errstate(all="ignore"):
            terms = (gradient * self._step).reshape(-1)
            return float(terms.sum()), math.sqrt(float(terms @ terms))


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
            leaves = zip(point.offsets, point.sizes, strict=True)
            overall = float(np.mean(np.abs(self._x)))
            sizes = [_sizes(self._x[start : start + count], overall) for start, count in leaves]
            step = _along(point.on_host(gradient), rng) * np.concatenate(sizes) * length
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

    def claimed(self, gradient: Any) -> tuple[float, float]:
        """See `RandomDirection`."""
        point = self._point
        claims = point.claim_leaves(gradient)
        with np.errstate(all="ignore"):  # a gradient may not be finite
            if self._on_host:
                terms = point.on_host(claims) * self._step
                return float(terms.sum()), math.sqrt(float(terms @ terms))
            along = product(claims, self._tangent, point)
            return along, claimed_change(claims, self._tangent, point)


def _along(gradient: Floats, rng: np.random.Generator) -> Floats:
    """Return normal numbers that have the signs of a gradient; their own where it has none."""
    numbers = rng.standard_normal(gradient.size)
    return np.where(gradient != 0, np.copysign(numbers, gradient), numbers)


def _sizes(x: Floats, overall: float = 0.0) -> Floats:
    """Return the size of every coordinate: that of its array for those that are 0."""
    sizes = np.abs(x)
    mean = (float(sizes.sum()) / x.size if x.size else 0.0) or overall or 1.0
    return np.where(sizes > 0, np.maximum(sizes, _LEAST_PART * mean), mean)


class DirectionEvaluator:
    """Evaluates ``func`` along a random direction.

    Parameters
    ----------
    func : callable
        The function.
    args : tuple
        Its further arguments.
    direction : RandomDirection
        The direction.

    Attributes
    ----------
    direction : RandomDirection
        See above.
    epsilon : float
        The machine epsilon of the coarsest dtype of the values so far.
    """

    def __init__(
        self, func: Callable[..., Any], args: tuple[Any, ...], direction: RandomDirection
    ) -> None:
        self._user = func
        self._func = UserFunction(func, args)
        self._args = args
        self.direction = direction
        self.epsilon = DOUBLE

    @property
    def n_func(self) -> int:
        """How often ``func`` was evaluated."""
        return self._func.n_calls

    def at(self, steps: float) -> float:
        """Return ``func`` so many steps from x0; NaN where it raises."""
        try:
            value = self._func.once(self.direction.at(steps))
        except MemoryError:
            raise
        except Exception as error:
            if not is_of_user(error, self._user):
                raise
            return math.nan
        return self.number(value)

    def number(self, value: Any) -> float:
        """Return a value of ``func`` as a number.

        Raises
        ------
        ValueError, TypeError
            If it is not one number.
        """
        if type(value) in _PLAIN:
            return float(value)
        point = self.direction.point
        self.epsilon = max(self.epsilon, float(machine_epsilon(value)))
        array = point.backend.to_host(numeric_value(value, point))
        if array.size != 1:
            raise ValueError(
                f"func returned shape {array.shape}; guard takes a func that returns one number"
            )
        return float(array.reshape(()).real)

    def claimed_again(self, claim: Callable[..., Any]) -> tuple[float, float]:
        """Ask for the gradient at x0 again, and return what it claims along the direction.

        Parameters
        ----------
        claim : callable
            The user's gradient. It gets the further arguments of ``func``. Its exceptions pass.

        Returns
        -------
        change, size : float
            As in `RandomDirection.claimed`.
        """
        again = UserFunction(claim, self._args, name="grad", is_func=False)
        return self.direction.claimed(again.with_user_errstate(self.direction.at(0.0)))
