"""A claim and what is known at x0, as `checkgrad.pipeline` makes them before anything is judged."""

from __future__ import annotations

import numpy as np

from checkgrad.evaluate.axes import Axes
from checkgrad.evaluate.plan import plan_directions
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.problem import Options, Problem
from checkgrad.refine.at_x0 import BaseValues
from checkgrad.stages.claim_of_outputs import ClaimOfOutputs
from checkgrad.stages.parsed import parse

DOUBLE = 2.0**-52


def claimed(form, func, claim, x0, sigma=0.0, **options) -> tuple[ClaimOfOutputs, BaseValues]:
    """Return a claim, and what is known at x0, as `checkgrad.pipeline` makes them."""
    parsed = parse(Problem(form, func, claim, x0, (), Options(**options)))
    vector = parsed.values_at_x0()
    outputs, plan = plan_directions(
        form, parsed.options.direction, parsed.point, parsed.reader, vector, parsed.rng
    )
    value, epsilon = outputs.of(vector), parsed.dtype_epsilons(outputs)
    gradients = list(parsed.claim.gradients(parsed.point.leaves, outputs))
    near = Neighbourhood(parsed.evaluator, outputs, value, parsed.bounds, parsed.rng)
    ones = np.ones(outputs.count)
    zeros, double = 0 * ones, ones * DOUBLE
    base = BaseValues.at_x0(value, ones * sigma, double, ones * 1e-5, zeros, zeros, double)
    axes = Axes(parsed.evaluator, outputs, parsed.bounds, parsed.rng) if plan.axes else None
    return ClaimOfOutputs(parsed, near, plan, gradients, epsilon, axes), base
