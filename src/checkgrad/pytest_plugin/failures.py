"""How a failing check is shown: the report first, then the line of the test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import ReprEntry, ReprExceptionInfo, ReprTraceback

from checkgrad.report.error import GradientError

if TYPE_CHECKING:
    from checkgrad.report.report import Report

_FAILED = "E   "  # what pytest writes before the lines of an error
# Characters of a report's repr that an assertion's message must have: pytest cuts long ones.
_ENOUGH_TO_TELL = 60


def shown_first(
    item: pytest.Item,
    excinfo: pytest.ExceptionInfo[Any],
    report: pytest.TestReport,
    heard: list[Report],
) -> None:
    """Change how a test failed, if it failed by a check: the report stands first.

    Parameters
    ----------
    item : pytest.Item
        The test.
    excinfo : pytest.ExceptionInfo
        What it raised.
    report : pytest.TestReport
        What pytest reports of it.
    heard : list of Report
        The reports that the test may be about, in the order in which they were made.

    Returns
    -------
    None
        `report` is changed.
    """
    error = excinfo.value
    if not isinstance(error, AssertionError) or error.__cause__ is not None:
        return
    shown = excinfo.getrepr(style="short", tbfilter=getattr(item, "_traceback_filter", True))
    if not shown.reprtraceback.reprentries:
        return
    if isinstance(error, GradientError):
        lines = _take_error_lines(shown.reprtraceback.reprentries[-1])
        lines[:1] = [lines[0].split("GradientError: ", 1)[-1].split("GradcheckError: ", 1)[-1]]
    elif (asserted := _asserted(excinfo, heard)) is not None:
        lines = str(asserted).splitlines()
    else:
        return
    first = ReprEntry([_FAILED + line for line in lines], None, None, None, "short")
    entries = [first, *shown.reprtraceback.reprentries]
    traceback = ReprTraceback(entries, extraline=None, style="short")
    report.longrepr = ReprExceptionInfo(traceback, shown.reprcrash)


def _take_error_lines(entry: Any) -> list[str]:
    """Remove the lines of the error from the last entry of a traceback, and return them."""
    lines = [line for line in entry.lines if line.startswith("E")]
    entry.lines = [line for line in entry.lines if not line.startswith("E")]
    return [line[len(_FAILED) :] for line in lines]


def _asserted(excinfo: pytest.ExceptionInfo[Any], heard: list[Report]) -> Report | None:
    """Return the report that an assertion was about, by its repr in the message.

    Several reports may have the same repr. A report that the failing statement names is taken
    before others, and otherwise the one that was made last.
    """
    message = str(excinfo.value)
    found = [each for each in heard if not each and repr(each)[:_ENOUGH_TO_TELL] in message]
    if not found:
        return None
    named = [id(value) for value in _named_in_statement(excinfo)]
    return next((each for each in reversed(found) if id(each) in named), found[-1])


def _named_in_statement(excinfo: pytest.ExceptionInfo[Any]) -> list[object]:
    """Return the values of the variables that the failing statement names."""
    entry = excinfo.traceback[-1]
    variables = {**entry.frame.f_globals, **entry.frame.f_locals}
    words = set(re.findall(r"\w+", str(entry.statement)))
    return [variables[word] for word in words & variables.keys()]
