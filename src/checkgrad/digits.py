"""The claim in the user's dtypes against the claim in float64: how many digits it keeps.

A check in float64 judges the formula. The claim as the user wrote it may differ from it by
rounding, which costs digits. It is wrong where it differs by more. What rounding explains is
measured by Monte Carlo arithmetic, or at neighbours of x0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from checkgrad.arrays.bounds import within
from checkgrad.arrays.point import Floats
from checkgrad.claims.forms import Claim
from checkgrad.claims.linear_map import Leaves
from checkgrad.claims.make import make_claim
from checkgrad.evaluate.calling import UserFunction
from checkgrad.numerics.decide import decide_in_narrow_dtype
from checkgrad.numerics.thresholds import thresholds
from checkgrad.parsed import ParsedProblem
from checkgrad.report.results import ClaimResult, Digits, OutputResult
from checkgrad.widening import WidenedProblem

# What needs no measurement: differences of so many units of the largest entry of an output.
_UNITS = 8.0
# How far rounding may move a claim: so many times the largest difference seen. Operations such as
# exp are off by several units in the user's dtypes, and by half a unit in Monte Carlo arithmetic.
_SPREADS = 8.0
_RUNS = 3  # of Monte Carlo arithmetic
_SEED = 0  # of the neighbours
# The distances of neighbours from x0, relative to each coordinate: far enough that large terms
# which cancel round anew, and near enough that a fault stays as it is. No powers of two.
_NEIGHBOURS = (0.0009, 0.0013, 0.0017)


def with_native_claim(widened: WidenedProblem, found: ClaimResult) -> ClaimResult:
    """Compare the claim as the user wrote it with that in float64.

    Parameters
    ----------
    widened : WidenedProblem
        The problem in float64.
    found : ClaimResult
        What was found for the claim in float64.

    Returns
    -------
    ClaimResult
        The same, with the digits that the claim keeps. The claim is wrong as well where it is right
        in float64 only.
    """
    results = found.results
    if not widened.claim.is_wide or not results:
        return replace(found, n_grad=widened.claim.n_grad)
    wide = [result.decisions.claim for result in results]
    native = _claimed(widened.claim.native, widened.parsed.point.leaves, found)
    epsilon = max(widened.claim.native.epsilon, widened.claim.native.input_epsilon)
    scales = [_scale(result) for result in results]
    explained = [
        np.full(each.shape, _UNITS * epsilon * scale)
        for each, scale in zip(wide, scales, strict=True)
    ]
    off = [np.abs(a - b) for a, b in zip(native, wide, strict=True)]
    lost = off
    n_perturbed = 0
    if not all(np.all(a <= b) for a, b in zip(off, explained, strict=True)):
        spread, n_perturbed = _spread(widened, found, native)
        explained = [_SPREADS * a + b for a, b in zip(spread, explained, strict=True)]
        lost = [np.fmax(a, b) for a, b in zip(off, spread, strict=True)]
    judged = tuple(
        replace(result, decisions=decide_in_narrow_dtype(result.decisions, claim, rounding))
        for result, claim, rounding in zip(results, native, explained, strict=True)
    )
    return replace(
        found,
        results=judged,
        digits=_fewest_digits(wide, lost, scales),
        n_grad=widened.claim.n_grad + n_perturbed,
    )


def _claimed(claim: Claim, leaves: Leaves, found: ClaimResult) -> list[Floats]:
    """Return what a claim says at a point, along the directions of each result."""
    chosen = sorted({result.output for result in found.results})
    gradients = dict(zip(chosen, claim.gradients(leaves, found.outputs.take(chosen)), strict=True))
    return [result.directions.claimed_by(gradients[result.output]) for result in found.results]


def _scale(result: OutputResult) -> float:
    """Return the largest claim of an output, or what is typical of a random tangent."""
    claim = np.abs(result.decisions.claim)
    largest = float(np.max(claim[np.isfinite(claim)], initial=0.0))
    return max(largest, result.directions.tangent_scale)


def _spread(
    widened: WidenedProblem, found: ClaimResult, native: list[Floats]
) -> tuple[list[Floats], int]:
    """Return how far rounding moves the claim along each direction, and how often it was run."""
    wide = [result.decisions.claim for result in found.results]
    n_calls = 0
    try:
        runs = []
        for seed in range(_RUNS):
            function = widened.claim_function.perturbed(seed)
            runs.append(_claimed_by(function, widened.parsed, found))
            n_calls += function.n_calls
        moved = [[a - b for a, b in zip(run, wide, strict=True)] for run in runs]
    except MemoryError:
        raise
    except Exception:  # it cannot be run that way
        apart = [a - b for a, b in zip(native, wide, strict=True)]
        moved = [
            [a - b for a, b in zip(each, apart, strict=True)]
            for each in _apart_at_neighbours(widened, found)
        ]
    spread = [np.max(np.nan_to_num(np.abs(each)), axis=0) for each in zip(*moved, strict=True)]
    return spread, n_calls


def _claimed_by(function: UserFunction, parsed: ParsedProblem, found: ClaimResult) -> list[Floats]:
    """Return what another function of the same form says at x0."""
    claim = make_claim(parsed.form, function, parsed.point, parsed.reader)
    return _claimed(claim, parsed.point.leaves, found)


def _apart_at_neighbours(widened: WidenedProblem, found: ClaimResult) -> Iterator[list[Floats]]:
    """Yield by how much the two claims differ at neighbours of x0.

    Rounding errors vary from one neighbour to the next. A fault of the code does not.
    """
    parsed, claim = widened.parsed, widened.claim
    point, rng = parsed.point, np.random.default_rng(_SEED)
    for distance in _NEIGHBOURS:
        count = max(1, round(distance / claim.native.input_epsilon))
        moved = point.neighbour(point.random_signs(rng), count, claim.native.input_epsilon)
        leaves = claim.native.rounded(within(point, moved, parsed.bounds))
        native, wide = (_claimed(each, leaves, found) for each in (claim.native, claim.wide))
        yield [a - b for a, b in zip(native, wide, strict=True)]


def _fewest_digits(wide: list[Floats], lost: list[Floats], scales: list[float]) -> Digits:
    """Return the fewest decimal digits that the claim keeps, and where.

    An entry that is negligible beside the others is looked at on their scale.
    """
    least = Digits(math.inf, 0, 0)
    for k, (claim, error, scale) in enumerate(zip(wide, lost, scales, strict=True)):
        size = np.fmax(np.abs(claim), scale / thresholds().negligible)
        relative = np.where(error > 0, error / size, 0.0)
        worst = int(np.argmax(np.nan_to_num(relative, nan=np.inf)))
        if relative[worst] > 0:
            digits = max(0.0, -math.log10(relative[worst]))
            least = min(least, Digits(digits, k, worst), key=lambda each: each.kept)
    return least
