"""The report of a check, and the error that carries it.

This module owns the plain numbers and strings that a report consists of. The modules `text`,
`html` and `dictionary` turn them into what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from checkgrad.numerics.decisions import Verdict
from checkgrad.report.dictionary import to_dict
from checkgrad.report.html import render_html
from checkgrad.report.text import printable, render_text


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


@dataclass(frozen=True)
class Mismatch:
    """One coordinate or tangent at which the claim is wrong, or could not be checked.

    Attributes
    ----------
    where : str
        The place in the user's structure, e.g. ``params['bias'][3]``, or ``tangent 2``.
    claim : float
        The derivative that the user's code returned.
    estimate : float
        The derivative by differences. NaN where differences gave none.
    uncertainty : float
        The uncertainty of the estimate, plus the rounding error of the claim.
    wrong : bool
        Whether the claim is wrong there. Otherwise it is unresolved.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import verify_grad
    >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, 3.0]))
    >>> report.mismatches[0].where, report.mismatches[0].claim
    ('x[1]', 3.0)
    """

    where: str
    claim: float
    estimate: float
    uncertainty: float
    wrong: bool


@dataclass(frozen=True)
class Report:
    """The verdict on a claim, and the evidence.

    ``bool(report)`` is true only for a correct claim. ``str(report)`` is the text that a person
    reads in a failing test.

    Attributes
    ----------
    verdict : Verdict
        Correct, wrong or inconclusive.
    error, relative_error : float
        The 2-norm of the difference between claim and estimate, over all that was checked. The
        relative error is this norm divided by the larger of the norms of claim and estimate.
    resolution : float
        The smallest relative error in the claim that this check would have seen everywhere.
    rtol : float
        The smallest relative error that the check had to find.
    noise : float
        The absolute error of one evaluation of ``func``: a standard deviation, in the units of
        ``func``. Where all claims were certified before it was measured, that of rounding.
    mismatches : tuple of Mismatch
        The places where the claim is wrong, the worst first. If there are none, the places where
        it is unresolved. There are at most 100 of them.
    n_wrong, n_unresolved, n_checked : int
        The number of coordinates or tangents that are wrong, that are unresolved, and that were
        checked.
    hints : tuple of str
        The likely causes, and what to do.
    n_func, n_grad : int
        The number of evaluations of ``func`` and of the claim. A call at many points counts once
        for each point.
    backend, dtype, device : str
        The array library, dtype and device of the arrays of x0.
    evaluated_in : str
        The dtype that ``func`` was evaluated in for the estimates: "float64", or that of x0.
    digits : float or None
        The fewest decimal digits that the claim keeps in the dtype of the user, by comparison with
        the same claim in float64; infinite if it keeps all. None if they were not compared.
    direction : str
        The directions that were checked: "all", "the given tangent", or the number of random
        tangents.
    form : str
        The form of the claim: "grad", "jac", "jvp" or "vjp". For `verify_autodiff`, the form that
        was checked first.
    worst_relative_error : float
        The largest relative error of a wrong entry or directional derivative, relative to the
        larger of claim and estimate; 0 if none is wrong.
    error_bound, confidence : float or None
        The relative error of the whole claim is below this bound, with this confidence: a
        probability. Where all coordinates were checked, the confidence is 1: the bound is that of
        `relative_error`, all uncertainties included. Along random tangents, it is 0.95, and the
        error is relative to the norm of the claim in which every coordinate counts by its size,
        and every leaf of a tree alike. The docs have the formula. Both are None where neither is
        known, as along tangents of the user's.
    located : bool
        Whether the mismatches are single entries that were looked for after random tangents had
        shown that something is wrong. There may be more than these.
    remarks : tuple of str
        What else there is to know, and nothing to do about. The last line shows it.
    complete : bool
        Whether the check came to its end. If not, the verdict is "wrong" where that was certain
        by then, and else "inconclusive".
    stopped : str
        Why it did not; empty if it did.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import verify_grad
    >>> report = verify_grad(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.array([1.0, 2.0]))
    >>> report.verdict
    <Verdict.CORRECT: 'correct'>
    >>> bool(report), report.mismatches, report.resolution < 1e-6
    (True, (), True)
    """

    verdict: Verdict
    error: float
    relative_error: float
    resolution: float
    rtol: float
    noise: float
    mismatches: tuple[Mismatch, ...]
    n_wrong: int
    n_unresolved: int
    n_checked: int
    hints: tuple[str, ...]
    n_func: int
    n_grad: int
    backend: str
    dtype: str
    device: str
    evaluated_in: str
    digits: float | None
    direction: str
    form: str = "grad"
    worst_relative_error: float = 0.0
    error_bound: float | None = None
    confidence: float | None = None
    located: bool = False
    remarks: tuple[str, ...] = ()
    complete: bool = True
    stopped: str = ""

    def __bool__(self) -> bool:
        return self.verdict is Verdict.CORRECT

    def __str__(self) -> str:
        return printable(render_text(self))

    def _repr_html_(self) -> str:
        return render_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as strings, finite numbers, lists and dictionaries, as JSON has them.

        JSON lacks numbers that are not finite: they become the strings "nan", "inf" and "-inf".

        Returns
        -------
        dict
            Every attribute of the report by its name.

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import verify_grad
        >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: 2 * x, np.array([1.0, 3.0]))
        >>> report.to_dict()["verdict"]
        'correct'
        """
        return to_dict(self)

    def raise_for_verdict(self, allow_inconclusive: bool = False) -> None:
        """Raise unless the claim is correct.

        Parameters
        ----------
        allow_inconclusive : bool
            Whether an inconclusive check passes too.

        Raises
        ------
        GradientError
            If the verdict is "wrong", or if it is "inconclusive" and that is not allowed.

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import GradientError, verify_grad
        >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, 3.0]))
        >>> try:
        ...     report.raise_for_verdict()
        ... except GradientError as error:
        ...     print(str(error).splitlines()[0])
        wrong: the claim is off by 50% (2-norm), at 2 of 2 coordinates
        """
        __tracebackhide__ = True  # the line of the test says more
        if self.verdict is Verdict.CORRECT:
            return
        if self.verdict is Verdict.INCONCLUSIVE and allow_inconclusive:
            return
        raise GradientError(self)
