"""``func`` along a random direction, one value at a time, for a check inside of a solver.

The directions are those of `checkgrad.evaluate.random_direction`. This module judges nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from checkgrad.backends import machine_epsilon
from checkgrad.evaluate.calling import CountedFunction, UserFunction
from checkgrad.evaluate.random_direction import RandomDirection
from checkgrad.evaluate.values import numeric_value
from checkgrad.evaluate.whose_error import is_of_user
from checkgrad.precision import DOUBLE


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
        self._func = CountedFunction(func, args)
        self._args = args
        self.direction = direction
        self.epsilon = DOUBLE

    @property
    def n_func(self) -> int:
        """How often ``func`` was evaluated."""
        return self._func.n_calls

    def at(self, steps: float) -> float:
        """Return ``func`` so many steps from x0; NaN where it raises."""
        return self.number(self._value(steps))

    def on_both_sides(self) -> tuple[float, float]:
        """Return ``func`` one step from x0, on both sides; NaN where it raises."""
        if not self.direction.is_pure:
            return self.at(1.0), self.at(-1.0)
        # JAX returns from a call before it has the value. Both are begun before the first is read.
        above, below = self._value(1.0), self._value(-1.0)
        return self.number(above), self.number(below)

    def return_to_x0(self) -> None:
        """Call ``func`` at x0, if it may keep what belongs to another point."""
        if not self.direction.is_pure:
            self._value(0.0)

    def _value(self, steps: float) -> Any:
        try:
            return self._func.once(self.direction.at(steps))
        except MemoryError:
            raise
        except Exception as error:
            if not is_of_user(error, self._user):
                raise
            return math.nan

    def number(self, value: Any) -> float:
        """Return a value of ``func`` as a number.

        Raises
        ------
        ValueError, TypeError
            If it is not one number.
        """
        if (read := self.direction.read(value)) is not None:
            number, epsilon = read
            self.epsilon = max(self.epsilon, epsilon)
            return number
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
        gradient = again.with_user_errstate(self.direction.at(0.0))
        with np.errstate(all="ignore"):  # it may not be finite
            return self.direction.claimed(gradient)
