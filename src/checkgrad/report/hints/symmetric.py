"""Claims for a square array that are right for symmetric matrices only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.numerics.samples import Flags, Floats
from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Leaf, Mismatches
from checkgrad.report.hints.thresholds import THRESHOLDS

_COST = 2.0
_ADVICE = (
    "does func take it for symmetric, or read one triangle of it? Then pass "
    "direction=lambda v: (v + v.T) / 2"
)


def explain_symmetric(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain square arrays whose claim is the symmetric part of the estimate."""
    for leaf in mismatches.wrong_leaves:
        if len(leaf.shape) != 2 or leaf.shape[0] != leaf.shape[1] or leaf.size == 1:
            continue
        claim = mismatches.claim[leaf.coordinates].reshape(leaf.shape)
        estimate = mismatches.estimate[leaf.coordinates].reshape(leaf.shape)
        part = (estimate + estimate.T) / 2
        by_entries = 2 * part - np.diag(np.diag(part))  # the two of a pair are one number
        for predicted, name in (
            (part, "the symmetric part of the estimate"),
            (by_entries, "the derivative by the entries of a symmetric matrix"),
        ):
            if _fits(mismatches, leaf, claim, predicted):
                entries = mismatches.within(mismatches.wrong, leaf.coordinates)
                yield Explanation(entries, _COST, f"claim in {leaf.path} is {name}: {_ADVICE}")
                break


def _fits(mismatches: Mismatches, leaf: Leaf, claim: Floats, predicted: Floats) -> bool:
    """Return whether the claim is what is predicted in every entry, by no accident."""
    margin = mismatches.margin[leaf.coordinates].reshape(leaf.shape)
    slack = margin + margin.T + THRESHOLDS.slack * np.abs(predicted)
    fits: Flags = np.abs(claim - predicted) <= slack
    wrong = mismatches.wrong[leaf.coordinates].reshape(leaf.shape)
    shows = np.any(wrong & ~np.eye(len(claim), dtype=bool))
    return bool(np.all(fits) and np.all(mismatches.is_known[leaf.coordinates]) and shows)
