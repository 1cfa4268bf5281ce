"""How many points make a call: as many as the memory allowed has room for, compiled once."""

from __future__ import annotations

from checkgrad.arrays.point import Point
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.entry_points import padded
from checkgrad.evaluate.options import Evaluation, require_chunk_bytes

_COPIES = 4  # of the points in a call: what func computes from them takes memory too
_COMPANIONS = 3  # of the points in a call: x0 and two control points
_MOST = 2**12  # points in one call: more are no faster
_ON_HOST = 2**25  # bytes on a CPU: for more, the system makes new pages in every call ...
_MANY = 64  # ... which costs less than more calls where a call has fewer points than this


class ChunkSizes:
    """How many points ``func`` is evaluated at in one call.

    Parameters
    ----------
    function : UserFunction
        ``func``, which may be called once to find out what it makes.
    point : Point
        x0.
    evaluation : Evaluation
        `chunk_bytes` bounds the memory of a call.

    Attributes
    ----------
    n_func : int
        How often it called ``func``.
    """

    def __init__(self, function: UserFunction, point: Point, evaluation: Evaluation) -> None:
        self._function = function
        self._point = point
        self._memory = require_chunk_bytes(evaluation.chunk_bytes)
        self._is_vectorized = evaluation.batch == "vectorized"
        self._budget = evaluation.budget
        self._footprint = 0  # bytes; not known yet
        self.n_func = 0

    def filled(self, count: int, leaf: int) -> int:
        """Return how many points to make of `count`, so that code is compiled once.

        Once or twice as many as the leaf has entries is the most common number.
        """
        if not self._point.backend.compiles:
            return count
        size = self._point.sizes[leaf]
        return min(padded(count), -(-count // size) * size)

    def most(self, leaf: int) -> int:
        """Return how many points fit into the memory allowed, with what ``func`` makes of them."""
        point = self._point
        if self._footprint == 0:
            self._footprint = max(self._bytes_of_x0(), self._bytes_made(leaf))
        each = _COPIES * self._footprint
        most = _MOST
        if point.backend.on_host(point.like(leaf)):
            most = min(most, max(_MANY, _ON_HOST // each - _COMPANIONS))
        return min(most, max(1, self._memory // each - _COMPANIONS))

    def _bytes_of_x0(self) -> int:
        point = self._point
        return sum(
            size * max(1, point.xp.finfo(x.dtype).bits // 8)
            for size, x in zip(point.sizes, point.leaves, strict=True)
        )

    def _bytes_made(self, leaf: int) -> int:
        """Return the bytes of the largest array that ``func`` makes at x0; 0 if unknown."""
        if self._is_vectorized:
            return 0
        if seen := self._function.seen_footprint:
            return seen
        self._budget.spend()
        self.n_func += 1
        return self._function.footprint(self._point, leaf)
