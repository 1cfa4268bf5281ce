"""Control points of a batch that cost nothing: single calls have given their values already.

A check looks at a few points one at a time, before it asks for many. The batch takes the same
points once more, so that its values can be compared with those. Which batch is trusted is decided
in `checkgrad.evaluate.control_points`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.backends import Entries
from checkgrad.evaluate.control_points import SAME

_KEPT = 2  # points, the first that were asked for: they cost a batch of few points too
# Times what a batch may be off by, by which func differs from its value at x0. A batch that does
# not move a point, or gives the value of another point, is off by more than that.
_SHOWS = 16.0


@dataclass(frozen=True)
class SinglePoints:
    """Points around x0 that were evaluated by single calls.

    Attributes
    ----------
    leaf : int
        Which leaf moves.
    entries : array of int, shape (n,) or (n, r)
        Which flat entries of it, for each point.
    moved : array of the same shape
        Their new values, on the host.
    values : array, shape (n, *m)
        ``func`` at the points, on the host.
    """

    leaf: int
    entries: Entries
    moved: Floats
    values: Floats

    def __len__(self) -> int:
        return len(self.entries)

    def taken(self, count: int) -> SinglePoints:
        """Return the first points."""
        chosen = slice(count)
        return SinglePoints(
            self.leaf, self.entries[chosen], self.moved[chosen], self.values[chosen]
        )


class KnownControls:
    """The points that were last evaluated by single calls."""

    def __init__(self) -> None:
        self._points: SinglePoints | None = None

    def note(self, points: SinglePoints) -> None:
        """Keep a few of these points."""
        self._points = points.taken(_KEPT)

    def shown(
        self, leaf: int, row: tuple[int, ...], value: Floats, epsilon: float
    ) -> SinglePoints | None:
        """Return the points that can stand in a batch, and that tell whether it is right.

        None if there are none, or if one of them changes ``func`` by little more than its rounding
        error.

        Parameters
        ----------
        leaf : int
            Which leaf moves in the batch.
        row : tuple of int
            The shape of the entries of one point of the batch.
        value : array, shape (*m)
            ``func(x0)``, on the host.
        epsilon : float
            The machine epsilon of that value.
        """
        points = self._points
        if points is None or points.leaf != leaf or points.entries.shape[1:] != row:
            return None
        axes = tuple(range(1, points.values.ndim))
        size = np.max(np.abs(points.values), axis=axes, initial=0.0)
        with np.errstate(invalid="ignore"):
            change = np.max(np.abs(points.values - value), axis=axes, initial=0.0)
        return points if np.all(change > _SHOWS * SAME * epsilon * size) else None
