"""Claim against estimate: every point off the diagonal is a difference."""

from __future__ import annotations

from typing import Any

import numpy as np

from checkgrad.report.agreement import AgreementPoints
from checkgrad.report.plots.names import draw_names
from checkgrad.report.plots.style import GREY, LEGEND_BELOW, MARKS, MOST_SHAPES, literal

_LABELLED = 3  # points that are labelled with their place


def draw_agreement(points: AgreementPoints, title: str, ax: Any) -> None:
    """Draw claim against estimate.

    Parameters
    ----------
    points : AgreementPoints
        The numbers.
    title : str
        What is seen.
    ax : matplotlib.axes.Axes
        Where to.
    """
    low, high = points.limits
    ax.plot([low, high], [low, high], color=GREY, linewidth=1, zorder=1, label="claim = estimate")
    for decision, mark in MARKS.items():
        here = points.decision == decision
        if not np.any(here):
            continue
        x, y = points.estimate[here], points.claim[here]
        are_many = x.size > MOST_SHAPES
        name = f"{decision} ({x.size})"
        ax.scatter(x, y, s=30, label=name, zorder=2, rasterized=are_many, **mark)
        if not are_many:
            spread = points.uncertainty[here]
            ax.errorbar(x, y, xerr=spread, fmt="none", ecolor=mark["color"], linewidth=1, zorder=1)
    if points.linear_up_to is not None:
        for scale in (ax.set_xscale, ax.set_yscale):
            scale("symlog", linthresh=points.linear_up_to)
    if points.missing:
        ax.plot([], [], " ", label=f"not finite ({points.missing})")
    ax.set_xlabel("estimate")
    ax.set_ylabel("claim")
    ax.set_title(literal(title), fontsize="medium", wrap=True)
    ax.legend(**LEGEND_BELOW)
    draw_names(points.named[:_LABELLED], np.column_stack([points.estimate, points.claim]), ax)
