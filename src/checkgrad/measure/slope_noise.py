"""What rounding may make of a slope where the terms of ``func`` cancel at x0.

Such noise is in proportion to the distance from x0, so that no step gets rid of it. This module
owns how it is told. `checkgrad.measure.lasting` takes the points, and sees the noise of values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.backends import Array
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.numerics.noise_model import noise_on_each_side, noise_within_domain
from checkgrad.numerics.samples import Flags, Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import default_rtol

_ALONE = 16.0  # times the noise, by which values differ that differ by noise alone
_RATES = 4  # different rates at which coordinates move along another line
_TIMES_AROUND_0 = 3  # as many points on a line around 0: half of them round as others do
_SCALES = 1.5  # by which noise over distance may vary where it is the same at all distances


def slope_noise(
    near: Neighbourhood,
    signs: list[Array],
    distances: Sequence[float],
    lines: Sequence[Floats],
    chosen: Places,
    epsilon: Floats,
) -> Floats:
    """Return what rounding may make of the slope of some outputs, for a change of x0 by itself.

    More lines are taken where func(x0) is no more than what rounding leaves of its terms.

    Parameters
    ----------
    near : Neighbourhood
        The surroundings of x0.
    signs : list of array
        Which way each coordinate moves along the line.
    distances : sequence of float
        Distances between the points of the line, the longest last.
    lines : sequence of array, shape (points, len(chosen))
        These outputs at each of the distances.
    chosen : array of int
        The outputs.
    epsilon : array, shape (len(chosen),)
        The machine epsilon that each of these outputs is seen to compute with.
    """
    value, before = near.value[chosen], near.points_before
    share = 1 / thresholds().agreement
    slope = np.zeros(chosen.size)
    if not near.is_zero:
        slope = _noise_in_proportion(lines, distances, before, epsilon, share)
    largest = np.nanmax(np.abs(lines), axis=(0, 1), initial=0.0)
    left = np.abs(value) <= thresholds().coefficient_epsilons * epsilon * largest
    if not np.any(left):
        return slope

    if near.is_zero:
        at, times = [0, (len(distances) - 1) // 2], _TIMES_AROUND_0
        two, inner = [distances[k] for k in at], [lines[k] for k in at]
        outer = near.beyond_lines(two, signs, times)
        longer = [
            np.concatenate([earlier[:, chosen], line, later[:, chosen]])
            for (earlier, later), line in zip(outer, inner, strict=True)
        ]
        ways = near.line_multiples(_RATES)
        others = near.along_lines([each / _RATES for each in two], ways, times=times)
        around = [longer, [each[:, chosen] for each in others]]
        return _around_0(around, two, times * before, epsilon, share)

    def more_lines(distances: Sequence[float], way: list[Array], zeros_move: bool) -> list[Floats]:
        return [each[:, chosen] for each in near.along_lines(distances, way, zeros_move)]

    seen = [lines]
    if near.has_zeros():
        moving = more_lines(distances, signs, zeros_move=True)
        found = _noise_in_proportion(moving, distances, before, epsilon, share)
        slope = np.fmax(slope, found)
        seen.append(moving)
    # A line may show less noise by chance, noise alone, or nothing. Then another one is taken.
    if np.any(left & ((slope > 0) | _shows_noise_alone(lines[-1], value))):
        shorter = [each / _RATES for each in distances]
        moving = more_lines(shorter, near.line_multiples(_RATES), near.has_zeros())
        found = _noise_in_proportion(moving, distances, before, epsilon, share)
        slope = np.fmax(slope, found)
        seen.append(moving)
    rounded = [_rounded_slope(each[-1], before, distances[-1], epsilon, share) for each in seen]
    return np.where(left, np.fmax(slope, np.max(rounded, axis=0)), slope)


def _shows_noise_alone(line: Floats, value: Floats) -> Flags:
    """Return where values far from x0 differ by noise alone, by a bend as sharp, or not at all.

    Along such a line, ``func`` may be 0 for a reason that another line does not have, as a
    determinant is where the line keeps two rows in proportion.
    """
    change = np.max(np.abs(line - value), axis=0)
    alone: Flags = noise_within_domain(line) >= change / _ALONE
    return alone


def _around_0(
    seen: Sequence[Sequence[Floats]],
    distances: Sequence[float],
    before: int,
    epsilon: Floats,
    share: float,
) -> Floats:
    """Return what noise in proportion to the distance may make of a slope, where all of x0 is 0.

    Around 0 terms round alike at all distances, which are powers of two times each other. A power
    such as ``x**1.5`` bends there, and less than in proportion. What is smooth bends farther away,
    so that the longer half of the distances does not count. Since nothing else looks like that, no
    more than its part of rtol limits it: of the slope along the way that ``func`` moves most.
    """
    steepest = np.max([_slope_of(each[-1], before, distances[-1]) for each in seen], axis=0)
    found = []
    for lines in seen:
        slopes = _slopes_of_noise(lines, distances, before)
        least, most = np.min(slopes, axis=0), np.max(slopes, axis=0)
        found.append(np.where(most <= _SCALES * least, thresholds().stands_out * least, 0.0))
    limited: Floats = np.fmin(np.max(found, axis=0), _parts_of_rtol(epsilon, share) * steepest)
    return limited


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


def _noise_in_proportion(
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
    points = max(before, line.shape[0] - 1 - before)  # on the longer side
    slope: Floats = change / (thresholds().noise_spacing * points * distance)
    return slope
