"""The decisions: claims against estimates, by two one-sided tests.

The page docs/verdict.md says what a verdict means. A claim is *wrong* if it differs from every
valid derivative by more than a safe multiple of the uncertainty, and by more than `rtol`. A
direction is *resolved* if its uncertainty is small enough to tell an error of `rtol`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from checkgrad.numerics.decisions import OPEN_REASONS, Criteria, Decisions, Reason
from checkgrad.numerics.estimate import Estimate
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.samples import Flags, Floats
from checkgrad.numerics.thresholds import thresholds


def scale_of(claim: Floats, estimate: Estimate) -> float:
    """Return the scale of the whole derivative: its largest entry, as far as that is certain.

    Parameters
    ----------
    claim : array, shape (directions,)
        The claimed derivatives.
    estimate : Estimate
        Of the same directions.
    """
    certain = np.abs(estimate.value) - estimate.uncertainty
    entries = np.concatenate([np.abs(claim), certain])
    return float(np.max(entries[np.isfinite(entries)], initial=0.0))


def decide(claim: Floats, estimate: Estimate, claim_noise: Floats, criteria: Criteria) -> Decisions:
    """Compare each claim with its estimate.

    Parameters
    ----------
    claim, claim_noise : array, shape (directions,)
        The claim, and its own rounding error.
    estimate : Estimate
        Of the same directions, with its findings.
    criteria : Criteria
        What else the decisions depend on.
    """
    with np.errstate(all="ignore"):
        comparison = _compare(claim, estimate, claim_noise, criteria)
        wrong = _is_wrong(comparison)
        resolved, constant = _is_resolved(comparison, wrong)
    return Decisions(
        claim,
        claim_noise,
        estimate,
        criteria,
        comparison.distance,
        comparison.uncertainty,
        comparison.magnitude,
        comparison.reference,
        wrong,
        resolved,
        _reasons(comparison, wrong, resolved, constant),
    )


def decide_without_wrong(
    decisions: Decisions, kind: Kind = Kind.TIE, where: Flags | bool = True
) -> Decisions:
    """Return the decisions with a finding about ``func``: no claim is wrong `where` it holds.

    Parameters
    ----------
    decisions : Decisions
        As they are without this finding.
    kind : Kind
        What was found: that ``func`` is not differentiable, or another function in float64; or
        that the check was stopped before anything was certain.
    where : array of bool, shape (directions,), or bool
        Along which directions. By default it says something of ``func`` as a whole.
    """
    findings = decisions.estimate.findings.blocking_wrong(kind, where)
    estimate = replace(decisions.estimate, findings=findings)
    return decide(decisions.claim, estimate, decisions.claim_noise, decisions.criteria)


@dataclass(frozen=True)
class _Comparison:
    """The numbers that both tests use: arrays of shape (directions,)."""

    claim: Floats
    claim_noise: Floats
    estimate: Estimate
    criteria: Criteria
    finite: Flags  # whether the claim is
    uncertainty: Floats
    size: Floats  # of the largest valid derivative
    magnitude: Floats
    distance: Floats
    relative: Floats  # what rtol is relative to
    reference: Floats
    flat_but_not_constant: Flags  # func saturates: it looks constant and need not be
    fully_sampled: Flags

    @property
    def beyond(self) -> Floats:
        """The part of the distance that neither rtol nor rounding of coefficients allows."""
        limits, criteria = thresholds(), self.criteria
        allowed = limits.wrong_margin * criteria.rtol * self.magnitude
        return self.distance - np.fmax(allowed, self.explained)

    @property
    def explained(self) -> Floats:
        """What rounding of the coefficients of func explains, known beforehand or measured."""
        return np.fmax(self.criteria.coefficient_rounding, self.criteria.slope_rounding)

    @property
    def differs(self) -> Flags:
        """Where the claim differs by more than the uncertainty allows."""
        differs: Flags = self.beyond > thresholds().safety * self.uncertainty
        return differs & ~self.flat_but_not_constant

    @property
    def near_coarse(self) -> Flags:
        """Where the claim is near another value that the samples support."""
        other = self.estimate.findings.coarse_estimates
        unsure = thresholds().safety * self.uncertainty
        allowed = np.fmax(unsure, self.criteria.rtol * self.magnitude)
        near: Flags = np.any(np.abs(self.claim - other) <= allowed, axis=0)
        return near

    @property
    def is_supported_by_finer(self) -> Flags:
        """Where the claim is what the finer steps say together, against the estimate."""
        findings, noise = self.estimate.findings, self.claim_noise
        above = self.claim + noise >= findings.finer_low
        supported: Flags = above & (self.claim - noise <= findings.finer_high)
        return supported


def _compare(
    claim: Floats, estimate: Estimate, claim_noise: Floats, criteria: Criteria
) -> _Comparison:
    limits, findings = thresholds(), estimate.findings
    finite = np.isfinite(claim)
    uncertainty = estimate.uncertainty + claim_noise
    size = np.fmax(np.abs(estimate.low), np.abs(estimate.high))
    magnitude = np.where(finite, np.fmax(np.abs(claim), size), size)
    # What a claim says of one random tangent may be small or large by chance.
    magnitude = np.where(criteria.tangent_scale > 0, criteria.tangent_scale, magnitude)
    distance = np.abs(claim - estimate.nearest_to(claim))
    distance = np.where(finite & np.isfinite(estimate.value), distance, np.inf)
    scale, fully_sampled = criteria.scale, np.asarray(criteria.fully_sampled)
    small = np.asarray(criteria.may_be_negligible) & (magnitude <= scale / limits.negligible)
    relative = np.where(small, scale, magnitude)
    # A derivative that vanishes is compared with how fast func changes nearby.
    nearby = np.fmax(estimate.nearby_slope, criteria.sibling_scale)
    nearby = np.fmax(nearby, criteria.term_slope)
    vanishes = fully_sampled & (scale <= nearby / limits.negligible)
    vanishes &= distance <= limits.safety * uncertainty
    # A saturated function looks constant at every step but is not.
    hidden = np.fmax(uncertainty, findings.undetectable_slope)
    flat = fully_sampled & (scale <= criteria.sibling_scale / limits.negligible)
    flat &= distance <= limits.safety * hidden
    flat &= np.abs(estimate.value) <= limits.safety * uncertainty
    return _Comparison(
        claim=claim,
        claim_noise=claim_noise,
        estimate=estimate,
        criteria=criteria,
        finite=finite,
        uncertainty=uncertainty,
        size=size,
        magnitude=magnitude,
        distance=distance,
        relative=relative,
        reference=np.where(vanishes | flat, nearby, relative),
        flat_but_not_constant=flat,
        fully_sampled=fully_sampled,
    )


def _is_wrong(comparison: _Comparison) -> Flags:
    """Return which claims are wrong."""
    limits, criteria = thresholds(), comparison.criteria
    estimate, findings = comparison.estimate, comparison.estimate.findings
    claim, distance = comparison.claim, comparison.distance
    uncertainty = np.fmax(estimate.uncertainty, findings.undetectable_slope)
    safe = limits.safety * (uncertainty + comparison.claim_noise)
    wrong = (comparison.beyond > safe) & comparison.finite
    wrong &= ~findings.blocks_wrong & ~comparison.near_coarse & ~comparison.is_supported_by_finer
    # From one side the claim looks right, and noise hides what is between there and x0.
    one_sided_ok = wrong & (claim >= findings.one_sided_low) & (claim <= findings.one_sided_high)
    wrong &= ~one_sided_ok
    one_sided_ok &= comparison.fully_sampled  # few steps look one-sided by accident
    if np.count_nonzero(one_sided_ok) >= limits.one_sided_directions:
        # func is not smooth as far as it shows; the other directions are no surer than these.
        wrong &= distance > limits.one_sided_excess * np.max(distance[one_sided_ok])
    if not criteria.kink_is_isolated:
        wrong &= ~estimate.has_kink
    smooth = comparison.uncertainty <= np.fmax(
        criteria.rtol * np.fmax(comparison.reference, estimate.nearby_slope),
        comparison.size / limits.negligible,
    )
    smooth |= comparison.fully_sampled & (estimate.nearby_slope == 0)  # nothing moves func
    infinite = ~comparison.finite & smooth & ~findings.blocks_wrong
    wrong |= infinite & ~findings.seen[Kind.DIVERGING]
    return wrong


def _is_resolved(comparison: _Comparison, wrong: Flags) -> tuple[Flags, Flags]:
    """Return which claims are correct, and which of them since nothing moves func."""
    limits, rtol = thresholds(), comparison.criteria.rtol
    estimate, findings = comparison.estimate, comparison.estimate.findings
    distance, magnitude, relative = comparison.distance, comparison.magnitude, comparison.relative
    sampled = comparison.fully_sampled
    # An error that is large for its own size needs all steps before it counts as chance.
    reference = np.where(sampled, comparison.reference, comparison.relative)
    allowed = np.fmax(rtol * reference, comparison.explained)
    resolved = distance + comparison.uncertainty <= allowed
    # Two independent numbers that agree this well certify each other.
    agrees = (distance <= rtol / limits.agreement * relative) & (relative > 0)
    agrees &= estimate.rounding <= rtol * relative
    # A small entry whose difference rounding does not explain needs more steps.
    allowed = rtol / limits.agreement * magnitude + limits.safety * estimate.rounding
    resolved |= agrees & (distance <= allowed)
    constant = sampled & (comparison.claim == 0) & (comparison.size == 0)
    constant &= not comparison.criteria.hides_x0
    constant &= (estimate.nearby_slope == 0) & ~findings.seen[Kind.BELOW_NOISE]
    resolved |= constant
    # Which of two values is meant does not matter where both are the same to rtol.
    other = findings.coarse_estimates
    apart = np.any(np.abs(other - estimate.value) > rtol * magnitude, axis=0)
    resolved &= ~comparison.near_coarse | ~apart | (distance == 0)
    resolved &= comparison.finite & ~wrong & ~comparison.differs & ~findings.blocks_correct
    # What looks like a kink may turn out to be a bend at other steps.
    resolved &= sampled | ~estimate.has_kink
    return resolved, constant & resolved


def _reasons(
    comparison: _Comparison, wrong: Flags, resolved: Flags, constant: Flags
) -> dict[Reason, Flags]:
    """Return where each reason holds; every direction has one."""
    limits, criteria = thresholds(), comparison.criteria
    estimate, findings = comparison.estimate, comparison.estimate.findings
    everywhere = np.ones_like(wrong)
    with np.errstate(all="ignore"):
        unsure = comparison.uncertainty > criteria.rtol * comparison.reference
        unsure |= ~np.isfinite(comparison.uncertainty)
        noisy = estimate.rounding >= comparison.uncertainty / 2
        # The claim differs, and is not wrong: noise may hide why.
        hidden = comparison.beyond > limits.safety * comparison.uncertainty
        holds = {
            Reason.STOPPED: findings.seen[Kind.STOPPED],
            Reason.SEVERAL_KINKS: estimate.has_kink & (not criteria.kink_is_isolated),
            Reason.TIE: findings.seen[Kind.TIE],
            Reason.ANOTHER_FUNCTION: findings.seen[Kind.ANOTHER_FUNCTION],
            Reason.NO_DIGITS: np.zeros_like(wrong),  # see `checkgrad.numerics.narrow_claim`
            Reason.JUMP: findings.seen[Kind.JUMP],
            Reason.NO_VALUE: findings.seen[Kind.EDGE],
            Reason.NOISE: unsure & noisy,
            Reason.ROUGH: unsure,
            Reason.COARSE: comparison.near_coarse
            | comparison.is_supported_by_finer
            | findings.seen[Kind.ROUNDED_FACTOR]
            | findings.seen[Kind.LOUDER],
            Reason.HIDDEN: hidden,
            Reason.TOO_CLOSE: everywhere,
        }
    reasons = {
        Reason.CONSTANT: constant,
        Reason.AGREES: resolved & ~constant,
        Reason.NOT_FINITE: wrong & ~comparison.finite,
        Reason.DIFFERS: wrong & comparison.finite,
        Reason.NARROW: np.zeros_like(wrong),
    }
    left = ~(wrong | resolved)
    for reason in OPEN_REASONS:
        reasons[reason] = left & holds[reason]
        left = left & ~holds[reason]
    return reasons
