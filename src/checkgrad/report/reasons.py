"""The reasons of open decisions, in words. No reason is inferred here: decisions carry them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from checkgrad.numerics.decisions import Reason
from checkgrad.precision import has_few_digits
from checkgrad.report.dtypes import dtypes_of, how_written
from checkgrad.report.failures import failure_in_words
from checkgrad.report.results import ClaimResult, OutputResult
from checkgrad.report.text import percent


def sentences_on(claim: ClaimResult) -> Iterator[str]:
    """Yield why the first output with open decisions has them, and what would settle them.

    Parameters
    ----------
    claim : ClaimResult
        What was found.
    """
    for result in claim.results:
        if np.any(result.decisions.open):
            yield from _sentences(claim, result)
            return


def _sentences(claim: ClaimResult, result: OutputResult) -> Iterator[str]:
    for reason, sentence in _SENTENCES.items():  # that a check was stopped is said of it as a whole
        places = np.flatnonzero(result.decisions.reasons[reason])
        if places.size:
            yield f"{sentence(claim, result, int(places[0]))} [{code_of(reason)}]"


def code_of(reason: Reason) -> str:
    """Return the word under which docs/troubleshooting.md has more on a reason.

    Examples
    --------
    >>> code_of(Reason.NO_VALUE)
    'no-value'
    """
    return reason.name.lower().replace("_", "-")


def stopped_hint(stopped: str) -> str:
    """Return what a report says of a check that ended before its end.

    Parameters
    ----------
    stopped : str
        Why it did.
    """
    return (
        f"not looked at: {stopped}; allow for more evaluations or time, or check along fewer "
        f"directions, as direction='random' does [{code_of(Reason.STOPPED)}]"
    )


def so_far_hints(relative_error: float, rtol: float) -> tuple[str, ...]:
    """Return how far a claim is off where a check was stopped before that was certain.

    Parameters
    ----------
    relative_error, rtol : float
        As in `checkgrad.Report`.

    Examples
    --------
    >>> so_far_hints(0.5, 1e-5)
    ('so far the claim is off by 50% (2-norm), which is not certain yet',)
    """
    if not rtol < relative_error < math.inf:
        return ()
    return (
        f"so far the claim is off by {percent(relative_error)} (2-norm), which is not certain yet",
    )


_SEVERAL_KINKS = (
    "func has kinks along a tangent, or in a sum of outputs, where several may add up: a claim "
    "that is not valid at one kink need not be wrong; choose an x0 away from kinks, or pass "
    "direction='all'"
)
_TIE = (
    "func is not differentiable at x0: along a random tangent it changes by another amount than "
    "the sum over the axes (equal numbers that are sorted, or compared?); choose another x0"
)

_LESS_NOISE = (
    "compute in a wider dtype, or check a func without the large constant or the large terms that "
    "hide it"
)
_OTHER_DTYPE = "check the same code in float32"

_ANOTHER_FUNCTION = (
    "in float64 func returns other values, and the claim is not wrong for those: rounding may be "
    "as large as what func returns, as where large terms cancel; compute in float64, or choose "
    "another x0"
)


def _no_digits(claim: ClaimResult, result: OutputResult, i: int) -> str:
    return (
        f"the claim is right in float64, and keeps no digit {how_written(dtypes_of(claim.point))} "
        f"at {claim.where(result, i)}: rounding or an underflow takes all of it; scale the values "
        "up, or compute in a wider dtype"
    )


def _too_close(claim: ClaimResult, result: OutputResult, i: int) -> str:
    decisions = result.decisions
    off = decisions.distance[i] / decisions.reference[i]
    known = decisions.uncertainty[i] / decisions.reference[i]
    return (
        f"claim and estimate at {claim.where(result, i)} differ by {off:.1e} of its size, and the "
        f"estimate is known to {known:.1e}: together too much to be called correct, too little to "
        f"be called wrong; {_unless_half(result, 'pass a larger rtol, or a wider dtype')}"
    )


def _hidden(claim: ClaimResult, result: OutputResult, i: int) -> str:
    return (
        f"claim and estimate at {claim.where(result, i)} differ, but a bend of func no larger than "
        f"its noise ({result.spec.sigma_at_x0:.1e}) may hide the derivative: "
        f"{_unless_half(result, 'compute in a wider dtype')}"
    )


def _coarse(claim: ClaimResult, result: OutputResult, i: int) -> str:
    return (
        f"fine and coarse steps settle on different derivatives at {claim.where(result, i)}, and "
        "the claim is near one of them: func changes in steps there, or has a feature that coarse "
        f"steps miss; {_unless_half(result, 'compute in a wider dtype, or choose another x0')}"
    )


def _jump(claim: ClaimResult, result: OutputResult, i: int) -> str:
    return (
        f"func seems to be discontinuous at {claim.where(result, i)}: it jumps however short the "
        f"step; {_unless_half(result, 'choose another x0')}"
    )


def _no_value(claim: ClaimResult, result: OutputResult, i: int) -> str:
    failure = failure_in_words(claim)
    why = f" ({failure})" if failure else ""
    return (
        f"func has no finite value near {claim.where(result, i)}{why}; choose an x0 inside of its "
        "domain, or pass bounds"
    )


def _noise(claim: ClaimResult, result: OutputResult, i: int) -> str:
    return (
        f"the derivative at {claim.where(result, i)} is lost in the noise of func "
        f"({result.spec.sigma_at_x0:.1e}, for a value of {result.spec.value:.3g}): "
        f"{_unless_half(result, _LESS_NOISE)}"
    )


def _rough(claim: ClaimResult, result: OutputResult, i: int) -> str:
    return (
        f"func varies too fast near {claim.where(result, i)} for differences to settle: "
        f"{_unless_half(result, 'choose an x0 farther from singular points, or pass bounds')}"
    )


def _unless_half(result: OutputResult, advice: str) -> str:
    """Return the advice, or another one in half precision, where rounding looks like anything."""
    half = has_few_digits(max(result.spec.epsilon, result.dtype_epsilon))
    return _OTHER_DTYPE if half else advice


# In the order in which a report gives them.
_SENTENCES: dict[Reason, Callable[[ClaimResult, OutputResult, int], str]] = {
    Reason.SEVERAL_KINKS: lambda *_: _SEVERAL_KINKS,
    Reason.TIE: lambda *_: _TIE,
    Reason.ANOTHER_FUNCTION: lambda *_: _ANOTHER_FUNCTION,
    Reason.NO_DIGITS: _no_digits,
    Reason.TOO_CLOSE: _too_close,
    Reason.HIDDEN: _hidden,
    Reason.COARSE: _coarse,
    Reason.JUMP: _jump,
    Reason.NO_VALUE: _no_value,
    Reason.NOISE: _noise,
    Reason.ROUGH: _rough,
}
