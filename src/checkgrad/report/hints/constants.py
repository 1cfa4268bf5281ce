"""Claims that differ from the right derivative by a constant."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.report.hints.agreement import shared_value
from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.places import describe
from checkgrad.report.hints.thresholds import THRESHOLDS

_COST = 5.5  # dearer than a factor without a name: constants in a gradient are rarer


def explain_constants(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain wrong entries that differ from the estimate by the same number."""
    margin = mismatches.margin
    difference = mismatches.claim - mismatches.estimate
    readable = mismatches.wrong & np.isfinite(difference)
    readable &= margin <= THRESHOLDS.readable * np.abs(difference)
    for region in mismatches.regions():
        chosen = mismatches.within(readable, region)
        if np.count_nonzero(chosen) < THRESHOLDS.few:
            continue
        tolerance = margin + THRESHOLDS.slack * np.abs(difference)
        constant = shared_value(difference[chosen], tolerance[chosen])
        fits = np.abs(difference - constant) <= margin + THRESHOLDS.slack * abs(constant)
        entries = readable & fits
        number = np.count_nonzero(entries[region])
        n_wrong = np.count_nonzero(mismatches.wrong[region])
        if number >= max(THRESHOLDS.few, THRESHOLDS.majority * n_wrong):
            places = describe(mismatches, entries, fits | ~mismatches.is_known)
            sense = "more" if constant > 0 else "less"
            text = (
                f"claim is {abs(constant):.{THRESHOLDS.digits}g} {sense} than the estimate "
                f"{places.text}: a constant added, or a term too many or too few?"
            )
            yield Explanation(entries, _COST + places.cost, text)
