"""Decisions on a claim as the user wrote it, where the claim in float64 is right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checkgrad.numerics.decisions import Decisions, Reason
from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds

_NO_DIGIT = 0.5  # of a claim: an error that leaves no digit of it


def decide_in_narrow_dtype(decisions: Decisions, claim: Floats, rounding: Floats) -> Decisions:
    """Return the decisions, wrong as well where a claim is right in float64 only.

    If no claim keeps a digit, as where all underflow, it is not known whether they are right.

    Parameters
    ----------
    decisions : Decisions
        For the claim in float64.
    claim : array, shape (directions,)
        The claim as the user wrote it, in narrower dtypes.
    rounding : array, shape (directions,)
        How far rounding in these dtypes may move it.
    """
    criteria = decisions.criteria
    with np.errstate(all="ignore"):
        distance = np.where(np.isfinite(claim), np.abs(claim - decisions.claim), np.inf)
        magnitude = np.fmax(np.abs(claim), np.abs(decisions.claim))
        magnitude = np.where(criteria.tangent_scale > 0, criteria.tangent_scale, magnitude)
        allowed = thresholds().wrong_margin * criteria.rtol * magnitude
        wrong = decisions.resolved & np.isfinite(decisions.claim)
        wrong &= (distance > rounding + allowed) | ~np.isfinite(claim)
    is_lost = distance > _NO_DIGIT * magnitude
    lost = decisions.resolved & ~wrong & is_lost & np.all(is_lost | (magnitude == 0))
    changed = wrong | lost
    if not np.any(changed):
        return decisions
    reasons = {reason: flags & ~changed for reason, flags in decisions.reasons.items()}
    return replace(
        decisions,
        claim=np.where(wrong, claim, decisions.claim),
        claim_noise=np.where(wrong, rounding, decisions.claim_noise),
        distance=np.where(wrong, distance, decisions.distance),
        uncertainty=np.where(changed, decisions.reliable_uncertainty, decisions.uncertainty),
        wrong=decisions.wrong | wrong,
        resolved=decisions.resolved & ~changed,
        reasons={**reasons, Reason.NARROW: wrong, Reason.NO_DIGITS: lost},
    )
