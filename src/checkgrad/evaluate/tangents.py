"""``func`` along tangents, for all outputs at once.

``x0 + t * v`` rounds, so that the step is not quite along ``v``. What the claim says of the
difference is taken out of the value. That is right to first order if the claim is about right, and
far too little to matter if it is not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

import numpy as np

from checkgrad.arrays.arithmetic import dot
from checkgrad.arrays.point import Floats
from checkgrad.arrays.products import product
from checkgrad.backends import Array
from checkgrad.evaluate.budget import StoppableCall
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.known_values import (
    KnownValues,
    Places,
    one_by_one,
    without_incomplete,
)
from checkgrad.evaluate.outputs import Outputs


class LinearMap(Protocol):
    """What a claim says, as a linear map from changes of x0 to changes of all outputs.

    Attributes
    ----------
    leaves : list of list of array, or None
        The gradient of each output as arrays like the leaves of x0; None where it takes an
        evaluation of the claim for each tangent.
    """

    @property
    def leaves(self) -> list[list[Array]] | None:
        """See above."""

    def changes(self, tangent: Sequence[Array]) -> Floats:
        """Return what it says of a tangent, which may be tiny: a number for each output."""


class Tangents:
    """Samples ``func`` along tangents, which have the tree, dtypes and device of x0."""

    def __init__(
        self,
        evaluator: Evaluator,
        outputs: Outputs,
        tangents: Sequence[Sequence[Array]],
        claim: LinearMap,
        room: tuple[Floats, Floats],
        finest: Floats | float = 0.0,
    ) -> None:
        self._evaluator = evaluator
        self._outputs = outputs
        self._tangents = tangents
        self._claim = claim
        self._room = room  # how far each tangent may be followed, forward and backward
        self._finest = np.broadcast_to(finest, room[0].shape)  # the shortest steps along each
        self._known = KnownValues(outputs.count)

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """Evaluate ``func`` at signed `steps` along the tangents `which`.

        Returns, and keeps if it is stopped, the same as `checkgrad.evaluate.axes.Axes.sample`.
        """
        usable = np.where(steps > 0, steps <= self._room[0][which], -steps <= self._room[1][which])
        usable &= np.isfinite(steps) & (steps != 0) & (np.abs(steps) >= self._finest[which])
        here = one_by_one(which, np.flatnonzero(usable))
        lengths = np.full(which.size, np.nan)
        values = np.full((which.size, self._outputs.count), np.nan)
        if here.size:
            new = self._known.missing(which[here], steps[here])
            found, call = np.empty((0, self._outputs.count)), StoppableCall()
            if new.size:
                corrections: list[Floats] = []
                points = self._points(which[here[new]], steps[here[new]], corrections)
                evaluator = self._evaluator
                with call:
                    if evaluator.takes_together(new.size):
                        call.found = evaluator.values_together(points, new.size)
                    else:
                        call.found = evaluator.host_values(map(evaluator.point.for_func, points))
                at = call.found
                known = np.reshape(corrections[: len(at)], (len(at), self._outputs.count))
                found = self._outputs.of(at.reshape(len(at), math.prod(at.shape[1:]))) - known
            values[here] = self._known.completed(which[here], steps[here], new, found)
            lengths[here] = np.abs(steps[here])
            if call.stop is not None:
                pending = np.zeros(which.size, dtype=bool)
                pending[here[new[len(found) :]]] = True
                raise call.stop.keeping(without_incomplete(which, pending, lengths, values))
        values[~np.isfinite(values)] = np.nan
        return lengths, values

    def known(self, chosen: Collection[int], output: int) -> dict[int, tuple[Floats, Floats]]:
        """Return what was sampled along some tangents, as `checkgrad.evaluate.axes.Axes.known`."""
        return self._known.along(chosen, output)

    def _points(
        self, which: Places, steps: Floats, corrections: list[Floats]
    ) -> Iterator[list[Array]]:
        """Yield points along the tangents, and note what the claim says of how far they lie off."""
        for tangent, step in zip(which.tolist(), steps.tolist(), strict=True):
            moved, missed = self._moved(self._tangents[tangent], step)
            corrections.append(np.where(np.isfinite(missed), missed, 0.0))
            yield moved
            del moved  # before the next is made

    def _moved(self, tangent: Sequence[Array], step: float) -> tuple[list[Array], Floats]:
        """Return a point along a tangent, and what the claim says of how far it lies off."""
        point, gradients = self._evaluator.point, self._claim.leaves
        with np.errstate(invalid="ignore", over="ignore"):  # a claim may not be finite
            if point.is_partitioned and gradients is not None:
                moved = point.leafwise(lambda x, v: x + step * v, tangent)
                off = [
                    point.on_demand(lambda x, v, y: (y - x) - step * v, *each)
                    for each in zip(point.leaves, tangent, moved, strict=True)
                ]
                return moved, np.asarray([product(each, off, point) for each in gradients])
            if gradients is None:
                moved = point.leafwise(lambda x, v: x + step * v, tangent)
                off = point.leafwise(lambda x, v, y: (y - x) - step * v, tangent, moved)
                return moved, self._claim.changes(off)
            missed: list[list[list[float]]] = []  # by leaf, block and output

            def move(x: Array, v: Array, *claims: Array) -> Array:
                y = x + step * v
                missed[-1].append([float(dot(c, (y - x) - step * v, point.xp)) for c in claims])
                return y

            moved = []
            for arrays in zip(point.leaves, tangent, *gradients, strict=True):
                missed.append([])
                moved.append(point.in_blocks(move, *arrays))
            blocks = itertools.chain(*point.shared(missed))
            return moved, np.asarray([math.fsum(parts) for parts in zip(*blocks, strict=True)])
