"""x0 from what the command line says: a file of arrays, numbers in JSON, or an object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from checkgrad.arrays.messages import first_line
from checkgrad.backends import SUFFIXES, NoSuchDtypeError, converted, read_arrays
from checkgrad.command_line.errors import CommandError
from checkgrad.command_line.functions import named_object

# What brings the reader of a kind of file, for errors that do not name what is missing.
_READERS = {
    ".safetensors": "checkgrad[safetensors]",
    ".pt": "checkgrad[torch]",
    ".pth": "checkgrad[torch]",
}
_SHOWN = 60  # characters of JSON that a message quotes
_KINDS = f"a file ({', '.join((*SUFFIXES, '.json'))}), numbers in JSON, or module:name"


def make_x0(words: str, library: str | None, dtype: str | None) -> Any:
    """Return x0.

    Parameters
    ----------
    words : str
        What the command line says: a path, JSON, or ``module:name``. A function of that name is
        called, and returns x0.
    library, dtype : str, optional
        What it becomes.

    Raises
    ------
    CommandError
        If there is no such x0.
    """
    found = _found(words, library)
    try:
        return converted(found, library, dtype)
    except ImportError as error:
        raise CommandError(f"--library is {library}: {first_line(error)}") from None
    except NoSuchDtypeError as error:
        advice = f"; pass --dtype {error.instead}" if error.instead else ""
        raise CommandError(f"x0 is {_short(words)}: {first_line(error)}{advice}") from None


def _found(words: str, library: str | None) -> Any:
    path = Path(words)
    if path.suffix in SUFFIXES or path.suffix == ".json":
        return _from_file(path, words, library)
    text = words.strip()
    if not text:
        raise CommandError(f"x0 is empty; pass {_KINDS}")
    if _is_number(text):
        return np.asarray(float(text))
    if text[0] in "[{":
        return _from_json(words, f"x0 is {_short(words)}")
    if ":" in words:
        found = named_object(words, "x0")
        return found() if callable(found) else found
    raise CommandError(f"x0 is {words!r}; pass {_KINDS}")


def _short(words: str) -> str:
    return repr(words if len(words) <= _SHOWN else f"{words[:_SHOWN]}...")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _from_file(path: Path, words: str, library: str | None) -> Any:
    if not path.is_file():
        raise CommandError(f"x0 is {words!r}, and there is no such file in {Path.cwd()}")
    if path.suffix == ".json":
        return _from_json(path.read_text(encoding="utf-8"), f"x0 is the file {words!r}")
    try:
        return read_arrays(path, library)
    except ImportError as error:
        package = (error.name or _READERS.get(path.suffix, "checkgrad[all]")).partition(".")[0]
        raise CommandError(
            f"x0 is the file {words!r}, and {error.name or 'what reads it'} is not installed; "
            f"run: pip install '{package}'"
        ) from None
    except Exception as error:
        raise CommandError(
            f"x0 is the file {words!r}, which cannot be read: {type(error).__name__}: "
            f"{first_line(error)}"
        ) from None


def _from_json(text: str, said: str) -> Any:
    try:
        return _arrays(json.loads(text), said)
    except json.JSONDecodeError as error:
        raise CommandError(f"{said}, which is no JSON: {error}") from None


def _arrays(value: Any, said: str) -> Any:
    """Return dictionaries and lists as they are, with arrays in the place of lists of numbers."""
    if isinstance(value, dict):
        return {key: _arrays(part, said) for key, part in value.items()}
    if isinstance(value, list) and any(isinstance(part, (dict, list)) for part in value):
        parts = [_arrays(part, said) for part in value]
        shapes = {part.shape if isinstance(part, np.ndarray) else None for part in parts}
        return parts if None in shapes or len(shapes) > 1 else np.stack(parts)
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise CommandError(f"{said}, which has {number!r} where a number is needed")
    return np.asarray(value, dtype=np.float64)
