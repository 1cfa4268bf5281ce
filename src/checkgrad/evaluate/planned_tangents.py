"""From a plan to its tangents: random ones, or those of the user."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from checkgrad.arrays.point import Floats, Point
from checkgrad.evaluate.directions import ClaimedGradient
from checkgrad.evaluate.plan import DirectionPlan
from checkgrad.evaluate.tangent_choice import ChosenTangents, given_tangent, random_tangents


def planned_tangents(
    plan: DirectionPlan,
    point: Point,
    gradients: Sequence[ClaimedGradient],
    bounds: tuple[Floats, Floats],
    values: Floats,
    rng: np.random.Generator,
) -> ChosenTangents | None:
    """Return the tangents of a plan; None if it has none.

    Parameters
    ----------
    plan : DirectionPlan
        The plan.
    gradients : sequence of ClaimedGradient
        The claimed gradients of all outputs.
    values : array, shape (outputs,)
        The outputs at x0.
    point, bounds, rng
        As in `random_tangents`.
    """
    claims = gradients[0].leaves if len(gradients) == 1 else None
    value = float(values[0]) if claims is not None else 0.0
    if plan.given is not None:
        return given_tangent(point, claims, value, plan.given)
    if plan.tangents:
        return random_tangents(point, claims, bounds, value, rng, plan.tangents, plan.axes)
    return None
