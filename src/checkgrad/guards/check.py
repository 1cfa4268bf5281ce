"""The check of a gradient along one random tangent that a guard makes inside of a solver.

It takes three evaluations of ``func``. Where these leave doubt, it takes five, and six before there
is a suspicion, or one less if the value is known. In JAX each of these numbers is one less. This
check can pass a gradient. It cannot call one wrong: `verify_grad`'s check must confirm that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from checkgrad.evaluate.direction_evaluator import DirectionEvaluator
from checkgrad.numerics.decisions import Verdict
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import default_rtol
from checkgrad.report.report import Report

# Machine epsilons of its value that rounding is taken to change func by. Too few cost a check of
# `verify_grad` now and then, too many hide an error.
_NOISE_UNITS = 8.0
_SHORTEST, _LONGEST = 2.0**-12, 0.25  # of the third step, where there is doubt


@dataclass(frozen=True)
class GuardCheck:
    """What a guard found at one call of the gradient.

    Attributes
    ----------
    call : int
        The number of the call, from 0.
    verdict : Verdict
        Correct: the gradient agrees with ``func`` along a random tangent. Wrong: it does not, and
        `verify_grad`'s check confirms it. Inconclusive: noise hides whether they agree, or
        `verify_grad`'s check is inconclusive.
    claimed_change, observed_change : float
        By how much ``func`` changes over a small random step, in the units of ``func``: as the
        gradient says, and as differences of ``func`` say. They are no derivatives.
    uncertainty : float
        By how much the two may differ because of noise, in the units of ``func``.
    n_func : int
        The evaluations of ``func`` that it took, `verify_grad`'s check included.
    report : Report or None
        That of `verify_grad`'s check, if there was a suspicion.
    reason : str
        Why nothing was compared: x is not finite, or outside of the bounds. Empty if it was.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import guard
    >>> guarded = guard(lambda x: np.sum(x**2), lambda x: 2 * x)
    >>> gradient = guarded.grad(np.array([1.0, 3.0]))
    >>> guarded.checks[0].verdict.value, guarded.checks[0].n_func
    ('correct', 3)
    >>> guarded.checks[0].claimed_change > 0, guarded.checks[0].uncertainty < 1e-13
    (True, True)
    """

    call: int
    verdict: Verdict
    claimed_change: float
    observed_change: float
    uncertainty: float
    n_func: int
    report: Report | None = None
    reason: str = ""


def nothing_compared(call: int, reason: str) -> GuardCheck:
    """Return what a guard notes at a call at which it cannot check anything."""
    nan = math.nan
    return GuardCheck(call, Verdict.INCONCLUSIVE, nan, nan, nan, 0, reason=reason)


class SpotCheck(NamedTuple):
    """What a check along one tangent found.

    Attributes
    ----------
    verdict : Verdict or None
        None where there is a suspicion.
    claimed_change, observed_change, uncertainty
        As in `GuardCheck`.
    n_func : int
        The evaluations of ``func`` that it took.
    """

    verdict: Verdict | None
    claimed_change: float
    observed_change: float
    uncertainty: float
    n_func: int


def spot_check(
    evaluator: DirectionEvaluator,
    epsilon: float,
    rtol: float | None,
    value: float | None = None,
) -> SpotCheck:
    """Compare a gradient with differences of ``func`` along a random tangent.

    ``func`` is evaluated at x0 last, so that what it keeps from one call to the next belongs to x0.
    In JAX, it keeps nothing.

    Parameters
    ----------
    evaluator : DirectionEvaluator
        Evaluates ``func`` along the tangent, which was made with the gradient. Its step suits
        `epsilon`, see `step_length`.
    epsilon : float
        The relative noise of ``func``, as far as it is known: at least the machine epsilon of x0.
    rtol : float, optional
        As in `checkgrad.verify_grad`.
    value : float, optional
        ``func(x0)``, if it is known.

    Returns
    -------
    SpotCheck
        What was found.
    """
    claimed, size = evaluator.direction.claim
    above, below = evaluator.on_both_sides()
    observed = (above - below) / 2
    coarsest = max(evaluator.epsilon, epsilon)
    allowed = (rtol or default_rtol(coarsest)) * size
    rounding = uncertainty = _NOISE_UNITS * coarsest * max(abs(above), abs(below))
    verdict = _judged(claimed, observed, allowed, uncertainty)
    if verdict is None:
        here = evaluator.at(0.0) if value is None else value
        # What func changes by on both sides alike: by its curvature, or by kinks.
        bend = (above + below) / 2 - here
        part = _third_step(rounding, abs(bend))
        above = evaluator.at(part)
        observed = (above - here) / part - bend * part
        uncertainty = rounding / part + abs(bend) * part
        verdict = _judged(claimed, observed, allowed, uncertainty)
        if verdict is None:
            # The bend of a smooth func falls with the square of the step, that of a kink at
            # x0 with the step itself. The two may have opposite signs, so both count.
            below = evaluator.at(-part)
            observed = (above - below) / (2 * part)
            uncertainty += abs((above + below) / 2 - here) / part
            verdict = _judged(claimed, observed, allowed, uncertainty)
    evaluator.return_to_x0()
    if not math.isfinite(observed):
        verdict = Verdict.INCONCLUSIVE  # func has no value at x0 or next to it
    return SpotCheck(verdict, claimed, observed, uncertainty, evaluator.n_func)


def step_length(epsilon: float) -> float:
    """Return the step that balances rounding and truncation of central differences."""
    return float(epsilon ** (1 / 3))


def _third_step(rounding: float, bend: float) -> float:
    """Return the step that balances rounding with half of the bend, relative to the first step."""
    if not bend > 0:
        return _LONGEST
    return min(max(math.sqrt(rounding / bend), _SHORTEST), _LONGEST)


def _judged(claimed: float, observed: float, allowed: float, uncertainty: float) -> Verdict | None:
    if not math.isfinite(allowed):  # the claim is not finite, and agrees with nothing
        return None
    apart = abs(claimed - observed)
    # Numbers that agree so closely certify each other, whatever the noise.
    if apart <= allowed / thresholds().agreement or apart + uncertainty <= allowed:
        return Verdict.CORRECT
    return Verdict.INCONCLUSIVE if apart <= allowed + uncertainty else None
