"""The budget of a check: how often ``func`` may be evaluated, how long that may take, who is told.

One `Budget` belongs to one check, whatever it evaluates ``func`` in. It is asked before every call
of the user's functions, and ends the check by raising `Stopped`. It does not know what a check has
found: every module adds what it knows to `Stopped.kept` on the way out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self, TypeVar

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.evaluate.progress_meter import ProgressError, ProgressMeter, make_meter
from checkgrad.session import SESSION

clock = time.monotonic  # a test puts another clock in its place
_ON_INTERRUPT = ("raise", "report")
_INTERRUPTED = "the check was interrupted"

T = TypeVar("T")


class Stopped(BaseException):
    """A check ends before its end. This is no error, and no ``except Exception`` may catch it.

    Attributes
    ----------
    kept : Any
        What the module that it passed last knew by then. Each module documents what it keeps.
    """

    kept: Any = None

    def keeping(self, kept: Any) -> Stopped:
        """Return it, with what is known by now."""
        self.kept = kept
        return self


class StoppableCall:
    """A context in which `Stopped` is caught, so that what is known by then can be kept.

    Attributes
    ----------
    found : Any
        What the body sets; after a stop, what was kept.
    stop : Stopped or None
        What ended the body before its end. It is to be raised again, with what is known by then.

    Examples
    --------
    >>> with StoppableCall() as call:
    ...     raise Stopped().keeping([1.0])
    >>> call.found, call.stop is None
    ([1.0], False)
    """

    def __init__(self) -> None:
        self.found: Any = None
        self.stop: Stopped | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, Stopped):
            return False
        self.found, self.stop = error.kept, error
        return True


STOPS = (Stopped, KeyboardInterrupt)  # what ends a check before its end


class Budget:
    """How much a check may cost, and what it has cost so far.

    Parameters
    ----------
    max_evals : int, optional
        The largest number of evaluations of ``func``.
    timeout : float, optional
        The largest number of seconds, from now on. A call of the user's that has begun is not cut.
    meter : ProgressMeter, optional
        Who is told how far the check is.
    on_interrupt : {"raise", "report"}
        What a check does on Ctrl-C, once its report is made.
    reports : bool
        Whether a report is made of what is known when the check is stopped. If not,
        `KeyboardInterrupt` is nobody's business but the caller's.

    Attributes
    ----------
    n_func : int
        The evaluations of ``func`` so far. They are counted while the budget is active.
    active : bool
        Whether it must be asked: there is a limit, somebody to be told, or the check was stopped.
    reason : str
        Why the check was stopped; empty if it was not.
    reports : bool
        See above.
    agree : callable
        Gets whether the time is up by the clock of this process, and returns whether it is: ranks
        that check together have clocks of their own.
    """

    def __init__(
        self,
        max_evals: int | None = None,
        timeout: float | None = None,
        meter: ProgressMeter | None = None,
        on_interrupt: str = "raise",
        reports: bool = True,
    ) -> None:
        self._max_evals = max_evals
        self.timeout = timeout
        self._meter = meter
        self._on_interrupt = on_interrupt
        self._start = clock()
        self._interrupt: KeyboardInterrupt | None = None
        self.n_func = 0
        if meter is not None:
            meter.most = self.left
        self.active = max_evals is not None or timeout is not None or meter is not None
        self.reason = ""
        self.reports = reports
        self.agree: Callable[[bool], bool] = bool

    @property
    def left(self) -> float:
        """How many evaluations are left; infinite if there is no limit."""
        return math.inf if self._max_evals is None else self._max_evals - self.n_func

    @property
    def is_interrupted(self) -> bool:
        """Whether the user pressed Ctrl-C."""
        return self._interrupt is not None

    def rest(self) -> Budget:
        """Return a budget of what is left, for another check that nobody is told about."""
        left = None if self._max_evals is None else max(1, self._max_evals - self.n_func)
        rest = Budget(left, self.timeout, on_interrupt=self._on_interrupt)
        rest._start, rest.agree = self._start, self.agree
        return rest

    def spend(self, count: int = 1) -> None:
        """Take note of evaluations of ``func`` that come next.

        Raises
        ------
        Stopped
            If they are too many, or as `check`.
        """
        if not self.active:
            return
        self.check()
        if count > self.left:
            raise self.exhausted()
        if self._meter is not None:
            self._meter.tell(self.n_func)
        self.n_func += count

    def exhausted(self) -> Stopped:
        """Return what to raise where the evaluations that come next are too many."""
        number = self._max_evals
        return self._stopped(f"the budget of {number} evaluation{'s' * (number != 1)} was spent")

    def check(self) -> None:
        """Raise `Stopped` if the check was stopped, or if its time is up."""
        self.require_running()
        if self.timeout is not None and self.agree(clock() - self._start >= self.timeout):
            raise self._stopped(f"the timeout of {self.timeout:g} s was over")

    def require_running(self) -> None:
        """Raise `Stopped` if the check was stopped."""
        if self.reason:
            raise Stopped

    def refund(self, count: int) -> None:
        """Take note that some evaluations were not made."""
        if self.active:
            self.n_func -= count

    def metered(self, points: Iterable[T]) -> Iterable[T]:
        """Return an iterable of some points, each of which is spent before it is handed over."""

        def spent(x: T) -> T:
            self.spend()
            return x

        return map(spent, points) if self.active else points  # keeps no point alive

    def phase(self, name: str, expected: int = 0) -> None:
        """Take note of what the check does next.

        Parameters
        ----------
        name : str
            In a word or two.
        expected : int
            About how many evaluations it takes, as far as that is known.
        """
        if self._meter is not None and not self.reason:
            self._meter.phase(name, self.n_func, self.n_func + expected)

    def stopped_by(self, stop: BaseException) -> Stopped:
        """Return `Stopped` in the place of what ended the check: itself, or Ctrl-C.

        It is raised as it came where nobody makes a report of it.
        """
        if not self.reports:
            raise stop
        if isinstance(stop, Stopped):
            return stop
        if isinstance(stop, KeyboardInterrupt):
            self._interrupt = self._interrupt or stop
        return self._stopped(_INTERRUPTED)

    def _stopped(self, reason: str) -> Stopped:
        self.reason = self.reason or reason
        self.active = True
        return Stopped()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Tell who is to be told that the check is over. An error of theirs passes as it came."""
        try:
            yield
            if self._meter is not None:
                # Who ends a check may want to end it again. There is a report by now.
                with suppress(*([KeyboardInterrupt] if self.reason else [])):
                    self._meter.end(self.n_func, is_complete=not self.reason)
        except ProgressError as failure:
            raise failure.error from None
        finally:
            if self._meter is not None:
                self._meter.close()

    def outcome(self, report: T) -> T:
        """Return the report, or raise Ctrl-C again, which then has the report.

        Raises
        ------
        KeyboardInterrupt
            If there was one, and `on_interrupt` is "raise".
        """
        interrupt = self._interrupt
        if interrupt is None or self._on_interrupt == "report":
            return report
        interrupt.report = report  # type: ignore[attr-defined]
        interrupt.add_note(f"checkgrad found by then (see `error.report`):\n{report}")
        raise interrupt


NO_BUDGET = Budget(reports=False)


def make_budget(max_evals: Any, timeout: Any, progress: Any, on_interrupt: Any) -> Budget:
    """Return the budget that the user asks for. Its time begins now.

    Parameters
    ----------
    max_evals, timeout, progress, on_interrupt
        As in `checkgrad.verify_grad`.

    Raises
    ------
    ValueError
        If one has no meaning.
    ImportError
        If a bar is asked for, and tqdm is not installed.
    """
    whole = isinstance(max_evals, (int, np.integer)) and not isinstance(max_evals, bool)
    if max_evals is not None and (not whole or max_evals < 1):
        raise ValueError(
            f"max_evals is {quote(max_evals)}; pass a number of evaluations of func, at least 1, "
            "or None"
        )
    number = isinstance(timeout, (int, float, np.number)) and not isinstance(timeout, bool)
    if timeout is not None and (not number or not timeout > 0):
        raise ValueError(
            f"timeout is {quote(timeout)}; pass a number of seconds larger than 0, or None"
        )
    if not isinstance(on_interrupt, str) or on_interrupt not in _ON_INTERRUPT:
        raise ValueError(f"on_interrupt is {quote(on_interrupt)}; pass 'raise' or 'report'")
    if max_evals is None:
        max_evals = SESSION.max_evals
    return Budget(
        None if max_evals is None else int(max_evals),
        None if timeout is None else float(timeout),
        make_meter(progress),
        on_interrupt,
    )
