"""A check as a dictionary: which test it belongs to, and what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checkgrad.report.report import Report


def as_check(report: Report, test: str, place: str, with_report: bool) -> dict[str, Any]:
    """Return a check as JSON has it.

    Parameters
    ----------
    report : Report
        What the check found.
    test : str
        The node id of the test.
    place : str
        The line that called the check, as ``path:line``.
    with_report : bool
        Whether the report itself belongs to it.

    Returns
    -------
    dict
        The check: strings, numbers, and the report as a dictionary if it is wanted.
    """
    check: dict[str, Any] = {
        "test": test,
        "place": place,
        "verdict": report.verdict.value,
        "headline": str(report).partition("\n")[0],
        "n_func": report.n_func,
        "n_grad": report.n_grad,
        "seconds": report.elapsed or 0.0,
    }
    if with_report:
        check["report"] = report.to_dict(arrays=False)
    return check


def in_order(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return checks in the order of their tests' names: workers end in any order."""
    return sorted(checks, key=lambda check: check["test"])  # stable: within a test, as they ran
