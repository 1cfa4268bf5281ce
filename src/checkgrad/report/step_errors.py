"""The error of difference quotients against the step: why an estimate is as uncertain as it is.

At long steps truncation makes the error, at short ones noise. This module owns the numbers;
`checkgrad.report.plots` draws them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.report.sampled import DirectionSamples

CENTRAL_ORDER = 2  # the power of the step that the error of a central quotient grows by
_ALIKE = 1e-6  # relative: the steps to both sides of x0 that make a central quotient
_ABOVE_NOISE = 3.0  # times the floor: errors of which truncation makes the most
_FEWEST = 3  # errors that show a slope
_SLOPES = 1.5, 2.5  # of errors that truncation makes; those of a kink have slope 0


@dataclass(frozen=True, eq=False)
class StepErrors:
    """Errors of difference quotients along one direction, in the units of the derivative.

    Attributes
    ----------
    reference : float
        The derivative that errors are counted from: the estimate, or the claim where there is
        none.
    step, central : array, shape (pairs,)
        The steps to both sides, in ascending order, and the errors of central quotients.
    one_sided_step, one_sided : array, shape (samples,)
        The signed steps, and the errors of one-sided quotients.
    floor_step, floor : array
        The shortest and the longest step, and the error of a central quotient that noise makes
        there: it falls like 1 / h.
    truncation : float or None
        The factor c of the errors ``c h**2`` that truncation makes of central quotients; None where
        noise hides it, or func is not smooth.
    fitted_step, uncertainty : float
        Where the estimate was taken, and how uncertain it is. NaN or infinite where not known.
    claim_error : float
        How far the claim is from the reference.
    """

    reference: float
    step: Floats
    central: Floats
    one_sided_step: Floats
    one_sided: Floats
    floor_step: Floats
    floor: Floats
    truncation: float | None
    fitted_step: float
    uncertainty: float
    claim_error: float


def step_errors(samples: DirectionSamples) -> StepErrors:
    """Return the errors of the quotients along one direction.

    Parameters
    ----------
    samples : DirectionSamples
        What was sampled along it.
    """
    reference = samples.estimate if math.isfinite(samples.estimate) else samples.claim
    steps, values = samples.steps, samples.values
    with np.errstate(all="ignore"):
        one_sided = np.abs((values - samples.value) / steps - reference)
        step, quotient = _central(steps, values)
        central = np.abs(quotient - reference)
    lengths = np.abs(steps)
    floor_step = np.asarray([lengths.min(), lengths.max()]) if lengths.size else np.empty(0)
    # A central quotient is the difference of two values over twice the step.
    floor = samples.noise / (math.sqrt(2) * floor_step)
    at_steps = samples.noise / (math.sqrt(2) * step)
    return StepErrors(
        reference=reference,
        step=step,
        central=central,
        one_sided_step=steps,
        one_sided=one_sided,
        floor_step=floor_step,
        floor=thresholds().coverage * floor,
        truncation=_truncation(step, central, thresholds().coverage * at_steps),
        fitted_step=samples.fitted_step,
        uncertainty=samples.uncertainty,
        claim_error=abs(samples.claim - reference),
    )


def _central(steps: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return the lengths of steps that were taken to both sides, and the central quotients."""
    forward, backward = np.flatnonzero(steps > 0), np.flatnonzero(steps < 0)[::-1]
    found = []
    for i in forward.tolist():
        off = np.abs(steps[backward] + steps[i])
        if off.size and off.min() <= _ALIKE * steps[i]:
            j = int(backward[np.argmin(off)])
            span = float(steps[i] - steps[j])
            found.append((span / 2, float(values[i] - values[j]) / span))
    pairs = np.asarray(found).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _truncation(step: Floats, error: Floats, floor: Floats) -> float | None:
    """Return the factor of ``h**2``, from the shortest steps at which noise does not count."""
    seen = np.isfinite(error) & (error > _ABOVE_NOISE * floor) & (error > 0)
    if np.any(~seen):
        seen &= step > np.max(step[~seen])
    if np.sum(seen) < _FEWEST:
        return None
    step, error = step[seen][:_FEWEST], error[seen][:_FEWEST]
    slope = np.log(error[-1] / error[0]) / np.log(step[-1] / step[0])
    if not _SLOPES[0] <= slope <= _SLOPES[1]:
        return None
    return float(np.median(error / step**CENTRAL_ORDER))
