"""Claims that are a constant times the right derivative.

This module owns how a common factor is found in a claim. `named_factors` lists the factors that
have a name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from checkgrad.numerics.samples import Flags
from checkgrad.report.hints.agreement import shared_value
from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.named_factors import Factor, named_factors
from checkgrad.report.hints.places import describe
from checkgrad.report.hints.thresholds import THRESHOLDS

_COST = 5.0  # of a factor without a name: dearer than any rearrangement
_GUESS = "a constant that was forgotten or counted twice?"
_USUAL = (1.0, 2.0, 0.5)  # sizes of the factors that are believed of a single entry


def explain_factors(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain wrong entries by the factors that they share.

    In each region, up to ``max_hints`` factors are looked for, the one of most entries first.
    """
    claim, estimate = mismatches.claim, mismatches.estimate
    readable = mismatches.wrong & (claim != 0)
    readable &= mismatches.margin <= THRESHOLDS.readable * np.abs(estimate)
    readable &= np.isfinite(claim / estimate)
    for region in mismatches.regions():
        remaining = mismatches.within(readable, region)
        n_wrong = int(np.count_nonzero(mismatches.wrong[region]))
        for _ in range(THRESHOLDS.max_hints):
            if not np.any(remaining):
                break
            factor, error = _common_factor(mismatches, remaining)
            fitting, entries = _fit(mismatches, factor.value)
            found = entries & remaining
            if not np.any(found):
                break
            remaining = remaining & ~found
            number = int(np.count_nonzero(found))
            if _is_no_accident(mismatches, factor, error, number, n_wrong):
                places = describe(mismatches, entries, fitting)
                text = f"claim is {factor.text} times the estimate {places.text}"
                text = f"{text}: {factor.guess or _GUESS}"
                yield Explanation(entries, factor.cost + places.cost, text)


def _common_factor(mismatches: Mismatches, chosen: Flags) -> tuple[Factor, float]:
    """Return the factor that most of the entries share, and its relative error.

    The error of a factor with a name is its distance from what was measured; that of another one
    is the smallest uncertainty of the entries that share it.
    """
    ratio = mismatches.claim[chosen] / mismatches.estimate[chosen]
    relative_margin = mismatches.margin[chosen] / np.abs(mismatches.estimate[chosen])
    tolerance = np.abs(ratio) * (relative_margin + _slack_of(ratio))
    value = shared_value(ratio, tolerance)
    agreeing = np.abs(ratio - value) <= tolerance
    error = float(np.min(relative_margin[agreeing], initial=THRESHOLDS.readable))
    for factor in named_factors(mismatches, chosen):
        reach = abs(factor.value) * (_slack_of(factor.value) + error)
        if abs(value - factor.value) <= reach:
            return factor, abs(value / factor.value - 1)
    return Factor(value, factor_text(value), "", _COST), error


def _slack_of(factor: Any) -> Any:
    """Return how far a claim may lie off a factor, relative to it."""
    return np.minimum(THRESHOLDS.slack, THRESHOLDS.factor_slack * np.abs(factor - 1))


def _fit(mismatches: Mismatches, factor: float) -> tuple[Flags, Flags]:
    """Return where the claim may be `factor` times the estimate, and where this shows."""
    predicted = factor * mismatches.estimate
    tolerance = mismatches.margin * max(1.0, abs(factor)) + _slack_of(factor) * np.abs(predicted)
    fits = np.abs(mismatches.claim - predicted) <= tolerance
    apart = abs(factor - 1) * np.abs(mismatches.estimate)
    shows = apart > mismatches.margin + THRESHOLDS.distinct * tolerance
    return fits | ~mismatches.is_known, mismatches.wrong & fits & shows


def _is_no_accident(
    mismatches: Mismatches, factor: Factor, error: float, number: int, n_wrong: int
) -> bool:
    """Return whether `number` of `n_wrong` entries share the factor by more than luck."""
    if number >= THRESHOLDS.few:
        share = THRESHOLDS.named_share if factor.has_name else THRESHOLDS.majority
        return number >= share * n_wrong
    is_usual = abs(factor.value) in _USUAL
    few_leaves = len(mismatches.wrong_leaves) <= THRESHOLDS.few
    believable = is_usual or error <= THRESHOLDS.tight_slack
    return factor.has_name and number == n_wrong and few_leaves and believable


def factor_text(value: float) -> str:
    """Return a factor as a person writes it: ``3``, ``1/3``, or with the digits that differ from 1.

    Examples
    --------
    >>> factor_text(3.0), factor_text(1 / 7), factor_text(1.00012)
    ('3', '1/7', '1.00012')
    """
    for text, power in (("{:d}", value), ("1/{:d}", 1 / value if value else 0.0)):
        nearest = round(power) if abs(power) < 1 / THRESHOLDS.slack else 0
        if nearest > 1 and abs(power - nearest) <= THRESHOLDS.tight_slack * abs(power):
            return text.format(nearest)
    excess = abs(value - 1)
    zeros = math.ceil(-math.log10(excess)) if 0 < excess < 1 else 0
    return f"{value:.{max(THRESHOLDS.digits, zeros + 2)}g}"
