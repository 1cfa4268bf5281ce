"""Who is told how far a check is: a function of the user's, or a bar by tqdm.

Nobody knows beforehand how many evaluations a check takes. The total is what a right claim takes.
It grows if more turn out to be needed, and is right at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from checkgrad.arrays.messages import quote

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


def _bar() -> ProgressMeter:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError(
            "progress is True, which shows a bar by tqdm, and tqdm is not installed; run pip "
            "install 'checkgrad[progress]', or pass a function of (done, total, phase)"
        ) from error
    bar = tqdm(total=1, unit="evaluation")

    def told(done: int, total: int, phase: str) -> None:
        bar.total = total
        bar.set_description_str(phase, refresh=False)
        bar.update(done - bar.n)
        bar.refresh()

    def close() -> None:
        with suppress(Exception):  # a bar that cannot be closed is no reason to lose a report
            bar.close()

    return ProgressMeter(told, close)
