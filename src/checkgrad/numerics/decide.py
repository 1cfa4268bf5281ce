"""From claims and estimates to a verdict: arithmetic on what was found, no call of user code.

What a verdict means is section 4 of the design: a probe (a coordinate or a tangent) is *wrong* if
claim and estimate differ by more than a safe multiple of the uncertainty and by more than `rtol`,
*resolved* if the uncertainty is small enough to tell an error of `rtol`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from checkgrad.numerics.estimate import Estimate, Flags, Floats

SAFETY = 5.0  # uncertainties that claim and estimate must lie apart before the claim is wrong
MARGIN = 1.5  # times rtol that a wrong claim is off: a feature hidden in noise may be worth one
AGREEMENT = 10.0  # two independent numbers this many times closer than rtol certify each other
ROUGH = 3  # probes for which only one side of x0 speaks: func is not smooth as far as it shows ...
ROUGHLY = 2.0  # ... and times as far off as the worst of them, a wrong claim is
NEGLIGIBLE = 100.0  # how much smaller than the whole derivative an entry must be to be negligible


class Verdict(enum.Enum):
    """What a check found out about a claim.

    ``CORRECT``: the claim is the derivative, to within `rtol`. ``WRONG``: it is not.
    ``INCONCLUSIVE``: noise or roughness of the function hides which.

    Examples
    --------
    >>> from checkgrad import Verdict
    >>> Verdict("wrong") is Verdict.WRONG
    True
    """

    CORRECT = "correct"
    WRONG = "wrong"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Assessment:
    """What claims and estimates say of each probe.

    Attributes
    ----------
    distance : array, shape (probes,)
        How far the claim lies from the nearest valid derivative; infinite if it is not finite.
    uncertainty : array, shape (probes,)
        Of the comparison: the estimate's and the claim's own.
    magnitude : array, shape (probes,)
        The larger of claim and estimate.
    reference : array, shape (probes,)
        What `rtol` is relative to: the magnitude, or the scale around it where it is negligible.
    wrong, resolved : array of bool, shape (probes,)
        Both False: inconclusive.
    """

    distance: Floats
    uncertainty: Floats
    magnitude: Floats
    reference: Floats
    wrong: Flags
    resolved: Flags

    @property
    def verdict(self) -> Verdict:
        """Wrong if any probe is; else inconclusive if any is unresolved; else correct."""
        if np.any(self.wrong):
            return Verdict.WRONG
        return Verdict.CORRECT if np.all(self.resolved) else Verdict.INCONCLUSIVE


def scale_of(claim: Floats, estimate: Estimate) -> float:
    """The scale of the whole derivative: its largest entry, as far as one is certain of it."""
    certain = np.abs(estimate.value) - estimate.uncertainty
    entries = np.concatenate([np.abs(claim), certain])
    return float(np.max(entries[np.isfinite(entries)], initial=0.0))


def assess(
    claim: Floats,
    estimate: Estimate,
    claim_noise: Floats,
    rtol: float,
    scale: float,
    negligible: Flags | bool = True,
    examined: Flags | bool = True,
    whole: float = 0.0,
    beside: float = 0.0,
    single: bool = True,
) -> Assessment:
    """Compare each claim with its estimate.

    Parameters
    ----------
    claim, claim_noise : array, shape (probes,)
        The claim, and its own rounding error.
    estimate : Estimate
        Of the same probes.
    rtol : float
        The smallest relative error that must not get past.
    scale : float
        The scale of the whole derivative, see `scale_of`.
    negligible : array of bool, shape (probes,)
        Which probes may be taken to be negligible beside the whole, if they are that small.
    examined : array of bool, shape (probes,)
        Which probes were looked at as closely, and as far, as can be.
    whole : float
        A scale that errors are relative to at least: that of a random tangent, whose terms may
        cancel by chance.
    beside : float
        The scale of derivatives of the same kind, beside which one that vanishes is as small as
        it can be told to be.
    single : bool
        Whether a claim outside of the one-sided derivatives at a kink is wrong.
    """
    with np.errstate(all="ignore"):
        return _assess(
            claim,
            estimate,
            claim_noise,
            rtol,
            scale,
            np.asarray(negligible),
            np.asarray(examined),
            whole,
            beside,
            single,
        )


def _assess(
    claim: Floats,
    estimate: Estimate,
    claim_noise: Floats,
    rtol: float,
    scale: float,
    negligible: Flags,
    examined: Flags,
    whole: float,
    beside: float,
    single: bool,
) -> Assessment:
    uncertainty = estimate.uncertainty + claim_noise
    size = np.fmax(np.abs(estimate.lower), np.abs(estimate.upper))
    finite = np.isfinite(claim)
    magnitude = np.where(finite, np.fmax(np.abs(claim), size), size)
    distance = np.fmax(0.0, np.fmax(estimate.lower - claim, claim - estimate.upper))
    distance = np.where(finite & np.isfinite(estimate.value), distance, np.inf)

    own = np.where(negligible & (magnitude <= scale / NEGLIGIBLE), scale, magnitude)
    relative = np.fmax(own, whole)
    slope = estimate.slope
    near = np.fmax(slope, beside)
    vanishes = examined & (scale <= near / NEGLIGIBLE) & (distance <= SAFETY * uncertainty)
    # Where func saturates it stands still, however far one looks, and yet need not be constant.
    hidden = np.fmax(uncertainty, estimate.hidden)
    saturates = examined & (scale <= beside / NEGLIGIBLE) & (distance <= SAFETY * hidden)
    saturates &= np.abs(estimate.value) <= SAFETY * uncertainty
    vanishes |= saturates
    reference = np.where(vanishes, near, relative)
    unsure = estimate.jump | ~np.isfinite(estimate.value)
    # What is far off for its own size is looked at closely, before it counts as chance.
    resolved = distance + uncertainty <= rtol * np.where(examined, reference, own)
    agrees = (distance <= rtol / AGREEMENT * relative) & (relative > 0)
    agrees &= estimate.rounding <= rtol * relative
    # A small entry that rounding does not excuse is looked at more closely.
    resolved |= agrees & (distance <= rtol / AGREEMENT * magnitude + SAFETY * estimate.rounding)
    # Nothing moves func, however far, and the claim says so.
    resolved |= examined & (claim == 0) & (size == 0) & (slope == 0) & ~estimate.faint

    near_rival = np.abs(claim - estimate.rival) <= np.fmax(SAFETY * uncertainty, rtol * magnitude)
    beyond = distance - MARGIN * rtol * magnitude
    differs = (beyond > SAFETY * uncertainty) & ~saturates
    firm = np.fmax(estimate.uncertainty, estimate.hidden) + claim_noise
    wrong = (beyond > SAFETY * firm) & finite & ~unsure & ~near_rival
    # From one side the claim looks right, and noise hides what is between there and x0.
    excused = wrong & (claim >= estimate.least) & (claim <= estimate.most)
    wrong &= ~excused
    if np.count_nonzero(excused) >= ROUGH:  # then the others are no surer than these
        wrong &= distance > ROUGHLY * np.max(distance[excused])
    if not single:
        wrong &= estimate.lower == estimate.upper
    smooth = uncertainty <= np.fmax(rtol * reference, size / NEGLIGIBLE)
    wrong |= ~finite & smooth & ~unsure & ~estimate.steep
    # Which of two values is meant does not matter where both are the same to rtol.
    apart = np.abs(estimate.rival - estimate.value) > rtol * magnitude
    resolved &= finite & ~wrong & ~differs & ~unsure & (~near_rival | ~apart | (distance == 0))
    # What looks like a kink may be a bend to those who look closely.
    resolved &= examined | ~(estimate.lower < estimate.upper)
    return Assessment(distance, uncertainty, magnitude, reference, wrong, resolved)
