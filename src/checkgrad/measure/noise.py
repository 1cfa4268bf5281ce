"""The noise of ``func``: measured next to x0, and farther away where it may not show there.

Noise is the standard deviation of the error of one evaluation. Third differences of values at
equally spaced points show it, see `checkgrad.numerics.noise_model`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.backends import Array
from checkgrad.measure.input_rounding import rounds_input
from checkgrad.measure.lasting import lasting_noise
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.numerics.noise_model import (
    noise_along_lines,
    noise_without_jump,
    quanta_of,
)
from checkgrad.numerics.onset import CLOSER, closer_points_tell, shrinks
from checkgrad.numerics.samples import Flags, Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import DEFAULT_RTOL, DOUBLE, SINGLE

# Around 0, noise is looked at again at these multiples of the distance.
_CLOSER_TO_0, _FARTHER = 2.0**-6, 8.0
# Powers of the closer distance. Noise in proportion to the distance is what small terms round, and
# what is in proportion to its cube is smooth. Both are between these powers, and say nothing of
# longer steps. Below the second one, the terms themselves are rounded away.
_STAYS, _IS_GONE = 0.5, 10 / 3
# A part of a distance, of few digits. Around 0, ``1 + x`` rounds nothing at whole multiples of the
# machine epsilon.
_OFF_GRID = 11 / 16
# Around 0: how many lines are tried until func moves. Along all but the first, some coordinates
# move up to so many times as far as others.
_LINES, _RATES = 3, 4


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
    terms : array
        The size of the terms whose rounding makes the noise, as far as it is known; else 0.
    slope : array
        What noise in proportion to the distance may make of a slope, for a change of x0 by itself,
        as far as it is known; else 0.
    may_be_wave : array of bool
        Where the noise farther from x0 may be a wave.
    hides_x0 : array of bool
        Where ``func`` rounds a tiny x0 away. Then it need not be constant where it does not move.
    """

    sigma: Floats
    epsilon: Floats
    regular_change: Floats
    no_change: Flags
    terms: Floats
    slope: Floats
    may_be_wave: Flags
    hides_x0: Flags

    @classmethod
    def assumed(cls, sigma: Floats, epsilon: Floats) -> Noise:
        """Return noise that was not measured."""
        zeros = np.zeros(sigma.size)
        return cls(sigma, epsilon, zeros, zeros > 0, zeros, zeros, zeros > 0, zeros > 0)


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
    if near.is_zero:
        line, whole = _line_from_0(near, coarsest)
    else:
        line = near.along_line(coarsest)
        whole = noise_along_lines(line)
    sigma = whole
    noisy = sigma > limits.noisy_epsilons * dtype_epsilon * np.abs(value)
    if np.any(noisy):
        sigma = np.where(noisy, _without_jumps(near, coarsest, line, sigma), sigma)
    change = np.max(np.abs(line - value), axis=0)
    too_regular = (whole <= limits.too_regular * change) & (dtype_epsilon <= DOUBLE)
    too_regular &= not near.is_zero  # next to which rounding may be in proportion to the distance
    no_change = np.mean(line == value, axis=0) > limits.mostly_unchanged
    hides_x0 = np.zeros(value.size, dtype=bool)
    if np.any(no_change) and near.is_tiny(coarsest):
        beside_1 = np.where(no_change, _noise_beside_1(near, coarsest), 0.0)
        sigma = whole = np.fmax(sigma, beside_1)
        hides_x0 = beside_1 > 0
        no_change &= ~hides_x0
    epsilon = dtype_epsilon.copy()
    if np.any(no_change):
        for coarser in (each for each, _ in DEFAULT_RTOL if each > coarsest):
            rounds = no_change & rounds_input(near, coarser, coarsest, no_change)
            epsilon = np.where(rounds, coarser, epsilon)
        again = no_change & ((epsilon > dtype_epsilon) | (dtype_epsilon <= DOUBLE))
        again &= sigma == whole  # jumps at x0 are no steps
        sigma = _over_coarser_units(near, sigma, epsilon, again)
    zeros, regular = np.zeros(value.size), np.where(too_regular, change, 0.0)
    return Noise(sigma, epsilon, regular, no_change, zeros, zeros, zeros > 0, hides_x0)


def measure_noise_farther(
    near: Neighbourhood, noise: Noise, in_doubt: list[int], jumps: bool = False
) -> Noise:
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
        What is known by now.
    in_doubt : list of int
        The outputs to look at.
    jumps : bool
        Whether a factor of ``func`` is suspected to stand still next to x0, as a second point
        shows. Then it is noise where ``func`` stops being smooth, however large it is.

    Returns
    -------
    Noise
        The noise, which is no smaller than before.
    """
    limits = thresholds()
    sigma, terms, slope = noise.sigma.copy(), noise.terms.copy(), noise.slope.copy()
    may_be_wave = noise.may_be_wave.copy()
    regular = [output for output in in_doubt if noise.regular_change[output] > 0]
    if regular:
        seen = noise_along_lines(near.along_line(limits.farther_epsilon)[:, regular])
        seen = np.where(seen <= noise.regular_change[regular], seen, 0.0)
        sigma[regular] = np.fmax(sigma[regular], seen)
    if in_doubt:
        chosen, epsilon = np.asarray(in_doubt, dtype=np.intp), noise.epsilon[in_doubt]
        lasting = lasting_noise(near, epsilon, chosen, sigma[chosen], jumps)
        factor = np.where(noise.no_change[chosen], 1.0, limits.louder_farther)
        found = np.where(lasting.sigma > sigma[chosen] * factor, lasting.sigma, sigma[chosen])
        quantum = lasting.quantum
        still = noise.no_change[chosen] & (found == 0)
        if np.any(still):
            unit = np.where(still, _quantum_far_away(near, chosen, epsilon, quantum), 0.0)
            found, quantum = np.where(still, unit, found), np.where(still, unit, quantum)
        cancelled = (found > 0) & (found <= limits.coefficient_epsilons * quantum)
        sigma[chosen] = found
        terms[chosen] = np.where(cancelled, quantum / epsilon, 0.0)
        slope[chosen], may_be_wave[chosen] = lasting.slope, lasting.may_be_wave
    return replace(noise, sigma=sigma, terms=terms, slope=slope, may_be_wave=may_be_wave)


def _line_from_0(near: Neighbourhood, epsilon: float) -> tuple[Floats, Floats]:
    """Return the outputs on a line along which coordinates move as zeros do, and their noise.

    Noise counts only if it lasts, as next to x0 terms may be small and round little. Changes may
    cancel where some coordinates move up and others down. So where ``func`` moves by no more than
    it rounds, more lines are tried.
    """
    value, distance = near.value, _OFF_GRID * epsilon
    unseen = thresholds().noisy_epsilons * epsilon * np.abs(value)

    def along(signs: list[Array]) -> tuple[Floats, Floats]:
        line = near.line_from_0(distance, signs)
        noise = noise_along_lines(line)
        if not np.any(noise > 0):
            return line, noise
        closer = noise_along_lines(near.line_from_0(_CLOSER_TO_0 * distance, signs))
        stays = closer > _CLOSER_TO_0**_STAYS * noise
        is_gone = closer < _CLOSER_TO_0**_IS_GONE * noise
        if np.any(is_gone):
            farther = noise_along_lines(near.line_from_0(_FARTHER * distance, signs))
            stays |= is_gone & (farther <= thresholds().noise_stays * noise)
        return line, np.where(stays, noise, 0.0)

    line, noise = along(near.line_signs())
    for _ in range(_LINES - 1):
        still = np.all(np.abs(line - value) <= unseen, axis=0)
        if not np.any(still):
            break
        another, its_noise = along(near.line_multiples(_RATES))
        line, noise = np.where(still, another, line), np.where(still, its_noise, noise)
    return line, noise


def _noise_beside_1(near: Neighbourhood, epsilon: float) -> Floats:
    """Return the noise of every output at a tiny x0 that moves as if it were 0.

    ``1 + x`` rounds most of such an x0 away, so that steps of a part of x0 do not move ``func``.
    Changes that are larger than its values farther away round are no noise: they show that x0 is
    its scale.
    """
    limits = thresholds()
    _, noise = _line_from_0(near, epsilon)
    if not np.any(noise > 0):
        return noise
    far = np.abs(near.line_from_0(limits.far_away, near.line_signs()))
    largest = np.max(far, axis=0, initial=0.0, where=np.isfinite(far))
    return np.where(noise <= limits.coefficient_epsilons * epsilon * largest, noise, 0.0)


def _over_coarser_units(
    near: Neighbourhood, sigma: Floats, epsilon: Floats, chosen: Flags
) -> Floats:
    """Return the noise, of the outputs in `chosen` over units of the dtype they compute with.

    Over units of float32 the third differences of what is smooth are far below those of float64.
    What bends within some of these units shows at closer points: it is smooth over them.
    """
    sigma, units = sigma.copy(), np.fmax(epsilon, SINGLE)
    for unit in np.unique(units[chosen]).tolist():
        here, signs = np.flatnonzero(chosen & (units == unit)), near.line_signs()
        found = noise_along_lines(near.along_line(unit, signs)[:, here])
        floor = np.fmax(sigma, thresholds().rounding_sigma * epsilon * np.abs(near.value))[here]
        in_doubt = (epsilon[here] < unit) & [*map(closer_points_tell, found, floor)]
        if np.any(in_doubt):
            (line,) = near.along_lines([unit / CLOSER], signs, times=CLOSER)
            levels = zip(found, noise_along_lines(line[:, here]), floor, strict=True)
            smooth = [bool(shrinks(*each)) for each in levels]
            found = np.where(in_doubt & smooth, 0.0, found)
        sigma[here] = np.fmax(sigma[here], found)
    return sigma


def _without_jumps(near: Neighbourhood, epsilon: float, line: Floats, sigma: Floats) -> Floats:
    """Return the noise of every output without jumps right at x0, which are no noise.

    A change is a jump if it makes nearly all of the noise, and does so along another line too.
    """

    def rest(line: Floats, sigma: Floats) -> Floats:
        others = np.asarray([noise_without_jump(column, near.points_before) for column in line.T])
        return np.where(others < sigma / thresholds().negligible, others, sigma)

    found = rest(line, sigma)
    if np.all(found == sigma):
        return sigma
    another = near.along_line(epsilon)
    larger: Floats = np.fmax(found, rest(another, noise_along_lines(another)))
    return larger


def _quantum_far_away(
    near: Neighbourhood, chosen: Places, epsilon: Floats, quantum: Floats
) -> Floats:
    """Return what all values are multiples of; 0 where it is no unit in the last place of terms.

    Such a unit is small compared with ``func`` at points where x0 changes by about itself. If no
    value nearer to x0 shows the unit, the values at these points do.
    """
    limits = thresholds()
    line = near.along_line(limits.far_away)[:, chosen]
    largest = np.max(np.abs(line), axis=0, initial=0.0, where=np.isfinite(line))
    unit = np.where(quantum > 0, quantum, quanta_of(line))
    is_unit = unit <= limits.coefficient_epsilons * epsilon * largest
    return np.where(is_unit & (epsilon <= SINGLE), unit, 0.0)  # half precision: too few digits
