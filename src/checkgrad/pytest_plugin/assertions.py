"""What pytest says of a comparison of a report, or of a verdict, that is false."""

from __future__ import annotations

import dataclasses

from checkgrad.numerics.decisions import Verdict
from checkgrad.report.report import Report

_DIFFERENT_SHOWN = 8  # attributes of two reports that differ: more are no help


def explain(op: str, left: object, right: object, heard: list[Report]) -> list[str] | None:
    """Return the lines that explain a comparison; None if it is none of ours.

    Parameters
    ----------
    op : str
        The operator.
    left, right : object
        What was compared.
    heard : list of Report
        The reports that the test may be about, in the order in which they were made.

    Returns
    -------
    list of str or None
        The lines, the comparison first.
    """
    if isinstance(left, Report) and isinstance(right, Report):
        return [f"{left!r} {op} {right!r}", *_differences(left, right)]
    report = next((each for each in (left, right) if isinstance(each, Report)), None)
    if report is not None:
        advice = "a report is true if the claim is correct: write `assert report`"
        return [f"{left!r} {op} {right!r}", advice, *str(report).splitlines()]
    for verdict in (left, right):
        if isinstance(verdict, Verdict):
            for report in reversed(heard):
                if report.verdict is verdict:
                    return [f"{left!s} {op} {right!s}", *str(report).splitlines()]
    return None


def _differences(left: Report, right: Report) -> list[str]:
    """Return a line for each attribute in which two reports differ."""
    names = [
        field.name
        for field in dataclasses.fields(left)
        if field.compare and repr(getattr(left, field.name)) != repr(getattr(right, field.name))
    ]
    lines = [f"{name}: {getattr(left, name)!r} != {getattr(right, name)!r}" for name in names]
    return lines[:_DIFFERENT_SHOWN]
