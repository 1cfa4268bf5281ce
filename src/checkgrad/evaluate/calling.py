"""The one place that calls the user's functions.

This module counts the calls and tells the user's exceptions from ours. Every other module of this
room decides where a function is called, and none calls it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from checkgrad.arrays.point import Point
from checkgrad.backends import Array, is_out_of_memory
from checkgrad.evaluate.budget import NO_BUDGET, STOPS, Budget
from checkgrad.evaluate.error_notes import add_cause
from checkgrad.evaluate.whose_error import is_of_user

OfPoint: TypeAlias = Callable[[Any], Any]
IMMUTABLE = frozenset({float, int, complex, np.float64, np.float32})  # values that need no copy


@dataclass(frozen=True)
class Failure:
    """What a function of the user's raised away from x0.

    Attributes
    ----------
    error : Exception
        The exception.
    x : Any
        The point that it got. It may have written to it.
    """

    error: Exception
    x: Any


class CountedFunction:
    """A function of the user's that is called at one point at a time, without a budget.

    Parameters
    ----------
    function, args
        As the user passed them.

    Attributes
    ----------
    n_calls : int
        How often it was called.
    """

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._function = function
        self._args = args
        self.n_calls = 0

    def once(self, x: Any) -> Any:
        """Call it at one point. Exceptions pass."""
        self.n_calls += 1
        return self._function(x, *self._args)


class UserFunction:
    """A function of the user's: func, or a claim.

    Parameters
    ----------
    function, args
        As the user passed them.
    read : callable, optional
        What is made of every value that the function returns.
    at_one_point : callable, optional
        Turns the function, with what `read` makes of it, from one of many points into one of a
        single point.
    budget : Budget, optional
        It is asked before every call.
    is_func : bool
        Whether the calls count as evaluations of ``func``.
    name : str
        What messages call it.

    Attributes
    ----------
    n_calls : int
        How often it was called. Every point counts.
    failure : Failure or None
        The first exception that it raised away from x0.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...] = (),
        read: Callable[[Any], Any] | None = None,
        at_one_point: Callable[[OfPoint], OfPoint] | None = None,
        name: str = "func",
        budget: Budget = NO_BUDGET,
        is_func: bool = True,
    ) -> None:
        self._budget = budget
        self._is_func = is_func
        self._spend = budget.spend if is_func else budget.check
        self._function = function
        self._args = args
        self._name = name
        # Without arguments nothing is put around the user's function: a wrapper would be most of
        # what a point costs.
        of_point: OfPoint = (lambda x: function(x, *args)) if args else function
        if read is not None:
            of_point = lambda x: read(function(x, *args))  # noqa: E731
        self._of_point = of_point if at_one_point is None else at_one_point(of_point)
        self._errstate = np.geterr()  # that of the user
        self.n_calls = 0
        self.failure: Failure | None = None

    def with_user_errstate(self, x: Any, *vectors: Any) -> Any:
        """Call it as the user would: exceptions pass, and NumPy warns as the user has it.

        Where the cause of an exception is known, a note on the exception says so.
        """
        self._spend()
        self.n_calls += 1
        try:
            with np.errstate(**self._errstate):
                if vectors:
                    return self._function(x, *vectors, *self._args)
                return self._of_point(x)
        except Exception as error:
            add_cause(error, self._function, self._name, x, (*vectors, *self._args))
            raise

    def once(self, x: Any) -> Any:
        """Call it at one point. Exceptions pass."""
        self._spend()
        self.n_calls += 1
        return self._of_point(x)

    def at_each(self, points: Iterable[Any], kept: Callable[[Any], Any]) -> list[Any]:
        """Call it at some points. Exceptions pass.

        Parameters
        ----------
        points : iterable
            Each is handed over before the next is made.
        kept : callable
            Copies a value: the function may return one buffer, filled anew at every call.
        """
        function = self._of_point
        values = [value if type(value := function(x)) in IMMUTABLE else kept(value) for x in points]
        self.n_calls += len(values)
        return values

    def inside_domain(
        self, points: Iterable[Any], kept: Callable[[Any], Any], missing: Callable[[], Any]
    ) -> tuple[list[Any], list[int]]:
        """Call it at some points near x0, any of which may be outside of its domain.

        There, where the user asked for no value, an exception marks the edge of the domain. The
        first one is noted in `failure`. Memory errors pass, and so do those of our own code.

        Parameters
        ----------
        points, kept
            As in `at_each`.
        missing : callable
            Makes the value that stands for one that there is not.

        Returns
        -------
        list, list of int
            The values, and the indices of those that are missing.

        Raises
        ------
        Stopped
            If the budget is spent. It keeps both lists as they are by then.
        """
        function, values, failed = self._of_point, [], []
        try:
            with np.errstate(all="ignore"):
                for x in self._budget.metered(points):
                    try:
                        value = function(x)
                        values.append(value if type(value) in IMMUTABLE else kept(value))
                    except Exception as error:
                        if is_out_of_memory(error) or not is_of_user(error, self._function):
                            raise
                        self.failure = self.failure or Failure(error, x)
                        failed.append(len(values))
                        values.append(missing())
                    del x  # before the next is made
        except STOPS as stop:
            raise self._budget.stopped_by(stop).keeping((values, failed)) from None
        finally:
            self.n_calls += len(values)
        return values, failed

    def of_leaf(self, point: Point, leaf: int, in_vmap: bool = True) -> Callable[[Array], Any]:
        """Return it as a function of one leaf of x0; the other leaves stay as they are.

        Inside of vmap, a leaf has no strides of its own and can require no gradient.
        """
        function = self._of_point
        if point.is_single_real_array and (in_vmap or point.is_plain):
            return function  # itself: a library may know its trace
        others = {k: point.copies([x])[0] for k, x in enumerate(point.leaves) if k != leaf}
        rebuilt = point.plainly if in_vmap else point.for_func
        return lambda x: function(rebuilt(_with_leaf(others, leaf, x)))

    def mapped(self, point: Point, leaf: int) -> Callable[[Array], Any]:
        """Return it as a function of many values of one leaf, along a leading axis."""
        return point.backend.mapped(self.of_leaf(point, leaf))

    def mapped_over_all(self, point: Point) -> Callable[[Any], Any]:
        """Return it as a function of many values of every leaf, each along a leading axis."""
        function = self._of_point
        return point.backend.mapped(lambda leaves: function(point.plainly(leaves)))

    @property
    def seen_footprint(self) -> int:
        """The `footprint`, where an earlier evaluation has shown it; else 0."""
        return 0

    def footprint(self, point: Point, leaf: int) -> int:
        """Return the bytes of the largest array that it makes at x0; 0 if unknown."""
        return point.backend.footprint(
            self.of_leaf(point, leaf, False), point.whole(point.leaves[leaf])
        )

    def at_many(self, points: Any) -> Any:
        """Call it, a function of many points, at `points` along a leading axis."""
        return self._of_point(points)


def _with_leaf(others: dict[int, Array], leaf: int, x: Array) -> Sequence[Array]:
    """Return all leaves, with `x` in its place among the others."""
    return [x if k == leaf else others[k] for k in range(len(others) + 1)]
