"""The refinement: steps, samples, estimates, decisions, until each direction is settled.

A direction leaves the loop as soon as its claim is certified or resolved. Only the others are
sampled further, the worst first, so that the cost stays near two evaluations of ``func`` per
coordinate. A claim is called wrong only after all steps were sampled along one direction at least.
The directions after that are looked along at few steps, as far as they cost no more than a right
claim: the verdict does not depend on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from checkgrad.numerics.decisions import Decisions
from checkgrad.numerics.samples import Floats, Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import DOUBLE, has_few_digits
from checkgrad.refine.groups import Groups, group_size, has_groups
from checkgrad.refine.jumps import look_for_jumps
from checkgrad.refine.progress import Look, Progress
from checkgrad.refine.spec import CheckSpec
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

_GROWTH = 4  # how many times more directions are sampled at all steps in each next round
_EVALUATIONS = 64  # about how many that takes along a direction


def refine(
    spec: CheckSpec,
    thorough: bool = True,
    groups: Groups | None = None,
    look: Look | None = None,
) -> Decisions:
    """Sample the directions as far as each needs, and compare their claims with the estimates.

    Parameters
    ----------
    spec : CheckSpec
        What is to be checked.
    thorough : bool
        If not, few steps are sampled, and none but those that some output was sampled at before.
        Once they do not resolve the worst directions, the others are left open.
    groups : Groups, optional
        The same directions. If given, claims are first certified in groups.
    look : Look, optional
        What a first look along all directions has found.
    """
    progress = Progress(spec)
    certified = np.arange(0)
    if look is not None:
        progress.start_with(look)
        progress.retire(progress.decide_active().resolved)
        if look.rounds and not thorough:
            _sample_again(progress, look)
            return progress.decide()
    if not has_groups(spec):
        groups = None
    if groups is not None:
        if groups.try_first(progress):
            certified = groups.certify(progress)
        elif _first_group_decides(progress, groups, thorough):
            return progress.decide()
    if not thorough:
        _sample_until_open(progress, all_once=groups is None)
        progress.allow_negligible(slice(None))
        return progress.decide()
    _refine_worst_first(progress)
    decisions = progress.decide()
    if certified.size and not np.all(decisions.resolved) and not np.any(decisions.wrong):
        progress.start(certified)
        _refine_worst_first(progress)
        decisions = progress.decide()
    # Small entries were left for larger ones, which turned out to be as small.
    left = np.flatnonzero(decisions.open & ~progress.fully_sampled)
    if left.size and not np.any(decisions.wrong):
        progress.start(left)
        _refine_worst_first(progress)
    progress.allow_negligible(slice(None))
    return progress.decide()


def _first_group_decides(progress: Progress, groups: Groups, thorough: bool) -> bool:
    """Return whether the directions of the first group, one by one, show that a claim is wrong.

    Then the others are certified in groups, and the worst that are left are looked along at few
    steps. Else the others are still to be sampled. If not `thorough`, a direction that stays open
    is enough.
    """
    others = np.setdiff1d(progress.active, groups.first)
    progress.start(groups.first)
    if not thorough:
        _sample_until_open(progress, all_once=True)
        progress.start(others)
        return not np.all(progress.decide_for(groups.first).resolved)
    few_tell = _refine_worst_first(progress)
    decisions = progress.decide_for(groups.first)
    progress.start(others)
    if not few_tell or not np.any(decisions.wrong):
        return False
    groups.certify(progress)
    worst = progress.active[_worst_first(progress)]
    progress.forget(worst)
    progress.start(np.sort(worst[: _few_more(progress)]))
    _sample_stages(progress, _few_stages(progress))
    progress.allow_negligible(slice(None))
    return True


def _sample_again(progress: Progress, look: Look) -> None:
    """Sample the active directions where another output was sampled: that costs nothing."""
    count = progress.spec.directions.count
    steps = np.full((0, count), np.nan)
    for directions, each in look.rounds:
        row = np.full((1, count), np.nan)
        row[0, directions] = each
        steps = np.concatenate([steps, np.where(np.any(steps == row, axis=0), np.nan, row)])
    steps = steps[:, progress.active]
    known = np.any(np.isfinite(steps), axis=0)
    progress.focus(np.flatnonzero(known))
    if progress.active.size:
        progress.sample(steps[np.any(np.isfinite(steps), axis=1)][:, known])
    progress.allow_negligible(slice(None))


def _stages(progress: Progress) -> Sequence[list[int] | None]:
    return STAGES_IN_FEW_DIGITS if has_few_digits(progress.spec.epsilon) else STAGES


def _few_stages(progress: Progress) -> Sequence[list[int] | None]:
    return _stages(progress)[: thresholds().stages_if_not_thorough]


def _affordable(progress: Progress) -> int:
    """Return how many directions to follow to their end, once a claim is wrong.

    Among few, a user wants to see all wrong ones. Else they cost as much as a look at a part.
    """
    count = progress.spec.directions.count
    return count if count <= thresholds().few else count // (4 * _EVALUATIONS)


def _few_more(progress: Progress) -> int:
    """Return along how many axes to look once a claim is wrong.

    They cost a part of what a right claim costs, which is the number of groups.
    """
    limits, spec = thresholds(), progress.spec
    count = spec.directions.count
    number_of_groups = count // group_size(count, spec.epsilon, spec.rtol)
    return max(limits.fewest_more, number_of_groups // limits.groups_per_more)


def _worst_first(progress: Progress) -> Places:
    """Return the places of the active directions in their order, by how far a claim is off."""
    return np.argsort(-progress.decide_active().excess, kind="stable")


def _sample_until_open(progress: Progress, all_once: bool) -> None:
    """Sample the active directions at few steps, the worst first, until one stays open.

    If `all_once`, nothing is known of them, and all are sampled at one step to find the worst.
    """
    stages = _few_stages(progress)
    if all_once:
        _sample_stages(progress, stages[:1])
        stages = stages[1:]
    if not progress.active.size:
        return
    order, every, start, size = _worst_first(progress), progress.state(), 0, 1
    while start < order.size:
        progress.resume(every, order[start : start + size])
        _sample_stages(progress, stages)
        if progress.active.size:
            return
        start, size = start + size, size * _GROWTH


def _refine_worst_first(progress: Progress) -> bool:
    """Sample the active directions as far as each needs, the worst first.

    A few are followed to their end, and then more and more at a time. Once a claim is wrong, the
    directions after it are looked along at few steps. Returns whether few steps tell what all do.
    """
    few, stages = _few_stages(progress), _stages(progress)
    _sample_stages(progress, few[:1])
    if not progress.active.size:
        return True
    limits, order, every = thresholds(), _worst_first(progress), progress.state()
    once = progress.estimate
    start, few_tell = 0, True
    size = 1 if progress.spec.epsilon <= DOUBLE else limits.block
    while start < order.size and size > 0:
        progress.resume(every, order[start : start + size])
        directions = progress.active
        _sample_stages(progress, few[1:])
        few_tell &= _refine_block(progress, stages[len(few) :])
        start, size = start + directions.size, size * _GROWTH
        if np.any(progress.decide_for(directions).wrong):
            size = min(size, (_affordable(progress) if few_tell else limits.block) - start)
    if not few_tell:
        resolved = progress.decide_for(every[0]).resolved
        progress.forget(every[0][~resolved & ~progress.fully_sampled[every[0]]])
    elif not progress.spec.kink_is_isolated:
        progress.trust_one_step(once, every[0][order[:start]], every[0][order[start:]])
    elif start < order.size:
        progress.resume(every, order[start : start + _few_more(progress)])
        _sample_stages(progress, few[1:])
    return few_tell


def _refine_block(progress: Progress, stages: Sequence[list[int] | None]) -> bool:
    """Sample the active directions to their end: first those whose claims look wrong by now.

    Returns whether few steps told of these what all steps do.
    """
    if not progress.active.size:
        return True
    suspect = progress.decide_active().wrong
    few_tell = True
    if np.any(suspect):
        every = progress.state()
        progress.focus(np.flatnonzero(suspect))
        suspects, by_few = progress.active, progress.estimate.take(progress.active)
        _sample_all_steps(progress)
        few_tell = by_few.agrees_with(progress.estimate.take(suspects))
        is_wrong = np.any(progress.decide_for(suspects).wrong)
        if is_wrong and suspects.size >= _affordable(progress):
            return few_tell
        progress.resume(every, np.flatnonzero(~suspect))
    _sample_stages(progress, stages)
    _sample_between(progress, BETWEEN)
    progress.retire(progress.decide_active().resolved)
    if progress.active.size:
        _sample_all_steps(progress)
    return few_tell


def _sample_stages(progress: Progress, stages: Sequence[list[int] | None]) -> None:
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


def _sample_all_steps(progress: Progress) -> None:
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
        _sample_between(progress, factors)


def _sample_between(progress: Progress, factors: Floats) -> None:
    """Sample steps between those around the best one, where it may resolve a direction."""
    if progress.active.size:
        steps = steps_between(progress, factors)
        if np.any(np.isfinite(steps)):
            progress.sample(steps)
