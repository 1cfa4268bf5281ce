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
from checkgrad.measure.slope_noise import slope_noise
from checkgrad.numerics.noise_model import (
    largest_cancellation_noise,
    noise_within_domain,
    quanta_of,
)
from checkgrad.numerics.onset import CLOSER, onset, shrinks
from checkgrad.numerics.samples import Flags, Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import SINGLE

# A part of x0: where waves are looked for first, in float64.
_NEAREST = 2.0**-30
# A part of x0. What is as large as the noise so near is noise: hardly a step resolves such a wave.
_HARDLY_RESOLVED = 2.0**-27
_KNOWN_TO = 8.0  # a factor, to which few points tell noise


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
    signs, value = near.line_signs(), near.value[chosen]
    lines = [each[:, chosen] for each in near.along_lines(distances, signs)]
    slope = slope_noise(near, signs, distances, lines, chosen, epsilon)
    largest = np.nanmax(np.abs(lines), axis=(0, 1), initial=0.0)
    if near.is_zero:  # values so near are small, whether or not terms cancel
        far = near.along_line(thresholds().far_away)[:, chosen]
        there = np.max(np.abs(far), axis=0, initial=0.0, where=np.isfinite(far))
        largest = np.fmax(largest, there)
    most = largest_cancellation_noise(epsilon, largest)
    levels = [noise_within_domain(line) for line in lines]
    noise = np.max(levels, axis=0) if jumps else _lasting_sigma(levels, most)
    # Around 0, func may be 0. Its values farther away show by how much it rounds.
    size = np.max(np.abs(lines[-1]), axis=0) if near.is_zero else np.abs(value)
    floor = np.fmax(sigma, thresholds().rounding_sigma * epsilon * size)
    loud = np.flatnonzero(noise > thresholds().louder_farther * floor)
    may_be_wave = nothing > 0
    if loud.size:
        at = dict(zip(distances, levels, strict=True))
        nearest = max(float(np.min(epsilon)), _NEAREST)
        at[nearest] = sigma
        if nearest == _NEAREST:  # a wave has risen since the points next to x0
            (line,) = near.along_lines([nearest], signs)
            at[nearest] = noise_within_domain(line[:, chosen])
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
            at[found.next_distance] = noise_within_domain(line[:, chosen])
        is_smooth: bool | None = found.is_smooth
        if distances[np.argmax(levels >= noise[output] / _KNOWN_TO)] <= _HARDLY_RESOLVED:
            is_smooth = False
        elif found.sets_in is not None:
            (line,) = near.along_lines([found.sets_in / CLOSER], signs, times=CLOSER)
            level, closer = at[found.sets_in][output], noise_within_domain(line[:, chosen])[output]
            is_smooth = shrinks(float(level), float(closer), float(floor[output]))
        waves[output], may_be[output] = is_smooth is True, is_smooth is None
    return waves, may_be
