"""A report as a person reads it in a terminal.

This module owns the order of a report (the verdict, then the evidence, then what to do) and the
way numbers are written. `html` shows the same lines in a notebook.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from checkgrad.numerics.decisions import Verdict
from checkgrad.report.dtypes import how_written

if TYPE_CHECKING:
    from checkgrad.report.mismatch import Mismatch
    from checkgrad.report.report import Report

MAX_MISMATCHES = 8  # that a person is shown: a screen with a few of them tells as much as all

_SLACK = 1e-12  # relative: what rounding adds to a number is not rounded up
_APART = 2.0  # times the error in the 2-norm that the worst single error is told apart from it
_MAX_DIGITS = 12
_MIN_DIGITS_OF_CLAIM = 10
_KINDS = {  # what is checked: (of a gradient?, along all axes?)
    (True, True): ("coordinate", "coordinates"),
    (True, False): ("tangent", "tangents"),
    (False, True): ("entry", "entries"),
    (False, False): ("directional derivative", "directional derivatives"),
}


def render_text(report: Report) -> str:
    """Return the report as a person reads it in a terminal."""
    lines = [headline(report), *_table(report)]
    if bound := error_bound_in_words(report):
        lines.append(f"  {bound}")
    lines += [f"  * {hint}" for hint in report.hints if hint not in lines[0]]
    lines.append(f"  {footer(report)}")
    return "\n".join(lines)


def printable(text: str) -> str:
    """Return a text such that the console can show it: an old one may know ASCII alone."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.replace("±", "+-")
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:  # an encoding that Python does not know
        return text
    return text


def headline(report: Report) -> str:
    """Return the verdict and its reason, in one line."""
    if report.verdict is Verdict.CORRECT:
        return _headline_of_correct(report)
    if report.verdict is Verdict.WRONG:
        return _headline_of_wrong(report)
    if not report.complete:
        return _headline_of_incomplete(report)
    if report.n_checked == 0:
        return "inconclusive: func is not deterministic"
    if report.n_unresolved == 0:
        return f"inconclusive: {report.hints[0]}"
    return f"inconclusive: {report.n_unresolved} of {count_in_words(report)} could not be resolved"


def error_bound_in_words(report: Report) -> str:
    """Return how large the error may be along other directions; empty if that is no question.

    Where all coordinates were checked, there are no others.
    """
    bound, confidence = report.error_bound, report.confidence
    if bound is None or confidence is None or not 0 < confidence < 1 or not bound < 1:
        return ""
    if report.verdict is Verdict.WRONG:  # the headline has the size of the error
        return ""
    return f"with {confidence:.0%} confidence the relative error is below {_rounded_up(bound)}"


def mismatch_cells(mismatch: Mismatch) -> tuple[str, str, str, str]:
    """Return the cells of one row of the table: the place, the claim, the estimate, a remark."""
    claim, value, uncertainty = mismatch_numbers(mismatch)
    estimate = "estimate: none"
    if value:
        spread = f" ± {uncertainty}" if uncertainty else " (of unknown uncertainty)"
        estimate = f"estimate {value}{spread}"
    return mismatch.where, f"claim {claim}", estimate, remark_on(mismatch)


def mismatch_numbers(mismatch: Mismatch) -> tuple[str, str, str]:
    """Return the claim, the estimate and its uncertainty, with the digits that are certain.

    The last two are empty where they are not known.
    """
    value, uncertainty = mismatch.estimate, mismatch.uncertainty
    digits = _certain_digits(value, uncertainty)
    claim = f"{mismatch.claim:.{max(_MIN_DIGITS_OF_CLAIM, digits)}g}"
    if not math.isfinite(value):
        return claim, "", ""
    if not math.isfinite(uncertainty):
        return claim, f"{value:.3g}", ""
    if uncertainty == 0 or value == 0:
        return claim, f"{value:.10g}", f"{uncertainty:.1g}"
    return claim, f"{value:.{max(digits, 1)}g}", f"{uncertainty:.1g}"


def remark_on(mismatch: Mismatch) -> str:
    """Return what there is to say of a mismatch that is not wrong."""
    return "" if mismatch.wrong else "unresolved"


def footer(report: Report) -> str:
    """Return what the check cost, and on which arrays it ran."""
    dtypes = ""
    if report.evaluated_in != report.dtype:
        dtypes = f", evaluated in {report.evaluated_in}"
    is_right = report.verdict is Verdict.CORRECT
    if is_right and report.digits is not None and math.isfinite(report.digits):
        how = how_written(report.dtype)
        dtypes += f"; {how} the claim keeps {report.digits:.1f} digits"
    evaluations = "1 evaluation" if report.n_func == 1 else f"{report.n_func} evaluations"
    line = (
        f"{evaluations} of func, {report.n_grad} of the claim; {report.dtype} on "
        f"{report.device} ({report.backend}){dtypes}; rtol {report.rtol:.0e}; noise of func "
        f"{report.noise:.1e}"
    )
    return "; ".join([line, *report.remarks])


def _table(report: Report) -> list[str]:
    """Return one line for each of the worst mismatches, in columns, and the number of the rest."""
    rows = [mismatch_cells(mismatch) for mismatch in report.mismatches[:MAX_MISMATCHES]]
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for *aligned, remark in rows:
        cells = [cell.ljust(width) for cell, width in zip(aligned, widths, strict=True)]
        lines.append("  ".join(["", *cells, remark]).rstrip())
    if more := more_than_shown(report):
        lines.append(f"  ... and {more} more")
    return lines


def more_than_shown(report: Report) -> int:
    """Return how many places there are besides those that a person is shown."""
    total = report.n_wrong if report.verdict is Verdict.WRONG else report.n_unresolved
    return max(0, total - len(report.mismatches[:MAX_MISMATCHES]))


def kind_in_words(report: Report) -> tuple[str, str]:
    """Return what one of the things that the report names is called, and several of them."""
    return _KINDS[report.form == "grad", report.located or report.direction == "all"]


def _kind(report: Report) -> tuple[str, str]:
    """Return what one of the things that were checked is called, and several of them."""
    return _KINDS[report.form == "grad", report.direction == "all"]


def count_in_words(report: Report) -> str:
    """Return how many things were checked, e.g. ``4 coordinates``."""
    singular, plural = _kind(report)
    return f"{report.n_checked} {singular if report.n_checked == 1 else plural}"


def _headline_of_correct(report: Report) -> str:
    singular, _ = _kind(report)
    places = f"all {count_in_words(report)}" if report.n_checked > 1 else f"the only {singular}"
    return f"correct: claim and estimate agree at {places}, to {agreement(report.resolution)}"


def _headline_of_incomplete(report: Report) -> str:
    line = f"inconclusive: incomplete, since {report.stopped}"
    if report.n_unresolved:
        line += f"; {report.n_unresolved} of {count_in_words(report)} not decided"
    return line


def _headline_of_wrong(report: Report) -> str:
    if report.n_wrong == 0:
        return f"wrong: {report.hints[0]}"
    relative = report.relative_error
    if not math.isfinite(relative):
        size = "not finite"
    elif relative >= 10:
        size = f"off by {relative:.2g} times its size (2-norm)"
    else:
        size = f"off by {percent(relative)} (2-norm)"
    worst = report.worst_relative_error
    if math.isfinite(relative) and math.isfinite(worst) and worst > _APART * relative:
        singular, _ = kind_in_words(report)
        size = f"{size.removesuffix(')')}; the worst {singular} by {percent(worst)})"
    rest = f" ({report.n_unresolved} not looked at as closely)" if report.n_unresolved else ""
    rest += "" if report.complete else "; incomplete"
    places = f"{report.n_wrong} of {count_in_words(report)}"
    if report.located:
        singular, plural = kind_in_words(report)
        kind = singular if report.n_wrong == 1 else plural
        places = f"{report.n_wrong} {kind} found along {report.direction}"
    return f"wrong: the claim is {size}, at {places}{rest}"


def _rounded_up(number: float) -> str:
    """Return a number with one digit, not below it."""
    if number <= 0:
        return "0"
    unit = 10.0 ** math.floor(math.log10(number))
    return f"{math.ceil(number / unit * (1 - _SLACK)) * unit:.0e}"


def agreement(resolution: float) -> str:
    """Return the number of digits that agree, rounded down to one decimal."""
    if resolution <= 0:
        return "the last digit"
    if resolution >= 1:  # rounding explains all of a small derivative
        return "within rounding"
    return f"{math.floor(-10 * math.log10(resolution)) / 10:.1f} digits or better"


def percent(relative: float) -> str:
    """Return a percentage of two digits; ``:.2g`` alone would write 100% as 1e+02%."""
    return f"{100 * relative:.2g}%" if relative < 0.995 else f"{100 * relative:.0f}%"


def _certain_digits(value: float, uncertainty: float) -> int:
    """Return how many digits of a value its uncertainty leaves, at most those that are shown."""
    if not (math.isfinite(value) and math.isfinite(uncertainty) and value and uncertainty):
        return 0
    digits = math.floor(math.log10(abs(value))) - math.floor(math.log10(uncertainty)) + 1
    return min(digits, _MAX_DIGITS)
