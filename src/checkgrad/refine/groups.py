"""Groups: several coordinates are moved at once, at half an evaluation each.

Agreement certifies itself: if ``func`` changes by what all claims of a group say together, the
claims are right. If only one claim is wrong, its error is at most the observed change minus the sum
of the claimed changes. Errors in a group make up for each other by chance only. Each coordinate
moves by another, random step, and up where its claim says that ``func`` grows. So a common factor
adds up, and swapped entries do not cancel.
"""

from __future__ import annotations

import numpy as np

from checkgrad.evaluate.budget import Stopped
from checkgrad.numerics.estimate import Estimate
from checkgrad.numerics.samples import Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import has_few_digits
from checkgrad.refine.progress import Progress
from checkgrad.refine.spec import CheckSpec, GroupedDirections

_SIZE = 4  # coordinates in a group


def has_groups(spec: CheckSpec) -> bool:
    """Return whether there are directions enough for groups.

    In few digits rtol / 10 is no small number, and sums agree by accident.
    """
    many = spec.directions.count >= thresholds().fewest_for_groups
    return many and not has_few_digits(spec.epsilon)


def certify_groups(progress: Progress, grouped: GroupedDirections) -> Places:
    """Certify claims by groups, and return the directions that pass. They are retired.

    A claim is certified as it would be by a difference of its own. All others are sampled one by
    one. So are the certified ones, if some claim does not hold. A first group is tried before all
    others.
    """
    chosen = np.flatnonzero(np.isfinite(progress.spec.claim))
    groups = grouped.groups(chosen, _SIZE)
    for part in (groups[:1], groups[1:]):
        if len(part):
            _sample_groups(progress, grouped, part)
            passed = progress.decide_for(part.ravel()).resolved
            if np.mean(passed) < thresholds().promising_group:
                break
    resolved = progress.decide_active().resolved
    certified = progress.active[resolved]
    progress.retire(resolved)
    return certified


def _sample_groups(progress: Progress, grouped: GroupedDirections, groups: Places) -> None:
    limits, spec = thresholds(), progress.spec
    claim = spec.claim[groups]
    apart = np.arange(_SIZE) + grouped.random_offsets(groups.shape)
    steps = np.ldexp(1 + apart / _SIZE, progress.first[groups]) * np.where(claim < 0, -1.0, 1.0)
    # A smaller group holds its first coordinate more than once. It moves once all the same.
    own = np.concatenate([groups[:, :1] >= 0, groups[:, 1:] != groups[:, :1]], axis=1)
    steps = np.where(own, steps, steps[:, :1])
    stopped = None
    try:
        both = grouped.sample_groups(
            np.concatenate([groups, groups]), np.concatenate([steps, -steps])
        )
    except Stopped as stop:
        both, stopped = stop.kept, stop
    taken, values = (np.reshape(part, (2, len(groups), -1)) for part in both)
    with np.errstate(all="ignore"):
        span = taken[0] - taken[1]
        claimed = np.sum(np.where(own, claim * span, 0.0), axis=1, keepdims=True)
        missed = (values[0] - values[1]) - claimed
        rounding_sigma = limits.rounding_sigma * spec.epsilon * np.abs(values).max(axis=0)
        sigma = np.fmax(spec.sigma_at_x0, rounding_sigma)
        value = claim + missed / span
        rounding = limits.coverage * sigma / (np.abs(span) / 2)
    found = Estimate.of_values(value.ravel(), np.full(value.size, np.inf), rounding.ravel())
    progress.estimate = progress.estimate.put(groups.ravel(), found)
    if stopped is not None:
        raise stopped.keeping([(spec, progress.decide())])
