"""Claims that have the right numbers in an order without a name."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.numerics.samples import Flags
from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.places import describe
from checkgrad.report.hints.thresholds import THRESHOLDS

_COST = 7.0  # the dearest: any order fits


def explain_orders(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain wrong entries whose claims are their estimates in another order."""
    for region in mismatches.regions():
        entries = mismatches.within(mismatches.wrong, region)
        if np.count_nonzero(entries) >= THRESHOLDS.few and _is_reordered(mismatches, entries):
            places = describe(mismatches, entries, entries)
            text = (
                f"claim has the right numbers in another order {places.text}: "
                "indices or a sort mixed up?"
            )
            yield Explanation(entries, _COST + places.cost, text)


def _is_reordered(mismatches: Mismatches, entries: Flags) -> bool:
    """Return whether sorting makes claim and estimate equal, and the numbers are not all alike."""
    claim, estimate = mismatches.claim[entries], mismatches.estimate[entries]
    tolerance = mismatches.margin[entries] + THRESHOLDS.slack * np.abs(estimate)
    if not np.all(np.abs(claim - estimate) > THRESHOLDS.distinct * tolerance):
        return False  # some number may be where it belongs, and be a little off
    order = np.argsort(estimate)
    right, tolerance = estimate[order], tolerance[order]
    apart = np.diff(right) > THRESHOLDS.distinct * np.maximum(tolerance[1:], tolerance[:-1])
    same = np.abs(np.sort(claim) - right) <= tolerance
    are_distinct = int(np.count_nonzero(apart)) >= THRESHOLDS.majority * apart.size
    return bool(np.all(same)) and are_distinct
