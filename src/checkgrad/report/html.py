"""A report as a notebook or a browser shows it.

This module owns the tags and the style. `text` owns the words, and `checkgrad.report.plots` the
picture. Text has the colour of what is around it, so that it is legible on dark pages too.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from checkgrad.report.mismatch import Mismatch
from checkgrad.report.plots.picture import svg_picture
from checkgrad.report.text import (
    MAX_MISMATCHES,
    error_bound_in_words,
    footer,
    headline,
    mismatch_numbers,
    more_than_shown,
    percent,
    remark_on,
)

if TYPE_CHECKING:
    from checkgrad.report.report import Report

_LEAST_PERCENT = 1e-4  # a relative error that is smaller is no percentage
_LINE = "1px solid rgba(128, 128, 128, .4)"  # seen on white and on black

# White on these colours is legible, whatever colour the page has. Notebooks have styles of their
# own for tables, which these are more specific than.
STYLE = f"""
.checkgrad {{ line-height: 1.5; max-width: 64rem; margin: .5rem 0; overflow-wrap: anywhere; }}
.checkgrad .verdict {{ padding: .1em .6em; border-radius: 1em; color: #fff; font-weight: 600; }}
.checkgrad .correct {{ background: #1a7f37; }}
.checkgrad .wrong {{ background: #cf222e; }}
.checkgrad .inconclusive {{ background: #9a6700; }}
.checkgrad .scrolls {{ overflow-x: auto; }}
div.checkgrad table.mismatches {{
  border-collapse: collapse; border: 0; margin: .5rem 0; color: inherit;
}}
div.checkgrad table.mismatches tr, div.checkgrad table.mismatches tbody tr:nth-child(n) {{
  background: transparent;
}}
div.checkgrad table.mismatches th, div.checkgrad table.mismatches td {{
  border: 0; border-bottom: {_LINE}; padding: .2rem .8rem .2rem 0; text-align: left;
  vertical-align: baseline; color: inherit; background: transparent; white-space: nowrap;
}}
div.checkgrad table.mismatches td.number, div.checkgrad table.mismatches td.place {{
  font-family: ui-monospace, monospace; white-space: pre;
}}
.checkgrad ul {{ margin: .5rem 0; padding-left: 1.5rem; }}
.checkgrad .footer {{ font-size: .85em; opacity: .75; }}
.checkgrad svg {{ max-width: 100%; height: auto; color: inherit; }}
.checkgrad summary {{ cursor: pointer; }}
@media (max-width: 40rem) {{
  div.checkgrad table.mismatches {{ font-size: .8em; }}
  div.checkgrad table.mismatches th, div.checkgrad table.mismatches td {{ padding-right: .5rem; }}
}}
"""

_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { background: Canvas; color: CanvasText; font-family: system-ui, sans-serif; margin: 1.5rem; }
"""

_HEADERS = ("place", "claim", "estimate", "uncertainty", "relative error", "")


def render_html(
    report: Report, style: bool = True, picture: bool = True, verdict: bool = True
) -> str:
    """Return the report as HTML. All text is escaped, since parts of it come from the user.

    Parameters
    ----------
    report : Report
        The report.
    style : bool
        Whether `STYLE` comes along.
    picture : bool
        Whether a picture does, if there is one. It takes a tenth of a second or more.
    verdict : bool
        Whether the first line does, with the verdict.
    """
    parts = [f"<style>{STYLE}</style>" if style else "", '<div class="checkgrad">']
    if verdict:
        parts.append(f"<p>{render_headline(report.verdict.value, headline(report))}</p>")
    parts.append(_table(report))
    if bound := error_bound_in_words(report):
        parts.append(f"<p>{escape(bound)}</p>")
    if report.hints:
        items = "".join(f"<li>{escape(hint)}</li>" for hint in report.hints)
        parts.append(f"<ul>{items}</ul>")
    parts += [
        _picture(report) if picture else "",
        f'<p class="footer">{escape(footer(report))}</p></div>',
    ]
    return "".join(parts)


def render_headline(verdict: str, line: str) -> str:
    """Return the first line of a report as HTML, its verdict in its colour.

    Parameters
    ----------
    verdict : str
        The verdict.
    line : str
        The line, which begins with the verdict.
    """
    rest = escape(line.removeprefix(verdict).removeprefix(": "))
    return f'<span class="verdict {verdict}">{verdict}</span> {rest}'


def render_page(title: str, body: str) -> str:
    """Return a whole page, light or dark as the browser likes it.

    Parameters
    ----------
    title : str
        Its title, which is escaped.
    body : str
        HTML: what `render_html` returns without its style, for one report or for several.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_PAGE_STYLE}{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _table(report: Report) -> str:
    """Return the worst mismatches, with headers and aligned numbers; empty if there are none."""
    shown = report.mismatches[:MAX_MISMATCHES]
    if not shown:
        return ""
    numbers = [(*mismatch_numbers(each), _relative_error(each)) for each in shown]
    columns = [aligned(column) for column in zip(*numbers, strict=True)]
    rows = [
        _row(each.where, cells, remark_on(each))
        for each, cells in zip(shown, zip(*columns, strict=True), strict=True)
    ]
    if more := more_than_shown(report):
        rows.append(f'<tr><td colspan="{len(_HEADERS)}">and {more} more</td></tr>')
    headers = "".join(f'<th scope="col">{each}</th>' for each in _HEADERS)
    return (
        f'<div class="scrolls"><table class="mismatches"><thead><tr>{headers}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(where: str, cells: Sequence[str], remark: str) -> str:
    numbers = "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells)
    return f'<tr><td class="place">{escape(where)}</td>{numbers}<td>{remark}</td></tr>'


def _relative_error(mismatch: Mismatch) -> str:
    """Return how far the claim is off, relative to the larger of claim and estimate."""
    relative = mismatch.relative_error
    if relative is None:
        return ""
    return percent(relative) if relative >= _LEAST_PERCENT or not relative else f"{relative:.1e}"


def aligned(cells: Sequence[str]) -> list[str]:
    """Return numbers with blanks around them, so that their points are below each other.

    Parameters
    ----------
    cells : sequence of str
        The numbers.

    Examples
    --------
    >>> aligned(["1.5", "-20.25", "3", "1e-09"])
    ['  1.5  ', '-20.25 ', '  3    ', '  1e-09']
    """
    heads, tails = zip(*(_split(cell) for cell in cells), strict=True)
    before, after = max(map(len, heads)), max(map(len, tails))
    return [f"{head:>{before}}{tail:<{after}}" for head, tail in zip(heads, tails, strict=True)]


def _split(cell: str) -> tuple[str, str]:
    """Return a number before its point, or the end of its digits, and the rest."""
    end = next((i for i, each in enumerate(cell) if each in ".e%"), len(cell))
    return cell[:end], cell[end:]


def _picture(report: Report) -> str:
    """Return a picture under a line to click on; open unless the claim is correct."""
    caption, svg = svg_picture(report)
    if not svg:
        return ""
    is_open = "" if report else " open"
    return f"<details{is_open}><summary>{escape(caption)}</summary>{svg}</details>"
