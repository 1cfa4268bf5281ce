"""Claims against complex steps, and where they differ, against differences as well."""

from __future__ import annotations

import numpy as np

from checkgrad.evaluate.complex_step import ComplexSteps
from checkgrad.numerics.decide import decide, scale_of
from checkgrad.numerics.decisions import Criteria, Decisions
from checkgrad.numerics.estimate import Estimate
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.thresholds import thresholds
from checkgrad.refine.loop import refine
from checkgrad.refine.spec import CheckSpec

_ROUNDING = 32.0  # machine epsilons of the derivative that its evaluation may be off by


def refine_by_complex_steps(
    spec: CheckSpec, steps: ComplexSteps, output: int, thorough: bool
) -> Decisions:
    """Compare claims with complex steps, and where they differ with differences as well.

    Where these two contradict each other, the differences count.

    Parameters
    ----------
    spec : CheckSpec
        What is to be checked.
    steps : ComplexSteps
        Complex steps along the same directions.
    output : int
        Which output.
    thorough : bool
        As in `checkgrad.refine.loop.refine`.
    """
    derivative = steps.derivative(output)
    rounding = _ROUNDING * spec.epsilon * np.abs(derivative)
    first = Estimate.of_values(derivative, rounding, rounding)
    none = np.zeros(spec.claim.size)
    decisions = decide(spec.claim, first, none, _criteria(spec, first))
    left = np.flatnonzero(~decisions.resolved)
    if left.size == 0:
        return decisions
    by_differences = refine(spec.take(left), thorough)
    differences = by_differences.estimate
    uncertainty = np.fmax(rounding[left], steps.noise(output, left))
    uncertainty = uncertainty + steps.truncation(output, left)
    with np.errstate(invalid="ignore"):
        off = np.abs(differences.value - derivative[left])
        unsure = by_differences.reliable_uncertainty + uncertainty
        agree = off <= thresholds().safety * unsure
        agree |= off <= spec.rtol * np.abs(derivative[left])
    agree &= np.isfinite(derivative[left]) & ~differences.has_kink
    agree &= ~differences.findings.seen[Kind.JUMP] & np.isfinite(uncertainty)
    better = Estimate.of_values(derivative[left], uncertainty, uncertainty)
    where = np.flatnonzero(agree)
    merged = differences.put(where, better.take(where))
    estimate = first.put(left, merged)
    noise = none.copy()
    noise[left] = by_differences.claim_noise
    return decide(spec.claim, estimate, noise, _criteria(spec, estimate))


def _criteria(spec: CheckSpec, estimate: Estimate) -> Criteria:
    return Criteria(
        rtol=spec.rtol,
        scale=scale_of(spec.claim, estimate),
        tangent_scale=spec.tangent_scale,
        coefficient_rounding=spec.coefficient_rounding,
        kink_is_isolated=spec.kink_is_isolated,
    )
