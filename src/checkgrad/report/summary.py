"""A report in one line: its ``repr``, which explains a failing ``assert``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from checkgrad.numerics.decisions import Verdict
from checkgrad.report.text import agreement, count_in_words, kind_in_words, percent, printable

if TYPE_CHECKING:
    from checkgrad.report.report import Report

_MOST_CHARACTERS = 110  # of a hint: the line stays one line in most terminals
_SAME = 0.01  # relative: an error that is the worst one


def one_line(report: Report) -> str:
    """Return the ``repr`` of a report.

    Parameters
    ----------
    report : Report
        The report.
    """
    return printable(f"<Report {summary(report)}>")


def summary(report: Report) -> str:
    """Return the verdict and what matters most, in one line.

    Parameters
    ----------
    report : Report
        The report.
    """
    words = {
        Verdict.CORRECT: _correct,
        Verdict.WRONG: _wrong,
        Verdict.INCONCLUSIVE: _inconclusive,
    }[report.verdict](report)
    return f"{report.verdict.value}: {words}"


def _correct(report: Report) -> str:
    digits = agreement(report.resolution).removesuffix(" or better")
    agree = "agrees" if report.n_checked == 1 else "agree"
    return f"{count_in_words(report)} {agree} to {digits}"


def _wrong(report: Report) -> str:
    if report.n_wrong == 0:
        return _first_hint(report)
    if report.located:
        singular, plural = kind_in_words(report)
        kind = singular if report.n_wrong == 1 else plural
        places = f"{report.n_wrong} {kind} off, found along {report.direction}"
    else:
        places = f"{report.n_wrong} of {count_in_words(report)} off"
    return f"{places}, {_worst(report)}" + ("" if report.complete else "; incomplete")


def _worst(report: Report) -> str:
    """Return the largest relative error, and the place where it is, if the report names it."""
    bad = next((each for each in report.mismatches if not math.isfinite(each.claim)), None)
    if bad is not None:
        return f"{bad.claim} at {bad.where}"
    worst = report.worst_relative_error
    size = percent(worst) if worst < 10 else f"{worst:.2g} times its size"
    at = [
        each.where
        for each in report.mismatches
        if (each.relative_error or 0) >= (1 - _SAME) * worst
    ]
    return f"worst {size} at {at[0]}" if at else f"worst {size}"


def _inconclusive(report: Report) -> str:
    if not report.complete:
        left = f"; {report.n_unresolved} of {count_in_words(report)} not decided"
        return report.stopped + (left if report.n_unresolved else "")
    if report.n_checked == 0:
        return "func is not deterministic"
    if report.n_unresolved == 0:
        return _first_hint(report)
    return f"{report.n_unresolved} of {count_in_words(report)} not resolved"


def _first_hint(report: Report) -> str:
    hint = " ".join(report.hints[0].split()) if report.hints else ""
    return hint if len(hint) <= _MOST_CHARACTERS else f"{hint[:_MOST_CHARACTERS]}..."
