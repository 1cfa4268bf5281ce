"""The relative error of an array of two dimensions, its wrong entries marked."""

from __future__ import annotations

from typing import Any

import numpy as np

from checkgrad.report.leaf_errors import LeafErrors
from checkgrad.report.plots.style import VERMILION, literal

_MOST_MARKS = 400  # wrong entries; more of them would cover the image
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
    wrong = np.argwhere(errors.wrong)
    if 0 < len(wrong) <= _MOST_MARKS:
        down, across = wrong.T
        edge = {"facecolors": "none", "edgecolors": VERMILION, "linewidths": 2}
        ax.scatter(across, down, marker="s", s=60, label=f"wrong ({len(wrong)})", **edge)
        ax.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), framealpha=0)
    ax.set_xlabel("column")
    ax.set_ylabel("row")
    ax.set_title(literal(errors.name), pad=24 if len(wrong) else None)
