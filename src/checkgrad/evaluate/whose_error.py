"""Whose an exception is: that of the user's function, or that of the code around it.

This module only reads tracebacks. `checkgrad.evaluate.calling` decides what follows.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checkgrad.backends import CannotWidenError, is_out_of_memory
from checkgrad.tracebacks import is_our_file

_HERE = Path(__file__)
# The modules that call a function in float64.
_CALLERS_IN_FLOAT64 = tuple(str(_HERE.with_name(name)) for name in ("calling.py", "widened.py"))
# The modules whose frames stand between that of the caller and the user's function.
_CALLERS = tuple(
    str(_HERE.with_name(name)) for name in ("calling.py", "options.py", "direction_evaluator.py")
)


def is_of_user(error: Exception, function: Callable[..., Any]) -> bool:
    """Return whether an exception comes out of a function of the user's.

    What is made of its value after the call may fail as well: then the first frame is one of this
    package. A function of this package's own, such as one that evaluates the user's in float64,
    has such a frame, too. Its exceptions count as the user's.

    Parameters
    ----------
    error : Exception
        It was caught in `checkgrad.evaluate.calling`.
    function : callable
        The function that was called there.
    """
    if str(getattr(function, "__module__", "")).partition(".")[0] == "checkgrad":
        return True
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    called = next((file for file in files if file not in _CALLERS), "")
    return not is_our_file(called)


def is_of_float64(error: Exception) -> bool:
    """Return whether an exception may say that a function cannot be evaluated in float64.

    It may if it comes out of the call, if it complains of what the call returned, or if there is no
    memory left. Any other exception is a fault of this package. It says nothing of the function.

    Parameters
    ----------
    error : Exception
        It was caught around an evaluation in float64.
    """
    files = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)}
    is_told = isinstance(error, CannotWidenError | ValueError | TypeError)
    return is_told or is_out_of_memory(error) or not files.isdisjoint(_CALLERS_IN_FLOAT64)
