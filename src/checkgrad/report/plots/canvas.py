"""Where pictures are drawn: on axes of the user's, on a new figure, or into HTML.

This is the only module that imports matplotlib.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

_MISSING = "report.plot needs matplotlib; install it with: pip install 'checkgrad[plot]'"
_SIZE = (6.0, 4.0)  # inches of a picture in HTML
_INK = "#010203"  # a colour of nobody's, in whose place HTML puts that of the text around
_STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "checkgrad",  # the same picture has the same names of its parts
    "font.family": "sans-serif",
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK
    ),
}


def new_axes() -> Any:
    """Return the axes of a new figure, which ``matplotlib.pyplot.show`` shows.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(_MISSING) from error
    _, ax = plt.subplots(layout="constrained")
    return ax


def svg_of(draw: Callable[[Any], Any]) -> str:
    """Return a picture as SVG for HTML, its text in the colour of the page; else an empty string.

    It is empty if matplotlib is not installed.

    Parameters
    ----------
    draw : callable
        Draws into axes.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        return ""
    written = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        ax = figure.subplots()
        ax.patch.set_visible(False)
        draw(ax)
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    svg = written.getvalue()
    return svg[svg.index("<svg") :].replace(_INK, "currentColor")
