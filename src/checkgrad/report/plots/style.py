"""The colours and marks of decisions: told apart also by who sees no colours, on any page."""

from __future__ import annotations

from typing import Any

import numpy as np

# Of Okabe and Ito, "Color universal design", 2008. Orange and purple are darker than theirs, and
# blue is lighter: each has a contrast of 3 or more both with white and with dark grey pages.
BLUE, ORANGE, VERMILION = "#1a80c4", "#c48600", "#d55e00"
PURPLE, GREY = "#bf6a99", "#808080"

# By decision: what marks a point.
MARKS: dict[str, dict[str, Any]] = {
    "correct": {"marker": "o", "color": BLUE},
    "inconclusive": {"marker": "^", "color": ORANGE},
    "wrong": {"marker": "X", "color": VERMILION},
}
MOST_SHAPES = 2000  # points that a file holds one by one; more are drawn as pixels

_FEWEST_DECADES = 2.0  # of an axis with powers of ten, so that at least two have a label

# Where a legend covers no points.
LEGEND_BELOW: dict[str, Any] = {
    "loc": "upper center",
    "bbox_to_anchor": (0.5, -0.17),
    "ncols": 2,
    "fontsize": "small",
    "framealpha": 0,
}
LEGEND_ABOVE: dict[str, Any] = {
    "loc": "lower center",
    "bbox_to_anchor": (0.5, 1.0),
    "ncols": 2,
    "fontsize": "small",
    "framealpha": 0,
}


def scale_by_step(ax: Any, name: str) -> None:
    """Give axes logarithmic scales and labels: the step, and what depends on it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.
    name : str
        What depends on the step.
    """
    ax.set_xscale("log")
    ax.set_yscale("log")
    for limits, set_limits in ((ax.get_xlim(), ax.set_xlim), (ax.get_ylim(), ax.set_ylim)):
        low, high = np.log10(limits)
        if high - low < _FEWEST_DECADES:  # labels would stand between the decades, and overlap
            set_limits(10 ** np.floor(low), 10 ** np.ceil(high))
    ax.set_xlabel("step h")
    ax.set_ylabel(name)


def literal(text: str) -> str:
    """Return a text so that matplotlib draws every character of it.

    Matplotlib takes what is between two dollar signs for a formula, and fails at what is none.
    Names of the user's may have such signs.

    Parameters
    ----------
    text : str
        What is to be seen.
    """
    return text.replace("$", r"\$")
