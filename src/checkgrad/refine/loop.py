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
from checkgrad.numerics.samples import Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import DOUBLE
from checkgrad.refine.groups import Groups, group_size, has_groups
from checkgrad.refine.progress import Look, Progress
from checkgrad.refine.sampling import (
    few_stages,
    sample_all_steps,
    sample_between,
    sample_stages,
    stages_of,
)
from checkgrad.refine.spec import CheckSpec
from checkgrad.refine.steps import BETWEEN

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
    _refine_what_groups_leave(progress, groups if certified.size else None)
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


def refine_first(spec: CheckSpec) -> Decisions:
    """Sample the first direction as far as it needs. The others show how large other claims are.

    Parameters
    ----------
    spec : CheckSpec
        What is to be checked.
    """
    progress, first = Progress(spec), np.arange(1)
    progress.start(first)
    _refine_worst_first(progress)
    progress.allow_negligible(slice(None))
    return progress.decide_for(first)


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
    sample_stages(progress, few_stages(progress))
    progress.allow_negligible(slice(None))
    return True


def _refine_what_groups_leave(progress: Progress, groups: Groups | None) -> None:
    """Refine the active directions, those of the worst groups before the others, if there are any.

    Most directions of a group that does not pass may be right. If a tenth of the claims are wrong,
    they are so many that one step along each costs more than all groups. So a few come first. Once
    one of their claims is wrong, the others are left open.
    """
    if groups is None:
        _refine_worst_first(progress)
        return
    order, every, few = groups.worst_first(progress), progress.state(), _few_more(progress)
    worst, others = np.sort(order[:few]), np.sort(order[few:])
    progress.resume(every, worst)
    directions = progress.active
    _refine_worst_first(progress)
    if np.any(progress.decide_for(directions).wrong):
        progress.forget(every[0][others])
    else:
        progress.resume(every, others)
        _refine_worst_first(progress)


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
    stages = few_stages(progress)
    if all_once:
        sample_stages(progress, stages[:1])
        stages = stages[1:]
    if not progress.active.size:
        return
    order, every, start, size = _worst_first(progress), progress.state(), 0, 1
    while start < order.size:
        progress.resume(every, order[start : start + size])
        sample_stages(progress, stages)
        if progress.active.size:
            return
        start, size = start + size, size * _GROWTH


def _refine_worst_first(progress: Progress) -> bool:
    """Sample the active directions as far as each needs, the worst first.

    A few are followed to their end, and then more and more at a time. Once a claim is wrong, the
    directions after it are looked along at few steps. Returns whether few steps tell what all do.
    """
    few, stages = few_stages(progress), stages_of(progress)
    sample_stages(progress, few[:1])
    if not progress.active.size:
        return True
    limits, order, every = thresholds(), _worst_first(progress), progress.state()
    once = progress.estimate
    start, few_tell = 0, True
    size = 1 if progress.spec.epsilon <= DOUBLE else limits.block
    while start < order.size and size > 0:
        progress.resume(every, order[start : start + size])
        directions = progress.active
        sample_stages(progress, few[1:])
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
        sample_stages(progress, few[1:])
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
        sample_all_steps(progress)
        few_tell = by_few.agrees_with(progress.estimate.take(suspects))
        is_wrong = np.any(progress.decide_for(suspects).wrong)
        if is_wrong and suspects.size >= _affordable(progress):
            return few_tell
        progress.resume(every, np.flatnonzero(~suspect))
    sample_stages(progress, stages)
    sample_between(progress, BETWEEN)
    progress.retire(progress.decide_active().resolved)
    if progress.active.size:
        sample_all_steps(progress)
    return few_tell
