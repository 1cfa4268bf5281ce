"""The names of points in a picture, each next to its point, where it covers the least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from checkgrad.numerics.samples import Floats
from checkgrad.report.plots.style import literal

_BESIDE, _ABOVE = 6, 5  # points of print between a point and its name
_Side = tuple[int, int]
_SIDES: tuple[_Side, ...] = tuple((across, up) for up in (1, -1) for across in (1, -1))


def draw_names(named: Sequence[tuple[str, float, float]], points: Floats, ax: Any) -> None:
    """Write the names of points. A name that would cover another one is left out.

    Parameters
    ----------
    named : sequence of (str, float, float)
        Names and their points, the most important first.
    points : array, shape (points, 2)
        All points of the picture, which names had better not cover.
    ax : matplotlib.axes.Axes
        Where to. Everything else is drawn already.
    """
    ax.autoscale_view()  # matplotlib would set the limits of the axes later
    shown = ax.transData.transform(points)
    taken: list[Any] = []
    for name, x, y in named:
        text = ax.annotate(
            literal(name), (x, y), xytext=(0, 0), textcoords="offset points", fontsize="small"
        )
        best = min((_cost(text, side, shown, taken, ax), side) for side in _SIDES)
        box = _put(text, best[1])
        if box.count_overlaps(taken):
            text.remove()
        else:
            taken.append(box)


def _put(text: Any, side: _Side) -> Any:
    """Move a name to one side of its point, and return the rectangle that it fills."""
    across, up = side
    text.set_position((_BESIDE * across, _ABOVE * up))
    text.set(ha="left" if across > 0 else "right", va="bottom" if up > 0 else "top")
    return text.get_window_extent()


def _cost(text: Any, side: _Side, shown: Floats, taken: list[Any], ax: Any) -> tuple[int, ...]:
    """Return how bad a side is: out of the axes, on another name, on points, on the diagonal."""
    box = _put(text, side)
    is_outside = not (ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1)
    is_outside |= not (ax.bbox.y0 <= box.y0 and box.y1 <= ax.bbox.y1)
    n_covered = np.sum(np.all((shown >= box.min) & (shown <= box.max), axis=-1))
    corners = ax.transData.inverted().transform(box.corners())
    is_on_diagonal = len(set(np.sign(corners[:, 1] - corners[:, 0]))) > 1
    return int(is_outside), box.count_overlaps(taken), int(n_covered), int(is_on_diagonal)
