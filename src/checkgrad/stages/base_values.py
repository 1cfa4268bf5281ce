"""What is known of every output at x0 before anything is judged, and the errors that count."""

from __future__ import annotations

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.evaluate.coordinate_sizes import is_zero_everywhere
from checkgrad.measure.noise import Noise
from checkgrad.refine.at_x0 import BaseValues
from checkgrad.stages.parsed import ParsedProblem


def base_values(parsed: ParsedProblem, value: Floats, noise: Noise) -> BaseValues:
    """Return what is known at x0."""
    coarsest = np.fmax(noise.epsilon, max(parsed.claim.epsilon, parsed.user_epsilon))
    rtol = rtol_of(parsed, noise.epsilon)
    known = value, noise.sigma, noise.epsilon, rtol, noise.terms, noise.slope
    is_zero = bool(np.any(noise.slope)) and is_zero_everywhere(parsed.point)
    factors_round = not parsed.user_epsilon
    return BaseValues.at_x0(*known, coarsest, factors_round, is_zero, noise.hides_x0)


def rtol_of(parsed: ParsedProblem, epsilon: Floats) -> Floats:
    """Return the smallest relative error that must not get past, for each output."""
    coarsest = max(parsed.claim.epsilon, parsed.user_epsilon)
    return np.asarray([parsed.options.tolerance(max(e, coarsest)) for e in epsilon.tolist()])
