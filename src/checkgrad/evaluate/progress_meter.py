"""Who is told how far a check is: a function of the user's, or a bar by tqdm.

Nobody knows beforehand how many evaluations a check takes. The total is what a right claim takes.
It grows if more turn out to be needed, and is right at the end. A bar shows on checks that take
longer than a second only.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from checkgrad.arrays.messages import quote

clock = time.monotonic  # a test puts another clock in its place

_SECONDS_UNSEEN = 1.0  # in which a check shows no bar: nobody waits for a shorter one
_PARTS = 100  # of the total: how often somebody is told, at most, while the total stays
_GROWTH = 2.0  # of the total, once it is passed

Told = Callable[[int, int, str], Any]


class ProgressError(BaseException):
    """The function of the user's failed. No ``except Exception`` around ``func`` may catch it.

    Parameters
    ----------
    error : Exception
        What it raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class ProgressMeter:
    """Calls a function with how far a check is, a sensible number of times.

    Parameters
    ----------
    told : callable ``told(done, total, phase)``
        The function.
    close : callable
        What to do at the very end.

    Attributes
    ----------
    most : float
        The largest total: the evaluations that are allowed.
    """

    most = math.inf

    def __init__(self, told: Told, close: Callable[[], Any] = lambda: None) -> None:
        self._told = told
        self.close = close
        self._phase = "start"
        self._total = 1
        self._done = -1  # as it was told last

    def phase(self, name: str, done: int, total: int) -> None:
        """Say that another phase begins, after which about `total` evaluations will be done."""
        self._total = max(self._total, int(min(total, self.most)))
        if name != self._phase:
            self._phase = name
            self._tell(done)

    def tell(self, done: int) -> None:
        """Say how many evaluations are done, if it is worth telling."""
        if done - self._done >= max(1, self._total // _PARTS):
            if done > self._total:
                self._total = int(min(_GROWTH * done + 1, self.most))
            self._tell(done)

    def end(self, done: int, is_complete: bool) -> None:
        """Say that the check is over."""
        self._phase = "end" if is_complete else "stopped"
        if is_complete:
            self._total = max(done, self._done)
        self._tell(done)

    def _tell(self, done: int) -> None:
        self._done = max(done, self._done)
        self._total = max(self._total, self._done)
        try:
            self._told(self._done, self._total, self._phase)
        except Exception as error:
            raise ProgressError(error) from error


def make_meter(progress: Any) -> ProgressMeter | None:
    """Return who is told, as the user asks for it; None if nobody is.

    Raises
    ------
    ValueError
        If `progress` has no meaning.
    ImportError
        If a bar is asked for, and tqdm is not installed.
    """
    if progress is None or progress is False:
        return None
    if progress is True:
        return _bar()
    if not callable(progress):
        raise ValueError(
            f"progress is {quote(progress)}; pass True for a bar, False, or a function of "
            "(done, total, phase)"
        )
    return ProgressMeter(progress)


class _Bar:
    """A bar by tqdm, which is made once the check has taken long enough.

    Parameters
    ----------
    tqdm : callable
        Makes a bar, in a terminal or a notebook. Its speed is an average over the whole check.
    """

    def __init__(self, tqdm: Callable[..., Any]) -> None:
        self._tqdm = tqdm
        self._start = clock()
        self._bar: Any = None

    def told(self, done: int, total: int, phase: str) -> None:
        """Show how far the check is, unless it is a short one."""
        if self._bar is None:
            if clock() - self._start < _SECONDS_UNSEEN:
                return
            # The time before there was a bar counts for the speed and the time that is left.
            self._bar = self._tqdm(total=total, unit=" evaluations", desc=phase, smoothing=0)
            self._bar.start_t -= clock() - self._start
        if total != self._bar.total:
            self._set_total(total)
        self._bar.set_description_str(phase, refresh=False)
        self._bar.update(done - self._bar.n)
        self._bar.refresh()

    def _set_total(self, total: int) -> None:
        """Set another total. A bar of a notebook takes one only where it begins anew."""
        if hasattr(self._bar, "container"):
            start = self._bar.start_t
            self._bar.reset(total=total)
            self._bar.start_t = start
        self._bar.total = total

    def close(self) -> None:
        """Leave the bar as it is."""
        with suppress(Exception):  # a bar that cannot be closed is no reason to lose a report
            if self._bar is not None:
                self._bar.close()


def _bar() -> ProgressMeter:
    try:
        with warnings.catch_warnings():
            # In a notebook without ipywidgets, tqdm warns, and then shows a bar of text.
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError(
            "progress is True, which shows a bar by tqdm, and tqdm is not installed; run pip "
            "install 'checkgrad[progress]', or pass a function of (done, total, phase)"
        ) from error
    bar = _Bar(tqdm)
    return ProgressMeter(bar.told, bar.close)
