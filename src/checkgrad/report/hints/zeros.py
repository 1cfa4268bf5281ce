"""Claims that are zero where the derivative is not: an entry or an array was forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.places import describe
from checkgrad.report.hints.thresholds import THRESHOLDS

_COST = 1.0  # as cheap as a flipped sign: a zero is never an accident
_GUESSES = {
    "everywhere": "a derivative that was never filled in, or was cut off on its way?",
    "leaf": "an array forgotten?",
    "slice": "a row, a column or a range forgotten?",
    "entry": "an entry missing or overwritten?",
    "entries": "entries missing or overwritten?",
}


def explain_zeros(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain wrong entries whose claim is zero."""
    is_zero = mismatches.claim == 0
    entries = mismatches.wrong & is_zero
    number = np.count_nonzero(entries)
    if not number or number < THRESHOLDS.zero_share * np.count_nonzero(mismatches.wrong):
        return
    places = describe(mismatches, entries, is_zero | ~mismatches.is_known)
    first = int(np.flatnonzero(entries)[0])
    value = f"{mismatches.estimate[first]:.{THRESHOLDS.digits}g}"
    estimate = f"is {value}" if places.kind == "entry" else "is not"
    text = f"claim is 0 {places.text}, where the estimate {estimate}: {_GUESSES[places.kind]}"
    yield Explanation(entries, _COST + places.cost, text)
