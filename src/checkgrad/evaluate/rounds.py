"""``func`` at many points by workers, a round at a time.

Other strategies are one call for each point, and calls of many points. A round holds what is
asked for now, and what is noted to be asked for soon: then the workers that would wait evaluate
that. Points are asked for in the same order as without workers, and give the same values.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from checkgrad.arrays.digests import digest_of
from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import Point
from checkgrad.backends import flatten_tree, is_out_of_memory
from checkgrad.evaluate.budget import STOPS
from checkgrad.evaluate.calling import Failure
from checkgrad.evaluate.options import Evaluation, require_chunk_bytes
from checkgrad.evaluate.sent import SentPoint
from checkgrad.evaluate.workers import Workers

_numbers = itertools.count()  # of the points that this process sent
_Found: TypeAlias = tuple[Any, Exception | None]  # what func returned or raised at a point


class Rounds:
    """Evaluates ``func`` by workers.

    Parameters
    ----------
    workers : Workers
        The engine.
    func, args
        As the user passed them.
    reader : OutputReader or None
        Reads every value that func returns as a vector, in this process.
    point : Point
        x0.
    evaluation : Evaluation
        `chunk_bytes` bounds the points of a round, and the budget is asked.

    Attributes
    ----------
    n_calls : int
        At how many points func was evaluated, as without workers. Those that were noted and not
        asked for do not count.
    failure : Failure or None
        The first exception that it raised.
    """

    def __init__(
        self,
        workers: Workers,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        reader: OutputReader | None,
        point: Point,
        evaluation: Evaluation,
    ) -> None:
        self._workers = workers
        self._errand = workers.errand(func, args)
        self._reader = reader
        self._budget = evaluation.budget
        self._most = max(1, require_chunk_bytes(evaluation.chunk_bytes) // _bytes_of(point))
        self._is_noting = False
        self.n_calls = 0
        self.failure: Failure | None = None

    @property
    def may_guess(self) -> bool:
        """Whether points may be noted that may turn out not to be needed.

        Not where the user limits the number of evaluations.
        """
        return self._budget.left == math.inf

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Return a context in which points are noted for the next round, and not evaluated.

        All values are missing meanwhile.
        """
        before, self._is_noting = self._is_noting, True
        try:
            yield
        finally:
            self._is_noting = before

    def inside_domain(
        self, points: Iterable[Any], kept: Callable[[Any], Any], missing: Callable[[], Any]
    ) -> tuple[list[Any], list[int]]:
        """Do what `checkgrad.evaluate.calling.UserFunction.inside_domain` does, by workers.

        Raises
        ------
        Stopped
            If the budget is spent. It keeps both lists as they are by then.
        WorkersError
            If the engine fails.
        """
        values: list[Any] = []
        failed: list[int] = []
        if self._is_noting:
            for x in points:
                self.note(x)
                failed.append(len(values))
                values.append(missing())
            return values, failed
        try:
            with np.errstate(all="ignore"):
                for x, found in self._found(points):
                    value, error = found
                    try:
                        value = kept(self._read(value)) if error is None else None
                    except Exception as unread:
                        if is_out_of_memory(unread):
                            raise
                        error = unread
                    if error is not None:
                        self.failure = self.failure or Failure(error, x)
                        failed.append(len(values))
                        value = missing()
                    values.append(value)
        except STOPS as stop:
            raise self._budget.stopped_by(stop).keeping((values, failed)) from None
        return values, failed

    def note(self, x: Any) -> None:
        """Note a point for the next round."""
        key = _key(x)
        if key not in self._errand.known:
            self._errand.noted[key] = x

    def has_noted(self, x: Any) -> bool:
        """Return whether a point was noted, and not asked for since."""
        noted, known = self._errand.noted, self._errand.known
        return bool(noted or known) and (_key(x) in noted or _key(x) in known)

    def at_noted(self, x: Any, reads: bool) -> Any:
        """Return what func returns at a point that was noted, as it came or read.

        Its exceptions pass.
        """
        ((_, (value, error)),) = self._found([x])
        if error is not None:
            raise error
        return self._read(value) if reads else value

    def _read(self, value: Any) -> Any:
        return value if self._reader is None else self._reader.read(value)

    def _found(self, points: Iterable[Any]) -> Generator[tuple[Any, _Found]]:
        """Yield points, and what func returned or raised there; ends as soon as it must."""
        rest = iter(points)
        while asked := list(itertools.islice(rest, self._most)):
            before = self._taken_from_known(asked)
            allowed = int(min(len(asked), self._budget.left))
            new = [asked[i] for i in range(allowed) if i not in before]
            ahead = self._taken_from_noted(len(asked)) if new else {}
            found = self._round([*new, *ahead.values()])
            try:
                for i, x in enumerate(asked):
                    self._budget.spend()  # also for what was evaluated ahead
                    self.n_calls += 1
                    yield x, before[i] if i in before else next(found)
                self._errand.known.update(zip(ahead, found, strict=True))
            finally:
                found.close()

    def _taken_from_known(self, asked: Sequence[Any]) -> dict[int, _Found]:
        """Return what is known at some points, by their indices. It is forgotten.

        None of the points is noted any more.
        """
        noted, known = self._errand.noted, self._errand.known
        if not noted and not known:
            return {}
        before: dict[int, _Found] = {}
        for i, x in enumerate(asked):
            key = _key(x)
            noted.pop(key, None)
            if key in known:
                before[i] = known.pop(key)
        return before

    def _taken_from_noted(self, count: int) -> dict[bytes, Any]:
        """Return noted points for a round with `count` others. They are no longer noted."""
        room = min(self._most, self._budget.left - len(self._errand.known)) - count
        keys = list(self._errand.noted)[: max(0, int(room))]
        return {key: self._errand.noted.pop(key) for key in keys}

    def _round(self, points: Sequence[Any]) -> Generator[_Found]:
        """Yield what func finds at some points, which are sent at once."""
        if not points:
            return
        sent = [SentPoint(next(_numbers), x) for x in points]
        answers = self._workers.answers(self._errand.function, sent)
        try:
            for answer in answers:
                value, error = answer.opened()
                if error is not None and is_out_of_memory(error):
                    raise error
                yield value, error
        finally:
            answers.close()


def note(rounds: Rounds | None, ask: Callable[[], object], is_certain: bool = False) -> None:
    """Let workers evaluate in their next round what a function asks for.

    Parameters
    ----------
    rounds : Rounds or None
        The workers. If there are none, nothing is done.
    ask : callable
        Asks for values, all of which are missing. It must leave nothing that depends on them.
    is_certain : bool
        Whether all of these points are needed, whatever is found.
    """
    if rounds is not None and (is_certain or rounds.may_guess):
        with rounds.noting():
            ask()


def make_rounds(
    func: Callable[..., Any],
    args: tuple[Any, ...],
    reader: OutputReader | None,
    point: Point,
    evaluation: Evaluation,
) -> Rounds | None:
    """Return how workers evaluate func around x0; None where this process does.

    The arguments are those of `Rounds`.
    """
    if evaluation.workers is None:
        return None
    return Rounds(evaluation.workers, func, args, reader, point, evaluation)


def _bytes_of(point: Point) -> int:
    widths = (int(point.xp.finfo(leaf.dtype).bits) // 8 for leaf in point.leaves)
    return max(1, sum(size * each for size, each in zip(point.sizes, widths, strict=True)))


def _key(x: Any) -> bytes:
    """Return a digest of all numbers of a point."""
    return b"".join(digest_of(leaf) for leaf in flatten_tree(x)[0])
