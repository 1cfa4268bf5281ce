"""The colours and marks of decisions: told apart also by who sees no colours, on any page."""

from __future__ import annotations

from typing import Any

# Of Okabe and Ito, "Color universal design", 2008.
BLUE, ORANGE, VERMILION = "#0072b2", "#e69f00", "#d55e00"
PURPLE, GREY = "#cc79a7", "#888888"

# By decision: what marks a point.
MARKS: dict[str, dict[str, Any]] = {
    "correct": {"marker": "o", "color": BLUE},
    "inconclusive": {"marker": "^", "color": ORANGE},
    "wrong": {"marker": "X", "color": VERMILION},
}
MOST_SHAPES = 2000  # points that a file holds one by one; more are drawn as pixels

# Where a legend covers no points.
LEGEND_BELOW: dict[str, Any] = {
    "loc": "upper center",
    "bbox_to_anchor": (0.5, -0.17),
    "ncols": 2,
    "fontsize": "x-small",
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
