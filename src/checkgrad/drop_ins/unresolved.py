"""Decisions that are open in theory only: the samples cannot tell, but not by much.

A derivative that is 0 up to rounding has no relative error, and so it stays open. A suite wants no
error there. What other checkers allow by default is accepted, if the samples can tell that much.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checkgrad.drop_ins.tolerance import tolerated
from checkgrad.numerics.decisions import Decisions
from checkgrad.report.results import ClaimResult


def settled(result: ClaimResult) -> ClaimResult:
    """Return a result in which open decisions are resolved, where claim and estimate are near.

    They are near if the claim is within the uncertainty of the estimate and a small tolerance.

    Parameters
    ----------
    result : ClaimResult
        What was found.
    """
    found = tuple(replace(each, decisions=_settled(each.decisions)) for each in result.results)
    return replace(result, results=found)


def _settled(decisions: Decisions) -> Decisions:
    estimate = decisions.estimate.value
    with np.errstate(all="ignore"):
        farthest = np.abs(decisions.claim - estimate) + decisions.uncertainty
        near = decisions.open & (farthest <= tolerated(estimate))
    return decisions.accepting(near)
