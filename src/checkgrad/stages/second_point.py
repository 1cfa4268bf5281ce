"""Whether a claim that is right at x0 is right elsewhere.

A claim may look at x0 instead of its argument, or at what was computed for x0 and never again. At
x0 it is right all the same. This module compares it with a quotient at a second point.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.backends import Array
from checkgrad.evaluate.coordinate_sizes import largest_size
from checkgrad.evaluate.rounds import note
from checkgrad.measure.departure import departs_by_jump
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import digits_of, has_few_digits
from checkgrad.problem import Problem
from checkgrad.report.dtypes import STALE
from checkgrad.report.results import ClaimResult, OutputResult, SecondPoint
from checkgrad.stages.claim_of_outputs import ClaimOfOutputs

# How far the points are from x0, relative to the length of x0. The first is taken at which func has
# a finite value. Behind a kink a claim may be another one; then nearer points count as well.
_DISTANCES = (0.5, -0.5, 2.0**-4, -(2.0**-4))
_NEAR = (2.0**-4, -(2.0**-4))
_NEAR_PART = 0.01  # of rtol: so little changes a derivative over these distances
_STEP_DIGITS = 0.28  # the part of the digits of func that the steps of quotients are short by
_NEARER = 2.0**-4  # how much shorter the second step is that shows a kink
# Between the two points func changes as the mean of both claims says, to about this part. Where it
# does not, a quotient over a part of the distance does what the claim at x0 says. It is a quarter,
# or is in proportion to the digits of func. Few steps follow the claim at these digits.
_ABOUT = 0.2
_QUARTER, _PART_DIGITS, _FEW_STEPS_DIGITS = -2, 1 / 9, 0.36
_LARGEST = 2**17  # coordinates, beyond which one more gradient costs too much memory


def look_elsewhere(claim: ClaimOfOutputs, results: Sequence[OutputResult]) -> SecondPoint | None:
    """Compare the claim with a quotient along a random tangent at a second point.

    None if the claim is not right at x0. None, too, where a second point says little or costs much:
    if func has a kink at x0, so that claims may differ there, if the claim is 0, as a constant may
    be where func is stationary, along tangents that the user gives, if x0 is 0, which tells no
    length, in few digits, and if x0 is large.

    Parameters
    ----------
    claim : ClaimOfOutputs
        The claim.
    results : sequence of OutputResult
        What was found at x0.
    """
    epsilon = _epsilon_if_compared(claim, results)
    if epsilon is None:
        return None
    line = _Line(claim, results, epsilon)
    for distance in _DISTANCES:
        second = line.compared(distance)
        if second is None:
            continue
        may_jump = not second.obstacle and not claim.parsed.user_epsilon
        is_doubtful = may_jump and line.departs_by_jump(distance)
        if second.agrees or line.has_kink():
            return replace(second, agrees=True, is_doubtful=is_doubtful)
        near = [line.compared(each, _NEAR_PART) for each in _NEAR]
        agrees = any(each is not None and each.agrees for each in near)
        return replace(second, agrees=agrees, is_doubtful=is_doubtful)
    return SecondPoint([], True, "func has no finite value there")


def note_second_point(claim: ClaimOfOutputs, results: Sequence[OutputResult]) -> None:
    """Let workers evaluate func at the second point, and at x0 again, in one round.

    The arguments are those of `look_elsewhere`, which is called next.
    """
    parsed, epsilon = claim.parsed, _epsilon_if_compared(claim, results)
    costs_claims = any(each.leaves is None for each in claim.gradients)
    if epsilon is None or costs_claims or not parsed.looks_elsewhere:
        return

    def ask() -> None:
        same_draws = replace(parsed, rng=copy.deepcopy(parsed.rng))
        line = _Line(replace(claim, parsed=same_draws), results, epsilon)
        parsed.evaluator.host_values(iter([parsed.point.copy()]))
        line.compared(_DISTANCES[0])

    note(parsed.evaluator.rounds, ask)


def _epsilon_if_compared(claim: ClaimOfOutputs, results: Sequence[OutputResult]) -> float | None:
    """Return the machine epsilon that outputs have, or None where no second point is looked at."""
    right = all(each.is_resolved for each in results)
    kinks = any(np.any(each.decisions.estimate.has_kink) for each in results)
    point = claim.parsed.point
    given = claim.plan.given is not None  # tangents along which func is to be followed
    says = any(np.any(each.decisions.claim != 0) for each in results)
    if not right or kinks or given or not says or point.size > _LARGEST:
        return None
    if largest_size(point, lambda x: x, point.leaves) == 0:
        return None
    epsilon = max(each.spec.epsilon for each in results)
    return None if has_few_digits(epsilon) else epsilon


class _Line:
    """A random line through x0, along which the claim is compared with quotients."""

    def __init__(
        self, claim: ClaimOfOutputs, results: Sequence[OutputResult], epsilon: float
    ) -> None:
        tangents = claim.random_tangents(1)
        self._claim = claim
        self._directions = claim.directions_along(tangents)
        (self._tangent,) = tangents.tangents
        (self._scale,) = self._directions[0].scale.tolist()
        self._step = self._scale * 2.0 ** -round(_STEP_DIGITS * digits_of(epsilon))
        self._digits = digits_of(epsilon)
        self._here = np.concatenate([each.claim for each in self._directions])
        count = len(self._directions)
        self._noise, self._epsilon = np.zeros(count), np.zeros(count)
        self._there, self._claimed = np.zeros(count), np.zeros(count)  # at the last point
        self._rtol = np.full(count, np.inf)  # an output without a result is not compared
        for each in results:
            noise = max(self._noise[each.output], each.spec.sigma_at_x0)
            self._noise[each.output], self._rtol[each.output] = noise, each.spec.rtol
            self._epsilon[each.output] = each.spec.epsilon

    def compared(self, distance: float, part: float = 1.0) -> SecondPoint | None:
        """Compare at a point, up to a part of `rtol`; None if func has no finite value there."""
        at, step = self._scale * distance, self._step
        lines = self._directions[0].lines
        # func comes last at the point itself: a claim may use what func left there.
        steps = np.asarray([at + step, at - step, at])
        sampled = lines.sample(np.zeros(steps.size, dtype=np.intp), steps)[1]
        if not np.all(np.isfinite(sampled)):
            return None
        point = self._claim.parsed.point
        leaves = point.leafwise(lambda x, v: x + at * v, self._tangent)
        evaluator = self._claim.parsed.evaluator
        self._there = sampled[2]
        try:
            self._claimed = self._claimed_at(leaves)
            agrees = self._agrees(self._claimed, sampled, part)
            if not agrees and evaluator.rounds is not None:
                # What a claim uses of func must be left in this process.
                evaluator.at([point.backend.copy(leaf) for leaf in leaves])
                self._claimed = self._claimed_at(leaves)
                agrees = self._agrees(self._claimed, sampled, part)
        except MemoryError:
            raise
        except Exception as error:
            return SecondPoint(leaves, True, f"the claim raises {type(error).__name__} there")
        return SecondPoint(leaves, agrees)

    def departs_by_jump(self, distance: float) -> bool:
        """Return whether func leaves the claim at x0 by a jump, on the way to the last point.

        A factor that rounds stands still over the steps of quotients, at both points. Over longer
        ones it moves, and func differs from what both claims say.
        """
        at = self._scale * distance
        change, mean = self._there - self._claim.near.value, (self._here + self._claimed) / 2
        off = np.abs(change - at * mean) > self._allowed(at, change / at)
        powers = _QUARTER, -round(_PART_DIGITS * self._digits)
        for power in powers:
            if not np.any(off):
                return False
            step = at * 2.0**power
            rise = self._rise(step)
            off &= np.abs(rise - step * self._here) > self._allowed(step, rise / step)
        output = int(np.argmax(off))
        return bool(off[output]) and departs_by_jump(
            lambda part: float(self._rise(part * at)[output] - part * at * self._here[output]),
            lambda part: float(self._allowed(part * at, self._here)[output]),
            (-round(_FEW_STEPS_DIGITS * self._digits), powers[-1]),
            float(np.abs(self._claim.near.value[output])),
        )

    def _rise(self, step: float) -> Floats:
        """Return half of what func changes by from a step to one side to a step to the other."""
        steps, which = np.asarray([step, -step]), np.zeros(2, dtype=np.intp)
        forward, backward = self._directions[0].lines.sample(which, steps)[1]
        rise: Floats = (forward - backward) / 2
        return rise

    def _allowed(self, step: float, slope: Floats) -> Floats:
        """Return by how much func may be off what is claimed at a step, and still be about that."""
        size = np.fmax(np.fmax(np.abs(slope), np.abs(self._here)), np.abs(self._claimed))
        size = np.fmax(size, [each.tangent_scale for each in self._directions])
        allowed: Floats = _ABOUT * size * abs(step) + thresholds().stands_out * self._noise
        return allowed

    def has_kink(self) -> bool:
        """Return whether func has a kink at x0: its slopes differ as much next to it as nearer."""
        lengths = self._step * np.asarray([1.0, _NEARER])
        steps = np.ravel(np.stack([lengths, -lengths], axis=1))
        values = self._directions[0].lines.sample(np.zeros(steps.size, dtype=np.intp), steps)[1]
        sums = np.sum(values.reshape(2, 2, -1), axis=1)
        wide, narrow = np.abs(sums - 2 * self._claim.near.value) / lengths[:, None]
        stands_out = narrow > thresholds().stands_out * self._noise / lengths[1]
        # Rounding that is larger than it was assumed to be makes more of a shorter step.
        stays = (narrow > wide / 2) & (narrow < 2 * wide)
        return bool(np.any(stays & stands_out))

    def _claimed_at(self, leaves: list[Array]) -> Floats:
        outputs = self._claim.outputs
        gradients = self._claim.parsed.claim.gradients(leaves, outputs, passing=True)
        pairs = zip(self._directions, gradients, strict=True)
        return np.concatenate([each.claimed_by(gradient) for each, gradient in pairs])

    def _agrees(self, claimed: Floats, sampled: Floats, part: float) -> bool:
        """Return whether claims and quotients are within noise, and `part` of rtol, everywhere."""
        limits = thresholds()
        forward, backward, _ = sampled
        rounding = limits.rounding_sigma * self._epsilon * np.abs(forward)
        noise = np.fmax(self._noise, rounding)
        with np.errstate(all="ignore"):
            quotient = (forward - backward) / (2 * self._step)
            largest = np.fmax(np.abs(quotient), np.abs(claimed))
            largest = np.fmax(largest, [each.tangent_scale for each in self._directions])
            largest = np.where(largest > 0, largest, 1.0)
            allowed = limits.stands_out * noise / self._step + part * self._rtol * largest
            off = np.where(np.isfinite(claimed), np.abs(quotient - claimed), np.inf)
            return not np.any(off > allowed)


def confirmed_elsewhere(
    problem: Problem, result: ClaimResult, examine: Callable[[Problem], ClaimResult]
) -> ClaimResult:
    """Return the result at a second point, if the claim is right at x0 and wrong there.

    Parameters
    ----------
    problem : Problem
        The problem.
    result : ClaimResult
        What was found at x0.
    examine : callable
        Examines a problem thoroughly.
    """
    second = result.elsewhere
    if second is None or not result.is_right:
        return result
    if second.obstacle:
        remark = f"the claim was compared at x0 only, and not at a second point: {second.obstacle}"
        return replace(result, remarks=(*result.remarks, remark))
    if second.agrees:
        return result
    point = result.point
    leaves = zip(second.leaves, point.leaves, strict=True)
    x1 = point.for_func([point.xp.astype(leaf, x.dtype) for leaf, x in leaves])
    there = examine(replace(problem, x0=x1))
    n_func, n_grad = result.n_func + there.n_func, result.n_grad + there.n_grad
    if there.is_wrong:
        return replace(there, n_func=n_func, n_grad=n_grad, remarks=(STALE, *there.remarks))
    return replace(result, n_func=n_func, n_grad=n_grad)
