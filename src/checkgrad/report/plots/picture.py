"""The picture of a report in HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkgrad.report.plots.canvas import svg_of
from checkgrad.report.plots.choose import CAPTIONS, chosen_kind, drawing

if TYPE_CHECKING:
    from checkgrad.report.report import Report


def svg_picture(report: Report) -> tuple[str, str]:
    """Return what the picture shows, in words, and the picture as SVG.

    Both are empty if there is no picture, the latter also if matplotlib is not installed.

    Parameters
    ----------
    report : Report
        The report.
    """
    kind = chosen_kind(report)
    if not kind:
        return "", ""
    return CAPTIONS[kind], svg_of(drawing(report, kind, None))
