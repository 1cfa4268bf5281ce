"""Notes on the exceptions of the user's functions at x0, where their cause is known.

An exception keeps its type and its text. A note says what of the call caused it, and what to
write instead. What the words of an array library mean is known to the backends.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from checkgrad.arrays.labels import is_labelled
from checkgrad.backends import cause_of, flatten_tree

_KEYS = 8  # of x0 that a note lists
_VECTORS = {"jvp": "tangent", "vjp": "cotangent"}
_POINTS = ("x", "x0", "params", "primal", "primals")  # what people call a point


def add_cause(
    error: Exception, function: Callable[..., Any], name: str, x: Any, further: tuple[Any, ...]
) -> None:
    """Add a note to what a function of the user's raised, if its cause is known.

    Parameters
    ----------
    error : Exception
        What it raised.
    function : callable
        The function.
    name : str
        What messages call it.
    x : Any
        Its first argument, like x0.
    further : tuple
        Its further arguments.
    """
    note = _cause(error, function, name, x, further)
    if note and note not in getattr(error, "__notes__", ()):
        error.add_note(note)


@contextlib.contextmanager
def causes_added(
    function: Callable[..., Any], name: str, x: Any, further: tuple[Any, ...]
) -> Iterator[None]:
    """Return a context in which `add_cause` is done for every exception; it passes."""
    try:
        yield
    except Exception as error:
        add_cause(error, function, name, x, further)
        raise


def _cause(
    error: Exception, function: Callable[..., Any], name: str, x: Any, further: tuple[Any, ...]
) -> str:
    if isinstance(error, TypeError) and not _takes(function, x, *further):
        return _wrong_number(function, name, x, further)
    if isinstance(error, KeyError) and isinstance(x, Mapping) and error.args:
        if error.args[0] not in x:
            keys = ", ".join(map(repr, list(x)[:_KEYS])) or "none"
            return f"x0 has no key {error.args[0]!r}; its keys are {keys}"
        return ""
    if isinstance(error, (KeyError, IndexError)) and is_labelled(x):
        labels = ", ".join(map(repr, list(x.index)[:_KEYS]))
        return (
            f"x0 is a {type(x).__name__} with the labels {labels}, and {name} gets it as one: for "
            "a function of plain arrays, pass x0.to_numpy()"
        )
    if isinstance(error, AttributeError) and error.obj is x and isinstance(x, (tuple, list, dict)):
        kind = type(x).__name__
        return f"x0 is a {kind}, and {name} gets it as it is: pass an array, or take it apart"
    if name in _VECTORS and _second_parameter(function) in _POINTS:
        return (
            f"{name} is called as {name}(x, {_VECTORS[name]}, *args), and its second parameter is "
            f"{_second_parameter(function)}: are the two swapped?"
        )
    leaves: list[Any] = [x]
    with contextlib.suppress(TypeError, ValueError):  # keys without an order
        leaves = flatten_tree(x)[0]
    return cause_of(error, name, leaves)


def _second_parameter(function: Callable[..., Any]) -> str:
    """Return the name of the second parameter of a function; empty if there is none."""
    with contextlib.suppress(TypeError, ValueError, IndexError):
        return list(inspect.signature(function).parameters)[1]
    return ""


def _takes(function: Callable[..., Any], *arguments: Any) -> bool:
    """Return whether a function takes these arguments; true where its signature is unknown."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _wrong_number(function: Callable[..., Any], name: str, x: Any, further: tuple[Any, ...]) -> str:
    """Return the note on a function that takes another number of arguments."""
    if isinstance(x, (tuple, list)) and _takes(function, *x, *further):
        others = ", *others" if further else ""
        return (
            f"x0 is a {type(x).__name__} of {len(x)}, and {name} gets it as one argument: write "
            f"lambda x{others}: {name}(*x{others})"
        )
    vector = f", {_VECTORS[name]}" if name in _VECTORS else ""
    gets = f"{name}(x{vector}, *args)"
    takes = str(inspect.signature(function)).partition(" ->")[0]
    remedy = "write one that takes these"
    if _takes(function, x, *further, None) or _takes(function, x, *further, None, None):
        remedy = "pass its further arguments after x0"
    count = 1 + len(further)
    return (
        f"{name} is called as {gets}, here with {count} argument{'s' if count > 1 else ''}, and "
        f"takes {takes}; {remedy}"
    )
