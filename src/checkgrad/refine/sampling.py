"""Samples of the active directions: at one stage after another, at all steps, and between them.

`checkgrad.refine.steps` chooses the steps. `checkgrad.refine.loop` decides which directions are
active.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import has_few_digits
from checkgrad.refine.jumps import look_for_jumps
from checkgrad.refine.progress import Progress
from checkgrad.refine.steps import (
    BETWEEN,
    BETWEEN_AGAIN,
    STAGES,
    STAGES_IN_FEW_DIGITS,
    all_steps,
    needs_shorter,
    next_powers,
    rounds_beyond,
    steps_between,
    steps_beyond,
)


def stages_of(progress: Progress) -> Sequence[list[int] | None]:
    """Return the stages in which directions are sampled, as long as that may resolve them."""
    return STAGES_IN_FEW_DIGITS if has_few_digits(progress.spec.epsilon) else STAGES


def few_stages(progress: Progress) -> Sequence[list[int] | None]:
    """Return the first stages: those of directions that the verdict does not depend on."""
    return stages_of(progress)[: thresholds().stages_if_not_thorough]


def sample_stages(progress: Progress, stages: Sequence[list[int] | None]) -> None:
    """Sample the active directions at one step after another, until they are resolved."""
    for stage in stages:
        if progress.active.size == 0:
            return
        powers = next_powers(progress) if stage is None else np.asarray(stage)[:, None]
        powers = np.broadcast_to(powers, (len(powers), progress.active.size))
        taken = np.any(powers[:, None] == progress.powers, axis=1)
        progress.powers = np.concatenate([progress.powers, powers])
        steps = np.where(taken, np.nan, np.ldexp(1.0, progress.first + powers))
        progress.rounds += [(progress.active, each) for each in steps]
        progress.sample(steps)
        progress.retire(progress.decide_active().resolved)


def sample_all_steps(progress: Progress) -> None:
    """Sample the active directions at all steps."""
    progress.measure_claim_noise()
    directions = progress.active
    progress.sample(all_steps(progress))
    every = progress.state()
    _extend(progress)
    look_for_jumps(progress, every)
    progress.mark_fully_sampled(directions)


def _extend(progress: Progress) -> None:
    """Sample beyond the ends of the steps, and then between, where it may resolve a direction."""
    progress.allow_negligible(progress.active)
    for _ in range(rounds_beyond()):
        decisions = progress.decide_active()
        settled = decisions.resolved | decisions.wrong
        progress.retire(settled & ~needs_shorter(progress))
        steps = steps_beyond(progress)
        if not np.any(np.isfinite(steps)):
            break
        progress.sample(steps)
    for factors in (BETWEEN, BETWEEN_AGAIN):
        sample_between(progress, factors)


def sample_between(progress: Progress, factors: Floats) -> None:
    """Sample steps between those around the best one, where it may resolve a direction."""
    if progress.active.size:
        steps = steps_between(progress, factors)
        if np.any(np.isfinite(steps)):
            progress.sample(steps)
