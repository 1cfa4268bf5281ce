"""A guard around a function and its gradient: it counts calls, and acts on what checks find.

`checkgrad.guards.check` checks a gradient along one tangent, and `checkgrad.guards.confirmation`
confirms what that suspects.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from checkgrad.arrays.bounds import OutsideError
from checkgrad.evaluate.direction_evaluator import DirectionEvaluator
from checkgrad.guards.call import (
    ARRAYS_WITH_VALUES,
    first_part,
    is_finite,
    require_pair,
    require_values,
)
from checkgrad.guards.check import GuardCheck, nothing_compared, spot_check
from checkgrad.guards.confirmation import act_on, confirmed
from checkgrad.guards.directions import Directions
from checkgrad.guards.turns import Turns
from checkgrad.numerics.decisions import Verdict
from checkgrad.problem import Options, Problem
from checkgrad.report.report import Report
from checkgrad.session import SESSION

ON_WRONG = ("raise", "warn", "record")
# The longest wait between two checks, in multiples of `every`, after false alarms.
_MOST_WAITS = 8
_OF_THIS_PROCESS = "_pair_without_options"  # what is not pickled


class Guard:
    """A function and its gradient, which is checked now and then. `checkgrad.guard` makes it.

    ``func, grad = guard`` unpacks the pair. ``guard(x)`` returns the value and the gradient.

    Attributes
    ----------
    func, grad : callable
        What to hand to the solver.
    n_calls : int
        How often the gradient was asked for so far.
    n_func : int
        The evaluations of ``func`` that the checks took.
    checks : tuple of GuardCheck
        What each check found, in order.
    reports : tuple of Report
        Those of `verify_grad`'s checks, which follow a suspicion, in order.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import guard
    >>> guarded = guard(lambda x: (np.sum(x**4), 4 * x**3), True)
    >>> value, gradient = guarded(np.array([1.0, 2.0]))
    >>> guarded
    <Guard: 1 call, 1 check: 1 correct>
    """

    def __init__(
        self,
        func: Callable[..., Any],
        grad: Callable[..., Any] | None,
        every: int,
        on_wrong: str,
        options: Options,
    ) -> None:
        self._func = func
        self._grad = grad
        self._every = every
        self._on_wrong = on_wrong
        self._options = options
        self._directions = Directions(func, options)
        self._turns = Turns()
        self._wait = every
        self._checks: list[GuardCheck] = []
        self.func = func if grad is not None else self._first_part
        self._pair_without_options = self._pair({})

    @property
    def n_calls(self) -> int:
        """How often the gradient was asked for so far."""
        return self._turns.n_calls

    @property
    def checks(self) -> tuple[GuardCheck, ...]:
        """What each check found, in order."""
        return tuple(self._checks)

    @property
    def reports(self) -> tuple[Report, ...]:
        """The reports of `verify_grad`'s checks, which follow a suspicion, in order."""
        return tuple(each.report for each in self._checks if each.report is not None)

    @property
    def n_func(self) -> int:
        """The evaluations of ``func`` that the checks took."""
        return sum(each.n_func for each in self._checks)

    def __getstate__(self) -> dict[str, Any]:
        return {name: each for name, each in vars(self).items() if name != _OF_THIS_PROCESS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._pair_without_options = self._pair({})

    def __iter__(self) -> Iterator[Callable[..., Any]]:
        return iter((self.func, self.grad))

    def __repr__(self) -> str:
        verdicts = [each.verdict.value for each in self._checks]
        found = ", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts))
        calls = f"{self.n_calls} call{'s' * (self.n_calls != 1)}"
        checks = f"{len(verdicts)} check{'s' * (len(verdicts) != 1)}"
        return f"<Guard: {calls}, {checks}{': ' if found else ''}{found}>"

    def grad(self, x: Any, *args: Any, **options: Any) -> Any:
        """Return the gradient as the user's function does, and check it if its turn has come.

        Parameters
        ----------
        x : array or tree
            The point.
        *args, **options : Any
            What the user's functions take after x.

        Returns
        -------
        array or tree
            What the user's function returned.

        Raises
        ------
        GradientError
            If the gradient is wrong, and `on_wrong` is "raise".
        TypeError
            If x has no values, as inside of ``jax.jit``, or if ``func`` returns no pair where
            `grad` is True.

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import guard
        >>> guarded = guard(lambda x: np.sum(x**4), lambda x: 4 * x**3)
        >>> guarded.grad(np.array([1.0, 2.0]))
        array([ 4., 32.])
        """
        __tracebackhide__ = True
        if self._grad is None:
            return self(x, *args, **options)[1]
        if type(x) not in ARRAYS_WITH_VALUES:
            require_values(x)
        if (call := self._turns.take()) is None:
            return self._grad(x, *args, **options)
        return self._with_check(call, self._grad, x, args, options)

    def __call__(self, x: Any, *args: Any, **options: Any) -> Any:
        """Return the value and the gradient, and check the gradient if its turn has come.

        Parameters
        ----------
        x, *args, **options
            As in `grad`.

        Returns
        -------
        value, gradient
            What the user's functions returned.

        Raises
        ------
        GradientError, TypeError
            As in `grad`.
        """
        __tracebackhide__ = True
        if self._grad is not None:
            return self.func(x, *args, **options), self.grad(x, *args, **options)
        if type(x) not in ARRAYS_WITH_VALUES:
            require_values(x)
        if (call := self._turns.take()) is None:
            returned = self._func(x, *args, **options)
            require_pair(returned)
            return returned
        return self._with_check(call, self._func, x, args, options)

    def _with_check(
        self,
        call: int,
        function: Callable[..., Any],
        x: Any,
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Any:
        """Return what the user's function returns, after a check of the gradient in it."""
        __tracebackhide__ = True
        n_checks = len(self._checks)
        point = self._directions.snapshot(x)  # the user's function may write into x
        try:
            returned = function(x, *args, **options)
            value, gradient = None, returned
            if self._grad is None:
                require_pair(returned)
                value, gradient = returned
            found = self._checked(call, point, args, options, gradient, first_part(value))
            self._checks.append(found)
            is_false_alarm = found.report is not None and found.verdict is not Verdict.WRONG
            longer = min(2 * self._wait, _MOST_WAITS * self._every)
            self._wait = longer if is_false_alarm else self._every
        finally:
            # A check that was not made, because a function failed, is made at the next call.
            self._turns.wait_until(call + (self._wait if len(self._checks) > n_checks else 1))
        if found.report is not None:
            SESSION.notify(found.report)
        act_on(found, self._on_wrong)
        return returned

    def _first_part(self, x: Any, *args: Any, **options: Any) -> Any:
        """Return the value, where the user's function returns the gradient too."""
        returned = self._func(x, *args, **options)
        require_pair(returned)
        return returned[0]

    def _pair(self, options: dict[str, Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Return the value and the gradient as two functions, with keyword arguments of a call."""
        if self._grad is not None and not options:
            return self._func, self._grad

        # Reports call x what the user's function does. The module stays ours, which tells the
        # user's exceptions from those of this package.
        @functools.wraps(self._func, assigned=())
        def func(x: Any, *args: Any) -> Any:
            value = self.func(x, *args, **options)
            return first_part(value) if self._grad is None else value

        def grad(x: Any, *args: Any) -> Any:
            if self._grad is None:
                return self._func(x, *args, **options)[1]
            return self._grad(x, *args, **options)

        return func, grad

    def _checked(
        self,
        call: int,
        x: Any,
        args: tuple[Any, ...],
        options: dict[str, Any],
        gradient: Any,
        value: Any,
    ) -> GuardCheck:
        """Check along one tangent, and as `verify_grad` does if that raises a suspicion."""
        pair = self._pair(options) if options else self._pair_without_options
        with np.errstate(all="ignore"):
            try:
                direction, epsilon = self._directions.at(x, gradient)
            except OutsideError as error:
                return nothing_compared(call, str(error))
            except ValueError:
                if is_finite(x):
                    raise
                # The solver has gone astray, whether the gradient is right or not.
                return nothing_compared(call, "x is not finite")
            evaluator = DirectionEvaluator(pair[0], args, direction)
            known = None if value is None else evaluator.number(value)
            found = spot_check(evaluator, epsilon, self._options.rtol, known)
        verdict, report, n_func = found.verdict, None, 0
        if verdict is None:
            is_first = all(each.verdict is not Verdict.WRONG for each in self.reports)
            problem = Problem("grad", *pair, x, args, self._options)
            report, n_func = confirmed(problem, evaluator, found, is_first)
            verdict = report.verdict
            size = abs(evaluator.at(0.0))  # and what func keeps belongs to x again
            self._directions.noise = max(self._directions.noise, report.noise / (size or 1.0))
        numbers = found.claimed_change, found.observed_change, found.uncertainty
        return GuardCheck(call, verdict, *numbers, evaluator.n_func + n_func, report)
