"""What a user looks at of a report: arrays, pictures, pages.

This module owns the public methods and their documentation. Others make what they return.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from checkgrad.report.comparison import Comparison, Part
from checkgrad.report.html import render_html, render_page
from checkgrad.report.plots.canvas import draw_on_new_axes
from checkgrad.report.plots.choose import Kind, drawing
from checkgrad.report.sampled import DirectionSamples
from checkgrad.report.taylor import taylor_rate

if TYPE_CHECKING:
    from checkgrad.report.report import Report


class Views:
    """The part of a report that is to look at."""

    comparisons: tuple[Comparison, ...]
    samples: tuple[DirectionSamples, ...]

    @property
    def claim(self) -> Any:
        """The claim at all that was compared, in NumPy arrays.

        Like x0 for a gradient: an array, or a tree with the same keys. For a Jacobian, and for a
        jvp or vjp along the coordinates, an array of shape ``func(x0).shape + x0.shape``; where
        `func` returns a tree or x0 is one, a tree like x0 in the place of each array of `func`.
        For a vjp along cotangents of the user's, like x0, with an axis in front if there are
        several. Along tangents, one number for each tangent, and for `func` of several numbers one
        row for each number, or for each random sum of them. Nothing as large as x0 is kept then.

        The arrays are float64 and on the host, whatever x0 is: they are for looking at. A gradient
        is complex where x0 is. In a Jacobian, complex arrays have real and imaginary parts along
        the last of their axes. In a tree, None stands for what is not differentiated. For
        `verify_autodiff`, a dictionary with one entry for each mode. None where nothing was
        compared.

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import verify_grad
        >>> x0 = {"a": np.array([1.0, 3.0]), "b": np.array(2.0)}
        >>> report = verify_grad(
        ...     lambda x: np.sum(x["a"] ** 2) + x["b"], lambda x: {"a": 2 * x["a"], "b": 7.0}, x0
        ... )
        >>> report.claim["a"].tolist(), report.decisions["b"].tolist()
        ([2.0, 6.0], 'wrong')
        """
        return self._part("claim")

    @property
    def estimate(self) -> Any:
        """The estimate at all that was compared, of the structure of `claim`.

        At a kink, the valid derivative that is nearest to the claim. NaN where there is none. Of
        claims that were certified in a group, the estimate is that of the group: it has the digits
        that `rtol` asks for.

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import verify_grad
        >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, 3.0]))
        >>> np.round(report.estimate, 6).tolist()
        [2.0, 6.0]
        """
        return self._part("estimate")

    @property
    def uncertainty(self) -> Any:
        """The uncertainty of the comparison, of the structure of `claim`.

        That of the estimate, plus the rounding error of the claim. Where one step was enough to see
        that claim and estimate agree, it is what the two may be off by together. Infinite where it
        is not known.

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import verify_grad
        >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, 3.0]))
        >>> report.uncertainty.shape
        (2,)
        """
        return self._part("uncertainty")

    @property
    def decisions(self) -> Any:
        """What was decided, of the structure of `claim`, as strings.

        Each is "correct", "wrong", "inconclusive" or "not checked".

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import verify_grad
        >>> report = verify_grad(
        ...     lambda x: np.sum(x**2), lambda x: [2 * x[0], 0.0], np.array([1.0, 3.0])
        ... )
        >>> report.decisions.tolist()
        ['correct', 'wrong']
        """
        return self._part("decisions")

    def _part(self, name: Part) -> Any:
        found = self.comparisons
        if not found:
            return None
        if len(found) == 1:
            return found[0].part(name)
        return {each.label: each.part(name) for each in found}

    @property
    def rate(self) -> float | None:
        """The power of h by which Taylor's remainder ``f(x0 + h v) - f(x0) - h claim`` falls.

        It is 2 or more for a right claim, and 1 for a wrong one: the test of pymanopt and
        pyadjoint. It is the lowest one along the directions in `samples`, at the shortest steps
        that stand out of noise. An error that is small compared with curvature may not show in it,
        so that it is no verdict. None where it is not known: for a claim that few steps certify,
        pass ``keep_samples=True`` to the check.

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import verify_grad
        >>> func, x0 = lambda x: np.sum(np.exp(x)), np.array([1.0, 3.0])
        >>> round(verify_grad(func, lambda x: 2 * np.exp(x), x0).rate, 1)
        1.0
        >>> round(verify_grad(func, np.exp, x0, keep_samples=True).rate, 1)
        2.0
        """
        return taylor_rate(self.samples)

    def plot(self, kind: Kind = "auto", where: str | int | None = None, ax: Any = None) -> Any:
        """Draw the report by matplotlib.

        Parameters
        ----------
        kind : {"auto", "agreement", "image", "steps", "taylor"}
            What to draw. "agreement": the claim against the estimate, at all that was compared.
            "image": the relative error of an array of two dimensions, or of a Jacobian, with wrong
            entries marked. "steps": the error of difference quotients along one direction against
            the step, with the floor that noise makes, the slope of truncation, and where the
            estimate was taken: why is it inconclusive? "taylor": Taylor's remainder along one
            direction, with its rate, see `rate`. "auto": "steps" for an inconclusive check, "image"
            for a wrong gradient of one array of two dimensions, and else "agreement".
        where : str or int, optional
            Of what. For "steps" and "taylor" a direction in `samples`, as the report names it,
            ``"x[3]"`` for example, or its number there; by default the first. For "image" the path
            of an array, with or without the name of the argument; by default that with the most
            wrong entries. "auto" draws an image of an array, and the steps along a direction.
            "agreement" shows all places, and takes none.
        ax : matplotlib.axes.Axes, optional
            Where to draw. By default the axes of a new figure. In a notebook that figure has no
            background and is legible on light and dark pages, unless you have chosen a style.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the report has no such picture.

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import verify_grad
        >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, 3.0]))
        >>> report.plot("taylor", where="x[1]").get_title()
        'x[1]: rate 1.00'
        """
        draw = drawing(cast("Report", self), kind, where)
        if ax is None:
            return draw_on_new_axes(draw)
        draw(ax)
        return ax

    def to_html(self, path: str | Path) -> None:
        """Write the report to a file: a page for a browser, with a picture.

        The page is light or dark, as the browser is. It holds all it needs. The picture is there if
        matplotlib is installed.

        Parameters
        ----------
        path : str or Path
            The file. It is overwritten.

        Returns
        -------
        None
            The file is written.

        Raises
        ------
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import verify_grad
        >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, 3.0]))
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report.to_html(f"{folder}/report.html")
        """
        report = cast("Report", self)
        page = render_page(f"checkgrad: {report.verdict.value}", render_html(report, style=False))
        Path(path).write_text(page, encoding="utf-8")

    def _repr_html_(self) -> str:
        return render_html(cast("Report", self))
