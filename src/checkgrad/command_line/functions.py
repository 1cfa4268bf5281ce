"""Functions, and other objects, by what the command line calls them: ``module:name``."""

from __future__ import annotations

import difflib
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from checkgrad.command_line.errors import CommandError


def make_importable() -> None:
    """Let modules in the current directory be imported, as ``python -m`` does."""
    here = str(Path.cwd())
    if "" not in sys.path and here not in sys.path:
        sys.path.insert(0, here)


def named_object(words: str, what: str) -> Any:
    """Return an object by ``module:name``; names may have dots.

    Parameters
    ----------
    words : str
        What the command line says.
    what : str
        What it stands for, in messages.

    Raises
    ------
    CommandError
        If there is no such module or name.
    Exception
        What the module raises when it is imported.
    """
    module_name, colon, name = words.partition(":")
    is_file = module_name.endswith(".py")
    proper = module_name.removesuffix(".py").strip("./").replace("/", ".")
    if not colon or not module_name or not name:
        example = f"{proper if is_file else 'losses'}:loss"
        raise CommandError(f"{what} is {words!r}; pass module:name, e.g. {example}")
    if is_file:
        raise CommandError(f"{what} is {words!r}; pass the module, not its file: {proper}:{name}")
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module is there, and one that it imports is not
        raise CommandError(
            f"{what} is {words!r}, but there is no module {error.name!r}; run the command in the "
            "directory of the module, or install its package"
        ) from None
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, dir(found), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise CommandError(
                f"{what} is {words!r}, but {getattr(found, '__name__', module_name)} has no "
                f"{part!r}{hint}"
            )
        found = getattr(found, part)
    return found


def named_function(words: str, what: str) -> Any:
    """Return a function by ``module:name``.

    Raises
    ------
    CommandError
        If there is none, or it is no function.
    """
    found = named_object(words, what)
    if not callable(found):
        raise CommandError(
            f"{what} is {words!r}, which is a {type(found).__name__}; pass a function"
        )
    return found
