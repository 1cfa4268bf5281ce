"""Taylor's remainder against the step, with the slopes of a right and of a wrong claim."""

from __future__ import annotations

from typing import Any

import numpy as np

from checkgrad.report.plots.style import BLUE, GREY, LEGEND_BELOW, ORANGE, literal, scale_by_step
from checkgrad.report.sampled import DirectionSamples
from checkgrad.report.taylor import remainder

_SLOPES = ((1, "slope 1: a wrong claim", "--"), (2, "slope 2: a right claim", ":"))


def draw_taylor(samples: DirectionSamples, ax: Any) -> None:
    """Draw the remainder along one direction.

    Parameters
    ----------
    samples : DirectionSamples
        What was sampled along it.
    ax : matplotlib.axes.Axes
        Where to.
    """
    found = remainder(samples)
    shown = found.size > 0
    step, size = found.step[shown], found.size[shown]
    ax.plot(step, size, "o-", color=BLUE, label="|f(x0 + h v) - f(x0) - h claim|")
    if np.any(found.noise > 0):
        ax.plot(found.step, found.noise, color=ORANGE, label="noise of func")
    for slope, name, style in _SLOPES if step.size else ():
        line = size[-1] * (step / step[-1]) ** slope
        above = line >= min(size.min(), found.noise.max())  # below there is nothing to compare with
        ax.plot(step[above], line[above], style, color=GREY, label=name)
    scale_by_step(ax, "remainder")
    rate = "the rate is hidden in noise" if found.rate is None else f"rate {found.rate:.2f}"
    ax.set_title(literal(f"{samples.where}: {rate}"))
    ax.legend(**LEGEND_BELOW)
