"""The claim in the user's dtypes against the claim in float64: how many digits it keeps.

A check in float64 judges the formula. The claim as the user wrote it may differ from it by
rounding, which costs digits. It is wrong where it differs by more. What rounding explains is
measured by Monte Carlo arithmetic, or at neighbours of x0.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from checkgrad.arrays.bounds import within
from checkgrad.arrays.point import Floats
from checkgrad.claims.forms import Claim
from checkgrad.claims.linear_map import Leaves
from checkgrad.claims.make import make_claim
from checkgrad.numerics.narrow_claim import decide_in_narrow_dtype
from checkgrad.numerics.thresholds import thresholds
from checkgrad.report.results import ClaimResult, Digits, OutputResult
from checkgrad.stages.widening import WidenedProblem

# Differences of so many units of the largest entry of an output need no explanation.
_UNITS = 8.0
# Rounding may move a claim by so many times the largest difference that was seen. In the user's
# dtypes, operations such as exp are off by several units. In Monte Carlo arithmetic they are off by
# half a unit.
_SPREADS = 8.0
_RUNS = 3  # of Monte Carlo arithmetic, or neighbours
_RUNS_BEFORE_WRONG = 15
_SEED = 0  # of the neighbours
_UNITS_MOVED = 16.0  # of the exact claim, by which the claim as written moves too
# The distances of neighbours from x0, relative to each coordinate: far enough that large terms
# which cancel round anew, and near enough that a fault stays as it is.
_DISTANCES = (2.0**-11, 2.0**-9)


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
    floors = [
        np.full(each.shape, _UNITS * epsilon * scale)
        for each, scale in zip(wide, scales, strict=True)
    ]
    off = [np.abs(a - b) for a, b in zip(native, wide, strict=True)]
    explained, lost, spread = floors, off, _Spread(widened, found, native, wide)
    for runs in (_RUNS, _RUNS_BEFORE_WRONG):
        # By chance, a few runs may move one of many entries by far less than rounding can.
        if all(np.all(a <= b) for a, b in zip(off, explained, strict=True)):
            break
        seen = spread.after(runs)
        explained = [_SPREADS * a + b for a, b in zip(seen, floors, strict=True)]
        lost = [np.maximum(a, b) for a, b in zip(off, seen, strict=True)]
    judged = tuple(
        replace(result, decisions=decide_in_narrow_dtype(result.decisions, claim, rounding))
        for result, claim, rounding in zip(results, native, explained, strict=True)
    )
    return replace(
        found,
        results=judged,
        digits=_fewest_digits(wide, lost, scales),
        n_grad=widened.claim.n_grad + spread.n_calls,
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


class _Spread:
    """How far rounding moves the claim along each direction, as far as it was seen.

    Attributes
    ----------
    n_calls : int
        How often the claim was run by Monte Carlo arithmetic.
    """

    def __init__(
        self,
        widened: WidenedProblem,
        found: ClaimResult,
        native: list[Floats],
        wide: list[Floats],
    ) -> None:
        self._widened = widened
        self._found = found
        self._wide = wide
        self._native = native
        self._largest = [np.zeros_like(each) for each in wide]
        self._runs = 0
        self._by_arithmetic = True
        self._rng = np.random.default_rng(_SEED)
        self.n_calls = 0

    def after(self, runs: int) -> list[Floats]:
        """Return what is seen after so many runs."""
        while self._runs < runs:
            self._largest = [
                np.fmax(largest, np.abs(moved))
                for largest, moved in zip(self._largest, self._moved(), strict=True)
            ]
            self._runs += 1
        return self._largest

    def _moved(self) -> list[Floats]:
        """Return by how much rounding moves the claim in another run."""
        if self._by_arithmetic:
            try:
                return self._moved_by_arithmetic()
            except MemoryError:
                raise
            except Exception:  # the library or the claim does not allow it
                self._by_arithmetic = False
        return self._moved_at_neighbour()

    def _moved_by_arithmetic(self) -> list[Floats]:
        """Run the claim at x0 by Monte Carlo arithmetic."""
        parsed, function = self._widened.parsed, self._widened.claim_function.perturbed(self._runs)
        claim = make_claim(parsed.form, function, parsed.point, parsed.reader)
        said = _claimed(claim, parsed.point.leaves, self._found)
        self.n_calls += function.n_calls
        return [a - b for a, b in zip(said, self._wide, strict=True)]

    def _moved_at_neighbour(self) -> list[Floats]:
        """Return by how much the two claims differ at a neighbour of x0, and do not at x0.

        Rounding errors vary from one neighbour to the next. A fault of the code does not.
        """
        parsed, claim = self._widened.parsed, self._widened.claim
        point, epsilon = parsed.point, claim.native.input_epsilon
        count = max(1, round(self._rng.uniform(*_DISTANCES) / epsilon))
        moved = point.neighbour(point.random_signs(self._rng), count, epsilon)
        leaves = claim.native.rounded(within(point, moved, parsed.bounds))
        native, wide = (_claimed(each, leaves, self._found) for each in (claim.native, claim.wide))
        moved = []
        for at, exact, here, base in zip(native, wide, self._native, self._wide, strict=True):
            # A claim that stands still where the exact one moves by many units is a multiple of a
            # coarse number, as p - 1 is for p near 1. How coarse cannot be seen from outside.
            is_coarse = at == here
            is_coarse &= np.abs(exact - base) > _UNITS_MOVED * epsilon * np.abs(base)
            moved.append(np.where(is_coarse, math.inf, (at - exact) - (here - base)))
        return moved


def _fewest_digits(wide: list[Floats], lost: list[Floats], scales: list[float]) -> Digits:
    """Return the fewest decimal digits that the claim keeps, and where.

    The error of a negligible entry is compared with the scale of the others.
    """
    least = Digits(math.inf, 0, 0)
    for k, (claim, error, scale) in enumerate(zip(wide, lost, scales, strict=True)):
        size = np.fmax(np.abs(claim), scale / thresholds().negligible)
        relative = np.where(error == 0, 0.0, error / size)
        worst = int(np.argmax(np.nan_to_num(relative, nan=np.inf)))
        if relative[worst] != 0:
            digits = max(0.0, -math.log10(np.nan_to_num(relative[worst], nan=math.inf)))
            least = min(least, Digits(digits, k, worst), key=lambda each: each.kept)
    return least
