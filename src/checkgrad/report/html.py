"""A report as a notebook shows it.

This module owns the tags and colours. `text` owns the words.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from checkgrad.numerics.decisions import Verdict
from checkgrad.report.text import (
    MAX_MISMATCHES,
    error_bound_in_words,
    footer,
    headline,
    mismatch_cells,
)

if TYPE_CHECKING:
    from checkgrad.report.report import Report

_COLOURS = {Verdict.CORRECT: "#1a7f37", Verdict.WRONG: "#cf222e", Verdict.INCONCLUSIVE: "#9a6700"}


def render_html(report: Report) -> str:
    """Return the report as HTML. All text is escaped, since parts of it come from the user."""
    colour = _COLOURS[report.verdict]
    verdict = escape(report.verdict.value)
    rest = escape(headline(report).removeprefix(report.verdict.value))
    parts = [f'<div><p><strong style="color: {colour}">{verdict}</strong>{rest}</p>']
    if report.mismatches:
        rows = [mismatch_cells(mismatch) for mismatch in report.mismatches[:MAX_MISMATCHES]]
        parts.append(f"<table>{''.join(_table_row(cells) for cells in rows)}</table>")
    if bound := error_bound_in_words(report):
        parts.append(f"<p>{escape(bound)}</p>")
    if report.hints:
        items = "".join(f"<li>{escape(hint)}</li>" for hint in report.hints)
        parts.append(f"<ul>{items}</ul>")
    parts.append(f"<p><small>{escape(footer(report))}</small></p></div>")
    return "".join(parts)


def _table_row(cells: tuple[str, ...]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
