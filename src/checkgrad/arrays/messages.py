"""How messages quote the user's values and exceptions.

The module cuts long texts and names types. What a message says is written where it is raised.
"""

from __future__ import annotations

from checkgrad.backends import CannotWidenError

_QUOTED_LENGTH = 120  # characters of a user's value that an error message shows
_SAID_LENGTH = 120  # characters of what an exception says that a report quotes


def quote(value: object) -> str:
    """Return a value as an error message shows it: its repr, cut if it is long, and its type.

    Examples
    --------
    >>> quote("three")
    "'three' (type str)"
    """
    text = repr(value)
    if len(text) > _QUOTED_LENGTH:
        text = text[: _QUOTED_LENGTH - 3] + "..."
    return f"{text} (type {type(value).__name__})"


def first_line(error: Exception) -> str:
    """Return the first line of what an exception says, cut if it is long."""
    line = next(iter(str(error).splitlines()), "")
    return line if len(line) <= _SAID_LENGTH else line[: _SAID_LENGTH - 3] + "..."


def brief(error: Exception) -> str:
    """Return an exception as a report quotes it: its class and its first line."""
    line = first_line(error)
    if isinstance(error, CannotWidenError):
        return line  # a sentence of ours
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def require_functions(**functions: object) -> None:
    """Raise a `TypeError` that names the first argument that is not callable."""
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"{name} is {quote(function)}; pass a function of x0")
