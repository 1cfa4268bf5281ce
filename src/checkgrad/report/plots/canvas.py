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
_INKED = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
_STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "checkgrad",  # the same picture has the same names of its parts
    "font.family": "sans-serif",
    **dict.fromkeys(_INKED, _INK),
}
# A figure in a notebook is an image, which does not know whether its page is light or dark. So it
# has no background, and a grey that is legible on both. Notebooks put white behind a figure without
# a background if all its tick labels are dark (below half of full brightness), and black if all are
# light. So the labels of one axis are just below half, and those of the other just above.
ON_ANY_PAGE = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    **dict.fromkeys(_INKED, "#7a7a7a"),
    "ytick.color": "#818181",
}


def draw_on_new_axes(draw: Callable[[Any], Any]) -> Any:
    """Draw on the axes of a new figure, which ``matplotlib.pyplot.show`` shows, and return them.

    Parameters
    ----------
    draw : callable
        Draws into axes.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(_MISSING) from error
    # The first figure loads the backend. That of notebooks changes settings, which are to last.
    figure = plt.figure(layout="constrained")
    style = _style_of_page(mpl)
    with mpl.rc_context(style):
        ax = figure.subplots()
        draw(ax)
    if style:
        figure.set_facecolor(style["figure.facecolor"])
        for each in figure.axes:  # ticks that matplotlib makes later too
            for side in ("x", "y"):
                color = style[f"{side}tick.color"]
                each.tick_params(axis=side, which="both", color=color, labelcolor=color)
    return ax


def _style_of_page(mpl: Any) -> dict[str, str]:
    """Return the style of a figure that a notebook puts into its page, and else no style.

    A style that the user has chosen is left alone.
    """
    if "inline" not in mpl.get_backend():
        return {}
    is_default = all(mpl.rcParams[key] == mpl.rcParamsDefault[key] for key in ON_ANY_PAGE)
    return ON_ANY_PAGE if is_default else {}


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
