"""Taylor's remainder of a claim: how fast ``func(x0 + h v) - func(x0) - h claim`` falls with h.

Of a right claim it falls like h**2, of a wrong one like h. It is the test that users of pymanopt
and pyadjoint know. This module owns the numbers; `checkgrad.report.plots` draws them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkgrad.numerics.samples import Floats
from checkgrad.report.sampled import DirectionSamples

_ABOVE_NOISE = 10.0  # times the noise of a remainder: less would bend the slope
_ALIKE = 1e-2  # relative: steps of one length
# Slopes between the shortest steps that the rate is the median of: at longer ones, higher terms
# count.
_FINEST = 4


@dataclass(frozen=True, eq=False)
class Remainder:
    """The remainder along one direction.

    Attributes
    ----------
    step : array, shape (samples,)
        The lengths of the steps, in ascending order.
    size : array, shape (samples,)
        The magnitude of the remainder.
    noise : array, shape (samples,)
        What noise may make of it.
    rate : float or None
        The power of the step by which it falls where noise does not count; None where fewer than
        two steps are above the noise.
    """

    step: Floats
    size: Floats
    noise: Floats
    rate: float | None


def remainder(samples: DirectionSamples) -> Remainder:
    """Return the remainder along one direction.

    Of the two sides of x0, the larger remainder counts at each step.

    Parameters
    ----------
    samples : DirectionSamples
        What was sampled along it.
    """
    with np.errstate(all="ignore"):
        off = np.abs(samples.values - samples.value - samples.steps * samples.claim)
    order = np.argsort(np.abs(samples.steps))
    lengths, off = np.abs(samples.steps)[order], off[order]
    # Steps to the two sides of x0 may differ by rounding.
    starts = np.flatnonzero(lengths[1:] > (1 + _ALIKE) * lengths[:-1]) + 1
    starts = np.concatenate([[0], starts]) if lengths.size else starts
    step = lengths[starts]
    size = np.maximum.reduceat(off, starts) if lengths.size else off
    # Two values of func are in it.
    noise = np.full(step.shape, np.sqrt(2.0) * samples.noise)
    return Remainder(step, size, noise, _rate(step, size, noise))


def _rate(step: Floats, size: Floats, noise: Floats) -> float | None:
    seen = np.isfinite(size) & (size > _ABOVE_NOISE * noise) & (size > 0)
    # Below the longest step at which noise counts, all is noise.
    if np.any(~seen):
        seen &= step > np.max(step[~seen])
    if np.sum(seen) < 2:
        return None
    slopes = np.diff(np.log(size[seen])) / np.diff(np.log(step[seen]))
    return float(np.median(slopes[:_FINEST]))


def taylor_rate(lines: Sequence[DirectionSamples]) -> float | None:
    """Return the lowest rate along some directions; None where none is known.

    Parameters
    ----------
    lines : sequence of DirectionSamples
        What was sampled along them.
    """
    rates = (remainder(each).rate for each in lines)
    return min((rate for rate in rates if rate is not None), default=None)
