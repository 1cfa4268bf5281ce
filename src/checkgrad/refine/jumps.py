"""Steps that tell a jump of ``func`` from a kink, before a claim is called wrong.

Where ``func`` stops following the slope of short steps, a jump is the rounding of a factor, and
longer steps may be right. This module samples there.
`checkgrad.numerics.detectors.rounded_factor` knows what it means.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.rounded_factor import find_break
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.quotients import central_quotients, with_shown_noise
from checkgrad.numerics.samples import Places
from checkgrad.precision import DOUBLE, has_few_digits
from checkgrad.refine.progress import Progress, State

_HALVINGS = 6  # at most, until two steps are so near that a jump is told from a kink
# Powers of two by which steps are longer than x0. In float32 a plateau may be as long as x0.
_LONGER = np.arange(1, 5)[:, None]


def look_for_jumps(progress: Progress, every: State) -> None:
    """Sample where ``func`` stops following short steps, along directions that would be wrong.

    Where there is no jump, these samples are not used. Next to a pole, for example, they would make
    the estimate less certain.

    Parameters
    ----------
    progress : Progress
        What is known.
    every : State
        The directions to look at, with their samples at all steps.
    """
    if has_few_digits(progress.spec.epsilon) or not progress.spec.factors_round:
        return
    directions, before = every[0], progress.estimate
    progress.resume(every, np.arange(directions.size))
    progress.focus(_wrong(progress))
    _search(progress)
    smooth = directions[~progress.estimate.findings.seen[Kind.ROUNDED_FACTOR][directions]]
    progress.estimate = progress.estimate.put(smooth, before.take(smooth))


def _search(progress: Progress) -> None:
    """Sample the active directions, whose claims are wrong by now, until a jump is found."""
    _halve(progress)
    if progress.spec.epsilon <= DOUBLE:
        return
    # The verdict depends on one of them, and on others where longer steps support its claim.
    left = _wrong(progress)
    suspects = progress.state()
    for chosen in (left[:1], left[1:]):
        progress.resume(suspects, chosen)
        if not chosen.size:
            return
        _sample_longer(progress)
        _halve(progress)
        if np.any(progress.decide_active().wrong):
            return


def _wrong(progress: Progress) -> Places:
    """Return the places of the active directions whose claims are wrong by now."""
    return np.flatnonzero(progress.decide_active().wrong)


def _sample_longer(progress: Progress) -> None:
    """Sample the active directions at steps that are longer than all others."""
    lengths = progress.held().forward
    longest = np.max(lengths, axis=0, initial=0.0, where=np.isfinite(lengths))
    with np.errstate(divide="ignore"):
        powers = np.floor(np.log2(longest)) + _LONGER
    progress.sample(np.where(longest > 0, np.exp2(powers), np.nan))


def _halve(progress: Progress) -> None:
    """Sample the active directions where ``func`` stops following short steps, ever closer."""
    for _ in range(_HALVINGS):
        with np.errstate(all="ignore"):
            quotients = with_shown_noise(central_quotients(progress.held()))
            found = find_break(quotients, progress.estimate.value[progress.active])
        steps = np.where(found.is_narrow, np.nan, np.sqrt(found.inner * found.outer))
        if not np.any(np.isfinite(steps)):
            return
        progress.sample(steps[None])
