"""Differences of sampled values: arithmetic on arrays only, no call of the user's code.

Two parts. `forward_difference`, `norm` and `dot` serve SciPy's contract, in the array library and
on the device of x0. The rest estimates a derivative together with its uncertainty, from samples
on a ladder of steps, in float64 on the host, for any number of probes (columns) at once.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

_DOUBLE = 8  # bytes of a float64

MAX_DEGREE = 3  # of the polynomials in h**order: beyond, they amplify noise for little
ROUNDING = 0.3  # standard deviation of the error of correct rounding, in units in the last place
COVERAGE = 3.0  # standard deviations that the rounding part of an uncertainty covers
_CONSISTENT = 6.0  # standard deviations off a finer rung at which it contradicts a fit
_CONSISTENT_COARSE = 4.0  # the same for a rung not much finer than the coarsest of the fit ...
_COARSE = 10.0  # ... that is, this many times
_OUTLYING = 30.0  # the same for a single rung
_SPARE_RUNGS = 2  # rungs beyond the number of terms that test a fit
_TRUNCATION_SHARE = 1.0  # of the change that the next fit would make; calibrated on CUTEst
_RIDGE = 1e-14  # keeps the normal equations regular; far below any coverage
_EXACT = 2.0**200  # the weight of a quotient without any noise
_WITNESSES = 6  # rungs over which a jump must persist
_ENOUGH_RUNGS = 12  # before the finest of them are taken to be finer than any feature
_THIRD_DIFFERENCES = math.factorial(6) / math.factorial(3) ** 2  # variance of those of noise 1
_FINEST = 3  # of the rungs show the noise alone, without truncation ...
_FINE = 6  # ... and no less than these do
_SHRINKING = 3.0  # times less at every finer rung: noise is not, truncation falls like h**3
_SCATTER = 1.5  # standard deviations to a median of absolute values of normal numbers
_ONE_SIDED_GAIN = 4.0  # how much surer a one-sided limit must be than the central one
_STANDS_OUT = 8.0  # noise levels above which a change of func is one
FEW_DIGITS = 2.0**-10  # the machine epsilon of float16
_NARROW = 64.0  # times narrower than x0 a feature may be that is not to be seen ...
_ALL_HIDDEN = 2.0**-7  # ... and the machine epsilon, bfloat16's, where that would hide everything
_NEAR = 8.0  # how far within the scale of a probe counts as near x0 ...
_NEAR_GUESS = 64.0  # ... the same where the scale is a guess
_TREADS = 2.0**9  # a func constant over less than this part of the range looked at is a staircase
_COARSE_TREADS = 16.0  # ... in dtypes of few digits also one over this many machine epsilons of x0
_FEW_TREADS = 8.0  # ... and over less than this part, where terms that cancel can explain it ...
_CANCELLED = 0.75  # ... by no more than this part of the digits
_RISER = 9.0  # treads that the first change after one lies within
_QUANTUM = 10.0  # standard deviations of the noise that a riser of a staircase is above
_JUMP_STEADY = 10.0  # times that the change at a jump is larger than it varies from rung to rung
_JUMP = 100.0  # times the rounding error of func's value that a jump is
_STEEPENING = 1.5  # times that a one-sided slope grows towards x0, where func is not smooth ...
_STEEPENING_OVER = 64.0  # ... when the step becomes this many times smaller
_FAR_STEEPER = 4.0  # times than what the coarser rungs settle on: they do not see x0 at all
_RANGE = 2.0  # uncertainties around a one-sided limit that it leaves open ...
_WIDE_RANGE = 5.0  # ... and where it, or the other one, contradicts the best estimate
_SMALL = 16.0  # times smaller than the others a coordinate is that has a scale of its own ...
_OWN = 2.0  # ... and times the noise that nothing is known of below it
_KINK_RUNGS = 8  # that show one, which a few far from x0, or of few digits, do by accident
_OPENING = 64.0  # times the shortest step, from where a kink must be seen
_KINK_GAP = 6.0  # uncertainties that one-sided derivatives must differ by to make a kink


@dataclass(frozen=True)
class Samples:
    """``func`` along some probes, at steps on either side of x0.

    Rows are rungs, in any order; columns are probes. What was not or could not be evaluated is
    NaN.

    Attributes
    ----------
    value : float
        ``func(x0)``.
    forward, backward : array, shape (rungs, probes)
        The lengths of the steps really taken to either side, positive.
    forward_values, backward_values : array, shape (rungs, probes)
        ``func`` there.
    noise : float, or array of shape (probes,)
        The standard deviation of the error of one evaluation near x0, as measured.
    precision : float
        The machine epsilon of the coarser of the dtypes of x0 and of the values.
    scale : array, shape (probes,)
        The length of x0 along each probe: its own coordinate, say.
    smooth : array, shape (probes,)
        A length that ``func`` may be expected to be smooth over: that of x0 as a whole.
    vague : array of bool, shape (probes,)
        Where these two are guesses: along coordinates that are 0.
    """

    value: float
    forward: Floats
    forward_values: Floats
    backward: Floats
    backward_values: Floats
    noise: float | Floats
    precision: float
    scale: Floats
    smooth: Floats
    vague: Flags

    def columns(self, chosen: npt.NDArray[Any]) -> Samples:
        """The samples of some of the probes."""
        return Samples(
            self.value,
            self.forward[:, chosen],
            self.forward_values[:, chosen],
            self.backward[:, chosen],
            self.backward_values[:, chosen],
            self.noise,
            self.precision,
            self.scale[chosen],
            self.smooth[chosen],
            self.vague[chosen],
        )

    def joined(self, other: Samples) -> Samples:
        """These rungs and those of `other`, for the same probes."""
        return Samples(
            self.value,
            np.concatenate([self.forward, other.forward]),
            np.concatenate([self.forward_values, other.forward_values]),
            np.concatenate([self.backward, other.backward]),
            np.concatenate([self.backward_values, other.backward_values]),
            self.noise,
            self.precision,
            self.scale,
            self.smooth,
            self.vague,
        )

    def noise_at(self, *values: Floats) -> Floats:
        """The noise of `values`, as a standard deviation: as measured, or that of rounding.

        Far from x0 ``func`` may be larger than at x0, and its rounding error with it.
        """
        largest: Floats = functools.reduce(
            np.fmax, [np.abs(v) for v in values], np.asarray(abs(self.value))
        )
        noise: Floats = np.fmax(self.noise, ROUNDING * self.precision * largest)
        return noise


@dataclass(frozen=True)
class Estimate:
    """Derivatives along probes by differences, each with its uncertainty.

    Attributes
    ----------
    value, uncertainty : array, shape (probes,)
        The derivative, and its truncation plus rounding error. NaN and infinity where no two
        rungs could be evaluated.
    rounding : array, shape (probes,)
        The part of the uncertainty that noise in ``func`` makes, which a larger step reduces.
    step : array, shape (probes,)
        The step of the finest rung that the value rests on.
    slope : array, shape (probes,)
        The larger of the one-sided slopes at that step, as far as it stands above the noise: how
        fast ``func`` changes near x0 where the derivative itself vanishes.
    hidden : array, shape (probes,)
        The derivative that a feature no larger than the noise of ``func`` might have, if it is
        not much narrower than the length that ``func`` may be expected to be smooth over. However
        far one looks, nothing can be seen of it.
    lower, upper : array, shape (probes,)
        The range of valid derivatives: the one-sided derivatives at a kink, else `value` twice.
    least, most : array, shape (probes,)
        The range that the limits from either side leave open. They are far less certain, but where
        bends of ``func`` near x0 are lost in its noise, one of them may see what the value misses.
    rival : array, shape (probes,)
        A second value that the samples support, NaN mostly: 0 on a tread of a staircase, or
        what the coarser rungs settle on where the finer ones settle on another value.
    faint : array of bool, shape (probes,)
        Where ``func`` changes, but nowhere by more than its noise.
    jump : array of bool, shape (probes,)
        Where ``func`` seems to be discontinuous at x0.
    steep : array of bool, shape (probes,)
        Where a one-sided slope still grows at the shortest steps: a cusp, or the edge of a root.
    """

    value: Floats
    uncertainty: Floats
    rounding: Floats
    step: Floats
    slope: Floats
    hidden: Floats
    lower: Floats
    upper: Floats
    least: Floats
    most: Floats
    rival: Floats
    faint: Flags
    jump: Flags
    steep: Flags

    @classmethod
    def plain(cls, value: Floats, uncertainty: Floats, rounding: Floats) -> Estimate:
        """One where nothing is known of kinks, jumps or features that noise hides."""
        nothing, no = np.zeros(value.shape), np.zeros(value.shape, dtype=bool)
        unknown = np.full(value.shape, np.nan)
        return cls(
            value=value.copy(),
            uncertainty=uncertainty.copy(),
            rounding=rounding.copy(),
            step=unknown.copy(),
            slope=nothing.copy(),
            hidden=nothing.copy(),
            lower=value.copy(),
            upper=value.copy(),
            least=unknown.copy(),
            most=unknown.copy(),
            rival=unknown.copy(),
            faint=no.copy(),
            jump=no.copy(),
            steep=no.copy(),
        )


@dataclass(frozen=True)
class _Rungs:
    """Difference quotients, coarse to fine, valid ones first, and the noise in them."""

    step: Floats
    quotient: Floats
    noise: Floats  # standard deviation of quotient times step
    shared: Floats  # the same of the error that all quotients of a probe have in common


@dataclass(frozen=True)
class _Limit:
    """The limit of quotients at step zero."""

    value: Floats
    uncertainty: Floats
    rounding: Floats
    step: Floats


def _noisy(rungs: _Rungs) -> _Rungs:
    """The rungs with at least the noise that the scatter of the finest ones shows.

    Noise was measured at one place and scale; at the finest steps it is all that differs from
    rung to rung.
    """
    count = np.isfinite(rungs.quotient).sum(axis=0)
    if np.max(count, initial=0) < _ENOUGH_RUNGS:
        return rungs
    scatter = np.abs(np.diff(rungs.quotient, axis=0)) * rungs.step[1:]
    finest = np.maximum(count - 1 - np.arange(1, _FINE + 1)[:, None], 0)
    scatter = np.take_along_axis(scatter, finest, axis=0)  # the finest first
    shown = np.fmin(np.median(scatter[:_FINEST], axis=0), np.median(scatter, axis=0))
    truncation = np.all(scatter[1:_FINEST] > _SHRINKING * scatter[: _FINEST - 1], axis=0)
    shown = _SCATTER * np.where(truncation, scatter[0] / _SCATTER, shown)
    shown = np.where(count >= _ENOUGH_RUNGS, shown, 0.0)
    return dataclasses.replace(rungs, noise=np.fmax(rungs.noise, shown))


def _descending(
    step: Floats, quotient: Floats, noise: Floats, shared: Floats | float = 0.0
) -> _Rungs:
    valid = np.isfinite(quotient) & np.isfinite(step)
    order = np.argsort(np.where(valid, -step, np.inf), axis=0, kind="stable")
    ordered = [
        np.take_along_axis(np.where(valid, part, np.nan), order, axis=0)
        for part in (step, quotient, noise)
    ]
    in_common = np.broadcast_to(np.asarray(shared, np.float64), step.shape[1:])
    return _Rungs(ordered[0], ordered[1], ordered[2], in_common)


def central_quotients(samples: Samples) -> tuple[Floats, Floats]:
    """Central differences and their steps.

    Where rounding makes the two steps unequal, the curvature is taken out with ``func(x0)``
    (three points, second order for unequal spacing: B. Fornberg, Math. Comp. 51, 1988).
    """
    span = samples.forward + samples.backward
    quotient = (samples.forward_values - samples.backward_values) / span
    uneven = (samples.backward - samples.forward) / span
    bend = (samples.forward_values - samples.value) / samples.forward - (
        samples.value - samples.backward_values
    ) / samples.backward
    return np.where(uneven == 0, quotient, quotient + bend * uneven), span / 2


def _limit(rungs: _Rungs, order: int) -> _Limit:
    """The limit of the quotients as the step goes to zero, where the error is a series in h**order.

    Polynomials in h**order are fitted to the quotients of every window of rungs, from one rung
    down to the finest, by least squares weighted with the noise; the fit of least uncertainty is
    taken. A window holds all finer rungs, so that each fit is tested against them: one that
    misses any by far more than its noise skipped a feature of ``func``, and is refused.
    Two rungs alone are extrapolated (L. F. Richardson, Phil. Trans. A 226, 1927).
    """
    step, quotient = rungs.step, rungs.quotient
    # A single rung gives a value, of unknown truncation: the finest, if no fit is consistent.
    finest = np.maximum(np.isfinite(quotient).sum(axis=0) - 1, 0)[None]
    value, length, noise = (
        np.take_along_axis(part, finest, axis=0)[0] for part in (quotient, step, rungs.noise)
    )
    best = _Limit(value, np.full(value.shape, np.inf), COVERAGE * noise / length, length)
    if quotient.shape[0] == 1:
        return best
    windows = _windows(rungs, order)
    best = _best_row(best, _pairs(windows, rungs), step)
    moments = _moments(windows, MAX_DEGREE + 1)
    fits = [_fit(windows, moments, degree) for degree in range(MAX_DEGREE + 2)]
    for degree in range(MAX_DEGREE + 1):
        best = _best_row(best, _guarded(fits[degree], fits[degree + 1], windows.half), step)
    return best


@dataclass(frozen=True)
class _Windows:
    """For each window (first axis), its rungs (second axis), probe by probe (third axis)."""

    start: Floats  # the quotient at the coarsest rung, shape (windows, probes)
    position: Floats  # (h / h of the coarsest rung) ** order
    rise: Floats  # quotients less `start`
    weight: Floats  # step / noise, 0 for rungs outside of the window
    steeper: Floats  # the coarsest step / h, less one
    shared: Floats  # noise shared by all rungs / the coarsest step, shape (windows, probes)
    count: npt.NDArray[np.intp]  # valid rungs, shape (windows, probes)
    half: npt.NDArray[np.intp]  # the window that starts at half the step, shape (windows, probes)


@dataclass(frozen=True)
class _Candidates:
    """One estimate for each window and probe."""

    value: Floats
    uncertainty: Floats
    rounding: Floats
    usable: Flags


def _windows(rungs: _Rungs, order: int) -> _Windows:
    valid = np.isfinite(rungs.quotient)
    rows = np.arange(valid.shape[0])
    inside = (rows[None, :] >= rows[:, None])[:, :, None] & valid[None] & valid[:, None]
    weight = np.where(inside, (rungs.step / rungs.noise)[None], 0.0)
    # func may be exact, as where all its values are zero; no quotient is better than its dtype.
    weight = np.where(inside & ~np.isfinite(weight), _EXACT, weight)
    return _Windows(
        start=rungs.quotient,
        position=np.where(inside, (rungs.step[None] / rungs.step[:, None]) ** order, 0.0),
        rise=np.where(inside, rungs.quotient[None] - rungs.quotient[:, None], 0.0),
        weight=weight,
        steeper=np.where(inside, rungs.step[:, None] / rungs.step[None] - 1, 0.0),
        shared=rungs.shared / rungs.step,
        count=inside.sum(axis=1),
        half=np.sum(rungs.step[None] > 0.75 * rungs.step[:, None], axis=1),
    )


@dataclass(frozen=True)
class _Moments:
    """Sums over the rungs of each window, weighted with the noise: all that least squares needs.

    Those of position ** 0, 1, ..., along the first axis, before windows and probes.
    """

    heaviest: Floats  # the largest weight, shape (windows, probes): its square may overflow
    of_powers: Floats  # of position ** k, for k up to twice the highest degree
    of_rise: Floats  # ... times `rise`, for k up to the highest degree
    of_steeper: Floats  # ... times `steeper`


def _moments(windows: _Windows, highest: int) -> _Moments:
    heaviest = np.max(windows.weight, axis=1, keepdims=True)
    weight = np.where(heaviest > 0, windows.weight / heaviest, 0.0)
    # Rungs first: NumPy then adds them in the same order, however many probes there are.
    term, position, rise, steeper = (
        np.ascontiguousarray(np.moveaxis(part, 1, 0))
        for part in (weight**2, windows.position, windows.rise, windows.steeper)
    )
    of_powers, of_rise, of_steeper = [], [], []
    for power in range(2 * highest + 1):
        of_powers.append(term.sum(axis=0))
        if power <= highest:
            of_rise.append((term * rise).sum(axis=0))
            of_steeper.append((term * steeper).sum(axis=0))
        term = term * position
    return _Moments(heaviest[:, 0], np.stack(of_powers), np.stack(of_rise), np.stack(of_steeper))


def _fit(windows: _Windows, moments: _Moments, degree: int) -> _Candidates:
    """Least squares with a polynomial of `degree` in every window; see `_limit`."""
    terms = degree + 1
    length = np.sqrt(moments.of_powers[0 : 2 * terms : 2])
    usable = (windows.count >= terms + _SPARE_RUNGS) & np.all(length > 0, axis=0)
    usable &= np.all(np.isfinite(length), axis=0)
    length = np.where(usable, length, 1.0)
    rows, columns = np.indices((terms, terms))
    normal = moments.of_powers[rows + columns] / length[:, None] / length
    normal = np.where(usable, normal, np.eye(terms)[..., None, None])
    inverse = np.linalg.inv(np.moveaxis(normal, (0, 1), (-2, -1)) + _RIDGE * np.eye(terms))
    inverse = np.moveaxis(inverse, (-2, -1), (0, 1))
    coefficients = np.sum(inverse * (moments.of_rise[:terms] / length), axis=1) / length
    shared = np.sum(inverse[0] * (moments.of_steeper[:terms] / length), axis=0)
    shared = 1 + shared / length[0]
    missed = windows.rise - _polynomial(coefficients[:, :, None], windows.position)
    missed *= windows.weight
    spare = np.maximum(windows.count - terms, 1)
    excess = np.sqrt(np.maximum(1.0, np.sum(missed**2, axis=1) / spare))
    usable &= _consistent(np.abs(missed), windows)
    rounding = COVERAGE * np.sqrt(np.abs(inverse[0, 0])) / length[0] * excess
    rounding = np.hypot(rounding / moments.heaviest, COVERAGE * windows.shared * shared)
    return _Candidates(windows.start + coefficients[0], rounding, rounding, usable)


def _polynomial(coefficients: Floats, position: Floats) -> Floats:
    """Its value, by the scheme of Horner; `coefficients` along the first axis, lowest first."""
    value: Floats = coefficients[-1] + np.zeros_like(position)
    for coefficient in coefficients[-2::-1]:
        value *= position
        value += coefficient
    return value


def _consistent(missed: Floats, windows: _Windows) -> Flags:
    """Whether no rung of a window contradicts its fit; a fine one by bad luck: noise varies."""
    heaviest = np.max(windows.weight, axis=1, keepdims=True)
    coarse = np.where(windows.weight > heaviest / _COARSE, missed, 0.0)
    agrees: Flags = np.max(coarse, axis=1) <= _CONSISTENT_COARSE
    worst = np.partition(missed, -2, axis=1)[:, -2:]
    return agrees & (worst[:, 0] <= _CONSISTENT) & (worst[:, 1] <= _OUTLYING)


def _guarded(fits: _Candidates, higher: _Candidates, half: npt.NDArray[np.intp]) -> _Candidates:
    """The fits with their truncation error: what a higher degree or half the step would change."""
    halved = np.take_along_axis(fits.value, np.minimum(half, half.shape[0] - 1), axis=0)
    change = np.zeros_like(fits.value)
    for other in (np.where(higher.usable, higher.value, np.nan), halved):
        change = np.fmax(change, np.abs(fits.value - other))
    uncertainty = fits.uncertainty + _TRUNCATION_SHARE * change
    return _Candidates(fits.value, uncertainty, fits.rounding, fits.usable)


def _pairs(windows: _Windows, rungs: _Rungs) -> _Candidates:
    """Richardson's extrapolation from the two coarsest rungs of every window."""
    value, uncertainty, rounding = (np.full_like(windows.start, np.nan) for _ in range(3))
    ratio = np.einsum("wwp->wp", windows.position[:-1, 1:])  # of neighbouring rungs
    finer = rungs.quotient[1:]
    value[:-1] = finer + (finer - rungs.quotient[:-1]) * ratio / (1 - ratio)
    rounding[:-1] = COVERAGE * rungs.noise[1:] / rungs.step[1:]
    uncertainty[:-1] = np.abs(value[:-1] - finer) + rounding[:-1]
    # The noise of the coarser one is as large as all of the finer where func vanishes at x0.
    coarser = np.abs(value - windows.start) + COVERAGE * rungs.noise / rungs.step
    expected = coarser[:, None] * windows.position
    missed = np.abs(windows.rise + (windows.start - value)[:, None]) - expected
    usable = _consistent(missed * windows.weight, windows)
    return _Candidates(value, uncertainty, rounding, usable & np.isfinite(value))


def _best_row(best: _Limit, candidates: _Candidates, step: Floats) -> _Limit:
    """The least uncertain of `best` and the usable candidates, probe by probe."""
    usable = candidates.usable & np.isfinite(candidates.value)
    uncertainty = np.where(usable, candidates.uncertainty, np.inf)
    uncertainty = np.where(np.isnan(uncertainty), np.inf, uncertainty)
    row = np.argmin(uncertainty, axis=0)
    column = np.arange(row.size)
    better = uncertainty[row, column] < best.uncertainty
    return _Limit(
        np.where(better, candidates.value[row, column], best.value),
        np.where(better, uncertainty[row, column], best.uncertainty),
        np.where(better, candidates.rounding[row, column], best.rounding),
        np.where(better, step[row, column], best.step),
    )


def noise_along_line(values: Floats) -> float:
    """The noise of ``func``, as a standard deviation, from values at equally spaced points.

    Third differences remove whatever is smooth; those of independent errors of deviation s have
    the variance ``s**2 * 6! / 3!**2`` (J. More, S. Wild, "Estimating computational noise", SIAM J.
    Sci. Comput. 33, 2011, eq. 3.3). Values that are not finite are left out.

    Examples
    --------
    >>> noise_along_line(np.array([0.0, 1.0, 4.0, 9.0, 16.0]))
    0.0
    """
    with np.errstate(invalid="ignore"):
        third = np.diff(values, 3)
    third = third[np.isfinite(third)]
    if third.size == 0:
        return 0.0
    largest = float(np.max(np.abs(third)))
    if largest == 0:
        return 0.0
    return largest * math.sqrt(float(np.mean((third / largest) ** 2)) / _THIRD_DIFFERENCES)


def most_cancelled(precision: Floats | float, value: Floats | float) -> Floats:
    """The largest noise that terms may leave in a `value` by cancelling, computed in a precision.

    In few digits, a func that is meant to change in steps cannot be told from it: 0.

    Examples
    --------
    >>> float(most_cancelled(2.0**-24, 1.0)) * 64
    1.0
    """
    most = precision ** (1 - _CANCELLED) * np.abs(value)
    return np.where(np.asarray(precision) < FEW_DIGITS, most, 0.0)


def noise_beside_jumps(values: Floats, at: int) -> float:
    """The same without a jump between the value at index `at` and its neighbours.

    Examples
    --------
    >>> noise_beside_jumps(np.array([0.0, 1.0, 4.0, 109.0, 116.0]), 3)
    0.0
    """
    found = []
    with np.errstate(invalid="ignore"):
        rises = np.diff(values)
        both = np.arange(max(at - 1, 0), min(at + 1, rises.size))
        for gaps in (both, both[:1], both[-1:]):
            beside = [rises[k] for k in (gaps[0] - 1, gaps[-1] + 1) if 0 <= k < rises.size]
            without = rises.copy()
            without[gaps] = np.mean(beside)
            found.append(noise_along_line(np.concatenate([[0.0], np.cumsum(without)])))
    return min(found)


def estimate(samples: Samples) -> Estimate:
    """The derivative along each probe, from its samples.

    Overflow and invalid operations on values that are not finite are expected here; such rungs
    are left out.
    """
    with np.errstate(all="ignore"):
        return _estimate(samples)


def _estimate(samples: Samples) -> Estimate:
    samples, stairs = _without_stairs(samples)
    quotient, step = central_quotients(samples)
    noise = samples.noise_at(samples.forward_values, samples.backward_values)
    central = _descending(step, quotient, noise)
    rise = (samples.forward_values - samples.value) / samples.forward
    fall = (samples.value - samples.backward_values) / samples.backward
    # Each quotient has the noise of two values, in a central one over twice the step.
    at_x0 = samples.noise_at()

    def one_sided(floor: Floats) -> tuple[_Limit, _Limit]:
        spread, shared = 1.5 * np.fmax(noise, floor), np.fmax(at_x0, floor)
        right = _descending(samples.forward, rise, spread, shared)
        left = _descending(samples.backward, fall, spread, shared)
        return _limit(right, order=1), _limit(left, order=1)

    right, left = one_sided(np.zeros(step.shape[1]))
    central_noisy = _noisy(central)
    smooth = _limit(central_noisy, order=2)
    best = _clearer(_clearer(smooth, right), left)

    sides = right.uncertainty + left.uncertainty
    kink = np.abs(right.value - left.value) > _KINK_GAP * sides
    # There, the central quotients settle half way.
    off_centre = np.abs((right.value + left.value) / 2 - smooth.value)
    kink &= off_centre <= _KINK_GAP * (sides + smooth.uncertainty)
    # Far from x0, any bend between two samples looks like one.
    near = samples.scale
    kink &= np.min(step, axis=0, initial=np.inf, where=np.isfinite(quotient)) <= near
    kink &= np.abs(right.value - left.value) * near > _STANDS_OUT * at_x0
    kink &= np.isfinite(quotient).sum(axis=0) >= _KINK_RUNGS
    width = np.abs(right.value - left.value)
    kink &= 2 * _opening(samples, rise - fall, width) >= width
    lower = np.where(kink, np.fmin(left.value, right.value), best.value)
    upper = np.where(kink, np.fmax(left.value, right.value), best.value)
    least, most = np.full((2, *best.value.shape), np.nan)
    if samples.precision < FEW_DIGITS:  # in few digits, the limits leave nearly all open
        noisy = central_noisy is not central
        sides_noisy = one_sided(np.fmin.reduce(central_noisy.noise)) if noisy else (right, left)
        least, most = _range_of(sides_noisy, best)
    steepest = _steepest(samples)

    return Estimate(
        value=np.where(kink, (lower + upper) / 2, best.value),
        uncertainty=np.where(kink, right.uncertainty + left.uncertainty, best.uncertainty),
        rounding=best.rounding,
        step=best.step,
        slope=_slope_near(samples, rise, fall),
        hidden=np.fmax(
            _hidden(samples, central_noisy, best, kink),
            np.where(steepest > _FAR_STEEPER * np.abs(best.value), steepest, 0.0),
        ),
        lower=lower,
        upper=upper,
        least=least,
        most=most,
        rival=np.where(stairs, 0.0, _coarse_limit(central, smooth)),
        faint=_faint(samples),
        jump=_jumps(samples),
        steep=steepest > 0,
    )


def _range_of(limits: Sequence[_Limit], best: _Limit) -> tuple[Floats, Floats]:
    """The lowest and the highest number that any of the one-sided `limits` leaves open.

    NaN if none is known. Where one contradicts the `best` estimate, ``func`` is not smooth there,
    and no uncertainty is what it seems.
    """
    values = np.stack([np.where(np.isfinite(e.uncertainty), e.value, np.nan) for e in limits])
    spread = np.stack([e.uncertainty for e in limits])
    off = np.abs(values - best.value) > _RANGE * (spread + best.uncertainty)
    spread = np.where(off.any(axis=0), _WIDE_RANGE, _RANGE) * spread
    lowest: Floats = np.fmin.reduce(values - spread)
    highest: Floats = np.fmax.reduce(values + spread)
    return lowest, highest


def _opening(samples: Samples, gap: Floats, width: Floats) -> Floats:
    """The `gap` of the one-sided slopes some rungs above the finest, where a kink still shows.

    That is, one of this `width`; nearer to x0 it may be lost in the noise.

    Between the finest two a tread of the rounding of ``func`` looks like a kink.
    """
    both = np.isfinite(gap)
    finest = np.min(samples.forward, axis=0, initial=np.inf, where=both)
    # The shortest step that is long enough, else the longest.
    enough = both & (samples.forward >= _OPENING * finest)
    enough &= samples.forward * width > _STANDS_OUT * samples.noise_at()
    preference = np.where(enough, 1 / samples.forward, -1 / samples.forward)
    rung = np.argmax(np.where(both, preference, -np.inf), axis=0)
    opening: Floats = np.abs(np.take_along_axis(gap, rung[None], axis=0)[0])
    return opening


def _coarse_limit(rungs: _Rungs, limit: _Limit) -> Floats:
    """What the coarser half of the rungs settles on, where `limit` contradicts it; else NaN.

    The finer half may see a feature that the coarser one misses, and then it is right. But it
    may also see the rounding error of ``func``, which is no noise at the finest steps where the
    terms that it comes from do not change by a unit in the last place.
    """
    half = int(np.max(np.isfinite(rungs.quotient).sum(axis=0), initial=0)) // 2
    if half < _ENOUGH_RUNGS:
        return np.full(rungs.step.shape[1], np.nan)
    parts = {part: getattr(rungs, part)[:half] for part in ("step", "quotient", "noise")}
    coarse = _limit(_noisy(dataclasses.replace(rungs, **parts)), order=2)
    apart = np.abs(coarse.value - limit.value) > 3 * (coarse.uncertainty + limit.uncertainty)
    return np.where(apart, coarse.value, np.nan)


def _hidden(samples: Samples, rungs: _Rungs, best: _Limit, kink: Flags) -> Floats:
    """See `Estimate.hidden`. What stands out of its uncertainty, as a kink does, hides nothing ...

    ... unless ``func`` shows nothing of it over the width of such a feature, or in a dtype of few
    digits, which leave few steps to look at. Along a coordinate that is small beside the others,
    a feature may be as narrow as that coordinate, as x * log(x) is.
    """
    noise = samples.noise_at()
    seen = np.abs(best.value) > _STANDS_OUT * best.uncertainty
    if samples.precision >= FEW_DIGITS:
        shown = np.where(np.isfinite(rungs.noise), rungs.noise, np.inf).min(axis=0)
        noise = np.where(np.isfinite(shown), np.fmax(noise, shown), noise)
        hidden: Floats = COVERAGE * noise / np.fmin(samples.scale, samples.smooth)
        hidden = np.where(seen, 1.0, max(1.0, _ALL_HIDDEN / samples.precision)) * hidden
        return np.where(samples.vague & ~seen & ~kink, np.inf, hidden)
    seen &= np.abs(best.value) * samples.smooth > _STANDS_OUT * noise
    beside = np.where(seen, 0.0, _NARROW * COVERAGE * noise / samples.smooth)
    small = (samples.scale <= samples.smooth / _SMALL) & ~samples.vague
    return np.where(small, np.fmax(beside, _OWN * noise / samples.scale), beside)


def _faint(samples: Samples) -> Flags:
    """See `Estimate.faint`."""
    change = np.concatenate([samples.forward_values, samples.backward_values]) - samples.value
    change = np.where(np.isfinite(change), np.abs(change), 0.0).max(axis=0)
    faint: Flags = (change > 0) & (change <= _STANDS_OUT * samples.noise_at())
    return faint


def _clearer(limit: _Limit, one_sided: _Limit) -> _Limit:
    """The one-sided limit where it is far less uncertain: at an edge of the domain, say.

    Not where the two contradict each other: one side of x0 may be flat, as far as one looks.
    """
    better = one_sided.uncertainty < limit.uncertainty / _ONE_SIDED_GAIN
    better &= ~(np.abs(one_sided.value - limit.value) > limit.uncertainty)
    return _Limit(
        np.where(better, one_sided.value, limit.value),
        np.where(better, one_sided.uncertainty, limit.uncertainty),
        np.where(better, one_sided.rounding, limit.rounding),
        np.where(better, one_sided.step, limit.step),
    )


def _slope_near(samples: Samples, rise: Floats, fall: Floats) -> Floats:
    """The largest one-sided slope near x0, 0 where none stands out of the noise."""
    slopes = []
    near = samples.scale / np.where(samples.vague, _NEAR_GUESS, _NEAR)
    for lengths, slope in ((samples.forward, rise), (samples.backward, fall)):
        stands_out = np.abs(slope) * lengths > _STANDS_OUT * samples.noise_at()
        there = stands_out & np.isfinite(slope) & (lengths <= near)
        slopes.append(np.where(there, np.abs(slope), 0.0))
    largest: Floats = np.concatenate(slopes).max(axis=0)
    return largest


def _without_stairs(samples: Samples) -> tuple[Samples, Flags]:
    """The samples without the rungs that stay on one tread of a staircase, and where that is.

    A ``func`` that computes in a coarser dtype than its input is constant at the finest rungs
    and varies on both sides beyond. Those rungs say nothing of the derivative meant, and the
    first change beyond them is noise. So do terms that cancel, as a logarithm of a sum and the
    largest of its terms: they round in steps far above the last place of what is left. A ``func``
    that is constant over a good part of the range looked at (floor, between its jumps) is constant.
    """
    moves = (samples.forward_values != samples.value) & (samples.backward_values != samples.value)
    moves &= np.isfinite(samples.forward_values) & np.isfinite(samples.backward_values)
    still = np.zeros_like(moves)
    for lengths, values in (
        (samples.forward, samples.forward_values),
        (samples.backward, samples.backward_values),
    ):
        moved = np.isfinite(values) & (values != samples.value)
        first = np.min(lengths, axis=0, initial=np.inf, where=moved)
        still |= (values == samples.value) & (lengths < first)
    longest = np.where(moves, samples.forward, 0.0).max(axis=0)
    tread = np.where(still, samples.forward, 0.0).max(axis=0)
    longest_near = np.where(moves & (samples.forward <= samples.scale), samples.forward, 0.0)
    stairs = tread * _TREADS < longest
    stairs |= tread < longest_near.max(axis=0) * _COARSE_TREADS * samples.precision
    changes = np.abs(np.stack([samples.forward_values, samples.backward_values]) - samples.value)
    first = samples.forward <= _RISER * tread
    riser = np.where(first & moves, changes, 0.0).max(axis=(0, 1))
    # A slope that the rounding of func's value hides over a tread rises in proportion beyond.
    over = np.fmax(1.0, samples.forward / (2 * tread))
    quantum = np.where(first & (changes > 0), changes / over, np.inf).min(axis=(0, 1))
    cancels = quantum <= most_cancelled(samples.precision, samples.value)
    stairs |= (tread * _FEW_TREADS < longest) & cancels
    stairs &= (tread > 0) & (quantum > _QUANTUM * samples.noise_at())
    noise = np.where(stairs, np.fmax(samples.noise, riser), samples.noise)
    left_out = (samples.forward <= tread) & stairs
    return (
        dataclasses.replace(
            samples,
            noise=noise,
            forward_values=np.where(left_out, np.nan, samples.forward_values),
            backward_values=np.where(left_out, np.nan, samples.backward_values),
        ),
        stairs,
    )


def _jumps(samples: Samples) -> Flags:
    """Whether the change of ``func`` stays the same while the steps shrink to nothing.

    Noise would vary from rung to rung, so it is not asked how large it is.
    """
    jumps = np.zeros(samples.forward.shape[1], dtype=bool)
    rounding = samples.precision * abs(samples.value)
    for lengths, values in (
        (samples.forward, samples.forward_values),
        (samples.backward, samples.backward_values),
    ):
        rungs = _descending(lengths, values - samples.value, np.zeros_like(values))
        count = np.isfinite(rungs.quotient).sum(axis=0)
        finest = np.maximum(count - np.arange(1, _WITNESSES + 1)[:, None], 0)
        change = np.take_along_axis(rungs.quotient, finest, axis=0)
        lowest, highest = np.min(change, axis=0), np.max(change, axis=0)
        size = np.fmin(np.abs(lowest), np.abs(highest))
        constant = highest - lowest <= size / _JUMP_STEADY
        jumps |= (count > _WITNESSES) & constant & (size > _JUMP * rounding)
    return jumps


def _steepest(samples: Samples) -> Floats:
    """The one-sided slope at the shortest steps where it grows on the way to x0; 0 elsewhere.

    As far as it stands out of the noise, at a step and at the next longer one.
    """
    steepest = np.zeros(samples.forward.shape[1])
    for lengths, values in (
        (samples.forward, samples.forward_values),
        (samples.backward, samples.backward_values),
    ):
        change = np.abs(values - samples.value)
        seen = change > _STANDS_OUT * samples.noise_at(values)
        finest = np.min(lengths, axis=0, initial=np.inf, where=seen)
        following = np.min(lengths, axis=0, initial=np.inf, where=lengths > finest)
        rise = np.where(seen, (values - samples.value) / lengths, 0.0)
        both = [np.sum(rise, axis=0, where=lengths == each) for each in (finest, following)]
        near = np.where(both[0] * both[1] > 0, np.fmin(*np.abs(both)), 0.0)
        slope = np.abs(rise)
        farther = np.max(slope, axis=0, initial=0.0, where=lengths >= _STEEPENING_OVER * finest)
        steep = (farther > 0) & (near > _STEEPENING * farther)
        steepest = np.where(steep, np.fmax(steepest, near), steepest)
    return steepest
