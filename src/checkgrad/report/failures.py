"""What a report says of exceptions that func raised away from x0, and of where it raised them.

There, an exception counts as the edge of the domain of func, so that it reaches nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.arrays.displacement import displacement_of
from checkgrad.arrays.messages import brief
from checkgrad.numerics.decisions import Reason
from checkgrad.report.results import ClaimResult


def failure_in_words(claim: ClaimResult) -> str:
    """Return what ``func`` raised first, and where; empty if it raised nothing."""
    evaluator = claim.evaluator
    if evaluator.failure is None:
        return ""
    displacement = displacement_of(evaluator.point, evaluator.failure.x)
    where = f" {displacement.in_words(claim.name)}" if displacement else " away from x0"
    return f"func raised {brief(evaluator.failure.error)}{where}"


def failure_notes(claim: ClaimResult) -> Iterator[str]:
    """Yield what ``func`` raised, unless a reason of an open decision says so."""
    said = (
        np.any(each.decisions.reasons[Reason.NO_VALUE] & each.decisions.open)
        for each in claim.results
    )
    words = failure_in_words(claim)
    if words and not any(said):
        yield f"{words}, which was taken for the edge of its domain"
