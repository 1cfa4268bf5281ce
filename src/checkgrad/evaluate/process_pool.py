"""The processes of ``workers=8``: started at the first round, and gone when the check is over.

Each has a pipe of its own, and gets a point when it is idle. So a process that dies is noticed, and
all of them can be ended at any time. A function is sent to each of them once. Where processes are
forked, it is not pickled at all, so that closures and lambdas will do.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from checkgrad.arrays.messages import brief
from checkgrad.backends import may_fork
from checkgrad.evaluate.sent import Answer, SentFunction, SentPoint


class UnpicklableError(Exception):
    """A function cannot be sent to another process."""


class DiedError(Exception):
    """A process ended while it evaluated a function."""


def count_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ProcessPool:
    """Processes that evaluate one function.

    Parameters
    ----------
    count : int
        How many, at most.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._function: SentFunction | None = None
        self._processes: dict[Any, BaseProcess] = {}

    def map(self, function: SentFunction, points: Sequence[SentPoint]) -> Generator[Answer]:
        """Yield what a function finds at some points, in order.

        Raises
        ------
        UnpicklableError
            If the function cannot be sent.
        DiedError
            If a process ends.
        """
        waiting = iter(points)
        answers: dict[int, Answer] = {}
        busy: list[Any] = []
        try:
            self._start(function, len(points))
            for pipe, point in zip(list(self._processes), waiting, strict=False):
                self._send(pipe, point)
                busy.append(pipe)
            for point in points:
                while point.number not in answers:
                    for pipe in wait(busy):
                        answer = self._received(pipe)
                        answers[answer.number] = answer
                        following = next(waiting, None)
                        if following is None:
                            busy.remove(pipe)
                        else:
                            self._send(pipe, following)
                yield answers.pop(point.number)
        finally:
            if busy:  # at points that nobody waits for any more
                self.close()

    def close(self) -> None:
        """End all processes now, whatever they do."""
        processes, self._processes, self._function = self._processes, {}, None
        for process in processes.values():
            process.kill()
        for pipe, process in processes.items():
            process.join()
            pipe.close()

    def _start(self, function: SentFunction, wanted: int) -> None:
        """Start processes for a function, as many as there are points."""
        if self._function is not function:
            self.close()
            self._function = function
        missing = min(self._count, wanted) - len(self._processes)
        if missing <= 0:
            return
        start = _start_method()
        context: Any = multiprocessing.get_context(start)
        sent = function if start == "fork" else _packed(function)
        for _ in range(missing):
            ours, theirs = context.Pipe()
            inherited = ours if start == "fork" else None
            process = context.Process(target=_serve, args=(theirs, inherited, sent))
            with warnings.catch_warnings(), _without_interrupts():
                # Python warns of a fork where there are threads. Those of NumPy know how to fork.
                warnings.filterwarnings("ignore", ".*use of fork", DeprecationWarning)
                process.start()
            self._processes[ours] = process
            theirs.close()  # so that the pipe ends with the process

    def _send(self, pipe: Any, point: SentPoint) -> None:
        """Send a point to a process that is idle."""
        try:
            pipe.send(point)
        except OSError:
            raise self._died(pipe) from None

    def _received(self, pipe: Any) -> Answer:
        """Return the answer of a process that has one."""
        try:
            answer: Answer | UnpicklableError = pipe.recv()
        except (EOFError, OSError):
            raise self._died(pipe) from None
        if isinstance(answer, UnpicklableError):
            raise answer
        return answer

    def _died(self, pipe: Any) -> DiedError:
        process = self._processes[pipe]
        process.join()
        code = process.exitcode or 0
        name = f", {signal.Signals(-code).name}" if code < 0 else ""
        return DiedError(f"a process ended with exit code {code}{name}")


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Return a context in which Ctrl-C waits. A process that is started in it never sees one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_method() -> str:
    """Return how processes are started: as Python does, but no fork of what cannot be forked."""
    default = multiprocessing.get_start_method()
    return default if default != "fork" or may_fork() else "forkserver"


def _packed(function: SentFunction) -> bytes:
    """Return a function as bytes: by cloudpickle, which takes closures, or as Python does."""
    try:
        try:
            from cloudpickle import dumps
        except ImportError:
            from pickle import dumps
        return bytes(dumps(function))
    except Exception as error:
        raise UnpicklableError(str(error)) from error


def _serve(pipe: Any, inherited: Any, sent: SentFunction | bytes) -> None:
    """Evaluate a function at every point that comes, in a process, until the parent is gone.

    A forked process inherits the parent's end of its pipe, which would never end then.
    """
    if inherited is not None:
        inherited.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to act on
    try:
        function: SentFunction = pickle.loads(sent) if isinstance(sent, bytes) else sent
        while True:
            point = pipe.recv()
            pipe.send(function(point))
    except EOFError:
        return
    except Exception as error:  # what was sent cannot be found here
        pipe.send(UnpicklableError(brief(error)))
