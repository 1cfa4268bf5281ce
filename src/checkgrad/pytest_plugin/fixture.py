"""What the fixture `checkgrad` hands to a test: the module of this name, and the test's reports."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checkgrad.report.report import Report


class ChecksOfTest:
    """All public names of checkgrad, and the reports of one test.

    A parameter of a test hides the module that it is named like. So it has all of the module's
    names, and the test reads the same with the module and with the fixture.

    Parameters
    ----------
    reports : list of Report
        The reports of the test, to which every check of the test adds its own.
    """

    def __init__(self, reports: list[Report]) -> None:
        self._reports = reports

    @property
    def reports(self) -> tuple[Report, ...]:
        """The reports of the test so far, in the order in which the checks ended."""
        return tuple(self._reports)

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("checkgrad"), name)

    def __dir__(self) -> list[str]:
        return sorted({"reports", *dir(import_module("checkgrad"))})
