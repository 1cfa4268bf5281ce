"""Decisions: what claims and estimates say of each direction, each decision with its reason.

This module owns the container. `checkgrad.numerics.decide` makes the decisions.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import numpy as np

from checkgrad.numerics.estimate import Estimate
from checkgrad.numerics.samples import Flags, Floats
from checkgrad.numerics.thresholds import thresholds


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


class Reason(enum.Enum):
    """Why a decision is what it is."""

    # Correct
    AGREES = "claim and estimate agree"
    CONSTANT = "func is constant, and the claim is 0"
    # Wrong
    DIFFERS = "claim and estimate differ"
    NOT_FINITE = "the claim is not finite"
    NARROW = "the claim is right in float64, and not in the dtype of the user"
    # Inconclusive
    STOPPED = "the check was stopped before this was certain"
    SEVERAL_KINKS = "several kinks may add up along this direction"
    TIE = "func is not differentiable"
    ANOTHER_FUNCTION = (
        "func is another function in float64, and the claim is not wrong for that one"
    )
    NO_DIGITS = "the claim is right in float64, and keeps no digit in the dtype of the user"
    JUMP = "func jumps"
    NO_VALUE = "func has no finite value"
    NOISE = "the derivative is lost in the noise"
    ROUGH = "differences do not settle"
    HIDDEN = "a feature hidden in the noise may explain the difference"
    COARSE = "coarse and fine steps settle on different values"
    TOO_CLOSE = "the difference is too large for correct and too small for wrong"


# A decision that is open for several reasons gives the first of these.
OPEN_REASONS = (
    Reason.STOPPED,
    Reason.SEVERAL_KINKS,
    Reason.TIE,
    Reason.ANOTHER_FUNCTION,
    Reason.NO_DIGITS,
    Reason.JUMP,
    Reason.NO_VALUE,
    Reason.NOISE,
    Reason.ROUGH,
    Reason.COARSE,
    Reason.HIDDEN,
    Reason.TOO_CLOSE,
)


@dataclass(frozen=True)
class Criteria:
    """What decisions depend on besides claims and estimates.

    The numbers are those of one output. Where directions of several outputs are decided on
    together, they are arrays of shape (directions,).

    Attributes
    ----------
    rtol : float
        The smallest relative error that must not get past.
    scale : float
        The scale of the whole derivative, see `scale_of`.
    may_be_negligible : array of bool, shape (directions,), or bool
        Which directions may be taken to be negligible, if they are that small.
    fully_sampled : array of bool, shape (directions,), or bool
        Which directions were sampled at all steps.
    tangent_scale : float
        What the claim typically says of a random tangent: the norm of the claim. Errors are
        relative to this, and not to what it says of one tangent, whose terms may cancel by chance.
        0 for other directions.
    sibling_scale : float
        The scale of the derivatives of other outputs in the same array.
    term_slope : array, shape (directions,), or float
        The slope of the terms of which ``func`` is what is left by rounding, if the claim is 0;
        else 0.
    coefficient_rounding : array, shape (directions,), or float
        How far rounding of the coefficients of ``func`` moves a derivative. Smaller errors do not
        count.
    slope_rounding : array, shape (directions,), or float
        The same as it was measured.
    kink_is_isolated : bool
        Whether a claim outside of the one-sided derivatives at a kink is wrong. Along a tangent
        several kinks may add up to anything.
    hides_x0 : bool
        Whether ``func`` rounds a tiny x0 away. Then it need not be constant where it does not move.
    """

    rtol: float | Floats
    scale: float | Floats
    may_be_negligible: Flags | bool = True
    fully_sampled: Flags | bool = True
    tangent_scale: float | Floats = 0.0
    sibling_scale: float | Floats = 0.0
    term_slope: float | Floats = 0.0
    coefficient_rounding: float | Floats = 0.0
    slope_rounding: float | Floats = 0.0
    kink_is_isolated: bool = True
    hides_x0: bool = False


@dataclass(frozen=True)
class Decisions:
    """What claims and estimates say of each direction.

    Attributes
    ----------
    claim, claim_noise : array, shape (directions,)
        The claim, and its own rounding error where it was measured, else 0.
    estimate : Estimate
        Of the same directions.
    criteria : Criteria
        What else the decisions depend on.
    distance : array, shape (directions,)
        How far the claim lies from the nearest valid derivative. Infinite if it is not finite.
    uncertainty : array, shape (directions,)
        Of the comparison: the estimate's and the claim's own.
    magnitude : array, shape (directions,)
        The larger of claim and estimate; along random tangents, the norm of the claim.
    reference : array, shape (directions,)
        What `rtol` is relative to: the magnitude, or the scale around it where it is negligible.
    wrong, resolved : array of bool, shape (directions,)
        Both False: inconclusive.
    reasons : dict of Reason to array of bool, shape (directions,)
        Every direction has exactly one.
    """

    claim: Floats
    claim_noise: Floats
    estimate: Estimate
    criteria: Criteria
    distance: Floats
    uncertainty: Floats
    magnitude: Floats
    reference: Floats
    wrong: Flags
    resolved: Flags
    reasons: dict[Reason, Flags]

    def take(self, chosen: slice, criteria: Criteria) -> Decisions:
        """Return the decisions along some of the directions, with the criteria for those."""
        parts = {name: part for name, part in vars(self).items() if isinstance(part, np.ndarray)}
        return replace(
            self,
            **{name: part[chosen] for name, part in parts.items()},
            estimate=self.estimate.take(chosen),
            criteria=criteria,
            reasons={reason: flags[chosen] for reason, flags in self.reasons.items()},
        )

    def accepting(self, chosen: Flags) -> Decisions:
        """Return the decisions with those in `chosen` resolved: claim and estimate agree."""
        if not np.any(chosen):
            return self
        reasons = {reason: flags & ~chosen for reason, flags in self.reasons.items()}
        return replace(
            self,
            wrong=self.wrong & ~chosen,
            resolved=self.resolved | chosen,
            reasons={**reasons, Reason.AGREES: self.reasons[Reason.AGREES] | chosen},
        )

    @property
    def excess(self) -> Floats:
        """How far each claim is off, relative to what `rtol` is; infinite where it is not known."""
        with np.errstate(all="ignore"):
            return np.nan_to_num(self.distance / self.reference, nan=np.inf)

    @property
    def open(self) -> Flags:
        """Where nothing can be said of the claim."""
        return ~(self.wrong | self.resolved)

    @property
    def verdict(self) -> Verdict:
        """Wrong if any decision is; else inconclusive if any is open; else correct."""
        if np.any(self.wrong):
            return Verdict.WRONG
        return Verdict.CORRECT if np.all(self.resolved) else Verdict.INCONCLUSIVE

    @property
    def reliable_uncertainty(self) -> Floats:
        """The uncertainty; for claims certified by agreement, that of the agreement."""
        agreement = self.criteria.rtol / thresholds().agreement * self.reference
        certified = np.where(self.resolved, self.distance + agreement, np.inf)
        return np.fmin(self.uncertainty, certified)
