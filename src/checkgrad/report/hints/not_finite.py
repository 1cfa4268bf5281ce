"""Claims that are infinite or NaN."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.places import listing, name_of
from checkgrad.report.hints.thresholds import THRESHOLDS


def explain_not_finite(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain entries of the claim that are not finite, whatever the verdict on them."""
    not_finite = ~np.isfinite(mismatches.claim)
    where = np.flatnonzero(not_finite)
    if not where.size:
        return
    names = [
        f"{name_of(mismatches, int(i))} ({mismatches.claim[i]})"
        for i in where[: THRESHOLDS.max_names]
    ]
    number = "1 entry" if where.size == 1 else f"{where.size} entries"
    text = (
        f"claim is not finite in {number} of {mismatches.claim.size}, at "
        f"{listing(names, where.size)}: a division by zero, a log or root at 0, or an overflow?"
    )
    yield Explanation(not_finite, 0.0, text, is_certain=True)
