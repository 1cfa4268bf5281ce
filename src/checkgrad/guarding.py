"""A guard around a function and its gradient: it counts calls, and acts on what checks find.

`checkgrad.guard_check` checks a gradient along one tangent, `checkgrad.guard_confirmation` confirms
what that suspects.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from checkgrad.arrays.bounds import make_bounds
from checkgrad.arrays.point import make_point
from checkgrad.backends import snapshot
from checkgrad.evaluate.random_direction import (
    DirectionEvaluator,
    DirectionOfArray,
    DirectionOfPoint,
    RandomDirection,
)
from checkgrad.guard_check import GuardCheck, spot_check, step_length
from checkgrad.guard_confirmation import confirmed
from checkgrad.guarded_call import first_part, is_finite, is_plain, require_pair, require_values
from checkgrad.numerics.decisions import Verdict
from checkgrad.precision import DOUBLE
from checkgrad.problem import Options, Problem
from checkgrad.report.error import GradientError
from checkgrad.report.report import Report
from checkgrad.session import SESSION
from checkgrad.tracebacks import is_our_file

ON_WRONG = ("raise", "warn", "record")
# The longest wait between two checks, in multiples of `every`, after false alarms.
_MOST_WAITS = 8


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
        self._rng = options.generator()
        self._next = 0  # the call at which the gradient is checked next
        self._wait = every
        self._noise = 0.0  # of func, relative to its value, as far as it is known
        self._checks: list[GuardCheck] = []
        self.n_calls = 0
        self.func = func if grad is not None else self._first_part

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
        """
        __tracebackhide__ = True
        if self._grad is None:
            return self(x, *args, **options)[1]
        point = self._point_to_check(x)
        gradient = self._grad(x, *args, **options)
        self.n_calls += 1
        if point is not None:
            self._note(point, gradient, args, options)
        return gradient

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
        point = self._point_to_check(x)
        returned = self._func(x, *args, **options)
        require_pair(returned)
        self.n_calls += 1
        if point is not None:
            self._note(point, returned[1], args, options, returned[0])
        return returned

    def _point_to_check(self, x: Any) -> Any:
        """Return a copy of x, which the user's function may write into; None if it is no turn."""
        if type(x) is not np.ndarray:
            require_values(x)
        return snapshot(x) if self.n_calls >= self._next else None

    def _note(
        self,
        x: Any,
        gradient: Any,
        args: tuple[Any, ...],
        options: dict[str, Any],
        value: Any = None,
    ) -> None:
        """Check a gradient, and note what is found."""
        __tracebackhide__ = True
        call = self.n_calls - 1
        func, grad = self._pair(options)
        problem = Problem("grad", func, grad, x, args, self._options)
        found = self._checked(call, problem, gradient, first_part(value))
        self._checks.append(found)
        is_false_alarm = found.report is not None and found.verdict is not Verdict.WRONG
        longer = min(2 * self._wait, _MOST_WAITS * self._every)
        self._wait = longer if is_false_alarm else self._every
        self._next = call + self._wait
        if found.report is not None:
            SESSION.notify(found.report)
        self._act(found)

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

    def _checked(self, call: int, problem: Problem, gradient: Any, value: Any) -> GuardCheck:
        """Check along one tangent, and as `verify_grad` does if that raises a suspicion."""
        x = problem.x0
        try:
            direction, epsilon = self._direction(x, gradient)
        except ValueError:
            if is_finite(x):
                raise
            # The solver has gone astray, whether the gradient is right or not.
            return GuardCheck(call, Verdict.INCONCLUSIVE, np.nan, np.nan, np.nan, 0)
        evaluator = DirectionEvaluator(problem.func, problem.args, direction)
        known = None if value is None else evaluator.number(value)
        found = spot_check(evaluator, gradient, epsilon, self._options.rtol, known)
        verdict, report, n_func = found.verdict, None, 0
        if verdict is None:
            is_first = all(each.verdict is not Verdict.WRONG for each in self.reports)
            report, n_func = confirmed(problem, evaluator, found, is_first)
            verdict = report.verdict
            size = abs(evaluator.at(0.0))  # and what func keeps belongs to x again
            self._noise = max(self._noise, report.noise / (size or 1.0))
        numbers = found.claimed_change, found.observed_change, found.uncertainty
        return GuardCheck(call, verdict, *numbers, evaluator.n_func + n_func, report)

    def _direction(self, x: Any, gradient: Any) -> tuple[RandomDirection, float]:
        """Return a random direction at x, and the relative noise that func has at least there."""
        options = self._options
        are_plain = is_plain(x) and is_plain(gradient) and x.shape == gradient.shape
        if are_plain and options.bounds is None and is_finite(x):
            epsilon = max(DOUBLE, self._noise)
            return DirectionOfArray(x, gradient, step_length(epsilon), self._rng), epsilon
        point = make_point(x, allow_complex=True)
        epsilon = max(DOUBLE, *point.epsilons, self._noise)
        bounds, claims = make_bounds(options.bounds, point, "x"), point.claim_leaves(gradient)
        return DirectionOfPoint(point, claims, step_length(epsilon), bounds, self._rng), epsilon

    def _act(self, found: GuardCheck) -> None:
        """Raise or warn if a gradient is wrong."""
        __tracebackhide__ = True
        report = found.report
        if found.verdict is not Verdict.WRONG or report is None or self._on_wrong == "record":
            return
        where = f"seen by checkgrad.guard at call {found.call} of the gradient"
        if self._on_wrong == "raise":
            error = GradientError(report)
            error.add_note(where)
            raise error
        warnings.warn(f"{report}\n{where}", RuntimeWarning, stacklevel=_frames_of_ours())


def _frames_of_ours() -> int:
    """Return how many frames of this package lie above that of the user's: for a warning."""
    frame, count = sys._getframe(1), 1  # noqa: SLF001 - the way to the caller, as `warnings` goes
    while frame.f_back is not None and is_our_file(frame.f_code.co_filename):
        frame, count = frame.f_back, count + 1
    return count
