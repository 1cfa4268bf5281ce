"""The limit of difference quotients at step zero, with its uncertainty.

Polynomials in ``h**order`` are fitted by least squares to nested windows of steps. This module
owns the fit. `checkgrad.numerics.quotients` makes the quotients, and
`checkgrad.numerics.estimate` chooses between limits.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.limit import Limit
from checkgrad.numerics.quotients import Quotients
from checkgrad.numerics.samples import Flags, Floats
from checkgrad.numerics.thresholds import thresholds

_RIDGE = 1e-14  # keeps the normal equations regular; far below any coverage
_EXACT = 2.0**200  # the weight of a quotient without any noise; its square is finite


@dataclass(frozen=True)
class _Windows:
    """For each window (first axis), its steps (second axis), direction by direction (third)."""

    start: Floats  # the quotient at the coarsest step, shape (windows, directions)
    position: Floats  # (h / h of the coarsest step) ** order
    rise: Floats  # quotients less `start`
    weight: Floats  # step / noise, 0 for steps outside of the window
    steeper: Floats  # the coarsest step / h, less one
    shared: Floats  # noise shared by all steps / the coarsest step, shape (windows, directions)
    count: npt.NDArray[np.intp]  # valid steps, shape (windows, directions)
    half: npt.NDArray[np.intp]  # the window that starts at half the step, shape (windows, d.)


@dataclass(frozen=True)
class _Candidates:
    """One candidate for the limit for each window and direction."""

    value: Floats
    uncertainty: Floats
    rounding: Floats
    usable: Flags
    missed: Floats  # by the steps of the second axis, in standard deviations, with its sign


@dataclass(frozen=True)
class _Moments:
    """Sums over the steps of each window, weighted with the noise: all that least squares needs.

    Those of position ** 0, 1, ..., lie along the first axis, before windows and directions.
    """

    heaviest: Floats  # the largest weight, shape (windows, directions): its square may overflow
    of_powers: Floats  # of position ** k, for k up to twice the highest degree
    of_rise: Floats  # ... times `rise`, for k up to the highest degree
    of_steeper: Floats  # ... times `steeper`


def limit_at_zero(quotients: Quotients, order: int) -> Limit:
    """Return the limit of quotients whose error is a series in ``h**order``.

    Each window holds all steps from one step down to the finest, so that every fit is tested
    against the finer steps. A fit that misses one of them by far more than its noise has skipped a
    feature of ``func``, and is refused. Of the others, the one of least uncertainty is taken. Two
    steps alone are extrapolated (L. F. Richardson, Phil. Trans. A 226, 1927).

    Parameters
    ----------
    quotients : Quotients
        From coarse to fine.
    order : int
        2 for central quotients, 1 for one-sided ones.
    """
    step, value = quotients.step, quotients.value
    # The finest step alone gives a value, of unknown truncation error.
    finest = np.maximum(np.isfinite(value).sum(axis=0) - 1, 0)[None]
    alone, length, sigma = (
        np.take_along_axis(part, finest, axis=0)[0] for part in (value, step, quotients.sigma)
    )
    infinite = np.full(alone.shape, np.inf)
    best = Limit.of(alone, infinite, thresholds().coverage * sigma / length, length)
    if value.shape[0] == 1:
        return best
    windows = _windows(quotients, order)
    best = _least_uncertain(best, _extrapolated_pairs(windows, quotients), windows, step)
    # Each degree is compared with the next higher one. Few steps determine few degrees.
    determined = max(0, int(np.max(windows.count)) - thresholds().spare_steps)
    degrees = range(1 + min(determined, thresholds().max_degree + 1))
    moments = _moments(windows, degrees[-1])
    fits = [_fit(windows, moments, degree) for degree in degrees]
    for fit, higher in itertools.pairwise(fits):
        with_truncation = _with_truncation(fit, higher, windows.half)
        best = _least_uncertain(best, with_truncation, windows, step)
    return best


def _windows(quotients: Quotients, order: int) -> _Windows:
    step, value = quotients.step, quotients.value
    valid = np.isfinite(value)
    rows = np.arange(valid.shape[0])
    inside = (rows[None, :] >= rows[:, None])[:, :, None] & valid[None] & valid[:, None]
    weight = np.where(inside, (step / quotients.sigma)[None], 0.0)
    # ``func`` may be exact, for example where all its values are 0.
    weight = np.where(inside & ~np.isfinite(weight), _EXACT, weight)
    return _Windows(
        start=value,
        position=np.where(inside, (step[None] / step[:, None]) ** order, 0.0),
        rise=np.where(inside, value[None] - value[:, None], 0.0),
        weight=weight,
        steeper=np.where(inside, step[:, None] / step[None] - 1, 0.0),
        shared=quotients.shared / step,
        count=inside.sum(axis=1),
        half=np.sum(step[None] > 0.75 * step[:, None], axis=1),
    )


def _moments(windows: _Windows, highest: int) -> _Moments:
    heaviest = np.max(windows.weight, axis=1, keepdims=True)
    weight = np.where(heaviest > 0, windows.weight / heaviest, 0.0)
    # Steps come first: NumPy then adds them in the same order, however many directions there are.
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
    """Return the least-squares fit of a polynomial of `degree` in every window."""
    limits, terms = thresholds(), degree + 1
    length = np.sqrt(moments.of_powers[0 : 2 * terms : 2])
    usable = (windows.count >= terms + limits.spare_steps) & np.all(length > 0, axis=0)
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
    rounding = limits.coverage * np.sqrt(np.abs(inverse[0, 0])) / length[0] * excess
    rounding = np.hypot(rounding / moments.heaviest, limits.coverage * windows.shared * shared)
    return _Candidates(windows.start + coefficients[0], rounding, rounding, usable, missed)


def _polynomial(coefficients: Floats, position: Floats) -> Floats:
    """Return a polynomial's values by Horner's scheme; the lowest coefficient comes first."""
    value: Floats = coefficients[-1] + np.zeros_like(position)
    for coefficient in coefficients[-2::-1]:
        value *= position
        value += coefficient
    return value


def _consistent(missed: Floats, windows: _Windows) -> Flags:
    """Return whether no step of a window contradicts its fit.

    `missed` is in standard deviations. One fine step may miss by more, by bad luck: noise varies.
    """
    limits = thresholds()
    heaviest = np.max(windows.weight, axis=1, keepdims=True)
    coarse = np.where(windows.weight > heaviest / limits.coarse_weight, missed, 0.0)
    agrees: Flags = np.max(coarse, axis=1) <= limits.consistent_coarse
    worst = np.partition(missed, -2, axis=1)[:, -2:]
    return agrees & (worst[:, 0] <= limits.consistent_fine) & (worst[:, 1] <= limits.outlier)


def _with_truncation(
    fit: _Candidates, higher: _Candidates, half: npt.NDArray[np.intp]
) -> _Candidates:
    """Return a fit with its truncation error: what a higher degree or half the step changes.

    Where the window from half the step has too few steps, its value is no fit. It differs by more,
    and only makes the uncertainty larger.
    """
    halved = np.take_along_axis(fit.value, np.minimum(half, half.shape[0] - 1), axis=0)
    change = np.zeros_like(fit.value)
    for other in (np.where(higher.usable, higher.value, np.nan), halved):
        change = np.fmax(change, np.abs(fit.value - other))
    return replace(fit, uncertainty=fit.uncertainty + change)


def _extrapolated_pairs(windows: _Windows, quotients: Quotients) -> _Candidates:
    """Return Richardson's extrapolation from the two coarsest steps of every window."""
    coverage = thresholds().coverage
    noise = coverage * quotients.sigma / quotients.step
    value, uncertainty, rounding = (np.full_like(windows.start, np.nan) for _ in range(3))
    ratio = np.einsum("wwd->wd", windows.position[:-1, 1:])  # of neighbouring steps
    finer = quotients.value[1:]
    value[:-1] = finer + (finer - quotients.value[:-1]) * ratio / (1 - ratio)
    rounding[:-1] = noise[1:]
    uncertainty[:-1] = np.abs(value[:-1] - finer) + noise[1:]
    # Where func is 0 at x0, the noise of the coarser step is as large as all of the finer one.
    coarser = np.abs(value - windows.start) + noise
    expected = coarser[:, None] * windows.position
    bend = (windows.start - value)[:, None]
    missed = np.abs(windows.rise + bend) - expected
    usable = _consistent(missed * windows.weight, windows)
    off = (windows.rise + bend - bend * windows.position) * windows.weight
    return _Candidates(value, uncertainty, rounding, usable & np.isfinite(value), off)


def _least_uncertain(
    best: Limit, candidates: _Candidates, windows: _Windows, step: Floats
) -> Limit:
    """Return the least uncertain of `best` and the usable candidates, direction by direction."""
    usable = candidates.usable & np.isfinite(candidates.value)
    uncertainty = np.where(usable, candidates.uncertainty, np.inf)
    uncertainty = np.where(np.isnan(uncertainty), np.inf, uncertainty)
    window = np.argmin(uncertainty, axis=0)
    column = np.arange(window.size)
    least_uncertainty = uncertainty[window, column]
    is_less = least_uncertainty < best.uncertainty
    if not np.any(is_less):
        return best
    value = candidates.value[window, column]
    weight = windows.weight[window, :, column].T
    least = Limit(
        value,
        least_uncertainty,
        candidates.rounding[window, column],
        step[window, column],
        *_left_open(value, candidates.missed[window, :, column].T, weight),
    )
    return least.where(is_less, best)


def _left_open(value: Floats, missed: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return what finer steps leave open that contradict a fit together; NaN where none do.

    The mean by which several steps miss the fit is known better than what one step misses it by. So
    each step is taken together with all finer ones. Of those sets that contradict the fit, the
    range of the means is returned.

    Parameters
    ----------
    value : array, shape (directions,)
        The limit.
    missed : array, shape (steps, directions)
        By how much quotients miss the fit, in standard deviations.
    weight : array, shape (steps, directions)
        The step over the noise.
    """
    limits = thresholds()
    known = np.hypot.accumulate(weight[::-1])[::-1]
    together = np.cumsum((missed * weight)[::-1], axis=0)[::-1] / known
    contradicts = np.abs(together) > limits.consistent_coarse
    low, high = (
        np.where(contradicts, value + (together + side * limits.coverage) / known, np.nan)
        for side in (-1, 1)
    )
    return np.fmin.reduce(low), np.fmax.reduce(high)
