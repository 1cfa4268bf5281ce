"""A report as text, HTML and a dictionary: the answer first, then the evidence, then the way on."""

from __future__ import annotations

import dataclasses
import html
import math
from typing import TYPE_CHECKING, Any

from checkgrad.numerics.decisions import Verdict

if TYPE_CHECKING:
    from checkgrad.report.report import Mismatch, Report

_MOST_DIGITS = 12
_SHOWN = 8  # mismatches that a text lists
_KINDS = {  # what is checked: of a gradient or of another form, along all axes or tangents
    (True, True): ("coordinate", "coordinates"),
    (True, False): ("tangent", "tangents"),
    (False, True): ("entry", "entries"),
    (False, False): ("directional derivative", "directional derivatives"),
}
_COLOURS = {Verdict.CORRECT: "#1a7f37", Verdict.WRONG: "#cf222e", Verdict.INCONCLUSIVE: "#9a6700"}


def render_text(report: Report) -> str:
    """The report as a person reads it in a terminal."""
    lines = [_headline(report)]
    rows = [_row(mismatch) for mismatch in report.mismatches[:_SHOWN]]
    if rows:
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            lines.append(("  " + "  ".join(cells) + f"  {row[3]}").rstrip())
        listed = report.n_wrong if report.verdict is Verdict.WRONG else report.n_unresolved
        hidden = listed - len(rows)
        if hidden > 0:
            lines.append(f"  ... and {hidden} more")
    lines += [f"  * {hint}" for hint in report.hints if hint not in lines[0]]
    lines.append(_footer(report))
    return "\n".join(lines)


def render_html(report: Report) -> str:
    """The report as a notebook shows it. Everything that comes from the user is escaped."""
    colour = _COLOURS[report.verdict]
    verdict = html.escape(report.verdict.value)
    rest = html.escape(_headline(report).removeprefix(report.verdict.value))
    parts = [f'<div><p><strong style="color: {colour}">{verdict}</strong>{rest}</p>']
    if report.mismatches:
        cells = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _row(mismatch)) + "</tr>"
            for mismatch in report.mismatches[:_SHOWN]
        )
        parts.append(f"<table>{cells}</table>")
    if report.hints:
        items = "".join(f"<li>{html.escape(hint)}</li>" for hint in report.hints)
        parts.append(f"<ul>{items}</ul>")
    parts.append(f"<p><small>{html.escape(_footer(report).strip())}</small></p></div>")
    return "".join(parts)


def render_dict(report: Report) -> dict[str, Any]:
    """The report as JSON takes it."""
    found = {field.name: getattr(report, field.name) for field in dataclasses.fields(report)}
    found["verdict"] = report.verdict.value
    found["hints"] = list(report.hints)
    found["mismatches"] = [
        {name: _json_number(value) for name, value in dataclasses.asdict(mismatch).items()}
        for mismatch in report.mismatches
    ]
    return {name: _json_number(value) for name, value in found.items()}


def _json_number(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _headline(report: Report) -> str:
    kind, plural = _KINDS[report.form == "grad", report.direction == "all"]
    count = f"{report.n_checked} {kind if report.n_checked == 1 else plural}"
    if report.verdict is Verdict.CORRECT:
        digits = _digits(report.resolution)
        places = f"all {count}" if report.n_checked > 1 else f"the only {kind}"
        return f"correct: claim and estimate agree at {places}, to {digits}"
    if report.verdict is Verdict.WRONG:
        if report.n_wrong == 0:
            return f"wrong: {report.hints[0]}"
        size = (
            f"off by {report.relative_error:.2g} times its size"
            if report.relative_error >= 10
            else f"off by {_percent(report.relative_error)}"
        )
        size = f"{size} (2-norm)" if math.isfinite(report.relative_error) else "not finite"
        rest = f" ({report.n_unresolved} not looked at as closely)" if report.n_unresolved else ""
        return f"wrong: the claim is {size}, at {report.n_wrong} of {count}{rest}"
    if report.n_checked == 0:
        return "inconclusive: func is not deterministic"
    if report.n_unresolved == 0:
        return f"inconclusive: {report.hints[0]}"
    return f"inconclusive: {report.n_unresolved} of {count} could not be resolved"


def _digits(resolution: float) -> str:
    """The digits that agree, rounded down to one decimal."""
    if resolution <= 0:
        return "the last digit"
    return f"{math.floor(-10 * math.log10(resolution)) / 10:.1f} digits or better"


def _percent(relative: float) -> str:
    return f"{100 * relative:.2g}%" if relative < 0.995 else f"{100 * relative:.0f}%"


def _row(mismatch: Mismatch) -> tuple[str, str, str, str]:
    remark = "" if mismatch.wrong else "unresolved"
    estimate = "estimate: none"
    if math.isfinite(mismatch.estimate):
        estimate = f"estimate {_with_uncertainty(mismatch.estimate, mismatch.uncertainty)}"
    digits = max(10, _digits_left(mismatch.estimate, mismatch.uncertainty))
    return mismatch.where, f"claim {mismatch.claim:.{digits}g}", estimate, remark


def _with_uncertainty(value: float, uncertainty: float) -> str:
    """A value to the digits that its uncertainty leaves."""
    if not math.isfinite(uncertainty):
        return f"{value:.3g} (of unknown uncertainty)"
    if uncertainty == 0 or value == 0:
        return f"{value:.10g} ± {uncertainty:.1g}"
    return f"{value:.{max(_digits_left(value, uncertainty), 1)}g} ± {uncertainty:.1g}"


def _digits_left(value: float, uncertainty: float) -> int:
    """The digits of a value that its uncertainty leaves, of the twelve that a report shows."""
    if not (math.isfinite(value) and math.isfinite(uncertainty) and value and uncertainty):
        return 0
    digits = math.floor(math.log10(abs(value))) - math.floor(math.log10(uncertainty)) + 1
    return min(digits, _MOST_DIGITS)


def _footer(report: Report) -> str:
    return (
        f"  {report.n_func} evaluations of func, {report.n_grad} of the claim; {report.dtype} on "
        f"{report.device} ({report.backend}); rtol {report.rtol:.0e}; noise of func "
        f"{report.noise:.1e}"
    )
