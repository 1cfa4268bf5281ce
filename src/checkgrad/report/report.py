"""The report of a check.

This module owns the plain numbers and strings that a report consists of. `checkgrad.report.views`
has the arrays, pictures and pages; `text`, `html` and `dictionary` turn a report into what is
shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from checkgrad.numerics.decisions import Verdict
from checkgrad.report.comparison import Comparison
from checkgrad.report.dictionary import from_dict, to_dict
from checkgrad.report.error import GradientError
from checkgrad.report.mismatch import Mismatch
from checkgrad.report.sampled import DirectionSamples
from checkgrad.report.summary import one_line
from checkgrad.report.text import printable, render_text
from checkgrad.report.tree import ArraySpec
from checkgrad.report.views import Views


@dataclass(frozen=True, repr=False)
class Report(Views):
    """The verdict on a claim, and the evidence.

    ``bool(report)`` is true only for a correct claim. ``str(report)`` is the text that a person
    reads in a failing test, and ``repr(report)`` one line of it. Reports are equal if their
    attributes are, apart from `elapsed`, `versions`, `samples` and `comparisons`.

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
    inputs : tuple of ArraySpec
        The arrays of x0 that are differentiated: the path, shape and dtype of each.
    seed : int or None
        What random tangents and jitter began with; None where `rng` is a generator.
    elapsed : float or None
        The seconds that the check took; None where they were not measured.
    versions : dict of str to str
        The versions of checkgrad, NumPy and the array library.
    samples : tuple of DirectionSamples
        Values of `func` along the directions that `mismatches` names, in the same order.
        `keep_samples` adds others. Of a gradient of more than 16,384 coordinates that is checked
        along all of them, none is kept.
    comparisons : tuple of Comparison
        What `claim`, `estimate`, `uncertainty` and `decisions` are made of, flat, for each claim.

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
    inputs: tuple[ArraySpec, ...] = ()
    seed: int | None = None
    elapsed: float | None = field(default=None, compare=False)
    versions: dict[str, str] = field(default_factory=dict, compare=False)
    samples: tuple[DirectionSamples, ...] = field(default=(), compare=False)
    comparisons: tuple[Comparison, ...] = field(default=(), compare=False)

    def __bool__(self) -> bool:
        return self.verdict is Verdict.CORRECT

    def __str__(self) -> str:
        return printable(render_text(self))

    def __repr__(self) -> str:
        return one_line(self)

    def to_dict(self, arrays: bool = True) -> dict[str, Any]:
        """Return the report as strings, finite numbers, lists and dictionaries, as JSON has them.

        JSON lacks numbers that are not finite: they become the strings "nan", "inf" and "-inf". The
        docs have the schema.

        Parameters
        ----------
        arrays : bool
            Whether `comparisons` and `samples` are there. If not, their lists are empty.

        Returns
        -------
        dict
            Every attribute of the report by its name, and the version of the schema.

        See Also
        --------
        from_dict : the way back.

        Examples
        --------
        >>> import numpy as np
        >>> from checkgrad import verify_grad
        >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: 2 * x, np.array([1.0, 3.0]))
        >>> found = report.to_dict()
        >>> found["verdict"], found["schema_version"]
        ('correct', 1)
        """
        return to_dict(self, arrays)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Report:
        """Return a report from what `to_dict` returned, also after a way through JSON.

        It prints and plots as the first one did. Only trees of other classes than dict, list and
        tuple, for which the classes are needed, become dictionaries by path.

        Parameters
        ----------
        found : dict
            What `to_dict` returned.

        Returns
        -------
        Report
            The report.

        Raises
        ------
        TypeError
            If it is no dictionary.
        ValueError
            If it is no report, or one of a later version of the schema, or a key is missing.

        Examples
        --------
        >>> import json
        >>> import numpy as np
        >>> from checkgrad import Report, verify_grad
        >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: 2 * x, np.array([1.0, 3.0]))
        >>> copy = Report.from_dict(json.loads(json.dumps(report.to_dict())))
        >>> copy == report, str(copy) == str(report)
        (True, True)
        """
        return from_dict(found, cls)

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
