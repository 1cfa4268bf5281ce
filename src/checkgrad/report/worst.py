"""The places that a report names: where claims are wrong, or else open, the worst first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from checkgrad.numerics.decide import scale_of
from checkgrad.numerics.decisions import Reason, Verdict
from checkgrad.report.mismatch import Mismatch
from checkgrad.report.results import ClaimResult, OutputResult

LISTED = 100  # places that a report keeps
_DIGITS_APART = 3  # in which one must be farther off than another to be listed first

# A result of a claim, and one of its directions.
Place: TypeAlias = tuple[ClaimResult, OutputResult, int]


def worst_places(
    found: Sequence[tuple[ClaimResult, OutputResult]], verdict: Verdict
) -> list[Place]:
    """Return where claims are wrong, or else open, the worst first.

    Parameters
    ----------
    found : sequence of (ClaimResult, OutputResult)
        The results, each with its claim.
    verdict : Verdict
        The verdict on all of them.
    """
    listed = []
    for k, (_, result) in enumerate(found):
        decisions = result.decisions
        shown = decisions.wrong if verdict is Verdict.WRONG else decisions.open
        places = np.flatnonzero(shown)
        seen = np.isfinite(decisions.estimate.value[places])
        # Outputs may be of different units; the entries of one output are compared as they are.
        is_alone = (
            len({id(claim) for claim, _ in found}) == 1
            and len({each.output for _, each in found}) == 1
        )
        unit = 1.0 if is_alone else scale_of(decisions.claim, decisions.estimate)
        worst = np.nan_to_num(decisions.distance[places] / (unit or 1.0), nan=np.inf)
        worst = np.where(decisions.reasons[Reason.STOPPED][places] & ~seen, -np.inf, worst)
        # Entries that are as far off as can be told are in the order of their places.
        alike = [float(f"{far:.{_DIGITS_APART}g}") for far in worst.tolist()]
        listed += [(-far, k, i) for far, i in zip(alike, places.tolist(), strict=True)]
    return [(*found[k], i) for _, k, i in sorted(listed)[:LISTED]]


def other_places(
    found: Sequence[tuple[ClaimResult, OutputResult]], known: Sequence[Place]
) -> list[Place]:
    """Return the first other places, so that there are as many as a report keeps.

    Parameters
    ----------
    found : sequence of (ClaimResult, OutputResult)
        The results, each with its claim.
    known : sequence of Place
        The places that there are.
    """
    room = LISTED - len(known)
    taken = {(id(result), i) for _, result, i in known}
    others = (place for place in _all_places(found) if (id(place[1]), place[2]) not in taken)
    return list(itertools.islice(others, room))


def _all_places(found: Sequence[tuple[ClaimResult, OutputResult]]) -> Iterator[Place]:
    for claim, result in found:
        for i in range(min(result.directions.count, LISTED)):
            yield claim, result, i


def mismatch_at(place: Place) -> Mismatch:
    """Return what a report says of a place."""
    claim, result, i = place
    decisions = result.decisions
    return Mismatch(
        where=claim.where(result, i),
        claim=float(decisions.claim[i]),
        estimate=float(decisions.estimate.nearest_to(decisions.claim)[i]),
        uncertainty=float(decisions.uncertainty[i]),
        wrong=bool(decisions.wrong[i]),
    )
