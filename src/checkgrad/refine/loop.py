"""The refinement: steps, samples, estimates, decisions, until each direction is settled.

A direction leaves the loop as soon as its claim is certified or resolved. Only the others are
sampled further, so that the cost stays near two evaluations of ``func`` per coordinate. A claim is
called wrong only after all steps were sampled.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.decisions import Decisions
from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import has_few_digits
from checkgrad.refine.groups import certify_groups, has_groups
from checkgrad.refine.progress import Progress
from checkgrad.refine.spec import CheckSpec, GroupedDirections
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


def refine(
    spec: CheckSpec, thorough: bool = True, grouped: GroupedDirections | None = None
) -> Decisions:
    """Sample the directions as far as each needs, and compare their claims with the estimates.

    Parameters
    ----------
    spec : CheckSpec
        What is to be checked.
    thorough : bool
        If not, a direction that a few steps do not resolve is left open: the verdict does not
        depend on it.
    grouped : GroupedDirections, optional
        The same directions. If given, claims are first certified in groups.
    """
    progress = Progress(spec)
    certified = np.arange(0)
    if grouped is not None and has_groups(spec):
        certified = certify_groups(progress, grouped)
    _sample_one_by_one(progress, thorough)
    decisions = progress.decide()
    if certified.size and not np.all(decisions.resolved):
        progress.start(certified)
        _sample_one_by_one(progress, thorough)
        decisions = progress.decide()
    # Small entries were left for larger ones, which turned out to be as small.
    left = np.flatnonzero(decisions.open & ~progress.fully_sampled)
    if thorough and left.size and not np.any(decisions.wrong):
        progress.start(left)
        _sample_one_by_one(progress, thorough)
    progress.allow_negligible(slice(None))
    return progress.decide()


def _sample_one_by_one(progress: Progress, thorough: bool) -> None:
    """Sample each active direction as far as it needs."""
    few = has_few_digits(progress.spec.epsilon)
    stages = STAGES_IN_FEW_DIGITS if few else STAGES
    for stage in stages if thorough else stages[: thresholds().stages_if_not_thorough]:
        if progress.active.size == 0:
            return
        powers = next_powers(progress) if stage is None else np.asarray(stage)[:, None]
        powers = np.broadcast_to(powers, (len(powers), progress.active.size))
        progress.powers = np.concatenate([progress.powers, powers])
        progress.sample(np.ldexp(1.0, progress.first + powers))
        progress.retire(progress.decide_active().resolved)
    if thorough:
        _sample_between(progress, BETWEEN)
        progress.retire(progress.decide_active().resolved)
        if progress.active.size:
            _sample_all_steps(progress)


def _sample_all_steps(progress: Progress) -> None:
    """Sample the active directions at all steps, in blocks, the worst first.

    Once a claim is wrong, the blocks after it are left.
    """
    progress.claim_noise = progress.spec.claim_noise()
    decisions = progress.decide_active()
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        excess = decisions.distance / decisions.reference
    order = np.argsort(-np.nan_to_num(excess, nan=np.inf), kind="stable")
    every = (progress.active, progress.first, progress.powers, progress.held())
    size = thresholds().block
    for start in range(0, order.size, size):
        block = order[start : start + size]
        progress.active, progress.first, progress.powers, progress.samples = every
        progress.focus(block)
        directions = progress.active
        progress.sample(all_steps(progress))
        _extend(progress)
        progress.mark_fully_sampled(directions)
        if np.any(progress.decide_for(directions).wrong):
            return


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
        _sample_between(progress, factors)


def _sample_between(progress: Progress, factors: Floats) -> None:
    """Sample steps between those around the best one, where it may resolve a direction."""
    if progress.active.size:
        steps = steps_between(progress, factors)
        if np.any(np.isfinite(steps)):
            progress.sample(steps)
