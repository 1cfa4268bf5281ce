"""Claims that are the right derivative times a factor of x0 itself: x0, exp(x0) or an inverse.

Such a factor is the chain rule of a parameter on a logarithmic scale, forgotten or one too many.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.numerics.samples import Flags, Floats
from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.places import describe
from checkgrad.report.hints.thresholds import THRESHOLDS

_COST = 4.0  # as a rearrangement with a name


def explain_factors_of_x0(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain wrong entries whose claim is the estimate times a factor of x0."""
    if mismatches.x0 is None:
        return
    for text, factor in _factors(mismatches.x0):
        for region in mismatches.regions():
            found = _explained(mismatches, factor, region)
            if found is not None:
                entries, fits = found
                places = describe(mismatches, entries, fits | ~mismatches.is_known)
                hint = f"claim is the estimate {text[0]} {places.text}: {text[1]}"
                yield Explanation(entries, _COST + places.cost, hint)


def _factors(x0: Floats) -> Iterator[tuple[tuple[str, str], Floats]]:
    """Yield each factor, with what it is called and the slip that makes it."""
    yield (
        ("times exp(-x0)", "the factor exp(x0) of a logarithmic parameter forgotten?"),
        np.exp(-x0),
    )
    yield ("times exp(x0)", "the factor exp(x0) of a logarithmic parameter twice?"), np.exp(x0)
    yield ("times x0", "the derivative by log(x0)?"), x0
    yield ("divided by x0", "a factor x0 forgotten, as in the derivative by log(x0)?"), 1 / x0


def _explained(mismatches: Mismatches, factor: Floats, region: slice) -> tuple[Flags, Flags] | None:
    """Return the entries that a factor explains and those that fit it; None if by accident."""
    claim, estimate, margin = mismatches.claim, mismatches.estimate, mismatches.margin
    predicted = factor * estimate
    tolerance = margin * np.maximum(1, np.abs(factor)) + THRESHOLDS.slack * np.abs(predicted)
    fits = np.abs(claim - predicted) <= tolerance
    apart = np.abs(factor - 1) * np.abs(estimate)
    shows = mismatches.wrong & fits & (apart > margin + THRESHOLDS.distinct * tolerance)
    entries = mismatches.within(shows, region)
    number = int(np.count_nonzero(entries))
    n_wrong = int(np.count_nonzero(mismatches.wrong[region]))
    if number >= THRESHOLDS.few:
        factors = factor[entries]
        varies = np.ptp(factors) > THRESHOLDS.slack * np.max(np.abs(factors))
        return (entries, fits) if varies and number >= THRESHOLDS.majority * n_wrong else None
    # Few numbers are near a factor by accident now and then.
    off = np.abs(claim - predicted)[entries]
    tight = THRESHOLDS.tight_slack * np.abs(predicted[entries])
    sharp = margin[entries] <= THRESHOLDS.readable * np.abs(claim[entries])
    if number == n_wrong and number and np.all((off <= tight) & sharp):
        return entries, fits
    return None
