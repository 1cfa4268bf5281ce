"""Derivatives by complex steps, which count where differences agree with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from checkgrad.evaluate.complex_step import ComplexSteps
from checkgrad.evaluate.directions import Directions
from checkgrad.evaluate.tangent_choice import random_tangents
from checkgrad.numerics.decisions import Verdict
from checkgrad.precision import default_rtol
from checkgrad.refine.at_x0 import BaseValues
from checkgrad.refine.loop import refine
from checkgrad.stages.claim_of_outputs import ClaimOfOutputs


@dataclass(frozen=True)
class ExactDerivatives:
    """Complex steps, and directions along which differences are to agree with them.

    Attributes
    ----------
    steps : ComplexSteps
        The derivatives.
    control : list of Directions
        Of every output, with the derivatives for claims.
    """

    steps: ComplexSteps
    control: list[Directions]

    @classmethod
    def along(cls, claim: ClaimOfOutputs, directions: Sequence[Directions]) -> ExactDerivatives:
        """Return those along some directions: themselves, or a random tangent for axes."""
        parsed, outputs = claim.parsed, claim.outputs
        size = outputs.weights.shape[1] if parsed.reader is not None else 1
        tangents = directions[0].tangents
        steps = ComplexSteps(parsed.evaluator, outputs, size, tangents)
        if tangents is not None:
            return cls(
                steps,
                [
                    replace(each, claim=steps.derivative(output))
                    for output, each in enumerate(directions)
                ],
            )
        estimates = [steps.derivative(output) for output in range(outputs.count)]
        random = random_tangents(parsed.point, None, parsed.bounds, 0.0, parsed.rng, 1)
        return cls(steps, claim.along_estimate(random, range(outputs.count), estimates))

    def agree_with_differences(self, output: int, base: BaseValues) -> bool:
        """Return whether complex steps agree with differences, as those of a real part do not."""
        along = self.control[output]
        spec = base.spec(along, lambda: np.zeros(along.count), kink_is_isolated=False)
        spec = replace(spec, rtol=max(spec.rtol, default_rtol(spec.epsilon)))
        return refine(spec).verdict is Verdict.CORRECT
