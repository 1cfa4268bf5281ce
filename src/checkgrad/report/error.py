"""The error of a claim that is not correct. It carries the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checkgrad.report.report import Report


class GradientError(AssertionError):
    """The verdict on a claim is not "correct".

    Parameters
    ----------
    report : Report
        The report of the check.
    heading : str
        What stands above the report in the message.

    Attributes
    ----------
    report : Report
        The report of the check.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import GradientError, assert_grad
    >>> try:
    ...     assert_grad(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, 3.0]))
    ... except GradientError as error:
    ...     error.report.n_wrong
    2
    """

    __module__ = "checkgrad"  # where users import it from, and what a traceback names

    def __init__(self, report: Report, heading: str = "") -> None:
        super().__init__(f"{heading}\n{report}" if heading else str(report))
        self.report = report
        self._heading = heading

    def __reduce__(self) -> tuple[type[GradientError], tuple[Report, str]]:
        return GradientError, (self.report, self._heading)
