"""Tells noise that appears at some distance from the third differences of a smooth function.

This module owns the arithmetic. `checkgrad.measure.lasting` evaluates ``func``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkgrad.numerics.samples import Floats

# Third differences of what is smooth grow with the cube of the distance: with its fifth power where
# the third derivative happens to be small at x0, and faster near a pole. Those of a kink grow in
# proportion to it, and what rounds one by one grows with its square root.
_LEAST_POWER, _MOST_POWER, _MOST_NEAR_POLES = 2.0, 5.0, 7.0
_VISIBLE = 5.0  # times the noise next to x0: what is seen of a wave
# Noise over seven points is known to a factor of some 4, two doublings. These are more.
_MORE_THAN_CHANCE = 2.5
CLOSER = 4  # times as many points over the same length, where noise sets in
# The third differences of a wave shrink by 64 and more between them. What is rounded keeps half of
# its noise and more, since it jumps between two points.
_SHRINKS = 8.0
_UNSEEN = 2.0  # times the noise next to x0: what cannot be told from it


@dataclass(frozen=True)
class Onset:
    """What differences at several distances say of noise farther away.

    Attributes
    ----------
    is_smooth : bool
        It is no noise: third differences grow up to it as those of a wave do.
    next_distance : float or None
        Where to look next; None if it is decided.
    sets_in : float or None
        The distance at which it sets in, if only closer points can tell it from a wave.
    """

    is_smooth: bool
    next_distance: float | None = None
    sets_in: float | None = None


def onset(distances: Floats, levels: Floats, floor: float, noise: float) -> Onset:
    """Tell the differences of a wave from noise that is there from some distance on.

    Between its steps, what is rounded shows no noise, and then all of it at once. The third
    differences of a wave grow through all sizes. So there is a jump somewhere, or there is none.

    Parameters
    ----------
    distances : array, shape (n,)
        Distances between points, in increasing order: powers of 2.
    levels : array, shape (n,)
        The noise that seven points show there.
    floor : float
        The noise next to x0: what is below it cannot be seen.
    noise : float
        The noise in question, which one of the `levels` at least is as large as.

    Returns
    -------
    Onset
        What was decided, or the distance at which to measure next.

    Examples
    --------
    >>> distances = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    >>> onset(distances, np.array([0.0, 0.0, 0.0, 1.0, 1.0]), 1e-9, 1.0)
    Onset(is_smooth=False, next_distance=None, sets_in=8.0)
    >>> onset(distances, np.array([0.002, 0.016, 0.125, 1.0, 1.0]), 1e-9, 1.0)
    Onset(is_smooth=True, next_distance=None, sets_in=None)
    """
    end = int(np.argmax(levels >= noise)) + 1
    bits, raised = np.log2(distances[:end]), np.fmax(levels[:end], floor)
    with np.errstate(divide="ignore", invalid="ignore"):
        wide, growth = np.diff(bits), np.diff(np.log2(raised))
    growth = np.where(np.isnan(growth), 0.0, growth)  # from nothing to nothing
    jumps = np.where(wide <= 1, growth, 0.0)
    if np.any(jumps > _MOST_NEAR_POLES):
        return Onset(False, sets_in=float(distances[np.argmax(jumps) + 1]))
    visible, steep = raised > _VISIBLE * floor, growth > _MOST_POWER * wide
    if not np.any(steep & (wide > 1)) and _grows_as_a_wave(bits[visible], np.log2(raised[visible])):
        return Onset(True)
    if not growth.size:
        return Onset(False)
    gap = int(np.argmax(growth))
    if wide[gap] <= 1:
        return Onset(False, sets_in=float(distances[gap + 1]))
    return Onset(False, 2.0 ** float((bits[gap] + bits[gap + 1]) // 2))


def shrinks(level: float, closer: float, floor: float) -> bool | None:
    """Return whether what sets in at some distance is smooth: closer points tell.

    Parameters
    ----------
    level : float
        The noise that points show at that distance.
    closer : float
        The noise that `CLOSER` times as many points show over the same length.
    floor : float
        The noise next to x0.

    Returns
    -------
    bool or None
        None where the noise next to x0 hides it.

    Examples
    --------
    >>> shrinks(1.0, 1 / 64, 1e-3), shrinks(1.0, 0.4, 1e-3), shrinks(1.0, 0.4, 0.2)
    (True, False, None)
    """
    return closer <= level / _SHRINKS if closer_points_tell(level, floor) else None


def closer_points_tell(level: float, floor: float) -> bool:
    """Return whether a noise stands out of that next to x0, so that `shrinks` has an answer."""
    return level >= _SHRINKS * _UNSEEN * floor


def _grows_as_a_wave(bits: Floats, levels: Floats) -> bool:
    """Return whether some levels grow as third differences of a wave do, and by more than chance.

    Both are base-2 logarithms.
    """
    wide, growth = (each - each[:, None] for each in (bits, levels))
    return bool(
        np.any((wide > 0) & (growth >= _MORE_THAN_CHANCE) & (growth >= _LEAST_POWER * wide))
    )
