"""Samples that nothing but the report needs: of claims that few steps certify.

A user who asks for them wants to see them. No decision depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from checkgrad.precision import digits_of
from checkgrad.report.results import OutputResult
from checkgrad.report.worst import LISTED
from checkgrad.stages.parsed import ParsedProblem

_STEPS = 10  # along each direction: enough to see two slopes
_LONGEST = 2.0  # binary digits of x0 by which the longest is shorter than it
_SHORTEST = 0.8  # of the binary digits of func: noise is all that is seen below


def sample_for_report(parsed: ParsedProblem, results: Sequence[OutputResult]) -> None:
    """Sample the first directions at steps of all lengths, if the user asks for it.

    A budget that does not allow for it is left alone.

    Parameters
    ----------
    parsed : ParsedProblem
        The problem.
    results : sequence of OutputResult
        What was found. The directions keep what is sampled along them.
    """
    if not parsed.options.keep_samples or not results:
        return
    budget = parsed.options.evaluation.budget
    budget.phase("samples for the report")
    room = LISTED
    for result in results:
        directions = result.directions
        count = min(directions.count, room)
        if count == 0 or 2 * _STEPS * count > budget.left:
            return
        room -= count
        digits = digits_of(result.spec.epsilon)
        powers = -np.linspace(_LONGEST, _SHORTEST * digits, _STEPS).round()
        steps = np.exp2(powers)[:, None] * directions.scale[:count]
        which = np.broadcast_to(np.arange(count), (2, *steps.shape))
        directions.sample(which.ravel(), np.stack([steps, -steps]).ravel())
