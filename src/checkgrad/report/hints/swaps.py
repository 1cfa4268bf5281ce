"""Claims in which pairs of entries have changed places."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.samples import Floats
from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.places import listing, name_of
from checkgrad.report.hints.thresholds import THRESHOLDS

_COST_OF_A_PAIR = 3.0
_COST_OF_PAIRS = 6.0  # dearer than every rearrangement with a name, which swaps pairs too


def explain_swaps(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain pairs of wrong entries, each of which has the other's estimate."""
    chosen = np.flatnonzero(mismatches.wrong)
    pairs = find_pairs(
        mismatches.claim[chosen], mismatches.estimate[chosen], mismatches.margin[chosen]
    )
    if not len(pairs):
        return
    if (
        chosen.size > THRESHOLDS.max_for_one_pair
        and len(pairs) < THRESHOLDS.named_share * chosen.size
    ):
        return
    entries = np.zeros_like(mismatches.wrong)
    entries[chosen[pairs.ravel()]] = True
    names = [
        f"{name_of(mismatches, int(one))} with {name_of(mismatches, int(other))}"
        for one, other in chosen[pairs[: THRESHOLDS.max_names]]
    ]
    what = "two entries are" if len(pairs) == 1 else f"{len(pairs)} pairs of entries are"
    text = f"{what} swapped in the claim, {listing(names, len(pairs))}: indices mixed up?"
    yield Explanation(entries, _COST_OF_A_PAIR if len(pairs) == 1 else _COST_OF_PAIRS, text)


def find_pairs(claim: Floats, estimate: Floats, margin: Floats) -> npt.NDArray[np.intp]:
    """Return the indices of pairs whose claims are each other's estimates, shape (pairs, 2).

    The other entry of a pair is looked for only among the estimates that are nearest to the claim.
    """
    if claim.size < 2:
        return np.empty((0, 2), dtype=np.intp)
    tolerance = margin + THRESHOLDS.slack * np.abs(estimate)
    order = np.argsort(estimate)
    nearest = np.searchsorted(estimate[order], claim)
    window = nearest[:, None] + np.arange(-THRESHOLDS.neighbours, THRESHOLDS.neighbours)
    other = order[np.clip(window, 0, claim.size - 1)]
    own = np.arange(claim.size)[:, None]
    fits = np.abs(claim[:, None] - estimate[other]) <= tolerance[other]
    fits &= np.abs(claim[other] - estimate[:, None]) <= tolerance[:, None]
    apart = np.abs(estimate[:, None] - estimate[other])
    fits &= apart > THRESHOLDS.distinct * (tolerance[other] + tolerance[:, None])
    column = np.argmax(fits, axis=1)
    partner = np.where(np.any(fits, axis=1), other[own[:, 0], column], -1)
    mutual = (partner >= 0) & (partner[partner] == own[:, 0]) & (own[:, 0] < partner)
    return np.stack([own[mutual, 0], partner[mutual]], axis=1)
