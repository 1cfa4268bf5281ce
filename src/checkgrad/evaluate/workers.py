"""Who evaluates ``func`` at many points at once: processes, or an engine of the user's.

This module reads the option `workers`, hands points to an engine, and tells what goes wrong with
the engine from what func raises. `checkgrad.evaluate.rounds` decides which points make a round.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from checkgrad.arrays.messages import brief, quote
from checkgrad.evaluate.process_pool import DiedError, ProcessPool, UnpicklableError, count_cores
from checkgrad.evaluate.sent import Answer, SentFunction, SentPoint

_ALL_CORES = -1

_CANNOT_PICKLE = (
    "func cannot be sent to another process ({error}): define func and what it uses at the top "
    "level of a module, or pass a map-like that takes closures, such as "
    "loky.get_reusable_executor().map or the map of a ThreadPoolExecutor"
)
_DIED = (
    "a worker died while it evaluated func ({error}): it crashed, ran out of memory or was killed. "
    "A script that starts processes must do so under `if __name__ == '__main__':`"
)
_FAILED = (
    "the engine behind workers failed, not func ({error}); workers is called as "
    "workers(function, points), and must return one result for each point, as map does"
)
_OWN = (DiedError, UnpicklableError)  # whose messages say it all
# What the messages of engines have in common where a worker is gone.
_OF_DEATH = ("broken", "terminated", "killed", "died", "crash")


class WorkersError(RuntimeError):
    """The engine that evaluates func failed. This says nothing of func."""


@dataclass(eq=False)
class Errand:
    """A function that workers evaluate, in whatever dtypes, and what they do ahead of time.

    Attributes
    ----------
    function : SentFunction
        The function, as it is sent.
    noted : dict of bytes to point
        Points to be evaluated with the next round, by their digests.
    known : dict of bytes to (value, exception or None)
        What was found at points that were noted.
    """

    function: SentFunction
    noted: dict[bytes, Any] = field(default_factory=dict)
    known: dict[bytes, tuple[Any, Exception | None]] = field(default_factory=dict)


class Workers:
    """An engine that evaluates a function at many points at once.

    Parameters
    ----------
    engine : int or callable
        The number of processes, or a map-like of the user's.
    """

    def __init__(self, engine: int | Callable[..., Any]) -> None:
        self._pool = None if callable(engine) else ProcessPool(engine)
        self._map: Callable[..., Any] = self._pool.map if self._pool else engine  # type: ignore[assignment]
        self._errand: Errand | None = None

    def errand(self, func: Callable[..., Any], args: tuple[Any, ...]) -> Errand:
        """Return the errand of a function, the same one as long as nobody asks for another.

        Processes keep a function that they were sent.
        """
        errand = self._errand
        if errand is None or not errand.function.calls(func, args):
            errand = self._errand = Errand(SentFunction(func, args))
        return errand

    def answers(self, function: SentFunction, points: Sequence[SentPoint]) -> Generator[Answer]:
        """Yield what a function finds at each point, in order.

        If it is not read to its end, points that wait are not evaluated any more, as far as the
        engine can tell them so.

        Raises
        ------
        WorkersError
            If the engine fails. Memory errors pass.
        """
        found: Any = ()
        try:
            found = self._map(function, points)
            for point, answer in zip(points, _answers(found), strict=True):
                if answer.number != point.number:
                    raise WorkersError(
                        "workers returned results in another order than that of the points; pass "
                        "a map-like that keeps the order, such as map, not imap_unordered"
                    )
                yield answer
        except (WorkersError, MemoryError):
            raise
        except Exception as error:
            said = str(error) if isinstance(error, _OWN) else brief(error)
            raise WorkersError(_words(error).format(error=said)) from error
        finally:
            if (close := getattr(found, "close", None)) is not None:
                close()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Return a context at the end of which no process is left."""
        try:
            yield
        finally:
            if self._pool is not None:
                self._pool.close()


def _answers(found: Iterable[Any]) -> Iterator[Answer]:
    for answer in found:
        if not isinstance(answer, Answer):
            raise WorkersError(
                f"workers returned {quote(answer)} for a point; it must return what the function "
                "that it is given returns, as map does"
            )
        yield answer


def _words(error: Exception) -> str:
    """Return what a message says of an exception of an engine."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    said = " ".join(f"{type(each).__name__} {each}" for each in causes).lower()
    if isinstance(error, UnpicklableError) or "pickl" in said or "serializ" in said:
        return _CANNOT_PICKLE
    if isinstance(error, DiedError) or any(word in said for word in _OF_DEATH):
        return _DIED
    return _FAILED


def make_workers(workers: Any) -> Workers | None:
    """Return the engine that the user asks for; None if func is to be called in this process.

    Parameters
    ----------
    workers : Any
        As in `checkgrad.verify_grad`.

    Raises
    ------
    ValueError
        If it has no meaning.
    """
    if workers is None:
        return None
    if callable(workers):
        return Workers(workers)
    if hasattr(workers, "map"):
        raise ValueError(f"workers is {quote(workers)}; pass its map, without a call: workers.map")
    whole = isinstance(workers, (int, np.integer)) and not isinstance(workers, bool)
    if not whole or (workers < 1 and workers != _ALL_CORES):
        raise ValueError(
            f"workers is {quote(workers)}; pass a number of processes, -1 for one on every core, a "
            "map-like function, or None"
        )
    count = count_cores() if workers == _ALL_CORES else int(workers)
    return None if count == 1 else Workers(count)
