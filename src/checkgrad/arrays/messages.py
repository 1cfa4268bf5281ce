"""How messages quote the user's values and exceptions."""

from __future__ import annotations

_QUOTED_LENGTH = 120  # characters of a user's value that an error message shows
_MESSAGE = 120  # characters of what an exception says that a report quotes


def quote(value: object) -> str:
    """`value` as an error message shows it: its repr, cut where it grows long, and its type."""
    text = repr(value)
    if len(text) > _QUOTED_LENGTH:
        text = text[: _QUOTED_LENGTH - 3] + "..."
    return f"{text} (type {type(value).__name__})"


def first_line(error: Exception) -> str:
    """The first line of what an exception says, cut where it grows long."""
    line = next(iter(str(error).splitlines()), "")
    return line if len(line) <= _MESSAGE else line[: _MESSAGE - 3] + "..."


def brief(error: Exception) -> str:
    """An exception as a report quotes it."""
    line = first_line(error)
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def require_functions(**functions: object) -> None:
    """Raise a `TypeError` that names the first of the user's arguments that is not callable."""
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"{name} is {quote(function)}; pass a function of x0")
