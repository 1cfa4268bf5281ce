"""Which picture of a report is drawn, and of what."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from checkgrad.arrays.messages import quote
from checkgrad.numerics.decisions import Verdict
from checkgrad.report.agreement import agreement_points
from checkgrad.report.leaf_errors import LeafErrors, images
from checkgrad.report.plots.agreement import draw_agreement
from checkgrad.report.plots.image import draw_image
from checkgrad.report.plots.steps import draw_steps
from checkgrad.report.plots.taylor import draw_taylor
from checkgrad.report.sampled import DirectionSamples
from checkgrad.report.summary import summary

if TYPE_CHECKING:
    from checkgrad.report.report import Report

Kind: TypeAlias = Literal["auto", "agreement", "image", "steps", "taylor"]
KINDS = get_args(Kind)
CAPTIONS = {
    "agreement": "claim against estimate",
    "image": "relative error of the claim",
    "steps": "error of difference quotients against the step",
    "taylor": "Taylor's remainder against the step",
}
_ARGUMENT = re.compile(r"[^\W\d]\w*(?=$|\.|\[)")  # the name in front of a path, as of x[3]


def chosen_kind(report: Report) -> str:
    """Return the picture that says the most about a report; empty if there is none.

    Parameters
    ----------
    report : Report
        The report.
    """
    if report.verdict is Verdict.INCONCLUSIVE and report.samples:
        return "steps"
    if not report.comparisons:
        return ""
    is_single = len(report.comparisons) == 1 and len(images(report.comparisons)) == 1
    is_single = is_single and len(report.comparisons[0].inputs.arrays) == 1
    return "image" if is_single and report.verdict is Verdict.WRONG else "agreement"


def drawing(report: Report, kind: str, where: str | int | None) -> Callable[[Any], None]:
    """Return what draws a picture into axes.

    Parameters
    ----------
    report : Report
        The report.
    kind, where
        As in `checkgrad.Report.plot`.

    Raises
    ------
    ValueError
        If `kind` or `where` has no meaning, or the report has no such picture.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {quote(kind)}; pass one of {', '.join(map(repr, KINDS))}")
    if kind == "auto":
        kind = chosen_kind(report) if where is None else _kind_of_place(report, where)
    if kind in ("steps", "taylor"):
        draw = draw_steps if kind == "steps" else draw_taylor
        return partial(draw, _line(report.samples, where))
    if not report.comparisons:
        raise ValueError("nothing was compared, so there is nothing to plot")
    if kind == "image":
        found = images(report.comparisons)
        return partial(draw_image, _image(found, _path(report, found, where)))
    if where is not None:
        raise ValueError(
            f"where is {quote(where)}, and kind='agreement' shows all places; pass no where, or "
            "another kind"
        )
    points = agreement_points(report.comparisons, report.mismatches)
    return partial(draw_agreement, points, summary(report))


def _line(samples: Sequence[DirectionSamples], where: str | int | None) -> DirectionSamples:
    """Return the samples along a direction; along the first if the user names none."""
    if not samples:
        raise ValueError(
            "the report has no samples; pass keep_samples=True to the check (with "
            "direction='all', a gradient of more than 16,384 coordinates keeps none: pass "
            "direction='random' too)"
        )
    if isinstance(where, int) and -len(samples) <= where < len(samples):
        return samples[where]
    names = [each.where for each in samples]
    if where is None or where in names:
        return samples[0 if where is None else names.index(str(where))]
    raise ValueError(f"where is {quote(where)}, of which no samples are kept; {_one_of(names)}")


def _image(found: Sequence[LeafErrors], where: str | int | None) -> LeafErrors:
    """Return the image of an array; of that with the most wrong entries if the user names none."""
    if not found:
        raise ValueError(
            "an image needs an array of two dimensions that is compared along its coordinates; "
            "pass kind='agreement'"
        )
    if where is None:
        return found[0]
    names = [each.name for each in found]
    if where in names:
        return found[names.index(str(where))]
    raise ValueError(
        f"where is {quote(where)}, which is no array of two dimensions; {_one_of(names)}"
    )


def _kind_of_place(report: Report, where: str | int) -> str:
    """Return the picture that shows one place."""
    found = images(report.comparisons)
    names = [each.name for each in found]
    return "image" if _path(report, found, where) in names else "steps"


def _path(report: Report, found: Sequence[LeafErrors], where: str | int | None) -> str | int | None:
    """Return an array's place without the name of func's argument, which the report's text has.

    A report that names no place does not know the argument. Any name is taken for it then.
    """
    named = _ARGUMENT.match(where) if isinstance(where, str) else None
    if named is None or where in [each.name for each in found]:
        return where
    places = [each.where for each in report.mismatches]
    places += [each.where for each in report.samples]
    arguments = {name.group() for each in places if (name := _ARGUMENT.match(each))}
    is_known = named.group() in arguments or not arguments
    return named.string[named.end() :] if is_known else where


def _one_of(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:5]))
    return f"pass one of {shown}" + (", ..." if len(names) > 5 else "")
