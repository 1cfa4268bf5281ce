"""The files that ``--checkgrad-report`` writes: all checks as JSON, and as one page to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import checkgrad
from checkgrad.pytest_plugin.checks import in_order
from checkgrad.pytest_plugin.summary import lines_of
from checkgrad.report.report import Report

SCHEMA = "checkgrad.checks"
SCHEMA_VERSION = 1

_WORST_FIRST = ("wrong", "inconclusive", "correct")
_STYLE = """
:root { color-scheme: light dark; --line: #d0d7de; --small: #57606a; --correct: #1a7f37;
  --wrong: #cf222e; --inconclusive: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --line: #3d444d; --small: #9198a1;
  --correct: #3fb950; --wrong: #f85149; --inconclusive: #d29922; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; }
.all { overflow-x: auto; }
.all > table { border-collapse: collapse; width: 100%; }
.all > table > * > tr > * { border-bottom: 1px solid var(--line); padding: .4rem .7rem;
  text-align: left; vertical-align: top; }
.all > table > * > tr > .number { font-variant-numeric: tabular-nums; text-align: right; }
.correct { color: var(--correct); } .wrong { color: var(--wrong); }
.inconclusive { color: var(--inconclusive); }
.verdict { font-weight: 600; }
.place { color: var(--small); font-size: .85rem; }
summary { cursor: pointer; }
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
        "checkgrad": checkgrad.__version__,
        "checks": ordered,
    }
    (directory / "checks.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (directory / "checks.html").write_text(render(ordered), encoding="utf-8")


def render(checks: Sequence[dict[str, Any]]) -> str:
    """Return the page: a line for each check, the wrong ones first, with the report to unfold."""
    rows = "\n".join(
        _row(check) for name in _WORST_FIRST for check in checks if check["verdict"] == name
    )
    total = escape(lines_of(checks)[0]) if checks else "no checks"
    heads = (
        '<th>verdict</th><th>test</th><th class="number">evaluations</th>'
        '<th class="number">of the claim</th><th class="number">seconds</th><th>report</th>'
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>checkgrad: {total}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Checks of derivatives</h1>
<p>{total}</p>
<div class="all">
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
<p class="place">checkgrad {escape(checkgrad.__version__)}</p>
</body>
</html>
"""


def _row(check: dict[str, Any]) -> str:
    verdict, headline = escape(check["verdict"]), escape(check["headline"])
    report = Report.from_dict(check["report"]).to_html()
    is_open = "" if verdict == "correct" else " open"
    return (
        f'<tr><td class="verdict {verdict}">{verdict}</td>'
        f'<td>{escape(check["test"])}<div class="place">{escape(check["place"])}</div></td>'
        f'<td class="number">{check["n_func"]}</td><td class="number">{check["n_grad"]}</td>'
        f'<td class="number">{check["seconds"]:.3f}</td>'
        f"<td><details{is_open}><summary>{headline}</summary>{report}</details></td></tr>"
    )
