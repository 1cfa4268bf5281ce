"""Some of the coordinate axes, for one output: those of entries that a search has found."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array
from checkgrad.evaluate.axes import Axes
from checkgrad.evaluate.claimed_entries import claimed_entries
from checkgrad.evaluate.directions import ClaimedGradient, Directions, scale_within
from checkgrad.evaluate.known_values import Places


class ChosenAxes:
    """Coordinate axes of one output, of which any can be asked for.

    Parameters
    ----------
    axes : Axes
        To sample all outputs along.
    output : int
        Which output.
    gradient : ClaimedGradient
        Its claimed gradient.
    point : Point
        x0.
    sizes : sequence of array
        The size of every coordinate, as `checkgrad.evaluate.coordinate_sizes` says.
    bounds : tuple of array
        The bounds.
    """

    def __init__(
        self,
        axes: Axes,
        output: int,
        gradient: ClaimedGradient,
        point: Point,
        sizes: Sequence[Array],
        bounds: tuple[Floats, Floats],
    ) -> None:
        self._axes = axes
        self._output = output
        self._point = point
        self._entries = claimed_entries(point, gradient, sizes)
        self._typical: float | None = None
        self._bounds = bounds

    def claimed(self, coordinate: int) -> float:
        """Return the claimed entry of a coordinate."""
        return float(self._entries.claims(np.asarray([coordinate]))[0])

    def weight(self, coordinate: int) -> float:
        """Return what the claim says of the size of a coordinate, in magnitude."""
        return self._entries.weight(coordinate)

    def heaviest(self, start: int, stop: int, excluded: Collection[int] = ()) -> int:
        """Return the coordinate of the largest weight in a range, without those excluded."""
        return self._entries.heaviest(start, stop, excluded)

    def largest_claim(self) -> int:
        """Return the coordinate whose claimed entry is the largest in magnitude."""
        return self._entries.largest_claim()

    def directions(self, chosen: Places) -> Directions:
        """Return the axes of some coordinates, in their order."""
        entries = self._entries
        lower, upper = self._bounds
        scale = scale_within(entries.sizes(chosen), (lower[chosen], upper[chosen]))
        is_guess = entries.x0(chosen) == 0
        if self._typical is None:
            self._typical = entries.median_size()
        typical = self._typical
        return Directions(
            point=self._point,
            lines=self._axes,
            output=self._output,
            scale=scale,
            claim=entries.claims(chosen),
            claimed_by=lambda gradient: entries.claims_of(gradient, chosen),
            smoothness_length=np.where(is_guess, typical, np.fmax(scale, typical)),
            scale_is_guess=is_guess,
            words="entries",
            tangent_scale=0.0,
            tangents=None,
            coordinates=chosen,
        )
