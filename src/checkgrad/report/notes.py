"""What else was seen of ``func``: kinks, noise, and how it was evaluated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from checkgrad.precision import BRAIN, DOUBLE, HALF, SINGLE, default_rtol
from checkgrad.report.failures import failure_notes
from checkgrad.report.results import ClaimResult, OutputResult

_NOISY = 64.0  # times the rounding error of its dtype that the noise of func is worth a note
_NAMES = {DOUBLE: "float64", SINGLE: "float32", HALF: "float16", BRAIN: "bfloat16"}
_NAMED = 3  # places that a note names


def notes_on(claim: ClaimResult) -> Iterator[str]:
    """Yield notes on a claim, whatever its verdict.

    Parameters
    ----------
    claim : ClaimResult
        What was found.
    """
    yield from dict.fromkeys(result.note for result in claim.results if result.note)
    if claim.not_repeatable is not None:
        yield not_repeatable(*claim.not_repeatable[:2])
    yield from _first(_kink(claim, result) for result in claim.results)
    # A small output may be a sum of terms as large as the others.
    largest = max((abs(result.spec.value) for result in claim.results), default=0.0)
    yield from _first(_noise(result, largest) for result in claim.results)
    yield from failure_notes(claim)
    structure = claim.point.structure
    if structure is not None:
        others = [path for path in structure.fixed if path not in structure.constants]
        for kind, paths in (("not floating", others), ("constants", structure.constants)):
            if paths:
                yield f"not differentiated, since {kind}: {_listed(claim.name, paths)}"


def remarks_on(claim: ClaimResult) -> Iterator[str]:
    """Yield what else there is to know, where there is nothing to do about it.

    Parameters
    ----------
    claim : ClaimResult
        What was found.
    """
    obstacle = claim.evaluator.batch.obstacle
    if obstacle:
        yield f"func was evaluated at one point at a time, since it cannot be mapped: {obstacle}"
    yield from _narrow_claim(claim)


def _narrow_claim(claim: ClaimResult) -> Iterator[str]:
    """Yield what `rtol` is where the claim has a narrower dtype than x0, and that decides it."""
    epsilon, widest = claim.claim.epsilon, max(claim.point.epsilons)
    is_default = claim.rtol == default_rtol(epsilon) > default_rtol(widest)
    if epsilon > widest and is_default:
        wide = _NAMES.get(widest, "wider")
        yield (
            f"the claim is {_NAMES.get(epsilon, 'narrower')} and x0 is {wide}, so that "
            f"rtol is {claim.rtol:.0e}; return a {wide} claim, or pass rtol, to see "
            "smaller errors"
        )


def _listed(name: str, paths: Sequence[str]) -> str:
    """Return the first few places in a tree, and how many more there are."""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(name + path for path in paths[:_NAMED]) + more


def not_repeatable(value: float, again: float) -> str:
    """Return the note on a ``func`` that returned two values at x0.

    Examples
    --------
    >>> not_repeatable(1.0, 2.0)
    'func is not deterministic: two calls at x0 returned 1.0 and 2.0; fix its random seed \
(dropout, shuffling, sampling), then check again'
    """
    return (
        f"func is not deterministic: two calls at x0 returned {value!r} and "
        f"{again!r}; fix its random seed (dropout, shuffling, sampling), then check again"
    )


def _first(found: Iterator[str]) -> Iterator[str]:
    """Yield the first note, if there is one."""
    yield from [note for note in found if note][:1]


def _kink(claim: ClaimResult, result: OutputResult) -> str:
    estimate = result.decisions.estimate
    kinks = np.flatnonzero(estimate.has_kink)
    if not kinks.size:
        return ""
    i = int(kinks[0])
    return (
        f"func has a kink at {claim.where(result, i)}: every claim from {estimate.low[i]:.6g} to "
        f"{estimate.high[i]:.6g} is a subgradient"
    )


def _noise(result: OutputResult, largest: float) -> str:
    """Return whether func, whose `largest` output is given, is less precise than its dtype."""
    spec, decisions = result.spec, result.decisions
    if spec.epsilon > result.dtype_epsilon:
        digits = -math.log10(spec.epsilon)
        return (
            f"func computes in a coarser dtype than its input, of about {digits:.0f} digits"
            f"{' (float32?)' if spec.epsilon == SINGLE else ''}"
        )
    other = np.any(np.isfinite(decisions.estimate.findings.coarse_estimates), axis=0)
    if is_noisier_than_dtype(result, largest) or np.any(other & ~decisions.wrong):
        return (
            "func is noisier than its dtype explains, or changes in steps: does it compute in a "
            "coarser dtype, look values up in a table, or iterate to a tolerance?"
        )
    return ""


def is_noisier_than_dtype(result: OutputResult, largest: float) -> bool:
    """Return whether the noise of func, whose `largest` output is given, exceeds its rounding."""
    return result.spec.sigma > _NOISY * result.dtype_epsilon * largest > 0
