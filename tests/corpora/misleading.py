"""What the tests of misleading functions share, whatever the library."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sampling import spread

from checkgrad import Report

Function = Callable[..., Any]


class FuncError(Exception):
    """What func or claim raises."""


def said(report: Report, words: str) -> bool:
    return any(words in hint for hint in report.hints)


def failing_at(call: int, function: Function, error: BaseException) -> Function:
    """Return `function`, raising an error at one call."""
    calls = 0

    def failing(x: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise error
        return function(x)

    return failing


def in_part(names: Iterable[str]) -> list[Any]:
    """Leave every second case out in a plain run: JAX compiles each."""
    return spread([*names], 2)
