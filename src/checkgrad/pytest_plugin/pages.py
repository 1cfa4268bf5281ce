"""The files that ``--checkgrad-report`` writes: all checks as JSON, and as one page to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from checkgrad.pytest_plugin.checks import in_order
from checkgrad.pytest_plugin.summary import lines_of
from checkgrad.report.html import render_headline, render_html, render_page
from checkgrad.report.report import Report
from checkgrad.report.versions import own_version

SCHEMA = "checkgrad.checks"
SCHEMA_VERSION = 1

_WORST_FIRST = ("wrong", "inconclusive", "correct")
_HEADERS = ("test", "evaluations of func", "of the claim", "seconds", "report")
# In a narrow window, the cells of a check stand below each other, and numbers have their names.
_STYLE = """
.checkgrad table.checks { border-collapse: collapse; table-layout: fixed; width: 100%; }
.checkgrad table.checks > thead th:first-child { width: 17%; }
.checkgrad table.checks > thead th:not(:first-child, :last-child) { width: 5.4rem; }
.checkgrad table.checks > thead th:nth-child(2) { width: 6.6rem; }
.checkgrad table.checks > thead th { text-align: left; font-size: .85em; }
.checkgrad table.checks > thead th, .checkgrad table.checks > tbody > tr > td {
  padding: .3rem 1.2rem .3rem 0; vertical-align: baseline;
}
.checkgrad table.checks > thead th:not(:first-child, :last-child),
.checkgrad table.checks > tbody > tr > td.count {
  text-align: right; font-variant-numeric: tabular-nums;
}
.checkgrad table.checks div.checkgrad { font-size: .9em; }
.checkgrad table.checks td details table.mismatches :is(th, td) { padding-right: .6rem; }
.checkgrad table.checks > tbody > tr { border-top: 1px solid rgba(128, 128, 128, .4); }
@media (max-width: 50rem) {
  .checkgrad table.checks > thead { display: none; }
  .checkgrad table.checks, .checkgrad table.checks > tbody, .checkgrad table.checks > tbody > tr,
  .checkgrad table.checks > tbody > tr > td { display: block; }
  .checkgrad table.checks > tbody > tr > td { padding: .2rem 0; }
  .checkgrad table.checks > tbody > tr > td.count {
    display: inline-block; white-space: nowrap; padding-right: 1rem;
  }
  .checkgrad table.checks > tbody > tr > td.count::before { content: attr(data-name) " "; }
}
"""


def write(checks: Sequence[dict[str, Any]], directory: Path) -> None:
    """Write ``checks.json`` and ``checks.html`` into a directory, which is made if it is missing.

    Parameters
    ----------
    checks : sequence of dict
        As `checkgrad.pytest_plugin.checks.as_check` makes them, with the reports.
    directory : Path
        Where to.
    """
    ordered = in_order([*checks])
    directory.mkdir(parents=True, exist_ok=True)
    found = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "checkgrad": own_version(),
        "checks": ordered,
    }
    (directory / "checks.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (directory / "checks.html").write_text(render(ordered), encoding="utf-8")


def render(checks: Sequence[dict[str, Any]]) -> str:
    """Return the page: a row for each check, the wrong ones first, with the report to unfold.

    Parameters
    ----------
    checks : sequence of dict
        As `write` takes them, in order.
    """
    rows = "\n".join(
        _row(check) for name in _WORST_FIRST for check in checks if check["verdict"] == name
    )
    total = escape(lines_of(checks)[0]) if checks else "no checks"
    heads = "".join(f'<th scope="col">{each}</th>' for each in _HEADERS)
    body = (
        f"<style>{_STYLE}</style>\n"
        f'<div class="checkgrad" style="max-width: none"><h1>Checks of derivatives</h1>\n'
        f'<p>{total}</p>\n<table class="checks">\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table>\n"
        f'<p class="footer">checkgrad {escape(own_version())}</p></div>'
    )
    return render_page("Checks of derivatives", body)


def _row(check: dict[str, Any]) -> str:
    first_line = render_headline(check["verdict"], check["headline"])
    report = Report.from_dict(check["report"])
    rest = render_html(report, style=False, picture=False, verdict=False)
    test = escape(check["test"]).replace("::", "::<wbr>").replace("_", "_<wbr>")  # may break there
    counts = (str(check["n_func"]), str(check["n_grad"]), f"{check['seconds']:.3f}")
    cells = "".join(
        f'<td class="count" data-name="{name}">{count}</td>'
        for name, count in zip(_HEADERS[1:-1], counts, strict=True)
    )
    return (
        f"<tr><td>{test}<br>"
        f'<span class="footer">{escape(check["place"])}</span></td>{cells}'
        f"<td><details><summary>{first_line}</summary>{rest}</details></td></tr>"
    )
