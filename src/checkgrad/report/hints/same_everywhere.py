"""Claims that are not zero where func does not change at all around x0."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.places import describe
from checkgrad.report.hints.thresholds import THRESHOLDS

_COST = 2.0
SAME_EVERYWHERE = (
    "func has the same value all around x0, up to its rounding: does it depend on x, and not on a "
    "copy or a cache of it? Where it rounds, compares or saturates, its derivative is 0, whatever "
    "a straight-through rule says"
)


def explain_same_everywhere(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain wrong entries by which ``func`` does not change."""
    flat = mismatches.is_flat
    entries = mismatches.wrong & flat & (mismatches.claim != 0)
    number, n_wrong = np.count_nonzero(entries), np.count_nonzero(mismatches.wrong)
    if not number or number < THRESHOLDS.majority * n_wrong:
        return
    if np.all(flat):
        yield Explanation(entries, _COST, SAME_EVERYWHERE)
        return
    places = describe(mismatches, entries, entries | ~mismatches.is_known)
    text = (
        f"func does not change around x0 {places.text}, and the claim is not 0 there: is it "
        "unused, switched off, rounded or compared (a straight-through rule is no derivative)?"
    )
    yield Explanation(entries, _COST + places.cost, text)
