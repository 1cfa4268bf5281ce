"""How the user asks for ``func`` to be evaluated at many points: `batch` and `chunk_bytes`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.arrays.point import Point
from checkgrad.evaluate.budget import NO_BUDGET, Budget

Batch: TypeAlias = Literal["auto", "vmap", "vectorized", "loop"]
BATCHES = get_args(Batch)
CHUNK_BYTES = 2**28  # 256 MiB


@dataclass(frozen=True)
class Evaluation:
    """How ``func`` is evaluated at many points, as the user asks for it.

    Attributes
    ----------
    batch, chunk_bytes
        As in `checkgrad.verify_grad`.
    budget : Budget
        How much all evaluations of a check may cost together.
    """

    batch: Any = "auto"
    chunk_bytes: Any = CHUNK_BYTES
    budget: Budget = NO_BUDGET


DEFAULT_EVALUATION = Evaluation()


def require_chunk_bytes(chunk_bytes: Any) -> int:
    """Return `chunk_bytes` as an int.

    Raises
    ------
    ValueError
        If it is no whole number from 1 on.
    """
    whole = isinstance(chunk_bytes, (int, np.integer)) and not isinstance(chunk_bytes, bool)
    if not whole or chunk_bytes < 1:
        raise ValueError(f"chunk_bytes is {quote(chunk_bytes)}; pass a number of bytes, at least 1")
    return int(chunk_bytes)


def of_one_point(func: Callable[[Any], Any], point: Point, batch: Any) -> Callable[[Any], Any]:
    """Return `func` as a function of a single point, whatever it takes.

    Raises
    ------
    ValueError
        If `batch` is unknown, or the array library of x0 cannot do it.
    """
    if not isinstance(batch, str) or batch not in BATCHES:
        raise ValueError(f"batch is {quote(batch)}; pass 'auto', 'vmap', 'vectorized' or 'loop'")
    if batch == "vmap" and not point.backend.maps:
        raise ValueError(
            f"batch is 'vmap', which {point.backend.name} does not have; pass 'vectorized', with "
            "a func that takes many points along a leading axis, or 'loop'"
        )
    if batch != "vectorized":
        return func

    def alone(x: Any) -> Any:
        leaves = point.parts(x, "x is", "pass a point")
        value = func(point.rebuilt([leaf[None, ...] for leaf in leaves]))
        shape = tuple(getattr(value, "shape", ()))
        if not shape or shape[0] != 1:
            raise ValueError(
                f"func returned shape {shape} for one point along a leading axis; with "
                "batch='vectorized' it must return one value for each point: shape (1, ...)"
            )
        return value[0, ...]

    return alone
