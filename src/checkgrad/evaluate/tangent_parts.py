"""Residuals along parts of tangents: what the claim says of them, less what ``func`` does.

A part of a tangent has its entries in a range of coordinates, and 0 elsewhere. This module samples
``func`` along parts, and finds the coordinate whose entries fit some residuals best. It does not
judge.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import reduce
from typing import Any

import numpy as np

from checkgrad.arrays.arithmetic import norm_in_range
from checkgrad.arrays.entries import largest_of
from checkgrad.arrays.leaf_entries import entry_of, in_range
from checkgrad.arrays.point import Floats
from checkgrad.arrays.products import product_in_leaf
from checkgrad.backends import Array
from checkgrad.evaluate.directions import ClaimedGradient
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.outputs import Outputs
from checkgrad.evaluate.tangents import LinearMap, Tangents

_ENDLESS = np.full(1, math.inf)  # how far a part may be followed: as far as the whole tangent


class TangentParts:
    """Residuals of one output along parts of some tangents.

    Parameters
    ----------
    evaluator : Evaluator
        Evaluates ``func``.
    outputs : Outputs
        The outputs.
    output : int
        Which output.
    claim : LinearMap
        What the claim says of all outputs.
    gradient : ClaimedGradient
        What it says of this one.
    tangents : sequence of list of array
        Arrays like x0.
    steps : array, shape (tangents,)
        The step along each tangent, and along its parts.

    Attributes
    ----------
    count : int
        How many residuals were measured.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        outputs: Outputs,
        output: int,
        claim: LinearMap,
        gradient: ClaimedGradient,
        tangents: Sequence[Sequence[Array]],
        steps: Floats,
    ) -> None:
        self._evaluator = evaluator
        self._outputs = outputs
        self._output = output
        self._claim = claim
        self._gradient = gradient
        self._tangents = tangents
        self._steps = steps
        self._in_leaves: dict[tuple[int, int], float] = {}  # by tangent and leaf
        self.count = 0

    def residual(
        self, tangent: int, start: int, stop: int, longer: float = 1.0, without: int = -1
    ) -> float:
        """Return the residual along the part of a tangent from a coordinate to another.

        NaN where ``func`` has no finite value. It costs two evaluations of ``func``.

        Parameters
        ----------
        tangent : int
            Which tangent.
        start, stop : int
            The range of coordinates.
        longer : float
            How many times longer than usual the step is.
        without : int, optional
            A coordinate that is left out of the range.
        """
        part = self._part(tangent, start, stop, without)
        step = float(self._steps[tangent]) * longer
        room = _ENDLESS, _ENDLESS
        lines = Tangents(self._evaluator, self._outputs, [part], self._claim, room)
        _, values = lines.sample(np.zeros(2, dtype=np.intp), np.asarray([step, -step]))
        self.count += 1
        forward, backward = values[:, self._output].tolist()
        return float(self._gradient.along(part) - (forward - backward) / (2 * step))

    def claimed(self, tangent: int, start: int, stop: int) -> float:
        """Return what the claim says of the part of a tangent."""
        claims, point = self._gradient.leaves, self._evaluator.point
        if claims is None:
            return self._gradient.along(self._part(tangent, start, stop))
        total = 0.0
        for leaf, size in enumerate(point.sizes):
            low, high = self._range_in(leaf, start, stop)
            if (low, high) == (0, size):
                total += self._claimed_in(tangent, leaf)
            elif low < high:
                part = in_range(point, leaf, self._tangents[tangent][leaf], low, high)
                total += product_in_leaf(claims[leaf], part, point, leaf)
        return total

    def entries(self, coordinate: int) -> Floats:
        """Return the entry of all tangents at a coordinate."""
        point = self._evaluator.point
        leaf, entry = point.locate(coordinate)
        return np.asarray([entry_of(point, leaf, v[leaf], entry) for v in self._tangents])

    def best_match(
        self,
        chosen: Sequence[int],
        residuals: Floats,
        start: int,
        stop: int,
        excluded: Collection[int],
    ) -> tuple[int, float]:
        """Return the coordinate whose entries fit some residuals best.

        Parameters
        ----------
        chosen : sequence of int
            The tangents that the residuals are of.
        residuals : array
            The residuals.
        start, stop : int
            The range of coordinates to choose from.
        excluded : collection of int
            Coordinates that are left out.

        Returns
        -------
        int
            The coordinate; -1 if there is none.
        float
            The squared cosine of the angle between its entries and the residuals.
        """
        point = self._evaluator.point
        units, xp = (residuals / norm_in_range(residuals)).tolist(), point.xp

        def scores(*entries: Array) -> Array:
            return _squared_cosines(entries, units, xp)

        parts = [self._tangents[j] for j in chosen]
        best, highest = largest_of(point, scores, parts, start, stop, excluded)
        return (best, min(highest, 1.0)) if highest > 0 else (-1, 0.0)

    def _part(self, tangent: int, start: int, stop: int, without: int = -1) -> list[Array]:
        """Return a tangent with 0 outside of a range of coordinates."""
        point = self._evaluator.point
        part = []
        for leaf, v in enumerate(self._tangents[tangent]):
            low, high = self._range_in(leaf, start, stop)
            hole = without - point.offsets[leaf]
            hole = hole if low <= hole < high else -1
            is_all = (low, high) == (0, point.sizes[leaf]) and hole < 0
            part.append(v if is_all else in_range(point, leaf, v, low, high, hole))
        return part

    def _range_in(self, leaf: int, start: int, stop: int) -> tuple[int, int]:
        """Return which entries of a leaf lie in a range of coordinates."""
        offset, size = self._evaluator.point.offsets[leaf], self._evaluator.point.sizes[leaf]
        return min(max(start - offset, 0), size), min(max(stop - offset, 0), size)

    def _claimed_in(self, tangent: int, leaf: int) -> float:
        """Return what the claim says of all of a tangent in a leaf."""
        claims = self._gradient.leaves
        assert claims is not None
        if (tangent, leaf) not in self._in_leaves:
            v, point = self._tangents[tangent][leaf], self._evaluator.point
            self._in_leaves[tangent, leaf] = product_in_leaf(claims[leaf], v, point, leaf)
        return self._in_leaves[tangent, leaf]


def _squared_cosines(entries: Sequence[Array], units: Sequence[float], xp: Any) -> Array:
    """Return the squared cosine between the residuals and the entries at every coordinate.

    Entries are divided by the largest: squares overflow and underflow.
    """
    largest = reduce(xp.maximum, map(xp.abs, entries))
    largest = xp.where(largest > 0, largest, xp.ones_like(largest))
    product = square = xp.zeros_like(largest)
    for each, unit in zip(entries, units, strict=True):
        relative = each / largest
        product = product + relative * unit
        square = square + relative * relative
    return product * product / xp.where(square > 0, square, xp.ones_like(square))
