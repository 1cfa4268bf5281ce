"""What exceptions of the array libraries mean for x0: the cause, and what to pass instead.

This module knows words in which libraries complain. `checkgrad.backends.registry` has those in
which each refuses the arrays of another one. It is asked about exceptions that the user's functions
raised. Where it does not know the cause, it says nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from checkgrad.backends.registry import LIBRARIES, Library, is_array, library_of


@dataclass(frozen=True)
class _Complaint:
    """Words of a library, and what they mean.

    Attributes
    ----------
    words : str
        A regular expression that the text of the exception matches.
    applies : callable
        Takes the arrays in x0 and returns whether they can be the cause.
    cause : str
        The cause, and what to do. ``{name}`` stands for the function that was called.
    """

    words: str
    applies: Callable[[Sequence[Any]], bool]
    cause: str


def _require_no_gradient(arrays: Sequence[Any]) -> bool:
    return not any(getattr(array, "requires_grad", True) for array in arrays)


def _require_gradient(arrays: Sequence[Any]) -> bool:
    return any(getattr(array, "requires_grad", False) for array in arrays)


def _are_tensors(arrays: Sequence[Any]) -> bool:
    return {library_of(array).name for array in arrays} == {"torch"}


_COMPLAINTS = (
    _Complaint(
        r"does not require grad|not to require grad|does not have a grad_fn",
        _require_no_gradient,
        "x0 does not require a gradient, so {name} gets tensors that do not either: pass "
        "x0.requires_grad_()",
    ),
    _Complaint(
        r"Can't call numpy\(\) on Tensor that requires grad",
        _require_gradient,
        "x0 requires a gradient, and {name} gets tensors that do too: pass x0.detach()",
    ),
    _Complaint(
        r"leaf Variable that requires grad is being used in an in-place operation",
        _require_gradient,
        "x0 requires a gradient, and {name} writes to its argument: pass x0.detach(), or write to "
        "a copy, x.clone()",
    ),
    _Complaint(
        r"have (the )?same dtype, but (got|found)|expected scalar type \w+ but found",
        _are_tensors,
        "x0 and another tensor of {name} have different dtypes: pass x0 in that of the other "
        "one, or the other one in that of x0",
    ),
)


def cause_of(error: Exception, name: str, leaves: Sequence[Any]) -> str:
    """Return why a function of the user's raised, if a library's words tell; else nothing.

    Parameters
    ----------
    error : Exception
        What it raised.
    name : str
        What messages call the function.
    leaves : sequence
        The leaves of the x that it got.
    """
    arrays = [leaf for leaf in leaves if is_array(leaf)]
    if not arrays:
        return ""
    own, other = library_of(arrays[0]), _other_library(error, arrays[0])
    if other and own.title:
        return (
            f"x0 is an array of {own.title}, and {name} computes with {other.title}: pass "
            f"{other.conversion}"
        )
    text = str(error)
    for complaint in _COMPLAINTS:
        if re.search(complaint.words, text) and complaint.applies(arrays):
            return complaint.cause.format(name=name)
    return ""


def _other_library(error: Exception, array: Any) -> Library | None:
    """Return the library for whose arrays a function was written, if it is not that of `array`."""
    loaded = [library for library in LIBRARIES if library.name in sys.modules]
    others = [library for library in loaded if not library.owns(array)]
    if isinstance(error, AttributeError) and isinstance(error.obj, type(array)):
        return next((each for each in others if _has(each, error.name)), None)
    if not isinstance(error, TypeError):
        return None
    return next((each for each in others if re.search(each.refuses, str(error))), None)


def _has(library: Library, attribute: str | None) -> bool:
    """Return whether the arrays of a library, which is imported, have an attribute."""
    array_type = getattr(sys.modules[library.name], library.array_type, None)
    return attribute is not None and hasattr(array_type, attribute)
