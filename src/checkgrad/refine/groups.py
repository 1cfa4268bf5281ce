"""Groups: several coordinates are moved at once, at half an evaluation each or less.

Agreement certifies itself: if ``func`` changes by what all claims of a group say together, the
claims are right. If only one claim is wrong, its error is at most the observed change minus the sum
of the claimed changes. Errors in a group make up for each other by chance only. Each coordinate
moves by another, random step, and up where its claim says that ``func`` grows. So a common factor
adds up, and swapped entries do not cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from checkgrad.evaluate.budget import StoppableCall
from checkgrad.numerics.estimate import Estimate
from checkgrad.numerics.samples import Flags, Floats, Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import has_few_digits
from checkgrad.refine.progress import Progress
from checkgrad.refine.spec import CheckSpec, GroupedDirections

_SIZE = 4  # coordinates in a group ...
# ... or so many, where rtol asks for few of the digits of func: where the machine epsilon is below
# this power of rtol. A float32 claim in float64 is such a case. The truncation errors of a group
# add up. With these digits to spare, they stay far below the error that the group is to show.
_SIZE_IF_COARSE, _POWER_OF_RTOL = 8, 4
# They need so many directions. To show where a claim is wrong takes some 250 evaluations besides
# groups. Of fewer directions, that would be more than three times what a right claim takes.
_FEWEST_IF_COARSE = 640


def has_groups(spec: CheckSpec) -> bool:
    """Return whether there are directions enough for groups.

    In few digits rtol / 10 is no small number, and sums agree by accident.
    """
    many = spec.directions.count >= thresholds().few
    return many and not has_few_digits(spec.epsilon)


def group_size(count: int, epsilon: float, rtol: float) -> int:
    """Return how many coordinates to move at once.

    Parameters
    ----------
    count : int
        How many coordinates there are.
    epsilon : float
        The machine epsilon that func computes with.
    rtol : float
        The smallest relative error that must not get past.
    """
    is_coarse = epsilon <= rtol**_POWER_OF_RTOL
    return _SIZE_IF_COARSE if is_coarse and count >= _FEWEST_IF_COARSE else _SIZE


class Groups:
    """All directions in groups, and how ``func`` changed where it was asked.

    Claims may be compared again with what was sampled, when more is known of the noise.

    Attributes
    ----------
    first : array of int, shape (directions in it,)
        The directions of the first group, which is tried before all others. Empty before that,
        and where there are no groups.
    """

    def __init__(self, directions: GroupedDirections) -> None:
        self._directions = directions
        self._sampled: list[_Sampled] = []
        self.first: Places = np.arange(0)
        self._others: Places = np.empty((0, _SIZE), dtype=np.intp)

    def try_first(self, progress: Progress) -> bool:
        """Return whether the first group, or what was sampled of all, promises to certify claims.

        A claim is certified as it would be by a difference of its own.

        Parameters
        ----------
        progress : Progress
            Gets an estimate of what was sampled.
        """
        if self._wants_new(progress):
            chosen = np.flatnonzero(np.isfinite(progress.spec.claim))
            spec = progress.spec
            size = group_size(spec.directions.count, spec.epsilon, spec.rtol)
            groups = self._directions.groups(chosen, size)
            self.first, self._others = np.unique(groups[:1]), groups[1:]
            self._sampled = []
            self._sample(progress, groups[:1], self._others)
            if not self.first.size:
                return True
        else:
            for each in self._sampled:
                each.tell(progress)
        return bool(np.mean(self._passes(progress, self.first)) >= thresholds().promising_group)

    def _wants_new(self, progress: Progress) -> bool:
        """Return whether nothing was sampled, or the first group alone and by too small steps."""
        if len(self._sampled) != 1:
            return not self._sampled
        (first,) = self._sampled
        return bool(np.any(progress.first_of(first.groups) > first.powers))

    def certify(self, progress: Progress) -> Places:
        """Return the active directions that all groups certify. They are retired.

        Parameters
        ----------
        progress : Progress
            Of the same directions.
        """
        if len(self._sampled) < 2:
            self._sample(progress, self._others)
        passed = self._passes(progress, progress.active)
        certified = progress.active[passed]
        progress.retire(passed)
        return certified

    def worst_first(self, progress: Progress) -> Places:
        """Return the places of the active directions in their order, the worst groups first.

        A group is as bad as its claims are off at least, whichever of them is wrong. By itself a
        small claim of any group would seem far off.

        Parameters
        ----------
        progress : Progress
            Of the same directions.
        """
        excess = progress.decide().excess
        least = np.zeros_like(excess)
        for each in self._sampled:
            least[each.groups] = np.min(excess[each.groups], axis=1, keepdims=True)
        return np.argsort(-least[progress.active], kind="stable")

    def _passes(self, progress: Progress, directions: Places) -> Flags:
        return progress.decide_for(directions).resolved

    def _sample(self, progress: Progress, groups: Places, later: Places | None = None) -> None:
        """Sample some groups. Workers may evaluate what is sampled `later` along with them."""
        if not len(groups):
            return
        spec, first, own = progress.spec, progress.first_of(groups), _own(groups)
        steps = _steps(progress, groups, self._directions.random_offsets(groups.shape))
        if later is not None and len(later):
            self._directions.note_groups(later, partial(_steps, progress, later))
        with StoppableCall() as call:
            call.found = self._directions.sample_groups(
                np.concatenate([groups, groups]), np.concatenate([steps, -steps])
            )
        taken, values = (np.reshape(part, (2, len(groups), -1)) for part in call.found)
        sampled = _Sampled(groups, first, own, taken[0] - taken[1], values)
        sampled.tell(progress)
        if call.stop is not None:
            raise call.stop.keeping([(spec, progress.decide())])
        self._sampled.append(sampled)


def _steps(progress: Progress, groups: Places, offsets: Floats) -> Floats:
    """Return a signed step for every coordinate of some groups, from random offsets."""
    size = groups.shape[1]
    apart = np.arange(size) + offsets
    signs = np.where(progress.spec.claim[groups] < 0, -1.0, 1.0)
    steps = np.ldexp(1 + apart / size, progress.first_of(groups)) * signs
    # A smaller group holds its first coordinate more than once. It moves once all the same.
    signed: Floats = np.where(_own(groups), steps, steps[:, :1])
    return signed


def _own(groups: Places) -> Flags:
    """Return where a group holds a coordinate for the first time."""
    return np.concatenate([groups[:, :1] >= 0, groups[:, 1:] != groups[:, :1]], axis=1)


@dataclass(frozen=True)
class _Sampled:
    """How ``func`` changed along some groups."""

    groups: Places  # shape (groups, size)
    powers: Places  # the same shape: log2 of the first step of each coordinate
    own: Flags  # the same shape: whether a coordinate stands for itself, and not for the first
    span: Floats  # the same shape: how far apart the two points are
    values: Floats  # at the two points, shape (2, groups, 1)

    def tell(self, progress: Progress) -> None:
        """Let `progress` know what the claims of a group are off by, if it is one alone."""
        limits, spec, values = thresholds(), progress.spec, self.values
        with np.errstate(all="ignore"):
            claim = spec.claim[self.groups]
            claimed = np.sum(np.where(self.own, claim * self.span, 0.0), axis=1, keepdims=True)
            missed = (values[0] - values[1]) - claimed
            rounding_sigma = limits.rounding_sigma * spec.epsilon * np.abs(values).max(axis=0)
            sigma = np.fmax(spec.sigma_at_x0, rounding_sigma)
            value = claim + missed / self.span
            rounding = limits.coverage * sigma / (np.abs(self.span) / 2)
        found = Estimate.of_values(value.ravel(), np.full(value.size, np.inf), rounding.ravel())
        progress.estimate = progress.estimate.put(self.groups.ravel(), found)
