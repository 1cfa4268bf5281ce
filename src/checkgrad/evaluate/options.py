"""How the user asks for ``func`` to be evaluated at many points: batch, chunk_bytes, workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.arrays.point import Point
from checkgrad.arrays.spread import Spread
from checkgrad.evaluate.budget import NO_BUDGET, Budget
from checkgrad.evaluate.workers import Workers

Batch: TypeAlias = Literal["auto", "vmap", "vectorized", "loop"]
BATCHES = get_args(Batch)
CHUNK_BYTES = 2**28  # 256 MiB
_OF_MANY_POINTS = ("vmap", "vectorized")


@dataclass(frozen=True)
class Evaluation:
    """How ``func`` is evaluated at many points, as the user asks for it.

    Attributes
    ----------
    batch, chunk_bytes
        As in `checkgrad.verify_grad`.
    budget : Budget
        How much all evaluations of a check may cost together.
    workers : Workers or None
        Who evaluates ``func`` at points around x0; None for this process.
    spread : Spread or None
        How the leaves of x0 lie on the ranks that check together, if they have parts of them.

    Raises
    ------
    ValueError
        If `batch` asks for many points in a call, and there are workers, which get one each.
    """

    batch: Any = "auto"
    chunk_bytes: Any = CHUNK_BYTES
    budget: Budget = NO_BUDGET
    workers: Workers | None = None
    spread: Spread | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.batch in _OF_MANY_POINTS:
            raise ValueError(
                f"batch is {self.batch!r} and workers is given: a worker evaluates func at one "
                "point at a time; pass one of the two"
            )

    def of_derivative(self, loop: bool, is_nested: bool) -> Evaluation:
        """Return how the func of a derivative by the array library is evaluated.

        Parameters
        ----------
        loop : bool
            Whether it takes one point at a time only.
        is_nested : bool
            Whether it is itself a derivative by the library, which cannot be sent to workers.
        """
        batch = "loop" if loop else self.batch
        return replace(self, batch=batch, workers=None if is_nested else self.workers)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run a check. At its end, listeners are told, and no process of the workers is left."""
        working = nullcontext() if self.workers is None else self.workers.working()
        with self.budget.watched(), working:
            yield


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
