"""The random directions along which a guard checks: what they need, kept from check to check.

This module tells which points take a short way. `checkgrad.evaluate.random_direction` has the ways.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.bounds import make_bounds
from checkgrad.arrays.point import Floats, make_point
from checkgrad.backends import FlatTree, flat_tree, snapshot
from checkgrad.evaluate.random_direction import (
    DirectionOfArray,
    DirectionOfPoint,
    DirectionOfTree,
    RandomDirection,
)
from checkgrad.evaluate.random_steps import NormalNumbers
from checkgrad.guards.call import is_plain
from checkgrad.guards.check import step_length
from checkgrad.precision import DOUBLE
from checkgrad.problem import Options


class Directions:
    """Makes the directions of one guard.

    Parameters
    ----------
    func : callable
        What the user passed. It is not called.
    options : Options
        The random numbers and the bounds.

    Attributes
    ----------
    noise : float
        That of func, relative to its value, as far as it is known.
    """

    def __init__(self, func: Callable[..., Any], options: Options) -> None:
        self._func = func
        self._rng = options.generator()
        self._numbers = NormalNumbers(self._rng)
        self._bounds = options.bounds
        self._tree: FlatTree | None = None
        self.noise = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_tree": None}  # it knows a device, which is of this process

    def snapshot(self, x: Any) -> Any:
        """Return what x holds now, safe from later writes by the user's code."""
        kept = None if self._tree is None else self._tree.snapshot(x)
        return snapshot(x) if kept is None else kept

    def at(self, x: Any, gradient: Any) -> tuple[RandomDirection, float]:
        """Return a random direction at x, and the relative noise that func has at least there.

        No function of the user's is called.

        Parameters
        ----------
        x : array or tree
            The point. Nobody may write to it afterwards.
        gradient : Any
            The gradient there, as the user's code returned it.

        Raises
        ------
        OutsideError
            If x is outside of the bounds.
        ValueError, TypeError
            If x is not finite or no point, or if the gradient or the bounds are not like it.
        """
        if self._bounds is None:
            quick = self._of_array(x, gradient) if is_plain(x) else self._of_tree(x, gradient)
            if quick is not None:
                return quick
        point = make_point(x, allow_complex=True)
        epsilon = max(DOUBLE, *point.epsilons, self.noise)
        bounds, claims = make_bounds(self._bounds, point, "x"), point.claim_leaves(gradient)
        length = step_length(epsilon)
        return DirectionOfPoint(point, claims, length, bounds, self._rng), epsilon

    def _of_array(self, x: Any, gradient: Any) -> tuple[RandomDirection, float] | None:
        """Return a direction at a plain array; None if x or the gradient is no such array."""
        if not (is_plain(gradient) and x.shape == gradient.shape):
            return None
        epsilon = max(DOUBLE, self.noise)
        return DirectionOfArray(x, gradient, step_length(epsilon), self._numbers), epsilon

    def _of_tree(self, x: Any, gradient: Any) -> tuple[RandomDirection, float] | None:
        """Return a direction at a tree of plain arrays of a library that compiles, or None."""
        if isinstance(x, np.ndarray):
            return None
        claims, coordinates = self._vectors(gradient, x)
        if coordinates is None:
            self._tree = flat_tree(x, self._func)
            claims, coordinates = self._vectors(gradient, x)
        tree = self._tree
        if tree is None or claims is None or coordinates is None or coordinates.size > BLOCK:
            return None
        epsilon = max(DOUBLE, tree.epsilon, self.noise)
        length = step_length(epsilon)
        return DirectionOfTree(tree, x, (coordinates, claims), length, self._numbers), epsilon

    def _vectors(self, gradient: Any, x: Any) -> tuple[Floats | None, Floats | None]:
        """Return both as vectors. The gradient comes first: JAX has computed x when it has that."""
        tree = self._tree
        return (None, None) if tree is None else (tree.coordinates(gradient), tree.coordinates(x))
