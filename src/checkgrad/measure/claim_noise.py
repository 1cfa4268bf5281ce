"""The noise of the claim: how much it changes at x0 again, and at neighbours of x0."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from checkgrad.arrays.bounds import within
from checkgrad.arrays.point import Floats
from checkgrad.claims.forms import Claim
from checkgrad.evaluate.directions import Directions
from checkgrad.evaluate.outputs import Outputs
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.numerics.thresholds import thresholds

# Of a claim that a narrower dtype computes: a sum of terms as large as the largest entry.
_UNITS_OF_LARGEST = 4.0


def claim_noise_of(
    near: Neighbourhood, claim: Claim, directions: Sequence[Directions], one_by_one: bool
) -> Callable[[int], Floats]:
    """Return a function that measures the noise of the claim of an output, when it is asked for.

    Parameters
    ----------
    near : Neighbourhood
        The surroundings of x0.
    claim : Claim
        The claim.
    directions : sequence of Directions
        Those of every output.
    one_by_one : bool
        Whether each output costs an evaluation of the claim, as that of a vjp does. Otherwise all
        outputs are measured together.
    """
    known: dict[int, Floats] = {}

    def measured(output: int) -> Floats:
        if output not in known:
            chosen = [output] if one_by_one else list(range(near.outputs.count))
            found = _claim_noise(
                near, claim, [directions[k] for k in chosen], near.outputs.take(chosen)
            )
            known.update(zip(chosen, found, strict=True))
        return known[output]

    return measured


def _claim_noise(
    near: Neighbourhood, claim: Claim, directions: Sequence[Directions], outputs: Outputs
) -> Floats:
    """Return the noise of the claim, at least its rounding error; 0 where it is not finite."""
    base = np.stack([each.claim for each in directions])
    noise = np.zeros_like(base)
    for k in range(thresholds().noise_points + 1):
        noise = np.fmax(noise, np.abs(_claimed_at(k, near, claim, directions, outputs) - base))
    rounding = claim.epsilon / 2 * np.abs(base)
    if claim.input_epsilon:  # x0 is a number of that dtype; whether func is as exact is not known
        largest = np.max(np.abs(base), axis=1, keepdims=True, initial=0.0, where=np.isfinite(base))
        rounding = rounding + _UNITS_OF_LARGEST * max(claim.epsilon, claim.input_epsilon) * largest
    return np.where(np.isfinite(base), np.fmax(noise, rounding), 0.0)


def _claimed_at(
    k: int, near: Neighbourhood, claim: Claim, directions: Sequence[Directions], outputs: Outputs
) -> Floats:
    """Return what the claim says at x0 again (k = 0), or at a neighbour of it.

    NaN where it raises an exception, which says nothing.
    """
    point = near.point
    if k == 0:
        leaves = point.copies(point.leaves)
    else:
        moved = point.neighbour(near.random_signs(), 1, claim.input_epsilon)
        leaves = within(point, moved, near.bounds)
    try:
        gradients = claim.gradients(leaves, outputs, passing=True)
        return np.stack(
            [
                each.claimed_by(gradient)
                for each, gradient in zip(directions, gradients, strict=True)
            ]
        )
    except MemoryError:
        raise
    except Exception:
        return np.full((len(directions), directions[0].claim.size), np.nan)
