"""How far to look: which steps each probe is sampled at, from one cheap pass to a whole ladder.

The loop between sampling and judging. A probe leaves it as soon as its claim is certified or
resolved; only the others are sampled further, so that the cost stays near two evaluations of
``func`` per coordinate. That a claim is wrong is concluded from a whole ladder only.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from checkgrad.evaluate.samples import Places, Probes
from checkgrad.numerics.decide import NEGLIGIBLE, Assessment, assess, scale_of
from checkgrad.numerics.estimate import (
    COVERAGE,
    FEW_DIGITS,
    ROUNDING,
    Estimate,
    Floats,
    Samples,
    estimate,
)

_SHORT_PART = 0.36  # of the digits: the shortest first step, where h**2 is below rtol / 10
_FIRST_ROUNDING = 6.0  # the first step is to bring the rounding error this far below rtol
_LARGEST_FIRST = 4  # power of two that a first step may be longer than the scale of its probe
_TOGETHER = 4  # coordinates that are moved at once before each is by itself ...
_TOGETHER_FROM = 8  # coordinates: with fewer, each may as well be looked at by itself
_PROMISING = 0.5  # the part of the first group to be certified, for the others to be tried
# One rung at a time, in powers of two from the first step of each probe: those for all of them ...
_STAGES = ([0], [2], None, None, [1], None, None, None)
# ... and for None the next of these, where truncation dominates and where noise does.
_SHORTER, _LONGER = np.asarray([-1, -2, -3, -4, -5]), np.asarray([4, 3, -1, -2, -3])
_HASTY = 3  # of them, where the verdict does not depend on the probes
# Where rtol / 10 is no small number, claims agree with one difference quotient by accident.
_STAGES_OF_FEW_DIGITS = ([0, -3], [2], [4, -5])
_COARSEST = 4  # power of two, from the first step, up to which a whole ladder has its rungs
_DENSE = 24  # powers of two below the scale down to which every one has a rung in a whole ladder
_SPARSE = 3  # powers of two between the rungs that are finer
_ABOVE_ULP = 7  # binary digits between the finest step and a unit in the last place ...
_DIGITS = 24  # ... of a dtype of so many digits at least: in x0 = 0, a coarser one has finer steps
_REACH = 3  # powers of two beyond what func is expected to be smooth over: the farthest step
_LINEAR = 4.0  # the part of func(x0) that it may change by, if the claim is right, beyond that
_DEPTH = 64  # powers of two below the scale: the finest step where x0 is 0
_LOUD = 2.0**8  # times the noise that func changes by where a shorter step shows more
_ROUND = 4  # rungs by which the ladder is extended at a time
_BETWEEN = np.asarray([0.22, 0.28, 0.36, 0.45, 0.6, 0.8])  # rungs between rungs, times the best
_BETWEEN_AGAIN = _BETWEEN * 0.92
_WORTHWHILE = 30.0  # times too uncertain: more samples between the rungs will not help beyond
_BLOCK = 32  # probes refined in one go; once one is wrong, the blocks after it are left


@dataclass(frozen=True)
class Evidence:
    """What was found along all probes.

    Attributes
    ----------
    claim, claim_noise : array, shape (probes,)
        The claim, and its own rounding error where it was measured, 0 elsewhere.
    estimate : Estimate
        With its uncertainty.
    assessment : Assessment
        Of the claim against the estimate.
    """

    claim: Floats
    claim_noise: Floats
    estimate: Estimate
    assessment: Assessment


@dataclass(frozen=True)
class Task:
    """What is to be checked along some probes.

    Attributes
    ----------
    probes : Probes
        The lines to sample ``func`` along.
    claim : array, shape (probes,)
        The claimed derivative along each.
    smooth : array, shape (probes,)
        A length that ``func`` may be expected to be smooth over: that of x0, its other
        coordinates included.
    vague : array of bool, shape (probes,)
        Where nothing but a guess shows the scale: coordinates that are 0.
    value : float
        ``func(x0)``.
    noise : float
        The absolute error of one evaluation of ``func``, as measured.
    precision : float
        The machine epsilon of the coarser of the dtypes of x0 and ``func(x0)``.
    rtol : float
        The smallest relative error that must not get past.
    whole : float
        The scale that the derivative along a probe is part of, however small by chance; 0 where
        there is no chance in it.
    beside : float
        The scale of the derivatives of other outputs in the same array.
    single : bool
        Whether one kink is all that may lie along a line, so that valid claims lie between the
        one-sided derivatives. Along a tangent several may add up to anything.
    claim_noise : callable
        Measures the rounding error of the claim along all probes; called at most once.
    """

    probes: Probes
    claim: Floats
    smooth: Floats
    vague: npt.NDArray[np.bool_]
    value: float
    noise: float
    precision: float
    rtol: float
    whole: float
    beside: float
    single: bool
    claim_noise: Callable[[], Floats]

    @property
    def noise_at_x0(self) -> float:
        """The noise of one evaluation there, at least that of rounding: a standard deviation."""
        return max(self.noise, ROUNDING * self.precision * abs(self.value))

    def part(self, chosen: Places) -> Task:
        """That of some of the probes."""
        return dataclasses.replace(
            self,
            probes=_Chosen(self.probes, chosen),
            claim=self.claim[chosen],
            smooth=self.smooth[chosen],
            vague=self.vague[chosen],
            claim_noise=lambda: self.claim_noise()[chosen],
        )


class _Chosen:
    """Some of some probes."""

    def __init__(self, probes: Probes, chosen: Places) -> None:
        self._probes = probes
        self._chosen = chosen
        self.count = chosen.size
        self.scale = probes.scale[chosen]

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """See `Probes.sample`."""
        return self._probes.sample(self._chosen[which], steps)


def digits_of(precision: float) -> int:
    """The binary digits of a dtype of machine epsilon `precision`: 53 for float64, 24 for float32.

    Examples
    --------
    >>> digits_of(2.0**-23)
    24
    """
    return 1 - round(math.log2(precision))


def first_steps(task: Task) -> npt.NDArray[np.intp]:
    """log2 of the step that each probe is sampled at first.

    Long enough for the rounding error to come well below `rtol` if the claim is right (and if it
    is not, the probe will be looked at further), else as short as truncation likes it.
    """
    sizes = np.abs(np.where(np.isfinite(task.claim), task.claim, 0.0))
    whole = np.max(sizes, initial=0.0)
    target = np.where(sizes <= whole / NEGLIGIBLE, whole, sizes)
    noise = task.noise_at_x0
    scale = np.log2(task.probes.scale)
    shortest = scale - round(_SHORT_PART * digits_of(task.precision))
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.log2(noise) - np.log2(target) - math.log2(task.rtol)
    needed = np.where(np.isfinite(needed), needed + math.log2(COVERAGE * _FIRST_ROUNDING), shortest)
    # A claim may certify itself at any step, if it is not about zero.
    longest = scale + np.where(sizes < target, -2, _LARGEST_FIRST)
    return np.clip(np.floor(needed), shortest, longest).astype(np.intp)


class Grouped(Protocol):
    """Probes of which several can be followed at once, see `checkgrad.probes.CoordinateSamples`."""

    rng: np.random.Generator

    def groups(self, chosen: Places, size: int) -> Places:
        """`chosen` probes in random groups, shape (groups, size); some may be in none."""

    def sample_groups(self, groups: Places, steps: Floats) -> tuple[Floats, Floats]:
        """Steps taken, of the shape of `groups`, and values, shape (groups, 1)."""


def gather(task: Task, thorough: bool = True, grouped: Grouped | None = None) -> Evidence:
    """Sample the probes as far as each needs, and compare their claims with the estimates.

    If not `thorough`, what is not resolved by a few rungs is left at that: the verdict does not
    depend on it. If the probes are `grouped`, they are looked at in groups first.
    """
    refinement = _Refinement(task)
    # Where rtol / 10 is no small number, sums agree by accident.
    many = task.probes.count >= _TOGETHER_FROM and task.precision < FEW_DIGITS
    if grouped is not None and many:
        refinement.look_at_groups(grouped)
    return refinement.run(thorough)


class _Refinement:
    """The state of one check: what is known of each probe so far."""

    def __init__(self, task: Task) -> None:
        self.task = task
        count = task.probes.count
        self.claim_noise = np.zeros(count)
        infinite = np.full(count, np.inf)
        self.estimate = Estimate.plain(np.full(count, np.nan), infinite, infinite)
        few = task.precision >= FEW_DIGITS
        self.stages = _STAGES_OF_FEW_DIGITS if few else _STAGES
        self.first_of_all = first_steps(task)
        self.certified = np.arange(0)  # probes by groups
        self._look_at(np.arange(count))
        # In the units of x0 an entry may be small, and yet matter where its coordinate is large.
        weights = np.abs(np.where(np.isfinite(task.claim), task.claim, 0.0)) * task.probes.scale
        self.examined = np.zeros(count, dtype=bool)
        self.negligible = weights <= np.max(weights, initial=0.0) / NEGLIGIBLE

    def _look_at(self, probes: Places) -> None:
        """Begin with some probes, of which nothing is known."""
        self.active = probes
        self.first = self.first_of_all[probes]  # of the probes in `active`, as is the next
        self.powers = np.empty((0, probes.size), dtype=int)  # of their rungs so far, from `first`
        self.samples: Samples | None = None  # of the probes in `active`

    def look_at_groups(self, grouped: Grouped) -> None:
        """Certify claims by moving several coordinates at once.

        What ``func`` then changes by is the sum of what the claims say, or one of them is off. Even
        if it is one alone that is, it is by no more than all of the difference: claims that this
        cannot put in doubt are certified, as they would be by a difference of their own. All others
        are looked at one by one, and so are these, should not all of the claims hold.

        Errors in a group make up for each other by chance only: each coordinate goes another number
        of its steps, far from that of any other and random, and up where its claim says that
        ``func`` grows. So a common factor adds up, two entries that are swapped never cancel, and
        more of them, in whatever proportion, as seldom as a claim agrees by accident.
        """
        chosen = np.flatnonzero(np.isfinite(self.task.claim))
        groups = grouped.groups(chosen, _TOGETHER)
        for part in (groups[:1], groups[1:]):
            if len(part):
                self._sample_groups(grouped, part)
                certified = self._assess(part.ravel()).resolved
                if np.mean(certified) < _PROMISING:
                    break
        resolved = self._assess_active().resolved
        self.certified = self.active[resolved]
        self._retire(resolved)

    def _sample_groups(self, grouped: Grouped, groups: Places) -> None:
        task = self.task
        claim = task.claim[groups]
        apart = np.arange(_TOGETHER) + grouped.rng.uniform(0.25, 0.75, groups.shape)
        steps = np.ldexp(1 + apart / _TOGETHER, self.first[groups]) * np.where(claim < 0, -1.0, 1.0)
        # A smaller group holds its first coordinate more than once: it moves once all the same.
        own = np.concatenate([groups[:, :1] >= 0, groups[:, 1:] != groups[:, :1]], axis=1)
        steps = np.where(own, steps, steps[:, :1])
        both = grouped.sample_groups(
            np.concatenate([groups, groups]), np.concatenate([steps, -steps])
        )
        taken, values = (np.reshape(part, (2, len(groups), -1)) for part in both)
        with np.errstate(all="ignore"):
            span = taken[0] - taken[1]
            said = np.sum(np.where(own, claim * span, 0.0), axis=1, keepdims=True)
            missed = (values[0] - values[1]) - said
            noise = np.fmax(
                task.noise_at_x0, ROUNDING * task.precision * np.abs(values).max(axis=0)
            )
            value = claim + missed / span
            rounding = COVERAGE * noise / (np.abs(span) / 2)
        found = Estimate.plain(value, np.full(value.shape, np.inf), rounding)
        for field in dataclasses.fields(Estimate):
            getattr(self.estimate, field.name)[groups] = getattr(found, field.name)

    def run(self, thorough: bool) -> Evidence:
        self._look_closer(thorough)
        assessment = self._assess(slice(None))
        if self.certified.size and not np.all(assessment.resolved):
            self._look_at(self.certified)
            self._look_closer(thorough)
            assessment = self._assess(slice(None))
        # Small ones were let go beside others that turned out to be as small.
        let_go = np.flatnonzero(~(assessment.resolved | assessment.wrong | self.examined))
        if thorough and let_go.size and not np.any(assessment.wrong):
            self._look_at(let_go)
            self._look_closer(thorough)
        self.negligible[:] = True
        return Evidence(self.task.claim, self.claim_noise, self.estimate, self._assess(slice(None)))

    def _look_closer(self, thorough: bool) -> None:
        """Sample the active probes one by one, as far as each needs."""
        for stage in self.stages if thorough else self.stages[:_HASTY]:
            if self.active.size == 0:
                break
            powers = self._next_powers() if stage is None else np.asarray(stage)[:, None]
            powers = np.broadcast_to(powers, (len(powers), self.active.size))
            self.powers = np.concatenate([self.powers, powers])
            self._sample_rungs(np.ldexp(1.0, self.first + powers))
            self._retire(self._assess_active().resolved)
        else:
            if thorough:
                self._fill(_BETWEEN)
                self._retire(self._assess_active().resolved)
        if self.active.size and thorough:
            self._finish()

    def _next_powers(self) -> npt.NDArray[np.intp]:
        """The next rung of each active probe, where its larger error gets smaller."""
        uncertainty = self.estimate.uncertainty[self.active]
        noisy = np.isfinite(uncertainty)
        noisy &= ~(self.estimate.rounding[self.active] < uncertainty / 2)
        order = np.where(noisy, _LONGER[:, None], _SHORTER[:, None])
        taken = np.any(order[:, None] == self.powers, axis=1)
        following: npt.NDArray[np.intp] = np.take_along_axis(
            order, np.argmin(taken, axis=0)[None], axis=0
        )
        return following

    def _finish(self) -> None:
        """The whole ladder for what is left, the worst first, in blocks."""
        self.claim_noise = self.task.claim_noise()
        assessment = self._assess_active()
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            excess = assessment.distance / assessment.reference
        order = np.argsort(-np.nan_to_num(excess, nan=np.inf), kind="stable")
        whole, first, powers, samples = self.active, self.first, self.powers, self._held()
        for start in range(0, order.size, _BLOCK):
            block = order[start : start + _BLOCK]
            self.active, self.first = whole[block], first[block]
            self.powers = powers[:, block]
            self.samples = samples.columns(block)
            self._sample_rungs(self._whole_ladder())
            self._extend()
            self.examined[whole[block]] = True
            if np.any(self._assess(whole[block]).wrong):
                return

    def _whole_ladder(self) -> Floats:
        """The steps of all rungs that the active probes were not sampled at yet; NaN elsewhere."""
        finest = _ABOVE_ULP - max(digits_of(self.task.precision), _DIGITS)
        powers = np.arange(_LARGEST_FIRST + _COARSEST, finest - 1, -1)
        between = (powers < -_DENSE) & (powers % _SPARSE != 0)
        scale = np.log2(self.task.probes.scale[self.active]).astype(int)
        absolute = powers[:, None] + scale
        coarsest = np.maximum(scale - 1, self.first + _COARSEST)
        left_out = np.any(absolute[:, None] == self.first + self.powers, axis=1)
        left_out |= absolute > coarsest
        left_out |= between[:, None] & ~self.task.vague[self.active]
        return np.where(left_out, np.nan, np.ldexp(1.0, absolute))

    def _extend(self) -> None:
        """Rungs beyond the ends of the ladder, and then between, for probes they may resolve."""
        self.negligible[self.active] = True
        for _ in range(_DEPTH // _ROUND):
            assessment = self._assess_active()
            self._retire((assessment.resolved | assessment.wrong) & ~self._deeper())
            steps = self._steps_beyond()
            if not np.any(np.isfinite(steps)):
                break
            self._sample_rungs(steps)
        for factors in (_BETWEEN, _BETWEEN_AGAIN):
            self._fill(factors)

    def _fill(self, factors: Floats) -> None:
        """Sample rungs between those around the best one, for probes they may resolve."""
        if self.active.size:
            steps = self._steps_between(factors)
            if np.any(np.isfinite(steps)):
                self._sample_rungs(steps)

    def _steps_beyond(self) -> Floats:
        """The next steps beyond the ends of the ladder; NaN for probes that they would not help.

        Longer ones where rounding dominates up to the coarsest rung; shorter ones where
        truncation does down to the finest, as it can where x0 is 0 and no unit in the last place
        bounds the steps from below.
        """
        samples, active = self._held(), self.active
        if active.size == 0:
            return np.empty((0, 0))
        lengths = np.concatenate([samples.forward, samples.backward])
        longest = np.max(lengths, axis=0, initial=0.0, where=np.isfinite(lengths))
        shortest = np.min(lengths, axis=0, initial=np.inf, where=np.isfinite(lengths))
        uncertainty = self.estimate.uncertainty[active]
        rounding, step = self.estimate.rounding[active], self.estimate.step[active]
        noisy = ~(rounding < uncertainty / 2)
        # At both ends the fit may leave out a few rungs for the sake of its truncation error.
        up = noisy & (step * 2**_ROUND >= longest) & (longest < self._reach())
        down = ~noisy & (step <= shortest * 2.0 ** (3 * _ROUND)) & (shortest > self._depth())
        down |= self._deeper()
        powers = np.arange(1, _ROUND + 1)[:, None]
        upward = np.exp2(np.floor(np.log2(longest, where=longest > 0, out=np.zeros_like(longest))))
        higher = upward * np.exp2(powers)
        return np.where(
            up,
            np.where(higher <= 2 * self._reach(), higher, np.nan),
            np.where(down, shortest * np.exp2(-_SPARSE * powers), np.nan),
        )

    def _depth(self) -> Floats:
        """The shortest steps worth taking, where no unit in the last place bounds them."""
        scale = self.task.probes.scale[self.active]
        return scale * 2.0 ** -(_DEPTH + digits_of(self.task.precision))

    def _deeper(self) -> npt.NDArray[np.bool_]:
        """Where the scale was a guess, and even the shortest step so far shows far from noise."""
        samples = self._held()
        shortest, change = np.full((2, self.active.size), np.inf)
        for lengths, values in (
            (samples.forward, samples.forward_values),
            (samples.backward, samples.backward_values),
        ):
            seen = np.isfinite(lengths) & np.isfinite(values)
            finest = np.min(lengths, axis=0, initial=np.inf, where=seen)
            there = seen & (lengths == finest)
            moved = np.abs(np.where(there, values, samples.value) - samples.value).max(axis=0)
            shortest = np.fmin(shortest, finest)
            change = np.where(there.any(axis=0), np.fmin(change, moved), change)
        deeper: npt.NDArray[np.bool_] = np.isfinite(change)
        deeper &= change > _LOUD * samples.noise_at()
        return deeper & self.task.vague[self.active] & (shortest > self._depth())

    def _reach(self) -> Floats:
        """How far to look: over the length of x0, and over that of ``func``, by its claim."""
        with np.errstate(divide="ignore", invalid="ignore"):
            linear = np.abs(self.task.value / self.task.claim[self.active]) / _LINEAR
        smooth = self.task.smooth[self.active]
        return np.fmax(smooth * 2.0**_REACH, np.where(np.isfinite(linear), linear, 0.0))

    def _steps_between(self, factors: Floats) -> Floats:
        """Steps around the best one: noise averages out over many samples."""
        assessment = self._assess_active()
        step = self.estimate.step[self.active]
        needed = self.task.rtol * assessment.reference
        close = assessment.uncertainty <= _WORTHWHILE * needed
        return np.where(close & ~assessment.resolved, step * factors[:, None], np.nan)

    def _sample_rungs(self, steps: Floats) -> None:
        """Sample both sides of the active probes, at a step for each rung and probe."""
        probes, active = self.task.probes, self.active
        both = np.stack([steps, -steps])
        which = np.broadcast_to(active, both.shape)
        lengths, values = (
            found.reshape(both.shape) for found in probes.sample(which.ravel(), both.ravel())
        )
        fresh = Samples(
            value=self.task.value,
            forward=lengths[0],
            forward_values=values[0],
            backward=lengths[1],
            backward_values=values[1],
            noise=self.task.noise,
            precision=self.task.precision,
            scale=probes.scale[active],
            smooth=self.task.smooth[active],
            vague=self.task.vague[active],
        )
        self.samples = fresh if self.samples is None else self.samples.joined(fresh)
        found = estimate(self.samples)
        for field in dataclasses.fields(Estimate):
            getattr(self.estimate, field.name)[active] = getattr(found, field.name)

    def _held(self) -> Samples:
        assert self.samples is not None
        return self.samples

    def _assess_active(self) -> Assessment:
        return self._assess(self.active)

    def _assess(self, chosen: Places | slice) -> Assessment:
        part = Estimate(
            **{
                field.name: getattr(self.estimate, field.name)[chosen]
                for field in dataclasses.fields(Estimate)
            }
        )
        scale = scale_of(self.task.claim, self.estimate)
        return assess(
            self.task.claim[chosen],
            part,
            self.claim_noise[chosen],
            self.task.rtol,
            scale,
            self.negligible[chosen],
            self.examined[chosen],
            self.task.whole,
            self.task.beside,
            self.task.single,
        )

    def _retire(self, done: npt.NDArray[np.bool_]) -> None:
        """Sample the probes in `done` no further."""
        left = np.flatnonzero(~done)
        self.active, self.first = self.active[left], self.first[left]
        self.powers = self.powers[:, left]
        if self.samples is not None:
            self.samples = self.samples.columns(left)
