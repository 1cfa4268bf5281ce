"""Claims that differ from the right derivative by a multiple of x0: the slope of `c * x0**2`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.report.hints.agreement import shared_value
from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.factors import factor_text
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.places import describe
from checkgrad.report.hints.thresholds import THRESHOLDS

_COST = 6.0  # dearer than a factor or a constant, which may be a multiple of x0 by accident


def explain_decay(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain wrong entries that differ from the estimate by the same multiple of x0."""
    x0, margin = mismatches.x0, mismatches.margin
    if x0 is None:
        return
    difference = mismatches.claim - mismatches.estimate
    readable = mismatches.wrong & np.isfinite(difference) & (x0 != 0)
    readable &= margin <= THRESHOLDS.readable * np.abs(difference)
    tolerance = margin + THRESHOLDS.slack * np.abs(difference)
    for region in mismatches.regions():
        chosen = mismatches.within(readable, region)
        if np.count_nonzero(chosen) < THRESHOLDS.few:
            continue
        multiple = shared_value((difference / x0)[chosen], (tolerance / np.abs(x0))[chosen])
        predicted = multiple * x0
        fits = np.abs(difference - predicted) <= margin + THRESHOLDS.slack * np.abs(predicted)
        entries = readable & fits
        number = np.count_nonzero(entries[region])
        n_wrong = np.count_nonzero(mismatches.wrong[region])
        if number < max(THRESHOLDS.few, THRESHOLDS.majority * n_wrong):
            continue
        if np.ptp(x0[entries]) <= THRESHOLDS.slack * np.max(np.abs(x0[entries])):
            continue  # of equal coordinates, the difference is a constant
        places = describe(mismatches, entries, fits | ~mismatches.is_known)
        sense = "more" if multiple > 0 else "less"
        guess = "counted twice, or in the claim only" if multiple > 0 else "forgotten"
        text = (
            f"claim is {factor_text(abs(multiple))} times x0 {sense} than the estimate "
            f"{places.text}: weight decay or a ridge term {guess}?"
        )
        yield Explanation(entries, _COST + places.cost, text)
