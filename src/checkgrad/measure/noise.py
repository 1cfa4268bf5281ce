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
from checkgrad.numerics.samples import Flags, Places
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
    regular_change : array
        The change of ``func`` next to x0 where it is so regular that it may hide noise, else 0.
    no_change : array of bool
        Where ``func`` does not move next to x0.
    """

    sigma: Floats
    epsilon: Floats
    regular_change: Floats
    no_change: Flags


def measure_noise(near: Neighbourhood, dtype_epsilon: Floats) -> Noise:
    """Measure the noise of every output next to x0.

    Where most values are as at x0, ``func`` may round its input to a coarser dtype. Then the noise
    is that over units of this dtype.

    Parameters
    ----------
    near : Neighbourhood
        The surroundings of x0.
    dtype_epsilon : array, shape (outputs,)
        The machine epsilon of the coarser of the dtypes of x0 and of each output.
    """
    limits, value = thresholds(), near.value
    coarsest = float(np.max(dtype_epsilon))
    line = near.along_line(coarsest)
    sigma = whole = _along_lines(line)
    noisy = sigma > limits.noisy_epsilons * dtype_epsilon * np.abs(value)
    if np.any(noisy):
        sigma = np.where(noisy, _without_jumps(near, coarsest, line, sigma), sigma)
    change = np.max(np.abs(line - value), axis=0)
    too_regular = (whole <= limits.too_regular * change) & (dtype_epsilon <= DOUBLE)
    no_change = np.mean(line == value, axis=0) > limits.mostly_unchanged
    epsilon = dtype_epsilon.copy()
    if np.any(no_change):
        for coarser in (each for each, _ in DEFAULT_RTOL if each > coarsest):
            rounds = no_change & rounds_input(near, coarser, coarsest, no_change)
            epsilon = np.where(rounds, coarser, epsilon)
        again = no_change & ((epsilon > dtype_epsilon) | (dtype_epsilon <= DOUBLE))
        again &= sigma == whole  # jumps at x0 are no steps
        sigma = _over_coarser_units(near, sigma, epsilon, again)
    return Noise(sigma, epsilon, np.where(too_regular, change, 0.0), no_change)


def measure_noise_farther(
    near: Neighbourhood, noise: Noise, sigma: Floats, dtype_epsilon: Floats, in_doubt: list[int]
) -> Floats:
    """Measure the noise farther from x0, of the outputs whose claims are `in_doubt`.

    Next to x0 the rounding errors of a product may be as good as equal, or in proportion to the
    distance, so that they look like a slope: those of ``x * x`` for x near 1 - d vary over some
    1 / d units in the last place only. Rounding moves ``func`` by no more than some units of x0
    do. What moves it farther, as a jump or a pole, is no noise.

    Parameters
    ----------
    near : Neighbourhood
        The surroundings of x0.
    noise : Noise
        What `measure_noise` returned.
    sigma : array, shape (outputs,)
        The noise as it is known by now.
    dtype_epsilon : array, shape (outputs,)
        As in `measure_noise`.
    in_doubt : list of int
        The outputs to look at.

    Returns
    -------
    array, shape (outputs,)
        The noise, which is no smaller than before.
    """
    limits, sigma = thresholds(), sigma.copy()
    regular = [output for output in in_doubt if noise.regular_change[output] > 0]
    if regular:
        apart = near.along_line(limits.farther_epsilon)
        for output in regular:
            seen = noise_along_line(apart[:, output])
            if seen <= noise.regular_change[output]:
                sigma[output] = max(sigma[output], seen)
    # In float32, to look where not all stands still leaves open as many claims as it settles.
    rough = (noise.regular_change == 0) & (dtype_epsilon <= DOUBLE)
    hidden = [output for output in in_doubt if noise.no_change[output] or rough[output]]
    if hidden:
        chosen = np.asarray(hidden, dtype=np.intp)
        found = _lasting_noise(near, noise.epsilon, chosen)
        factor = np.where(noise.no_change[chosen], 1.0, limits.louder_farther)
        least = sigma[chosen] * factor
        sigma[chosen] = np.where(found > least, found, sigma[chosen])
    return sigma


def _along_lines(line: Floats) -> Floats:
    return np.asarray([noise_along_line(column) for column in line.T])


def _over_coarser_units(
    near: Neighbourhood, sigma: Floats, epsilon: Floats, chosen: Flags
) -> Floats:
    """Return the noise, of the outputs in `chosen` over units of the dtype they compute with.

    Over units of float32 the third differences of what is smooth are far below those of float64.
    """
    sigma = sigma.copy()
    units = np.fmax(epsilon, SINGLE)
    for unit in np.unique(units[chosen]).tolist():
        line = near.along_line(unit)
        for output in np.flatnonzero(chosen & (units == unit)).tolist():
            sigma[output] = max(sigma[output], noise_along_line(line[:, output]))
    return sigma


def _without_jumps(near: Neighbourhood, epsilon: float, line: Floats, sigma: Floats) -> Floats:
    """Return the noise of every output without jumps right at x0, which are no noise.

    A change is a jump if it makes nearly all of the noise, and does so along another line too.
    """

    def rest(line: Floats, sigma: Floats) -> Floats:
        others = np.asarray([noise_without_jump(column, near.points_before) for column in line.T])
        return np.where(others < sigma / thresholds().jump_share, others, sigma)

    found = rest(line, sigma)
    if np.all(found == sigma):
        return sigma
    another = near.along_line(epsilon)
    larger: Floats = np.fmax(found, rest(another, _along_lines(another)))
    return larger


def _lasting_noise(near: Neighbourhood, epsilon: Floats, chosen: Places) -> Floats:
    """Return the noise of some outputs at points farther and farther apart; 0 where it is smooth.

    Large terms that cancel round in steps, and nothing moves between the steps: a logarithm of a
    sum, less the largest of its terms. The terms of a sum of millions round as one next to x0,
    where the sum moves by a unit in the last place, and each by itself farther away. Such a noise
    appears at some distance and then stays as it is. Third differences of what is smooth grow with
    the cube of the distance, and those of a kink in proportion to it.
    """
    limits, noise = thresholds(), np.zeros(chosen.size)
    digits = -math.log2(float(np.max(epsilon[chosen])))
    if digits < -math.log2(SINGLE):
        return noise  # too few to tell them apart
    before = noise
    for part in limits.farther_digits:
        line = near.along_line(2.0 ** -round(part * digits))[:, chosen]
        found = _along_lines(line)
        stays = (before > 0) & (found <= limits.noise_stays * before) & (noise == 0)
        noise = np.where(stays, before, noise)
        before = found
    most = largest_cancellation_noise(epsilon[chosen], near.value[chosen])
    return np.where(noise <= most, noise, 0.0)
