"""What ranks that check together tell each other: one message each, at the same places.

All ranks go through the same check in lockstep. This module makes sure of it: every message says
what it is about, a rank that leaves says so, and one that died is noticed. So nobody waits for a
rank that does not come.
"""

from __future__ import annotations

import math
import pickle
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from checkgrad.backends import LostError, ProcessGroup

_PAUSE = 1e-4  # seconds between two looks for a message, at first; a look takes as long
_LONGEST_PAUSE = 5e-3
_BEAT = 1.0  # seconds between two signs of life
# Seconds without a sign of life after which a rank is dead. Its func may hold Python's lock.
_DEAD = 30.0
# Seconds until all ranks have begun. They may compile before, or read data.
_BEGINNING = 300.0


class RanksError(RuntimeError):
    """Ranks that check together cannot go on. The message says which rank is why."""


class Ended(BaseException):
    """The check ends on this rank, with an error. No ``except Exception`` may catch it.

    Attributes
    ----------
    error : Exception
        What the user gets.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Late(Ended):
    """Another rank does not answer in time."""


class Exchange:
    """The messages of one check.

    Parameters
    ----------
    group : ProcessGroup
        The ranks.

    Attributes
    ----------
    group : ProcessGroup
        The ranks.
    longest_call : float
        How many seconds the longest call of a function of the user's took on this rank so far.
    """

    def __init__(self, group: ProcessGroup) -> None:
        self.group = group
        self.longest_call = 0.0
        self._count = 0
        self._done = threading.Event()
        self._others = [rank for rank in range(group.size) if rank != group.rank]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Return a context in which this rank gives signs of life.

        If it is left by an exception, the other ranks are told.
        """
        self.group.start()
        thread = threading.Thread(target=self._beat, daemon=True)
        thread.start()
        try:
            yield
        except BaseException as error:
            if not isinstance(error, Ended):
                self.leave(f"{type(error).__name__}: {error}".rstrip(": "))
            raise
        finally:
            self._done.set()
            thread.join()

    def leave(self, why: str) -> None:
        """Tell the other ranks that this one leaves before the end, and why."""
        with suppress(LostError):  # then nobody is left
            self.group.post(f"left/{self.group.rank}", why.encode())

    def all(self, about: str, message: Any, at_most: float = math.inf) -> list[Any]:
        """Return the messages of all ranks, by rank.

        Parameters
        ----------
        about : str
            What it is about. It must be the same on all ranks.
        message : Any
            That of this rank.
        at_most : float
            How many seconds to wait for another rank.

        Raises
        ------
        Late
            If a rank gives no answer in this time.
        Ended
            If a rank left, died, or is at another place of its check.
        """
        try:
            return self._all(about, message, at_most)
        except LostError as error:
            ended = RanksError("rank 0, or who keeps the messages of the ranks, has ended")
            ended.__cause__ = error
            raise Ended(ended) from None

    def _all(self, about: str, message: Any, at_most: float) -> list[Any]:
        group, number = self.group, self._count
        self._count += 1
        group.post(f"{number}/{group.rank}", pickle.dumps((about, message)))
        messages: list[Any] = [message] * group.size
        for rank in self._others:
            other, messages[rank] = pickle.loads(self._message(number, rank, at_most))
            if other != about:
                raise Ended(
                    RanksError(
                        f"the ranks are at different places of the check: rank {rank} at {other}, "
                        f"rank {group.rank} at {about}; call checkgrad in the same way on all "
                        "ranks, and let func depend on nothing else than its arguments"
                    )
                )
        if number:  # all ranks have read it, or they would not be here
            group.forget(f"{number - 1}/{group.rank}")
        return messages

    def _message(self, number: int, rank: int, at_most: float) -> bytes:
        """Wait for the message of another rank."""
        pause, begun = _PAUSE, time.monotonic()
        beat, seen = None, begun
        while (message := self.group.read(f"{number}/{rank}")) is None:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            now = time.monotonic()
            if pause < _LONGEST_PAUSE:
                continue
            if (why := self.group.read(f"left/{rank}")) is not None:
                # It may have laid the message out before it left.
                if (message := self.group.read(f"{number}/{rank}")) is not None:
                    break
                raise Ended(RanksError(f"rank {rank} has left the check: {why.decode()}"))
            if (latest := self.group.read(f"beat/{rank}")) != beat:
                beat, seen = latest, now
            if now - begun > at_most:
                raise Late(RanksError(f"rank {rank} gives no answer for {now - begun:.0f} s"))
            if now - seen > (_DEAD if beat else _BEGINNING):
                reason = "gives no sign of life" if beat else "has not called checkgrad"
                raise Ended(RanksError(f"rank {rank} {reason} for {now - seen:.0f} s"))
        return message

    def _beat(self) -> None:
        """Give signs of life until the check is over."""
        beats = 0
        with suppress(LostError):  # who waits for messages says so
            while True:
                self.group.post(f"beat/{self.group.rank}", str(beats).encode())
                beats += 1
                if self._done.wait(_BEAT):
                    return
