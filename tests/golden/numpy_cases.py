"""Golden cases of `verify_grad` on NumPy arrays: smooth functions and hard ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from breakages import KINDS, broken
from cases import Call, Case
from functions import SMOOTH, Function
from hard_functions import HARD
from numpy_functions import NUMPY_HARD

DTYPES = ("float64", "float32")


def smooth_cases(
    prefix: str, xp: Any, function: Function, dtypes: Any, turn: int, each: int
) -> Iterator[Case]:
    """Yield the right claim, and `each` wrong ones, whose kinds change from turn to turn."""
    for number, dtype in enumerate(dtypes):
        first = each * (turn * len(dtypes) + number)
        for kind in ("right", *(KINDS[(first + k) % len(KINDS)] for k in range(each))):
            name = f"{prefix}-{function.name}-{dtype}-{kind}"
            yield Case(name, _smooth_call(xp, function, dtype, kind))


def hard_cases(prefix: str, xp: Any, function: Function, dtypes: Any) -> Iterator[Case]:
    """Yield the right claim and the wrong one."""
    for dtype in dtypes:
        for kind, claim in (("right", function.grad), ("wrong", function.wrong)):
            name = f"{prefix}-{function.name}-{dtype}-{kind}"
            yield Case(name, _hard_call(xp, function, dtype, claim))


def point(xp: Any, values: Any, dtype: str) -> Any:
    """Make an array of any library."""
    if dtype == "bfloat16" and xp is np:
        import ml_dtypes

        return np.asarray(values, np.float32).astype(ml_dtypes.bfloat16)
    return xp.asarray(values, dtype=getattr(xp, dtype))


def _smooth_call(xp: Any, function: Function, dtype: str, kind: str) -> Callable[[], Call]:
    def make() -> Call:
        x0 = point(xp, function.x0, dtype)
        grad = lambda x: function.grad(xp, x)  # noqa: E731
        claim = grad if kind == "right" else broken(kind, grad, x0)
        inputs = (lambda x: function.of(xp, x), claim)
        return Call("verify_grad", (*inputs, x0), function.options)

    return make


def _hard_call(xp: Any, function: Function, dtype: str, claim: Any) -> Callable[[], Call]:
    def make() -> Call:
        of = copy.deepcopy(function.of)  # so that a counter starts anew
        inputs = (lambda x: of(xp, x), lambda x: claim(xp, x))
        x0 = point(xp, function.x0, dtype)
        return Call("verify_grad", (*inputs, x0), function.options)

    return make


def cases(library: str) -> Iterator[Case]:
    """Yield the cases."""
    for turn, function in enumerate(SMOOTH):
        yield from smooth_cases("numpy", np, function, ("float64",), turn, 2)
        yield from smooth_cases("numpy", np, function, ("float32",), turn + 3, 1)
    for turn, function in enumerate(SMOOTH[:5]):
        yield from smooth_cases("numpy", np, function, ("float16",), turn, 1)
    for turn, function in enumerate(HARD):
        dtypes = DTYPES[: 1 + turn % 2]
        yield from hard_cases("numpy", np, function, dtypes)
    for function in NUMPY_HARD:
        yield from hard_cases("numpy", np, function, ("float64",))
