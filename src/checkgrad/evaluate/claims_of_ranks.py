"""How the claims of ranks differ that should claim the same.

This module compares numbers on the host. It calls nothing, and judges no claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkgrad.backends import HostArray
from checkgrad.precision import DOUBLE

_ROUNDING = 100.0  # machine epsilons by which sums in another order may differ
_EXACT = 0.5  # power of the machine epsilon: what a constant factor leaves is smaller


@dataclass
class ClaimsOfRanks:
    """How the claims of the ranks differ.

    Attributes
    ----------
    judged : int
        The rank whose claim all ranks go on with.
    difference : float
        The largest difference at x0, relative to the largest entry of the leaf.
    other : int
        The rank whose claim at x0 differs most from that of rank 0.
    sentence : str
        How it does; empty if no claims differ by more than rounding.
    """

    judged: int = 0
    difference: float = 0.0
    other: int = 0
    sentence: str = ""

    def compare(self, of_ranks: Sequence[Sequence[HostArray]]) -> None:
        """Take note of the claims of all ranks at x0, each the numbers of its leaves."""
        for rank, numbers in enumerate(of_ranks):
            difference = max(map(_relative_difference, numbers, of_ranks[0]), default=0.0)
            if difference > self.difference:
                self.difference, self.other = difference, rank
        epsilon = max(epsilon_of_numbers(each) for numbers in of_ranks for each in numbers)
        if self.difference > _ROUNDING * epsilon:
            self.sentence = _comparison(of_ranks[0], of_ranks[self.other], self.other)


def _comparison(first: Sequence[HostArray], second: Sequence[HostArray], rank: int) -> str:
    """Return a sentence on how the claim of a rank differs from that of rank 0."""
    a, b = (np.concatenate([x.ravel() for x in each]) for each in (first, second))
    with np.errstate(all="ignore"):
        factor = float(np.vdot(b, a).real / np.vdot(b, b).real)
        left = float(np.linalg.norm(a - factor * b) / np.linalg.norm(a))
        apart = float(np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b)))
    # Rounding of narrow dtypes leaves no more.
    if left <= epsilon_of_numbers(first[0]) ** _EXACT and factor not in (0.0, 1.0):
        if abs(factor) < 1:
            return f"rank {rank} claims {1 / factor:.6g} times what rank 0 does"
        return f"rank 0 claims {factor:.6g} times what rank {rank} does"
    size = f"they differ by {100 * apart:.2g}% (2-norm)"
    return f"ranks 0 and {rank} claim different derivatives: {size}"


def _relative_difference(a: HostArray, b: HostArray) -> float:
    """Return the largest difference of entries, relative to the largest entry."""
    if np.array_equal(a, b, equal_nan=True):
        return 0.0
    with np.errstate(all="ignore"):
        size = max(np.max(np.abs(a)), np.max(np.abs(b)))
        difference = float(np.max(np.abs(a - b)) / size)
    return difference if np.isfinite(difference) else float("inf")


def epsilon_of_numbers(numbers: HostArray) -> float:
    """Return the machine epsilon of numbers on the host; of exact ones that of float64."""
    return float(np.finfo(numbers.dtype).eps) if numbers.dtype.kind in "fc" else DOUBLE
