"""Which steps the active directions are sampled at next.

Steps are powers of two times the first step, or times the scale of a direction. This module only
chooses them. `checkgrad.refine.loop` decides when.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.samples import Flags, Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import digits_of
from checkgrad.refine.progress import Progress

Powers = npt.NDArray[np.intp]

# One step at a time, in powers of two from the first step of each direction: for all of them, ...
STAGES: tuple[list[int] | None, ...] = ([0], [2], None, None, [1], None, None, None)
# ... and where it says None, the next of these: where truncation dominates, and where noise does.
_SHORTER, _LONGER = np.asarray([-1, -2, -3, -4, -5]), np.asarray([4, 3, -1, -2, -3])
# In few digits rtol / 10 is no small number, and claims agree with one quotient by accident.
STAGES_IN_FEW_DIGITS: tuple[list[int] | None, ...] = ([0, -3], [2], [4, -5])
# Steps between steps, times the best one: noise averages out over many samples.
BETWEEN = np.asarray([0.22, 0.28, 0.36, 0.45, 0.6, 0.8])
BETWEEN_AGAIN = BETWEEN * 0.92
_ROUND = 4  # powers of two by which the steps are extended at a time


def next_powers(progress: Progress) -> Powers:
    """Return the next power of each active direction, where its larger error gets smaller."""
    uncertainty = progress.estimate.uncertainty[progress.active]
    noisy = np.isfinite(uncertainty)
    noisy &= ~(progress.estimate.rounding[progress.active] < uncertainty / 2)
    order = np.where(noisy, _LONGER[:, None], _SHORTER[:, None])
    taken = np.any(order[:, None] == progress.powers, axis=1)
    following: Powers = np.take_along_axis(order, np.argmin(taken, axis=0)[None], axis=0)
    return following


def all_steps(progress: Progress) -> Floats:
    """Return all steps that the active directions were not sampled at yet; NaN elsewhere.

    They go from somewhat above the scale down to a few units in the last place. The finest are
    farther apart, unless the scale is a guess.
    """
    limits, spec = thresholds(), progress.spec
    finest = limits.finest_above_ulp - max(digits_of(spec.epsilon), limits.least_digits)
    longer = limits.longest_first_step
    powers = np.arange(2 * longer, finest - 1, -1)
    between = (powers < -limits.least_digits) & (powers % limits.sparse_spacing != 0)
    scale = np.log2(spec.directions.scale[progress.active]).astype(int)
    absolute = powers[:, None] + scale
    coarsest = np.maximum(scale - 1, progress.first + longer)
    left_out = np.any(absolute[:, None] == progress.first + progress.powers, axis=1)
    left_out |= absolute > coarsest
    left_out |= between[:, None] & ~spec.scale_is_guess[progress.active]
    return np.where(left_out, np.nan, np.ldexp(1.0, absolute))


def steps_beyond(progress: Progress) -> Floats:
    """Return the next steps beyond the ends; NaN for directions that they would not help.

    They are longer where rounding dominates up to the coarsest step. They are shorter where
    truncation dominates down to the finest, as it can where x0 is 0 and no unit in the last place
    bounds the steps from below.
    """
    limits, samples, active = thresholds(), progress.held(), progress.active
    if active.size == 0:
        return np.empty((0, 0))
    lengths = np.concatenate([samples.forward, samples.backward])
    longest = np.max(lengths, axis=0, initial=0.0, where=np.isfinite(lengths))
    shortest = np.min(lengths, axis=0, initial=np.inf, where=np.isfinite(lengths))
    uncertainty = progress.estimate.uncertainty[active]
    step = progress.estimate.step[active]
    noisy = ~(progress.estimate.rounding[active] < uncertainty / 2)
    # At both ends a fit may leave out a few steps for the sake of its truncation error.
    reach = _reach(progress)
    up = noisy & (step * 2**_ROUND >= longest) & (longest < reach)
    spacing = limits.sparse_spacing
    down = ~noisy & (step <= shortest * 2.0 ** (spacing * _ROUND)) & (shortest > _depth(progress))
    down |= needs_shorter(progress)
    powers = np.arange(1, _ROUND + 1)[:, None]
    upward = np.exp2(np.floor(np.log2(longest, where=longest > 0, out=np.zeros_like(longest))))
    higher = upward * np.exp2(powers)
    return np.where(
        up,
        np.where(higher <= 2 * reach, higher, np.nan),
        np.where(down, shortest * np.exp2(-spacing * powers), np.nan),
    )


def rounds_beyond() -> int:
    """Return how often the steps may be extended."""
    return thresholds().finest_below_scale // _ROUND


def steps_between(progress: Progress, factors: Floats) -> Floats:
    """Return steps around the best one, for directions that more samples may resolve."""
    decisions = progress.decide_active()
    step = progress.estimate.step[progress.active]
    needed = progress.spec.rtol * decisions.reference
    close = decisions.uncertainty <= thresholds().worth_averaging * needed
    return np.where(close & ~decisions.resolved, step * factors[:, None], np.nan)


def needs_shorter(progress: Progress) -> Flags:
    """Return where the scale was a guess, and the shortest step still shows far more than noise."""
    samples = progress.held()
    shortest, change = np.full((2, progress.active.size), np.inf)
    for lengths, values in samples.sides:
        seen = np.isfinite(lengths) & np.isfinite(values)
        finest = np.min(lengths, axis=0, initial=np.inf, where=seen)
        there = seen & (lengths == finest)
        moved = np.abs(np.where(there, values, samples.value) - samples.value).max(axis=0)
        shortest = np.fmin(shortest, finest)
        change = np.where(there.any(axis=0), np.fmin(change, moved), change)
    shorter: Flags = np.isfinite(change)
    shorter &= change > thresholds().far_above_noise * samples.sigma_of()
    guessed = progress.spec.scale_is_guess[progress.active]
    return shorter & guessed & (shortest > _depth(progress))


def _depth(progress: Progress) -> Floats:
    """Return the shortest steps worth taking where no unit in the last place bounds them."""
    depth = thresholds().finest_below_scale + digits_of(progress.spec.epsilon)
    return progress.spec.directions.scale[progress.active] * 2.0**-depth


def _reach(progress: Progress) -> Floats:
    """Return the longest steps worth taking: over the length of x0, or over that of func."""
    limits, spec = thresholds(), progress.spec
    with np.errstate(divide="ignore", invalid="ignore"):
        linear = np.abs(spec.value / spec.claim[progress.active]) / limits.linear_part
    smooth = spec.smoothness_length[progress.active]
    return np.fmax(smooth * 2.0**limits.reach, np.where(np.isfinite(linear), linear, 0.0))
