"""The relative error of an array of two dimensions, with marks on wrong entries and on gaps."""

from __future__ import annotations

from typing import Any

import numpy as np

from checkgrad.report.leaf_errors import LeafErrors
from checkgrad.report.plots.style import GREY, LEGEND_ABOVE, VERMILION, literal

_MOST_MARKS = 400  # of one kind; more of them would cover the image
_ELONGATED = 8.0  # times longer than wide: entries are no squares then


def draw_image(errors: LeafErrors, ax: Any) -> None:
    """Draw the relative errors.

    Parameters
    ----------
    errors : LeafErrors
        The numbers.
    ax : matplotlib.axes.Axes
        Where to.
    """
    rows, columns = errors.relative_error.shape
    is_long = max(rows, columns) > _ELONGATED * min(rows, columns)
    image = ax.imshow(
        errors.relative_error,
        norm="log",
        clim=(errors.low, errors.high),
        cmap="cividis",
        aspect="auto" if is_long else "equal",
        interpolation="nearest",
    )
    ax.figure.colorbar(image, ax=ax, label="relative error")
    square = {"marker": "s", "s": 60, "facecolors": "none", "edgecolors": VERMILION}
    cross = {"marker": "x", "s": 25, "color": GREY}
    marks = (
        (errors.wrong, "wrong", {**square, "linewidths": 2}),
        (np.isnan(errors.relative_error) & ~errors.wrong, "not compared", cross),
    )
    has_legend = False
    for is_marked, name, style in marks:
        down, across = np.nonzero(is_marked)
        if 0 < down.size <= _MOST_MARKS:
            ax.scatter(across, down, label=f"{name} ({down.size})", **style)
            has_legend = True
    if has_legend:
        ax.legend(**LEGEND_ABOVE)
    ax.set_xlabel("column")
    ax.set_ylabel("row")
    ax.set_title(literal(errors.name), pad=24 if has_legend else None)
