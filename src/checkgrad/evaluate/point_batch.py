"""``func`` at many points along tangents in one call, where the user asked for that.

Every leaf moves along a tangent, so that whole points are put together. Where nobody asks, ``func``
is called at one point at a time: points that differ in every entry gain little by one call.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np

from checkgrad.arrays.messages import brief
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array
from checkgrad.evaluate.batch import FEWEST, BatchEvaluator, without_offset
from checkgrad.evaluate.budget import STOPS
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.control_points import (
    DIFFERS,
    batch_matches_single,
    cannot_be_evaluated,
    farthest,
)
from checkgrad.evaluate.entry_points import padded
from checkgrad.evaluate.options import Evaluation
from checkgrad.evaluate.values import values_of_batch

_CONTROLS = 2  # points of a call that are evaluated by single calls too


class PointBatch:
    """Evaluates ``func`` at many points in as few calls as memory allows.

    Parameters
    ----------
    function : UserFunction
        ``func``, of many points if it is vectorized.
    point : Point
        x0.
    evaluation : Evaluation
        Whether the user asked for it.
    entries : BatchEvaluator
        Evaluates ``func`` where single entries move, and knows how many points make a call.

    Attributes
    ----------
    n_func : int
        How many points it evaluated.
    """

    def __init__(
        self, function: UserFunction, point: Point, evaluation: Evaluation, entries: BatchEvaluator
    ) -> None:
        self._function = function
        self._point = point
        self._batch = evaluation.batch
        self._budget = evaluation.budget
        self._entries = entries
        self.n_func = 0

    def takes(self, count: int) -> bool:
        """Return whether so many points are to be evaluated together."""
        if self._batch not in ("vmap", "vectorized") or self._point.is_partitioned:
            return False
        return FEWEST <= count <= self._budget.left - _CONTROLS

    def host_values(
        self,
        points: Iterable[list[Array]],
        count: int,
        at_x0: Array,
        alone: Callable[[list[Array]], Array],
    ) -> Floats:
        """Evaluate ``func`` at some points.

        Parameters
        ----------
        points : iterable of list of array
            The leaves of each.
        count : int
            How many there are.
        at_x0 : array, shape (*m)
            ``func(x0)``.
        alone : callable
            ``func`` at a single point, given by its leaves.

        Returns
        -------
        array, shape (count, *m)
            The values, on the host. `Stopped` keeps those of the first points.

        Raises
        ------
        ValueError
            If ``func`` cannot be evaluated at many points in one call, or says something else then.
        """
        size = min(count, self._entries.chunk_sizes.most(0))
        rest = iter(points)
        found = [np.empty((0, *at_x0.shape))]
        try:
            while chunk := list(itertools.islice(rest, size)):
                found.append(self._values(chunk, at_x0, alone))
        except STOPS as stop:
            raise self._budget.stopped_by(stop).keeping(np.concatenate(found)) from None
        return np.concatenate(found)

    def _values(
        self, points: list[list[Array]], at_x0: Array, alone: Callable[[list[Array]], Array]
    ) -> Floats:
        """Return the values at the points of one call."""
        if len(points) <= _CONTROLS:
            return self._one_by_one(points, alone)
        backend, x0 = self._point.backend, self._point.leaves
        self._budget.spend(len(points))
        self.n_func += len(points)
        filled = padded(len(points)) if backend.compiles else len(points)
        rows = [x0, *points, *points[-1:] * (filled - len(points))]
        try:
            together = values_of_batch(
                self._called(
                    [self._point.xp.stack(list(each)) for each in zip(*rows, strict=True)]
                ),
                len(rows),
                tuple(at_x0.shape),
                self._point,
            )
        except MemoryError:
            raise
        except Exception as error:
            # With a func of many points it may be the edge of the domain, of one of them.
            if self._batch != "vectorized" or not self._entries.takes_many(0):
                raise cannot_be_evaluated(self._batch, brief(error)) from error
            self._budget.refund(len(points))
            self.n_func -= len(points)
            return self._one_by_one(points, alone)
        values = backend.to_host(together)
        controls = [len(points), 1 + farthest(values[1 : 1 + len(points)])]
        placed = [points[row - 1] for row in controls]
        single = [at_x0, *map(alone, placed)]
        chosen = values[[0, *controls]]
        if not batch_matches_single(chosen, x0, placed, single, alone, self._point):
            raise cannot_be_evaluated(self._batch, DIFFERS)
        return _on_host(without_offset(together, at_x0, len(points)), self._point)

    def _one_by_one(
        self, points: list[list[Array]], alone: Callable[[list[Array]], Array]
    ) -> Floats:
        return np.stack([_on_host(alone(leaves), self._point) for leaves in points])

    def _called(self, stacked: list[Array]) -> Any:
        """Call ``func`` once with every leaf along a leading axis."""
        point = self._point
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what there is to warn of was seen at x0
            if self._batch == "vectorized":
                return self._function.at_many(point.plainly(stacked))
            return self._mapped(stacked[0] if point.is_single_real_array else stacked)

    @cached_property
    def _mapped(self) -> Callable[[Any], Any]:
        if self._point.is_single_real_array:
            return self._function.mapped(self._point, 0)
        return self._function.mapped_over_all(self._point)


def _on_host(array: Array, point: Point) -> Floats:
    return point.backend.to_host(array).astype(np.float64)
