"""What travels to a worker and back: func, a point, and what func returned or raised there.

A worker may be a thread, a process or another machine. This module runs on both sides, and knows
no engine.
"""

from __future__ import annotations

import operator
import os
import pickle
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.backends import snapshot

_TOKEN = uuid.uuid4().hex  # a forked process has the same one, and another number of its own


def this_process() -> tuple[str, int]:
    """Return what tells this process from all others, on this machine or another."""
    return _TOKEN, os.getpid()


class WorkerTracebackError(Exception):
    """The traceback of an exception in a worker, as the cause of that exception."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


class SentPoint:
    """A point on its way to a worker.

    An engine pickles it in its own way, and that may share the memory of an array. The point itself
    is always pickled in Python's way.

    Attributes
    ----------
    number : int
        Its number among all points that were sent. An engine that keeps results by what they
        depend on never takes two points for the same.
    x : Any
        The point, in the user's structure.
    """

    def __init__(self, number: int, x: Any) -> None:
        self.number = number
        self.x = x

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (self.number, pickle.dumps(self.x, pickle.HIGHEST_PROTOCOL))


def _received(number: int, packed: bytes) -> SentPoint:
    return SentPoint(number, pickle.loads(packed))


@dataclass(frozen=True)
class Answer:
    """What a worker found at one point.

    Attributes
    ----------
    number : int
        That of the point.
    value : Any
        What func returned.
    error : Exception or None
        What it raised instead.
    packed : bytes or None
        The value or the error, if the worker is another process.
    traceback : str
        The traceback of the error, if the worker is another process.
    """

    number: int
    value: Any = None
    error: Exception | None = None
    packed: bytes | None = None
    traceback: str = ""

    def opened(self) -> tuple[Any, Exception | None]:
        """Return the value, and the error or None. The error keeps its traceback in the worker."""
        if self.packed is None:
            return self.value, self.error
        content = pickle.loads(self.packed)
        if not self.traceback:
            return content, None
        if not isinstance(content, Exception):
            content = _stand_in(*content)
        content.__cause__ = WorkerTracebackError(self.traceback)
        return None, content


@dataclass(frozen=True, eq=False)  # itself is what an engine may keep it by
class SentFunction:
    """func on its way to a worker, which calls this with a `SentPoint`.

    Attributes
    ----------
    function, args
        As the user passed them.
    sender : tuple
        The process that sends it.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    sender: tuple[str, int] = field(default_factory=this_process)

    def calls(self, function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
        """Return whether this calls the same function with the same further arguments."""
        same = len(args) == len(self.args) and all(map(operator.is_, args, self.args))
        return same and function is self.function

    def __call__(self, sent: SentPoint) -> Answer:
        """Evaluate func at one point. Nothing that it raises is taken for an error of the engine.

        An exit of the process and Ctrl-C pass.
        """
        stays = self.sender == this_process()
        try:
            with np.errstate(all="ignore"):
                value = self.function(sent.x, *self.args)
            if stays:  # func may return one buffer, filled anew at every call
                return Answer(sent.number, snapshot(value))
        except Exception as error:
            return Answer(sent.number, error=error) if stays else _packed(sent.number, error)
        try:
            return Answer(sent.number, packed=pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
        except Exception as error:
            message = f"func returned {quote(value)}, which a worker cannot pickle: {error}"
            return _packed(sent.number, TypeError(message))


def _packed(number: int, error: Exception) -> Answer:
    """Return the answer that holds an error. What cannot be pickled is told in words."""
    text = "".join(traceback.format_exception(error))
    try:
        packed = pickle.dumps(error, pickle.HIGHEST_PROTOCOL)
        pickle.loads(packed)  # an exception with arguments of its own may not come back
    except Exception:
        packed = pickle.dumps((type(error).__name__, str(error)))
    return Answer(number, packed=packed, traceback=text)


def _stand_in(name: str, message: str) -> Exception:
    """Return an exception of the same name and text, for one that cannot be pickled."""
    error: Exception = type(name, (Exception,), {})(message)
    return error
