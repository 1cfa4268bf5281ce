"""Some of the coordinate axes, for one output: those of entries that a search has found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array
from checkgrad.evaluate.axes import Axes
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

    Attributes
    ----------
    claim : array, shape (coordinates,)
        The claimed entries.
    weights : array, shape (coordinates,)
        What the claim says of the size of each coordinate, in magnitude.
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
        self._sizes = point.on_host(sizes)
        self._bounds = bounds
        self._x0 = point.on_host(point.leaves)
        self.claim = gradient.coordinates()
        with np.errstate(all="ignore"):
            weights = np.abs(self.claim) * self._sizes
        self.weights: Floats = np.where(np.isfinite(weights), weights, 0.0)

    def directions(self, chosen: Places) -> Directions:
        """Return the axes of some coordinates, in their order."""
        sizes = self._sizes[chosen]
        lower, upper = self._bounds
        scale = scale_within(sizes, (lower[chosen], upper[chosen]))
        is_guess = self._x0[chosen] == 0
        typical = float(np.median(self._sizes))
        return Directions(
            point=self._point,
            lines=self._axes,
            output=self._output,
            scale=scale,
            claim=self.claim[chosen],
            claimed_by=lambda gradient: gradient.coordinates()[chosen],
            smoothness_length=np.where(is_guess, typical, np.fmax(scale, typical)),
            scale_is_guess=is_guess,
            words="entries",
            tangent_scale=0.0,
            tangents=None,
            coordinates=chosen,
        )
