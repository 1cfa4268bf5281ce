"""Rounded factors: one factor of ``func`` stands still over some steps, while another one moves.

``1 - sigmoid(x)`` rounds in steps far above the last place of what is left. Multiplied by a smooth
factor, no two values are the same, and at short steps ``func`` is as smooth as that factor. Its
slope there is not the derivative that is meant. Beyond the plateau, values jump. Then a noise as
large as the jump is assumed, so that longer steps count. A kink at the same place is no jump: the
slope that short steps show is right there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.fit import limit_at_zero
from checkgrad.numerics.quotients import Quotients
from checkgrad.numerics.samples import Flags, Floats, Places
from checkgrad.numerics.thresholds import thresholds

# How much steeper func is at a jump than on either side of it. At a kink it is steeper on one.
_STEEPER = 8.0
# Times the square of the ratio of two neighbouring steps, what is smooth grows steeper at most: it
# deviates from its slope as the cube of the step, or as the fifth power.
_CURVED = 2.0
_OUTGROWN = 2.0  # times the deviation before it, a jump is larger: next to a pole none is
_STAYS = 0.25  # of a jump: by so much func is off the slope at the next longer step, too
_ABOVE_NOISE = 2.0**7  # in sigma: single rounding errors are smaller
_APART = 1.5  # a factor between the steps that a jump is compared over
_NARROW = 1.0625  # a factor between steps: what is steep over a longer way may be a ramp
_NEAR = 4.0  # times the inner step: up to there, deviations show the size of a jump


@dataclass(frozen=True)
class Break:
    """Where ``func`` stops following its slope at short steps: arrays of shape (directions,).

    Attributes
    ----------
    inner, outer : array
        The neighbouring steps between which it does so suddenly; NaN where it does not.
    is_narrow : array of bool
        Whether these steps are so near each other that a jump is told from a kink.
    is_jump : array of bool
        Whether it jumps there.
    size : array
        The largest deviation from the slope near there.
    """

    inner: Floats
    outer: Floats
    is_narrow: Flags
    is_jump: Flags
    size: Floats


@np.errstate(all="ignore")
def find_break(quotients: Quotients, slope: Floats) -> Break:
    """Return where ``func`` stops following a slope.

    Parameters
    ----------
    quotients : Quotients
        Central quotients, from coarse to fine.
    slope : array, shape (directions,)
        The slope at short steps. Where it is 0, ``func`` may be constant between jumps: then no
        factor moves, and nothing is found.
    """
    step, off = quotients.step, (quotients.value - slope) * quotients.step
    count, nowhere = np.isfinite(off).sum(axis=0), np.full(slope.shape, np.nan)
    many = thresholds().many_steps
    if np.max(count, initial=0) < many:
        return Break(nowhere, nowhere, nowhere > 0, nowhere > 0, nowhere)
    outer, inner = step[:-1], step[1:]
    last = np.maximum(count - 1, 0)
    nearer = np.minimum(np.sum(step[None] > (inner / _APART)[:, None], axis=1), last)
    beyond = np.sum(step[None] >= (outer * _APART)[:, None], axis=1) - 1
    farther = np.take_along_axis(step, np.maximum(beyond, 0), axis=0)
    jump, landed = off[:-1] - off[1:], np.take_along_axis(off, np.maximum(beyond, 0), axis=0)
    change = np.abs(jump)
    rise = change / (outer - inner)
    shorter = np.take_along_axis(step, nearer, axis=0)
    before = np.abs(off[1:] - np.take_along_axis(off, nearer, axis=0)) / (inner - shorter)
    after = np.abs(landed - off[:-1]) / (farther - outer)
    steep = np.fmax(_STEEPER, _CURVED * (outer / inner) ** 2)
    sudden = (rise > steep * before) & (change > _ABOVE_NOISE * quotients.sigma[1:])
    sudden &= change > _OUTGROWN * np.abs(off[1:])
    there = np.any(sudden, axis=0) & (count >= many) & (slope != 0)
    place: Places = sudden.shape[0] - 1 - np.argmax(sudden[::-1], axis=0)

    def at(rows: Floats) -> Floats:
        return np.where(there, np.take_along_axis(rows, place[None], axis=0)[0], np.nan)

    is_narrow = there & (at(outer) <= _NARROW * at(inner))
    is_jump = is_narrow & (at(np.where(beyond >= 0, rise - _STEEPER * after, -1.0)) > 0)
    # Beyond a pole func comes back, and beyond a jump it does not.
    is_jump &= at(np.sign(jump) * landed) > _STAYS * at(change)
    size = np.max(np.abs(off), axis=0, initial=0.0, where=step <= _NEAR * at(inner))
    return Break(at(inner), at(outer), is_narrow, is_jump, size)


def detect_rounded_factor(evidence: Evidence) -> Finding:
    """Return where ``func`` jumps beyond short steps, and the claims that longer steps support."""
    limits, slope = thresholds(), evidence.best.value
    found = find_break(evidence.central_noisy, slope)
    seen = found.is_jump & ~evidence.is_quantised
    # A factor that is not 0 has one digit at least. What jumps by more than all of func is meant.
    seen &= found.size <= np.abs(evidence.samples.value)
    if not np.any(seen):
        return Finding.of(Kind.ROUNDED_FACTOR, seen)
    quotients = evidence.central
    sigma = np.fmax(quotients.sigma, np.where(seen, found.size, 0.0))
    coarse = limit_at_zero(replace(quotients, sigma=sigma), order=2)
    spread = limits.safety * coarse.uncertainty
    return Finding.of(
        Kind.ROUNDED_FACTOR,
        seen,
        one_sided_low=np.where(seen, coarse.value - spread, np.nan),
        one_sided_high=np.where(seen, coarse.value + spread, np.nan),
    )
