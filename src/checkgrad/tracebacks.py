"""Tracebacks without the frames of this package, for those who show exceptions to a person.

The frames of the user's functions stay: those that called a check, and those that a check called.
The module imports nothing else of the package.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

# As the import system spells it in the code of each module: a symbolic link is not followed.
_PACKAGE = str(Path(__file__).parent) + os.sep


def is_our_file(path: str) -> bool:
    """Return whether a file of Python code is one of this package."""
    return path.startswith(_PACKAGE)


def frames_of_ours() -> int:
    """Return how many frames of this package lie above that of the user's: for a warning."""
    frame, count = sys._getframe(1), 0  # noqa: SLF001 - the way to the caller, as `warnings` goes
    while frame.f_back is not None and is_our_file(frame.f_code.co_filename):
        frame, count = frame.f_back, count + 1
    return count


def frames_of_others(error: BaseException) -> list[TracebackType]:
    """Return the frames of an exception's traceback that are not of this package."""
    return [tb for tb in _frames(error.__traceback__) if not _is_ours(tb)]


def has_user_frames(error: BaseException) -> bool:
    """Return whether an exception comes out of the user's code.

    Otherwise it is one of this package, or of what the package calls to read files.
    """
    files = [Path(tb.tb_frame.f_code.co_filename) for tb in frames_of_others(error)]
    return any("importlib" not in str(file) and file.suffix == ".py" for file in files)


def remove_our_frames(error: BaseException) -> bool:
    """Shorten the tracebacks of an exception and of those that it comes from.

    A traceback that has no other frames stays as it is.

    Parameters
    ----------
    error : BaseException
        The exception.

    Returns
    -------
    bool
        Whether there was a frame of this package.
    """
    chain = list(_chain(error))
    found = any(_is_ours(tb) for each in chain for tb in _frames(each.__traceback__))
    for each in chain if found else ():
        shortened = None
        for tb in reversed(frames_of_others(each)):
            shortened = TracebackType(shortened, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
        each.__traceback__ = shortened or each.__traceback__
    return found


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that it comes from, each once."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _is_ours(traceback: TracebackType) -> bool:
    return is_our_file(traceback.tb_frame.f_code.co_filename)
