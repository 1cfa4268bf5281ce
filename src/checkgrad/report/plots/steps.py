"""The error of difference quotients against the step: why is a claim inconclusive?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from checkgrad.report.plots.style import (
    BLUE,
    GREY,
    LEGEND_BELOW,
    ORANGE,
    PURPLE,
    VERMILION,
    literal,
    scale_by_step,
)
from checkgrad.report.sampled import DirectionSamples
from checkgrad.report.step_errors import CENTRAL_ORDER, StepErrors, step_errors


def draw_steps(samples: DirectionSamples, ax: Any) -> None:
    """Draw the errors along one direction.

    Parameters
    ----------
    samples : DirectionSamples
        What was sampled along it.
    ax : matplotlib.axes.Axes
        Where to.
    """
    errors = step_errors(samples)
    for side, marker, name in ((1, ">", "to the right"), (-1, "<", "to the left")):
        here = np.sign(errors.one_sided_step) == side
        x, y = np.abs(errors.one_sided_step[here]), _shown(errors.one_sided[here])
        ax.plot(x, y, marker, markersize=4, color=GREY, alpha=0.6, label=f"quotient {name}")
    ax.plot(errors.step, _shown(errors.central), "o-", color=BLUE, label="central quotient")
    ax.plot(errors.floor_step, _shown(errors.floor), "--", color=ORANGE, label="noise floor")
    _draw_truncation(errors, ax)
    for value, style, name in (
        (errors.claim_error, "-", "claim less estimate"),
        (errors.uncertainty, ":", "uncertainty of the estimate"),
    ):
        if math.isfinite(value) and value > 0:
            ax.axhline(value, color=VERMILION, linestyle=style, linewidth=1, label=name)
    if math.isfinite(errors.fitted_step):
        ax.axvline(errors.fitted_step, color=GREY, label="estimate: fitted to steps up to here")
    scale_by_step(ax, "error of the derivative")
    ax.set_title(literal(f"{samples.where}: {samples.decision}"))
    ax.legend(**LEGEND_BELOW)


def _draw_truncation(errors: StepErrors, ax: Any) -> None:
    if errors.truncation is None:
        return
    line = errors.truncation * errors.step**CENTRAL_ORDER
    seen = errors.central[errors.central > 0]
    above = line >= seen.min()  # below, the line would only stretch the axis
    ends, line = errors.step[above][[0, -1]], line[above][[0, -1]]
    ax.plot(ends, line, ":", color=PURPLE, linewidth=2, label=f"truncation, slope {CENTRAL_ORDER}")


def _shown(errors: Any) -> Any:
    """Return errors with gaps where axes with powers of ten have no place for them."""
    return np.where(errors > 0, errors, np.nan)
