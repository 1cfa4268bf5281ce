"""The user's functions, evaluated in float64 around a point of narrower floats.

This module puts the widening of the array library in the place of a call. It does not say whether
a widened function can be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from checkgrad.arrays.point import Point
from checkgrad.backends import Array, NativeDtypes, Observation, WideFunction, Widening
from checkgrad.evaluate.budget import NO_BUDGET, Budget
from checkgrad.evaluate.calling import OfPoint, UserFunction

_WIDE_BITS = 64  # of a number in float64
_ALL = -1  # among maps over single leaves: the map over all of them


class WideUserFunction(UserFunction):
    """A function of the user's, evaluated in float64.

    Parameters
    ----------
    function, args
        As in `UserFunction`.
    wide : Wide
        How it is evaluated.
    natives : sequence of sequence of dtype
        The dtypes in which the user's function gets each of its arguments.
    read, at_one_point
        As in `UserFunction`.
    observes : bool
        Whether to note what is met inside of the function, which takes time.
    budget, is_func
        As in `UserFunction`.
    observed : WideUserFunction, optional
        The same function, which is called at x0 in the place of this one.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        wide: Wide,
        natives: NativeDtypes,
        read: Callable[[Any], Any] | None = None,
        at_one_point: Callable[[OfPoint], OfPoint] | None = None,
        observes: bool = True,
        budget: Budget = NO_BUDGET,
        is_func: bool = True,
        observed: WideUserFunction | None = None,
    ) -> None:
        whole = (lambda x, *vectors: function(x, *vectors, *args)) if args else function
        self._wide_function = wide.widening.widened(whole, natives)
        super().__init__(
            self._wide_function, (), read, at_one_point, budget=budget, is_func=is_func
        )
        self._observer = UserFunction(self._observe, (), read, at_one_point)
        self._native_function = UserFunction(whole, (), read, at_one_point)
        self._wide = wide
        self._around = read, at_one_point
        self._takes_many = at_one_point is not None and at_one_point(whole) is not whole
        self._observes = observes
        self._maps: dict[int, WideFunction] = {}
        self._observed = observed
        self._observation: Observation | None = None

    @property
    def observation(self) -> Observation | None:
        """What was met inside of the function at x0; None if it was not called there."""
        return self._observation if self._observed is None else self._observed.observation

    def with_user_errstate(self, x: Any, *vectors: Any) -> Any:
        """Call it as the user would. The first call, at x0, notes what it meets inside."""
        if self.observation is not None or not self._observes:
            return super().with_user_errstate(x, *vectors)
        self._spend()
        self.n_calls += 1
        return self._observer.with_user_errstate(x, *vectors)

    def _observe(self, x: Any, *vectors: Any) -> Any:
        value, self._observation = self._wide_function.observed(x, *vectors)
        return value

    def coarsest_epsilon(self, x: Any) -> float:
        """Return the coarsest machine epsilon that is met inside of it at a point."""
        if self._takes_many and self.observation is None:
            self.with_user_errstate(x)
        if self.observation is not None:
            return self.observation.epsilon
        self._spend()
        self.n_calls += 1
        return self._wide_function.coarsest_epsilon(x)

    def perturbed(self, seed: int) -> UserFunction:
        """Return it with the rounding errors of the user's dtypes, drawn at random.

        See `checkgrad.backends.WideFunction.perturbed`.
        """
        wide = self._wide_function
        return UserFunction(
            lambda x, *vectors: wide.perturbed(seed, x, *vectors),
            (),
            *self._around,
            budget=self._budget,
            is_func=self._is_func,
        )

    def largest(self, x: Any) -> float:
        """Return the largest finite magnitude inside of it at a point; NaN if nobody sees it."""
        if self._takes_many:
            return math.nan
        self._spend()
        self.n_calls += 1
        return self._wide_function.largest(x)

    def release(self) -> None:
        """Give back the memory that is kept from one call to the next."""
        for wide in (self._wide_function, *self._maps.values()):
            wide.release()

    def mapped(self, point: Point, leaf: int) -> Callable[[Array], Any]:
        """Return it as a function of many values of one leaf, along a leading axis.

        The user's function is mapped first and then widened.
        """
        del point
        if leaf not in self._maps:
            native = self._wide.native
            mapped = self._native_function.mapped(native, leaf)
            natives = [[native.leaves[leaf].dtype]]
            self._maps[leaf] = self._wide.widening.widened(mapped, natives)
        return self._maps[leaf]

    def mapped_over_all(self, point: Point) -> Callable[[Any], Any]:
        """Return it as a function of many values of every leaf, each along a leading axis.

        The user's function is mapped first and then widened.
        """
        del point
        if _ALL not in self._maps:
            native = self._wide.native
            mapped = self._native_function.mapped_over_all(native)
            natives = [[leaf.dtype for leaf in native.leaves]]
            self._maps[_ALL] = self._wide.widening.widened(mapped, natives)
        return self._maps[_ALL]

    @property
    def seen_footprint(self) -> int:
        """The `footprint`, where the evaluation at x0 has shown it; else 0."""
        seen = self.observation
        if seen is None:
            return 0
        native = self._wide.native
        narrowest = min(int(native.xp.finfo(leaf.dtype).bits) for leaf in native.leaves)
        return _WIDE_BITS // narrowest * seen.made_bytes

    def footprint(self, point: Point, leaf: int) -> int:
        """Return the bytes of the largest array that it makes at x0; 0 if unknown."""
        native = self._wide.native
        wide, narrow = (each.xp.finfo(each.leaves[leaf].dtype).bits for each in (point, native))
        return int(wide // narrow) * self._native_function.footprint(native, leaf)


@dataclass(frozen=True)
class Wide:
    """How functions of the user's are evaluated in float64.

    Attributes
    ----------
    widening : Widening
        What the array library does.
    native : Point
        x0 in the dtypes of the user.
    """

    widening: Widening
    native: Point

    def natives(self) -> list[Any]:
        """Return the dtypes of the floating arrays of x0 as the user's functions get them."""
        leaves = self.native.as_passed(self.native.leaves)
        return [leaf.dtype for leaf in leaves]


def wide_claim_function(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    wide: Wide,
    *vectors: Sequence[Any],
    observes: bool = False,
    budget: Budget = NO_BUDGET,
) -> WideUserFunction:
    """Return a claim of the user's, to be called in float64.

    Parameters
    ----------
    function, args
        As in `UserFunction`.
    wide : Wide
        How it is evaluated in float64.
    *vectors : sequence of dtype
        The dtypes in which the user's function gets a tangent or cotangent, if it takes one.
    observes : bool, optional
        Whether its first call notes what it meets inside.
    budget : Budget, optional
        It is asked before every call.
    """
    natives = [wide.natives(), *vectors]
    return WideUserFunction(
        function, args, wide, natives, observes=observes, budget=budget, is_func=False
    )
