"""Estimates: the derivative along each direction, from its samples, with its uncertainty.

This module chooses between the central limit and the one-sided ones, and has all detectors look.
It does not know the claim.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from checkgrad.numerics.detectors import DETECTORS
from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.detectors.kink import find_kinks, nearest_valid
from checkgrad.numerics.detectors.staircase import without_plateaus
from checkgrad.numerics.findings import Findings, Kind, compose, put
from checkgrad.numerics.fit import limit_at_zero
from checkgrad.numerics.limit import Limit
from checkgrad.numerics.quotients import (
    central_quotients,
    one_sided_quotients,
    one_sided_slopes,
    with_shown_noise,
)
from checkgrad.numerics.samples import Flags, Floats, Samples
from checkgrad.numerics.thresholds import thresholds


@dataclass(frozen=True)
class Estimate:
    """Derivatives along directions by differences, each with its uncertainty.

    Attributes
    ----------
    value, uncertainty : array, shape (directions,)
        The derivative, and its truncation plus rounding error. NaN and infinity where no two
        steps could be evaluated. At a kink, the middle of the one-sided derivatives.
    rounding : array, shape (directions,)
        The part of the uncertainty that noise in ``func`` makes. A larger step reduces it.
    step : array, shape (directions,)
        The coarsest step of the window that the value was fitted to.
    nearby_slope : array, shape (directions,)
        The largest one-sided slope near x0 that stands out of the noise, else 0: how fast ``func``
        changes near x0 where the derivative itself vanishes.
    findings : Findings
        What is not smooth.
    """

    value: Floats
    uncertainty: Floats
    rounding: Floats
    step: Floats
    nearby_slope: Floats
    findings: Findings

    @classmethod
    def of_values(cls, value: Floats, uncertainty: Floats, rounding: Floats) -> Estimate:
        """Return estimates of which only these numbers are known."""
        count = value.size
        unknown = np.full(count, np.nan)
        none = Findings.none(count)
        edge = ~np.isfinite(value)
        seen = none.seen | {Kind.EDGE: edge}
        none = replace(none, blocks_correct=edge, blocks_wrong=edge, seen=seen)
        return cls(value, uncertainty, rounding, unknown, np.zeros(count), none)

    @property
    def has_kink(self) -> Flags:
        """Where the one-sided derivatives at x0 differ."""
        return self.findings.seen[Kind.KINK]

    @property
    def is_fitted(self) -> Flags:
        """Where it was fitted to quotients at several steps."""
        return np.isfinite(self.step) & np.isfinite(self.uncertainty)

    @property
    def low(self) -> Floats:
        """The lowest valid derivative: of a kink, or else the value."""
        low = self.findings.subgradient_low
        return np.where(np.isnan(low), self.value, low)

    @property
    def high(self) -> Floats:
        """The highest valid derivative: of a kink, or else the value."""
        high = self.findings.subgradient_high
        return np.where(np.isnan(high), self.value, high)

    def nearest_to(self, claim: Floats) -> Floats:
        """Return the valid derivative that is nearest to the claim; the value if it is not finite.

        Parameters
        ----------
        claim : array, shape (directions,)
            The claimed derivatives.
        """
        nearest = nearest_valid(claim, self.low, self.high)
        return np.where(np.isfinite(claim), nearest, self.value)

    def agrees_with(self, other: Estimate) -> bool:
        """Return whether all values are those of `other`, as far as both are certain."""
        with np.errstate(invalid="ignore"):
            apart = np.abs(self.value - other.value)
            unsure = thresholds().safety * (self.uncertainty + other.uncertainty)
        return not np.any(apart > unsure)

    def take(self, chosen: Any) -> Estimate:
        """Return the estimates of some of the directions."""
        return Estimate(
            **{name: part[chosen] for name, part in vars(self).items() if name != "findings"},
            findings=self.findings.take(chosen),
        )

    def put(self, chosen: Any, other: Estimate) -> Estimate:
        """Return these estimates with those of some directions replaced by `other`."""
        theirs = vars(other)
        return Estimate(
            **{
                name: put(part, chosen, theirs[name])
                for name, part in vars(self).items()
                if name != "findings"
            },
            findings=self.findings.put(chosen, other.findings),
        )


def estimate(samples: Samples) -> Estimate:
    """Return the derivative along each direction, from its samples.

    Overflow and invalid operations on values that are not finite are expected here. Such steps are
    left out.
    """
    with np.errstate(all="ignore"):
        return _estimate(samples)


def _estimate(samples: Samples) -> Estimate:
    samples, is_quantised = without_plateaus(samples)
    central = central_quotients(samples)
    right, left = (limit_at_zero(side, order=1) for side in one_sided_quotients(samples))
    central_noisy = with_shown_noise(central)
    smooth = limit_at_zero(central_noisy, order=2)
    best = _clearer(_clearer(smooth, right), left)
    kink = find_kinks(samples, central, smooth, right, left)
    evidence = Evidence(
        samples, is_quantised, central, central_noisy, smooth, right, left, best, kink
    )
    return Estimate(
        value=np.where(kink, (right.value + left.value) / 2, best.value),
        uncertainty=np.where(kink, right.uncertainty + left.uncertainty, best.uncertainty),
        rounding=best.rounding,
        step=best.step,
        nearby_slope=_nearby_slope(samples),
        findings=compose([detect(evidence) for detect in DETECTORS]),
    )


def _clearer(limit: Limit, one_sided: Limit) -> Limit:
    """Return the one-sided limit where it is far less uncertain, as at an edge of the domain.

    It is not taken where it contradicts the other one: one side of x0 may be flat, as far as the
    steps reach.
    """
    better = one_sided.uncertainty < limit.uncertainty / thresholds().one_sided_gain
    better &= ~(np.abs(one_sided.value - limit.value) > limit.uncertainty)
    return one_sided.where(better, limit)


def _nearby_slope(samples: Samples) -> Floats:
    """Return the largest one-sided slope near x0, or 0 where none stands out of the noise."""
    limits = thresholds()
    near = samples.scale / np.where(samples.scale_is_guess, limits.narrowest_feature, limits.near)
    slopes = []
    for (lengths, _), slope in zip(samples.sides, one_sided_slopes(samples), strict=True):
        stands_out = np.abs(slope) * lengths > limits.stands_out * samples.sigma_of()
        there = stands_out & np.isfinite(slope) & (lengths <= near)
        slopes.append(np.where(there, np.abs(slope), 0.0))
    largest: Floats = np.concatenate(slopes).max(axis=0)
    return largest
