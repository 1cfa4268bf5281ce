"""The noise of ``func`` at points farther and farther apart, where it may not show next to x0.

This module owns which points tell such noise from what is smooth. `checkgrad.measure.noise` decides
where it is asked for, and what it means.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.backends import Array
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.numerics.noise_model import (
    largest_cancellation_noise,
    noise_along_lines,
    noise_on_each_side,
    quanta_of,
)
from checkgrad.numerics.onset import CLOSER, onset, shrinks
from checkgrad.numerics.samples import Flags, Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import SINGLE, default_rtol

# A part of x0. Waves that turn within a few of these are noise: no usual step resolves them.
_NARROWEST = 2.0**-30
# What sets in this near is not looked at closely: hardly a step would resolve such a wave.
_HARDLY_RESOLVED = 2.0**-27
_ALONE = 16.0  # times the noise, by which values differ that differ by noise alone
_RATES = 4  # different rates at which coordinates move along another line
_SCALES = 1.5  # by which noise over distance may vary where it is the same at all distances


@dataclass(frozen=True, eq=False)
class LastingNoise:
    """Noise at points farther and farther apart: arrays of shape (outputs,).

    Attributes
    ----------
    sigma : array
        The noise, as a standard deviation; 0 where ``func`` is smooth.
    quantum : array
        What all values are multiples of.
    slope : array
        What noise in proportion to the distance may make of a slope, for a change of x0 by itself;
        else 0.
    may_be_wave : array of bool
        Where too little is seen of the noise to tell it from a wave.
    """

    sigma: Floats
    quantum: Floats
    slope: Floats
    may_be_wave: Flags


def lasting_noise(
    near: Neighbourhood, epsilon: Floats, chosen: Places, sigma: Floats, jumps: bool = False
) -> LastingNoise:
    """Return the noise of some outputs at points farther and farther apart.

    Large terms that cancel round in steps, and nothing moves between the steps: a logarithm of a
    sum, less the largest of its terms. The terms of a sum of millions round as one next to x0,
    where the sum moves by a unit in the last place, and each by itself farther away. A factor as
    ``1 - sigmoid(x)`` stands still between the steps, while another factor moves. Such a
    noise is there at some distance, and no larger at a longer one. Third differences of what is
    smooth grow with the cube of the distance, and those of a kink in proportion to it. All
    distances are taken along one line: along another one, a kink may not show.

    Parameters
    ----------
    near : Neighbourhood
        The surroundings of x0.
    epsilon : array, shape (len(chosen),)
        The machine epsilon that each of these outputs is seen to compute with.
    chosen : array of int
        The outputs.
    sigma : array, shape (len(chosen),)
        Their noise next to x0.
    jumps : bool
        Whether a factor is suspected to stand still: then the largest noise counts, whether or not
        it is seen at a longer distance as well.
    """
    nothing = np.zeros(chosen.size)
    digits = -math.log2(float(np.max(epsilon)))
    distances = [2.0 ** -round(part * digits) for part in thresholds().farther_digits]
    distances = [each for each in distances if near.has_room(each)]
    if digits < -math.log2(SINGLE) or not distances:  # too few digits to tell them apart
        return LastingNoise(nothing, nothing, nothing, nothing > 0)
    signs, is_zero = near.line_signs(), near.is_zero()
    value, before = near.value[chosen], near.points_before
    if is_zero:  # no coordinate has a unit in the last place to move by
        lines = [np.tile(value, (2 * thresholds().noise_points + 1, 1))] * len(distances)
    else:
        lines = [each[:, chosen] for each in near.along_lines(distances, signs)]
    largest = np.nanmax(np.abs(lines), axis=(0, 1), initial=0.0)
    share = 1 / thresholds().agreement
    slope = _slope_noise(lines, distances, before, epsilon, share)
    left = _is_left(value, largest, epsilon)
    seen = [lines]
    if near.has_zeros() and np.any(left):
        moving = [each[:, chosen] for each in near.along_lines(distances, signs, zeros_move=True)]
        if is_zero:
            found = _slope_noise_around_0(moving, distances, before, epsilon)
        else:
            found = _slope_noise(moving, distances, before, epsilon, share)
            seen.append(moving)
        slope = np.fmax(slope, found)
    if not is_zero:
        # A line may show less noise by chance, noise alone, or nothing. Then another one is taken.
        if np.any(left & ((slope > 0) | _shows_noise_alone(lines[-1], value))):
            rates = near.line_multiples(_RATES)
            shorter = [each / _RATES for each in distances]
            moving = near.along_lines(shorter, rates, zeros_move=near.has_zeros())
            seen.append([each[:, chosen] for each in moving])
            slope = np.fmax(slope, _slope_noise(seen[-1], distances, before, epsilon, share))
        rounded = [_rounded_slope(each[-1], before, distances[-1], epsilon, share) for each in seen]
        slope = np.where(left, np.fmax(slope, np.max(rounded, axis=0)), slope)
    most = largest_cancellation_noise(epsilon, largest)
    levels = [_noise_of(line) for line in lines]
    noise = np.max(levels, axis=0) if jumps else _lasting_sigma(levels, most)
    floor = np.fmax(sigma, thresholds().rounding_sigma * epsilon * np.abs(value))
    loud = np.flatnonzero(noise > thresholds().louder_farther * floor)
    may_be_wave = nothing > 0
    if loud.size:
        at = dict(zip(distances, levels, strict=True))
        at[max(float(np.min(epsilon)), _NARROWEST)] = sigma
        waves, may_be_wave = _waves(near, signs, chosen, at, floor, noise, loud)
        noise = np.where(waves, 0.0, noise)
    return LastingNoise(noise, quanta_of(np.concatenate(lines)), slope, may_be_wave)


def _lasting_sigma(levels: Sequence[Floats], most: Floats) -> Floats:
    """Return the largest noise that is no larger at a longer distance, up to `most`."""
    noise = np.zeros_like(most)
    for shorter, longer in itertools.combinations(levels, 2):
        stays = longer <= thresholds().noise_stays * shorter
        lasting = np.where(stays & (shorter <= most), np.fmin(shorter, longer), 0.0)
        noise = np.fmax(noise, lasting)
    return noise


def _waves(
    near: Neighbourhood,
    signs: list[Array],
    chosen: Places,
    at: dict[float, Floats],
    floor: Floats,
    noise: Floats,
    loud: Places,
) -> tuple[Flags, Flags]:
    """Return where the noise of the `loud` outputs is that of a wave, and where it may be.

    A wave is smooth at short distances. More distances are looked at until that is known, and more
    points where noise sets in. What is seen `at` each distance is noted.
    """
    waves, may_be = np.zeros((2, noise.size), dtype=bool)
    for output in loud.tolist():
        while True:
            distances = np.asarray(sorted(at))
            levels = np.asarray([at[each][output] for each in distances.tolist()])
            found = onset(distances, levels, float(floor[output]), float(noise[output]))
            if found.next_distance is None:
                break
            (line,) = near.along_lines([found.next_distance], signs)
            at[found.next_distance] = _noise_of(line[:, chosen])
        is_smooth: bool | None = found.is_smooth
        if found.sets_in is not None and found.sets_in > _HARDLY_RESOLVED:
            (line,) = near.along_lines([found.sets_in / CLOSER], signs, times=CLOSER)
            level, closer = at[found.sets_in][output], _noise_of(line[:, chosen])[output]
            is_smooth = shrinks(float(level), float(closer), float(floor[output]))
        waves[output], may_be[output] = is_smooth is True, is_smooth is None
    return waves, may_be


def _noise_of(line: Floats) -> Floats:
    """Return the noise along a line; 0 where it leaves the domain, near which nothing is smooth."""
    return np.where(np.all(np.isfinite(line), axis=0), noise_along_lines(line), 0.0)


def _is_left(value: Floats, largest: Floats, epsilon: Floats) -> Flags:
    """Return where ``func(x0)`` is no more than what rounding leaves of `largest`."""
    left: Flags = np.abs(value) <= thresholds().coefficient_epsilons * epsilon * largest
    return left


def _shows_noise_alone(line: Floats, value: Floats) -> Flags:
    """Return where values far from x0 differ by noise alone, by a bend as sharp, or not at all.

    Along such a line, ``func`` may be 0 for a reason that another line does not have, as a
    determinant is where the line keeps two rows in proportion.
    """
    change = np.max(np.abs(line - value), axis=0)
    alone: Flags = _noise_of(line) >= change / _ALONE
    return alone


def _slope_noise_around_0(
    lines: Sequence[Floats],
    distances: Sequence[float],
    before: int,
    epsilon: Floats,
) -> Floats:
    """Return what `_slope_noise` does, where all of x0 is 0: rounding explains all of rtol.

    Around 0 terms round alike at all distances, which are powers of two times each other. A power
    such as ``x**1.5`` bends there, and less than in proportion. What is smooth bends farther away,
    so that the longer half of the distances does not count.
    """
    half = (len(lines) + 1) // 2
    near, apart = lines[:half], distances[:half]
    slopes = _slopes_of_noise(near, apart, before)
    is_rounding = np.max(slopes, axis=0) <= _SCALES * np.min(slopes, axis=0)
    slope = _slope_noise(near, apart, before, epsilon, share=1.0)
    return np.where(is_rounding, slope, 0.0)


def _slopes_of_noise(
    lines: Sequence[Floats], distances: Sequence[float], before: int
) -> list[Floats]:
    """Return the noise of each line over its distance, on either side of x0.

    A kink at x0 looks like noise in proportion to the distance, but not on one side of x0.
    """
    slopes = []
    for line, distance in zip(lines, distances, strict=True):
        found = np.asarray([noise_on_each_side(column, before) for column in line.T])
        finite = np.all(np.isfinite(line), axis=0)
        slopes.append(np.where(finite, found, 0.0) / (thresholds().noise_spacing * distance))
    return slopes


def _slope_noise(
    lines: Sequence[Floats],
    distances: Sequence[float],
    before: int,
    epsilon: Floats,
    share: float,
) -> Floats:
    """Return what noise in proportion to the distance may make of a slope; else 0.

    It is a small part of the slope over these distances: at most a `share` of rtol of it.
    """
    limits, slopes = thresholds(), _slopes_of_noise(lines, distances, before)
    least = np.min(slopes, axis=0)
    in_proportion = slopes[0] <= limits.in_proportion * least
    part = np.fmin(limits.slope_epsilons * epsilon, _parts_of_rtol(epsilon, share))
    slope = np.fmin(limits.stands_out * least, part * _slope_of(lines[-1], before, distances[-1]))
    return np.where(in_proportion, slope, 0.0)


def _rounded_slope(
    line: Floats, before: int, distance: float, epsilon: Floats, share: float
) -> Floats:
    """Return by what rounding may move a slope where the terms of func cancel at x0.

    Rounding errors of the terms may be in proportion to the distance to all digits, so that no
    noise shows. An example is a cofactor: it is the slope of a determinant along an entry. Such
    errors are a few units of the terms. A 20th of x0 away, the slopes of the terms still cancel for
    the most part, so that they are far larger than the slope of func. Where func moves by noise
    alone, nothing is known of the terms.
    """
    limits, slope = thresholds(), _slope_of(line, before, distance)
    part = np.fmin(limits.coefficient_epsilons * epsilon, limits.coefficient_rounding)
    part = np.fmin(part, _parts_of_rtol(epsilon, share))
    is_known = np.isfinite(slope) & ~_shows_noise_alone(line, line[before])
    return np.where(is_known, part * slope, 0.0)


def _parts_of_rtol(epsilon: Floats, share: float) -> Floats:
    """Return a share of the default rtol of each output."""
    return np.asarray([share * default_rtol(each) for each in epsilon])


def _slope_of(line: Floats, before: int, distance: float) -> Floats:
    """Return how far func changes along a line, for a change of x0 by itself."""
    change: Floats = np.max(np.abs(line - line[before]), axis=0)
    return change / (thresholds().noise_spacing * thresholds().noise_points * distance)
