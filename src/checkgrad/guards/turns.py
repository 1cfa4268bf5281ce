"""Whose turn it is: calls are counted, and one thread at a time is told to check."""

from __future__ import annotations

import operator
import threading
from typing import Any


class Turns:
    """Counts calls, from any number of threads, and says at which of them to check.

    The first call is to be checked, and then the one that `wait_until` names.

    Examples
    --------
    >>> turns = Turns()
    >>> turns.take()
    0
    >>> turns.wait_until(2)
    >>> turns.take(), turns.take()
    (None, 2)
    """

    def __init__(self) -> None:
        # The calls up to the next check, each of which takes one. Threads take them without a lock.
        # They are replaced under the lock, and only when none is left, so that no call is lost.
        self._unchecked = iter(range(0))
        self._end = 0  # the number of the call after them
        self._is_checking = False
        self._lock = threading.Lock()  # of these three

    def __getstate__(self) -> dict[str, Any]:
        return {"_unchecked": self._unchecked, "_end": self._end}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock, self._is_checking = threading.Lock(), False

    @property
    def n_calls(self) -> int:
        """How many calls there were."""
        with self._lock:
            return self._end - operator.length_hint(self._unchecked)

    def take(self) -> int | None:
        """Count a call, and return its number if this thread is to check at it; else None."""
        if next(self._unchecked, None) is not None:
            return None
        with self._lock:
            if next(self._unchecked, None) is not None:  # another thread has just ended a check
                return None
            call = self._end
            self._end += 1
            if self._is_checking:
                return None
            self._is_checking = True
        return call

    def wait_until(self, call: int) -> None:
        """End a check, and make `call` the next one to check; at once if it has passed."""
        with self._lock:
            self._is_checking = False
            if call > self._end:
                self._unchecked = iter(range(self._end, call))
                self._end = call
