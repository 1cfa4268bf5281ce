"""The look that a guard takes at a gradient: three evaluations of ``func``, five if in doubt.

A look can clear a gradient, and never convict one. What it suspects, a whole check has to confirm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from checkgrad.evaluate.one_line import Line, ValuesOnLine
from checkgrad.numerics.decisions import Verdict
from checkgrad.precision import default_rtol
from checkgrad.report.report import Report

# Machine epsilons of its value that rounding is taken to change func by. Too few cost a whole check
# now and then, too many hide an error.
_NOISE_UNITS = 8.0
_AGREEMENT = 0.1  # of rtol: numbers that agree to so much certify each other, whatever the noise
_SHORTEST, _LONGEST = 2.0**-12, 0.25  # of the third step, where there is doubt


@dataclass(frozen=True)
class GuardCheck:
    """What a guard found at one call of the gradient.

    Attributes
    ----------
    call : int
        The number of the call, from 0.
    verdict : Verdict
        Correct: claim and estimate agree along a random tangent. Wrong: they do not, and a whole
        check confirms it. Inconclusive: noise hides whether they agree, or the whole check was
        inconclusive.
    claim, estimate : float
        By how much ``func`` changes over a small random step, as the gradient says, and as
        differences of ``func`` say.
    uncertainty : float
        By how much they may differ because of noise.
    n_func : int
        The evaluations of ``func`` that it took.
    report : Report or None
        That of the whole check, if there was a suspicion.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import guard
    >>> guarded = guard(lambda x: np.sum(x**2), lambda x: 2 * x)
    >>> gradient = guarded.grad(np.array([1.0, 3.0]))
    >>> guarded.checks[0].verdict.value, guarded.checks[0].n_func
    ('correct', 3)
    """

    call: int
    verdict: Verdict
    claim: float
    estimate: float
    uncertainty: float
    n_func: int
    report: Report | None = None


@dataclass(frozen=True)
class Look:
    """What a look found.

    Attributes
    ----------
    verdict : Verdict or None
        None where there is a suspicion.
    claim, estimate, uncertainty, n_func
        As in `GuardCheck`.
    """

    verdict: Verdict | None
    claim: float
    estimate: float
    uncertainty: float
    n_func: int


def look(
    values: ValuesOnLine,
    line: Line,
    gradient: Any,
    epsilon: float,
    rtol: float | None,
    value: float | None = None,
) -> Look:
    """Compare a gradient with differences of ``func`` along a random tangent.

    ``func`` is evaluated at x0 last, so that what it keeps from one call to the next belongs to x0.
    In JAX, it keeps nothing.

    Parameters
    ----------
    values : ValuesOnLine
        Evaluates ``func``.
    line : Line
        The tangent, with a step that suits `epsilon`, see `step_length`.
    gradient : Any
        The gradient, as the user's code returned it.
    epsilon : float
        The relative noise of ``func``, as far as it is known: at least the machine epsilon of x0.
    rtol : float, optional
        As in `checkgrad.verify_grad`.
    value : float, optional
        ``func(x0)``, if it is known.

    Raises
    ------
    ValueError, TypeError
        If the gradient is not like x0.
    """
    claim, size = line.claimed(gradient)  # before func is called: it may fill that buffer anew
    with np.errstate(all="ignore"):
        above, below = values.at(1.0), values.at(-1.0)
        estimate = (above - below) / 2
        coarsest = max(values.epsilon, epsilon)
        allowed = (rtol or default_rtol(coarsest)) * size
        rounding = _NOISE_UNITS * coarsest * max(abs(above), abs(below))
        verdict = _judged(claim, estimate, allowed, rounding)
        if verdict is None:
            here = values.at(0.0) if value is None else value
            # What func changes by on both sides alike: by its curvature, or by kinks.
            bend = (above + below) / 2 - here
            part = _third_step(rounding, abs(bend))
            estimate = (values.at(part) - here) / part - bend * part
            rounding = rounding / part + abs(bend) * part
            verdict = _judged(claim, estimate, allowed, rounding)
        if not line.is_pure:
            values.at(0.0)
    if not math.isfinite(estimate):
        verdict = Verdict.INCONCLUSIVE  # func has no value at x0 or beside it
    return Look(verdict, claim, estimate, rounding, values.n_func)


def step_length(epsilon: float) -> float:
    """Return the step that balances rounding and truncation of central differences."""
    return float(epsilon ** (1 / 3))


def _third_step(rounding: float, bend: float) -> float:
    """Return the step that balances rounding with half of the bend, relative to the first step."""
    if not bend > 0:
        return _LONGEST
    return min(max(math.sqrt(rounding / bend), _SHORTEST), _LONGEST)


def _judged(claim: float, estimate: float, allowed: float, rounding: float) -> Verdict | None:
    apart = abs(claim - estimate)
    if apart <= _AGREEMENT * allowed or apart + rounding <= allowed:
        return Verdict.CORRECT
    return Verdict.INCONCLUSIVE if apart <= allowed + rounding else None
