"""The noise of ``func``: measured next to x0, and farther away where it may not show there.

Noise is the standard deviation of the error of one evaluation. Third differences of values at
equally spaced points show it, see `checkgrad.numerics.noise_model`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.measure.input_rounding import rounds_input
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.numerics.noise_model import (
    largest_cancellation_noise,
    noise_along_line,
    noise_without_jump,
)
from checkgrad.numerics.samples import Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import DEFAULT_RTOL, DOUBLE, SINGLE


@dataclass(frozen=True)
class Noise:
    """The noise of every output: arrays of shape (outputs,).

    Attributes
    ----------
    sigma : array
        The noise, as a standard deviation.
    epsilon : array
        The machine epsilon that ``func`` is seen to compute with.
    """

    sigma: Floats
    epsilon: Floats


def measure_noise(near: Neighbourhood, dtype_epsilon: Floats) -> Noise:
    """Measure the noise of every output next to x0.

    Where most values are as at x0, ``func`` may round its input to a coarser dtype. Where it does
    not, its values may change in steps. In float64, those show over units of float32, over which
    the third differences of what is smooth are far below the rounding of float64.

    Parameters
    ----------
    near : Neighbourhood
        The surroundings of x0.
    dtype_epsilon : array, shape (outputs,)
        The machine epsilon of the coarser of the dtypes of x0 and of each output.
    """
    coarsest = float(np.max(dtype_epsilon))
    line = near.along_line(coarsest)
    no_change = np.mean(line == near.value, axis=0) > thresholds().mostly_unchanged
    whole, epsilon = noise_along_line(line), dtype_epsilon.copy()
    sigma = _without_jumps(near, coarsest, line, whole, dtype_epsilon)
    if np.any(no_change):
        for coarser in (each for each, _ in DEFAULT_RTOL if each > coarsest):
            rounds = rounds_input(near, coarser, coarsest, no_change)
            epsilon = np.where(rounds, coarser, epsilon)
    in_steps = no_change & (epsilon <= DOUBLE) & (sigma == whole)  # jumps at x0 are no steps
    if np.any(in_steps):
        apart = noise_along_line(near.along_line(SINGLE))
        sigma = np.where(in_steps, np.fmax(sigma, apart), sigma)
    return Noise(sigma, epsilon)


def measure_noise_farther(
    near: Neighbourhood, noise: Noise, sigma: Floats, in_doubt: list[int]
) -> Floats:
    """Measure the noise farther from x0, of the outputs whose claims are `in_doubt`.

    Next to x0 the rounding errors of a product may be as good as equal, or in proportion to the
    distance, so that they look like a slope: those of ``x * x`` for x near 1 - d vary over some
    1 / d units in the last place only. Large terms that cancel round in steps, and nothing moves
    between the steps: a logarithm of a sum, less the largest of its terms. The terms of a sum of
    millions round as one next to x0, where the sum moves by a unit in the last place, and each by
    itself farther away.

    Parameters
    ----------
    near : Neighbourhood
        The surroundings of x0.
    noise : Noise
        What `measure_noise` returned.
    sigma : array, shape (outputs,)
        The noise as it is known by now.
    in_doubt : list of int
        The outputs to look at.

    Returns
    -------
    array, shape (outputs,)
        The noise, which is no smaller than before.
    """
    sigma = sigma.copy()
    if in_doubt:
        chosen = np.asarray(in_doubt, dtype=np.intp)
        found = _lasting_noise(near, noise.epsilon, chosen)
        louder = found > sigma[chosen] * thresholds().louder_farther
        sigma[chosen] = np.where(louder, found, sigma[chosen])
    return sigma


def _without_jumps(
    near: Neighbourhood, unit: float, line: Floats, sigma: Floats, epsilon: Floats
) -> Floats:
    """Return the noise `sigma` along a line of some `unit` without jumps right at x0.

    A change is a jump, and no noise, if it makes nearly all of the noise, and does so along another
    line too. Noise of a few machine epsilons is taken as it is.
    """

    def rest(line: Floats, sigma: Floats) -> Floats:
        others = np.asarray([noise_without_jump(column, near.points_before) for column in line.T])
        return np.where(others < sigma / thresholds().jump_share, others, sigma)

    noisy = sigma > thresholds().noisy_epsilons * epsilon * np.abs(near.value)
    if not np.any(noisy):
        return sigma
    found = rest(line, sigma)
    if np.all(found == sigma):
        return sigma
    another = near.along_line(unit)
    return np.where(noisy, np.fmax(found, rest(another, noise_along_line(another))), sigma)


def _lasting_noise(near: Neighbourhood, epsilon: Floats, chosen: Places) -> Floats:
    """Return the noise of some outputs at points farther and farther apart; 0 where it is smooth.

    Noise appears at some distance and then stays as it is. Third differences of what is smooth
    grow with the cube of the distance, and those of a kink in proportion to it.
    """
    limits, noise = thresholds(), np.zeros(chosen.size)
    digits = -math.log2(float(np.max(epsilon[chosen])))
    if digits < -math.log2(SINGLE):
        return noise  # too few to tell them apart
    before = noise
    for part in limits.farther_digits:
        if np.all(noise > 0):
            break
        found = noise_along_line(near.along_line(2.0 ** -round(part * digits))[:, chosen])
        stays = (before > 0) & (found <= limits.noise_stays * before) & (noise == 0)
        noise = np.where(stays, before, noise)
        before = found
    most = largest_cancellation_noise(epsilon[chosen], near.value[chosen])
    return np.where(noise <= most, noise, 0.0)
