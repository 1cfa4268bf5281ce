"""What func was seen to be along one direction: the samples that a report keeps.

This module owns the container, and takes the samples from the directions. Nothing is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from checkgrad.numerics.decisions import Decisions
from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.report.results import OutputResult
from checkgrad.report.worst import Place


@dataclass(frozen=True, eq=False)
class DirectionSamples:
    """``func`` along one direction through x0, and what was concluded from it.

    Attributes
    ----------
    where : str
        The direction: the place in the user's structure, e.g. ``params['bias'][3]``, or
        ``tangent 2``.
    steps : array, shape (samples,)
        The signed steps, in ascending order, without 0.
    values : array, shape (samples,)
        ``func`` there.
    value : float
        ``func(x0)``.
    noise : float
        The standard deviation of the error of one evaluation, in the units of ``func``.
    claim, estimate, uncertainty : float
        As in `checkgrad.Mismatch`.
    fitted_step : float
        The coarsest step that the estimate was fitted to; NaN where nothing was fitted.
    decision : {"correct", "wrong", "inconclusive"}
        What was decided.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import verify_grad
    >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, 3.0]))
    >>> report.samples[0].where, report.samples[0].value
    ('x[1]', 10.0)
    """

    where: str
    steps: Floats
    values: Floats
    value: float
    noise: float
    claim: float
    estimate: float
    uncertainty: float
    fitted_step: float
    decision: str


def samples_at(places: Sequence[Place]) -> tuple[DirectionSamples, ...]:
    """Return what was sampled along the directions at some places.

    Places along which nothing was sampled by itself, as those of claims that were certified in
    groups, are left out.

    Parameters
    ----------
    places : sequence of Place
        The places.

    Returns
    -------
    tuple of DirectionSamples
        Those of each direction that was sampled by itself, in the order of `places`.
    """
    known = {
        id(result): dict(zip(chosen, result.directions.known(chosen), strict=True))
        for result, chosen in _by_result(places)
    }
    found = []
    for claim, result, i in places:
        steps, values = known[id(result)][i]
        if steps.size:
            found.append(_samples_along(claim.where(result, i), result, i, steps, values))
    return tuple(found)


def _by_result(places: Iterable[Place]) -> list[tuple[OutputResult, list[int]]]:
    """Return every result that has places, with these."""
    found: dict[int, tuple[OutputResult, list[int]]] = {}
    for _, result, i in places:
        found.setdefault(id(result), (result, []))[1].append(i)
    return list(found.values())


def _samples_along(
    where: str, result: OutputResult, i: int, steps: Floats, values: Floats
) -> DirectionSamples:
    decisions, spec = result.decisions, result.spec
    estimate = float(decisions.estimate.nearest_to(decisions.claim)[i])
    return DirectionSamples(
        where=where,
        steps=steps,
        values=values,
        value=spec.value,
        noise=spec.sigma_at_x0,
        claim=float(decisions.claim[i]),
        estimate=estimate,
        uncertainty=float(decisions.uncertainty[i]),
        fitted_step=_fitted_step(decisions, spec.sigma_at_x0, i),
        decision=_decision(decisions, i),
    )


def _fitted_step(decisions: Decisions, sigma: float, i: int) -> float:
    """Return where the estimate was taken: that of a single pair is known by its rounding."""
    step, rounding = float(decisions.estimate.step[i]), float(decisions.estimate.rounding[i])
    if np.isfinite(step) or not (np.isfinite(rounding) and rounding > 0):
        return step
    return thresholds().coverage * sigma / rounding


def _decision(decisions: Decisions, i: int) -> str:
    if decisions.wrong[i]:
        return "wrong"
    return "correct" if decisions.resolved[i] else "inconclusive"
