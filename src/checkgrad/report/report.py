"""What a check found: the report, and the error that carries it.

The report holds findings as plain numbers and strings; `checkgrad.render` turns it into text,
HTML and dictionaries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from checkgrad.numerics.decisions import Verdict
from checkgrad.report.text import render_dict, render_html, render_text


class GradientError(AssertionError):
    """A claim was not found to be right.

    Attributes
    ----------
    report : Report
        What was found.

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

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> tuple[type[GradientError], tuple[Report]]:
        return GradientError, (self.report,)


@dataclass(frozen=True)
class Mismatch:
    """One coordinate, or tangent, at which the claim is wrong or could not be checked.

    Attributes
    ----------
    where : str
        The place in the user's structure, e.g. ``params['bias'][3]``, or ``tangent 2``.
    claim : float
        The derivative that the user's code returned.
    estimate : float
        Ours, by differences; NaN where none could be had.
    uncertainty : float
        Of the comparison: the estimate's and the claim's own rounding error.
    wrong : bool
        Whether the claim is wrong there; otherwise it is unresolved.

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

    ``bool(report)`` is true for a correct claim only; ``str(report)`` is what a person reads in a
    failing test.

    Attributes
    ----------
    verdict : Verdict
        Correct, wrong or inconclusive.
    error, relative_error : float
        The 2-norm of claim less estimate over all that was checked, and that relative to the
        larger of the norms of the two.
    resolution : float
        The smallest relative error in the claim that this check would have seen everywhere.
    rtol : float
        The smallest relative error that was not to get past.
    noise : float
        The absolute error in one evaluation of ``func``, as measured: a standard deviation, in
        the units of ``func``.
    mismatches : tuple of Mismatch
        Where the claim is wrong, or else unresolved, worst first; at most 100 of them.
    n_wrong, n_unresolved, n_checked : int
        How many coordinates or tangents are wrong, are unresolved, and were checked.
    hints : tuple of str
        What it looks like, and what to do.
    n_func, n_grad : int
        How often ``func`` and the claim were evaluated; every point of a call counts.
    backend, dtype, device : str
        Of the arrays of x0.
    direction : str
        What was looked along: "all", "the given tangent", or how many random tangents.
    form : str
        What the claim is: "grad", "jac", "jvp" or "vjp"; of `verify_autodiff` the first that was
        checked.

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
    direction: str
    form: str = "grad"

    def __bool__(self) -> bool:
        return self.verdict is Verdict.CORRECT

    def __str__(self) -> str:
        return render_text(self)

    def _repr_html_(self) -> str:
        return render_html(self)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON takes it: strings, finite numbers, lists and dictionaries.

        Numbers that are not finite, which JSON lacks, become the strings "nan", "inf" and "-inf".

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
        return render_dict(self)

    def raise_for_verdict(self, allow_inconclusive: bool = False) -> None:
        """Raise unless the claim is correct.

        Parameters
        ----------
        allow_inconclusive : bool
            Let an inconclusive check pass too.

        Raises
        ------
        GradientError
            If the verdict is wrong, or inconclusive and not allowed.

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
        if self.verdict is Verdict.CORRECT:
            return
        if self.verdict is Verdict.INCONCLUSIVE and allow_inconclusive:
            return
        raise GradientError(self)
