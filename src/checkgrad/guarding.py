"""A guard around a function and its gradient: it counts calls, looks, and acts on what it finds."""

from __future__ import annotations

import functools
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from checkgrad.arrays.bounds import make_bounds
from checkgrad.arrays.messages import quote
from checkgrad.arrays.point import make_point
from checkgrad.backends import flatten_tree, host, is_array, is_traced
from checkgrad.evaluate.one_line import Line, LineOfArray, LineOfPoint, ValuesOnLine
from checkgrad.guard_check import GuardCheck, look, step_length
from checkgrad.guard_confirmation import confirmed
from checkgrad.numerics.decisions import Verdict
from checkgrad.precision import DOUBLE
from checkgrad.problem import Options, Problem
from checkgrad.report.error import GradientError
from checkgrad.report.report import Report
from checkgrad.session import SESSION
from checkgrad.tracebacks import is_our_file

ON_WRONG = ("raise", "warn", "record")
_MOST_WAITS = 8  # times `every` between two looks, where func is too rough for them
_PARTS = 2  # of a pair: the value and the gradient


class Guard:
    """A function and its gradient, which is looked at now and then. `checkgrad.guard` makes it.

    ``func, grad = guard`` unpacks the pair. ``guard(x)`` returns the value and the gradient.

    Attributes
    ----------
    func, grad : callable
        What to hand to the solver.
    n_calls : int
        How often the gradient was asked for so far.
    n_func : int
        The evaluations of ``func`` that the looks took, whole checks included.
    checks : tuple of GuardCheck
        What was found, in order.
    reports : tuple of Report
        Those of the whole checks, which followed a suspicion.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import guard
    >>> guarded = guard(lambda x: (np.sum(x**4), 4 * x**3), True)
    >>> value, gradient = guarded(np.array([1.0, 2.0]))
    >>> guarded
    <Guard: 1 call, 1 look: 1 correct>
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
        self._next = 0  # the call at which the gradient is looked at next
        self._wait = every
        self._noise = 0.0  # of func, relative to its value, as far as it is known
        self._checks: list[GuardCheck] = []
        self.n_calls = 0
        self.func = func if grad is not None else self._first_part

    @property
    def checks(self) -> tuple[GuardCheck, ...]:
        """See the class."""
        return tuple(self._checks)

    @property
    def reports(self) -> tuple[Report, ...]:
        """See the class."""
        return tuple(each.report for each in self._checks if each.report is not None)

    @property
    def n_func(self) -> int:
        """See the class."""
        return sum(each.n_func for each in self._checks)

    def __iter__(self) -> Iterator[Callable[..., Any]]:
        return iter((self.func, self.grad))

    def __repr__(self) -> str:
        verdicts = [each.verdict.value for each in self._checks]
        found = ", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts))
        calls = f"{self.n_calls} call{'s' * (self.n_calls != 1)}"
        looks = f"{len(verdicts)} look{'s' * (len(verdicts) != 1)}"
        return f"<Guard: {calls}, {looks}{': ' if found else ''}{found}>"

    def grad(self, x: Any, *args: Any, **options: Any) -> Any:
        """Return the gradient, as the user's function does, and look at it if its turn has come."""
        __tracebackhide__ = True
        if self._grad is None:
            return self(x, *args, **options)[1]
        gradient = self._grad(x, *args, **options)
        self.n_calls = calls = self.n_calls + 1
        if calls > self._next or type(x) is not np.ndarray:
            self._note(x, gradient, args, options)
        return gradient

    def __call__(self, x: Any, *args: Any, **options: Any) -> Any:
        """Return the value and the gradient, and look at the gradient if its turn has come."""
        __tracebackhide__ = True
        if self._grad is not None:
            return self.func(x, *args, **options), self.grad(x, *args, **options)
        returned = self._func(x, *args, **options)
        _require_pair(returned)
        self.n_calls = calls = self.n_calls + 1
        if calls > self._next or type(x) is not np.ndarray:
            self._note(x, returned[1], args, options, returned[0])
        return returned

    def _note(
        self,
        x: Any,
        gradient: Any,
        args: tuple[Any, ...],
        options: dict[str, Any],
        value: Any = None,
    ) -> None:
        """Look at a gradient, if its turn has come."""
        __tracebackhide__ = True
        if type(x) is not np.ndarray:
            _require_values(x)
        call = self.n_calls - 1
        if call < self._next:
            return
        func, grad = self._pair(options)
        problem = Problem("grad", func, grad, x, args, self._options)
        found = self._looked(call, problem, gradient, _first(value))
        self._checks.append(found)
        is_false_alarm = found.report is not None and found.verdict is not Verdict.WRONG
        longer = min(2 * self._wait, _MOST_WAITS * self._every)
        self._wait = longer if is_false_alarm else self._every
        self._next = call + self._wait
        if found.report is not None:
            SESSION.tell(found.report)
        self._act(found)

    def _first_part(self, x: Any, *args: Any, **options: Any) -> Any:
        """Return the value, where the user's function returns the gradient too."""
        returned = self._func(x, *args, **options)
        _require_pair(returned)
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
            return _first(value) if self._grad is None else value

        def grad(x: Any, *args: Any) -> Any:
            if self._grad is None:
                return self._func(x, *args, **options)[1]
            return self._grad(x, *args, **options)

        return func, grad

    def _looked(self, call: int, problem: Problem, gradient: Any, value: Any) -> GuardCheck:
        """Return what a look finds, and a whole check if the look raises a suspicion."""
        x = problem.x0
        try:
            line, epsilon = self._line(x, gradient)
        except ValueError:
            if _is_finite(x):
                raise
            # The solver has gone astray, whether the gradient is right or not.
            return GuardCheck(call, Verdict.INCONCLUSIVE, np.nan, np.nan, np.nan, 0)
        values = ValuesOnLine(problem.func, problem.args, line)
        known = None if value is None else values.number(value)
        found = look(values, line, gradient, epsilon, self._options.rtol, known)
        verdict, report, n_func = found.verdict, None, 0
        if verdict is None:
            is_first = all(each.verdict is not Verdict.WRONG for each in self.reports)
            report, n_func = confirmed(problem, values, found, is_first)
            verdict = report.verdict
            size = abs(values.at(0.0))  # and what func keeps belongs to x again
            self._noise = max(self._noise, report.noise / (size or 1.0))
        numbers = found.claim, found.estimate, found.uncertainty
        return GuardCheck(call, verdict, *numbers, values.n_func + n_func, report)

    def _line(self, x: Any, gradient: Any) -> tuple[Line, float]:
        """Return a random line through x, and the relative noise that func has at least there."""
        options = self._options
        is_plain = _is_plain(x) and _is_plain(gradient) and x.shape == gradient.shape
        if is_plain and options.bounds is None and _is_finite(x):
            epsilon = max(DOUBLE, self._noise)
            return LineOfArray(x, gradient, step_length(epsilon), self._rng), epsilon
        point = make_point(x, allow_complex=True)
        epsilon = max(DOUBLE, *point.epsilons, self._noise)
        bounds, claims = make_bounds(options.bounds, point, "x"), point.claim_leaves(gradient)
        return LineOfPoint(point, claims, step_length(epsilon), bounds, self._rng), epsilon

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


def _require_pair(returned: Any) -> None:
    if not isinstance(returned, (tuple, list)) or len(returned) != _PARTS:
        raise TypeError(
            f"func returned {quote(returned)}; with grad=True it must return a pair (value, "
            "gradient)"
        )


def _first(value: Any) -> Any:
    """Return the value of what may be a pair (value, aux)."""
    return value[0] if isinstance(value, tuple) else value


def _require_values(x: Any) -> None:
    """Raise a `TypeError` if x has no values, as inside of a compiled function."""
    if is_traced(x):
        raise TypeError(
            "x is traced by JAX, so that there are no values, and a guard needs values; put it "
            "around the compiled function, as "
            "checkgrad.guard(jax.jit(jax.value_and_grad(loss)), True), and call it outside of jit"
        )


def _is_plain(array: Any) -> bool:
    """Return whether an array is one of NumPy in float64."""
    return type(array) is np.ndarray and array.dtype == np.float64 and array.size > 0


def _is_finite(x: Any) -> bool:
    if _is_plain(x):
        return math.isfinite(float(x.sum()))
    leaves, _ = flatten_tree(x)
    return all(np.all(np.isfinite(host(leaf))) for leaf in leaves if is_array(leaf))
