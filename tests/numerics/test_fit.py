"""The limit of quotients at step zero: against a plain fit of every window, and exact cases."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.fit import _consistent, _windows, limit_at_zero
from checkgrad.numerics.limit import Limit
from checkgrad.numerics.quotients import Quotients
from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds

pytestmark = pytest.mark.numpy


def quotients_of(values: Any, steps: Any, sigma: Any = 0.0, shared: float = 0.0) -> Quotients:
    """Quotients of one direction, or of several if `values` has two axes."""
    values = np.asarray(values, float)
    values = values[:, None] if values.ndim == 1 else values

    def like_values(numbers: Any) -> Floats:
        numbers = np.asarray(numbers, float)
        numbers = numbers[:, None] if numbers.ndim == 1 else numbers
        return np.where(np.isfinite(values), np.broadcast_to(numbers, values.shape), np.nan)

    return Quotients(
        like_values(steps), values, like_values(sigma), np.full(values.shape[1], shared)
    )


def limit(quotients: Quotients, order: int) -> Limit:
    with np.errstate(all="ignore"):
        return limit_at_zero(quotients, order)


# A plain fit


def consistent(missed: Floats, weight: Floats) -> bool:
    limits = thresholds()
    coarse = missed[weight > np.max(weight) / limits.coarse_weight]
    *_, second, worst = sorted(missed)
    return bool(
        np.max(coarse) <= limits.consistent_coarse
        and second <= limits.consistent_fine
        and worst <= limits.outlier
    )


def plain_pair(h: Floats, d: Floats, s: Floats, order: int) -> tuple[float, float, float] | None:
    """Value, uncertainty and rounding from the two coarsest steps; None if a finer one differs."""
    ratio = (h[1] / h[0]) ** order
    value = d[1] + (d[1] - d[0]) * ratio / (1 - ratio)
    noise = thresholds().coverage * s / h
    error = (abs(value - d[0]) + noise[0]) * (h / h[0]) ** order
    if not consistent((np.abs(d - value) - error) * h / s, h / s):
        return None
    return value, abs(value - d[1]) + noise[1], noise[1]


def plain_fit(
    h: Floats, d: Floats, s: Floats, shared: float, order: int, degree: int
) -> tuple[float, float, bool]:
    """Value, rounding and whether it may be used."""
    limits, terms = thresholds(), degree + 1
    weight = h / s
    if h.size < terms + limits.spare_steps:
        return d[0] + float(np.sum((weight / np.max(weight)) ** 2 * (d - d[0]))), math.nan, False
    design = ((h / h[0]) ** order)[:, None] ** np.arange(terms)
    weighted = weight[:, None] * design
    length = np.sqrt(np.sum(weighted**2, axis=0))
    normal = (weighted / length).T @ (weighted / length) + 1e-14 * np.eye(terms)  # the ridge
    solve = np.linalg.inv(normal) / length[:, None] / length @ weighted.T
    coefficients, common = solve @ (weight * (d - d[0])), solve @ (weight / h)
    missed = np.abs(design @ coefficients - (d - d[0])) * weight
    excess = math.sqrt(max(1.0, np.sum(missed**2) / (h.size - terms)))
    deviation = math.sqrt(np.linalg.inv(normal)[0, 0]) / length[0]
    rounding = limits.coverage * math.hypot(deviation * excess, shared * common[0])
    return d[0] + coefficients[0], rounding, consistent(missed, weight)


def plain_limit(
    h: Floats, d: Floats, s: Floats, shared: float, order: int
) -> tuple[float, float, float, float]:
    """The limit for one direction, window by window, with normal equations."""
    limits = thresholds()
    finite = np.isfinite(d)
    h, d, s = h[finite], d[finite], s[finite]
    found = [(d[-1], math.inf, limits.coverage * s[-1] / h[-1], h[-1])]
    for k in range(h.size - 1):
        pair = plain_pair(h[k:], d[k:], s[k:], order)
        found += [] if pair is None else [(*pair, h[k])]
    for degree in range(limits.max_degree + 1):
        for k in range(h.size):
            value, rounding, usable = plain_fit(h[k:], d[k:], s[k:], shared, order, degree)
            if not usable:
                continue
            higher, _, too = plain_fit(h[k:], d[k:], s[k:], shared, order, degree + 1)
            half = int(np.sum(h > 0.75 * h[k]))
            halved, _, _ = plain_fit(h[half:], d[half:], s[half:], shared, order, degree)
            change = max(abs(value - halved), abs(value - higher) if too else 0.0)
            found.append((value, rounding + change, rounding, h[k]))
    return min(found, key=lambda each: each[1])


def curve(kind: str, h: Floats, rng: np.random.Generator, order: int) -> Floats:
    z = h**order
    return {
        "constant": 2 + 0 * h,
        "line": 2 + rng.normal() * z,
        "polynomial": np.polynomial.polynomial.polyval(z, rng.normal(size=5)),
        "exponential": np.exp(rng.normal() * 2 * z),
        "bend": 1 + z + 5 * np.maximum(h - 0.02, 0),
        "feature": 1 + z / (z + 1e-3),
        "wave": np.sin(40 * h) / (40 * h),
    }[kind]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "kind", ["constant", "line", "polynomial", "exponential", "bend", "feature", "wave"]
)
def test_the_limit_is_that_of_a_plain_fit_of_every_window(kind: str, order: int) -> None:
    rng = np.random.default_rng(order)
    for spacing, count, shared, sigma in [
        (1, 16, 0.0, 1e-6),
        (1, 12, 1.0, 1e-3),
        (0.37, 16, 0.5, 1e-9),
        (2, 7, 3.0, 1e-6),
    ]:
        steps = np.exp2(-spacing * np.arange(count))
        noise = sigma * np.where(rng.uniform(size=count) < 0.3, rng.uniform(1, 20), 1.0)
        columns = [
            curve(kind, steps, rng, order) + noise / steps * rng.normal(size=count)
            for _ in range(3)
        ]
        columns[1][5:] = np.nan
        columns[2][3:] = np.nan
        found = limit(quotients_of(np.stack(columns, axis=1), steps, noise, shared * sigma), order)
        for index, column in enumerate(columns):
            wanted = plain_limit(steps, column, noise, shared * sigma, order)
            got = [
                float(getattr(found, name)[index])
                for name in ("value", "uncertainty", "rounding", "step")
            ]
            assert got[1:] == pytest.approx(wanted[1:], rel=3e-2)
            assert abs(got[0] - wanted[0]) <= 3e-2 * min(wanted[1], 1e-3)


# Exact cases


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_polynomials_without_noise_are_exact(degree: int, order: int) -> None:
    steps = np.ldexp(1.0, -np.arange(degree + 4))  # one more than the spare steps: half a step
    values = 3 + sum((2 + k) * steps ** (order * k) for k in range(1, degree + 1)) + 0 * steps
    found = limit(quotients_of(values, steps, 1e-6), order)
    assert found.value[0] == pytest.approx(3, abs=1e-6)
    assert found.uncertainty[0] < 1e-3


def test_a_single_step_gives_its_value_with_unknown_truncation() -> None:
    found = limit(quotients_of([5.0], [0.25], 0.5), 2)
    assert (found.value[0], found.uncertainty[0]) == (5.0, math.inf)
    assert (found.rounding[0], found.step[0]) == (6.0, 0.25)


def test_of_several_directions_one_may_have_a_single_step_or_none() -> None:
    nan = math.nan
    values = np.array([[5.0, 7.0, nan], [5.0, nan, nan]])
    found = limit(quotients_of(values, [0.5, 0.25], 0.5), 2)
    assert found.value[:2].tolist() == [5.0, 7.0]
    assert math.isnan(found.value[2])
    assert math.isfinite(found.uncertainty[0])
    assert found.uncertainty[1:].tolist() == [math.inf, math.inf]
    assert found.rounding[1] == 3.0
    assert found.step[1] == 0.5


@pytest.mark.parametrize(("order", "value"), [(1, 1.0), (2, 5 / 3)])
def test_two_steps_are_extrapolated(order: int, value: float) -> None:
    """Richardson: the error falls by 2**order; the uncertainty is what extrapolation changes."""
    found = limit(quotients_of([3.0, 2.0], [0.5, 0.25], 2.0**-20), order)
    noise = 3 * 2.0**-20 / 0.25
    assert found.value[0] == pytest.approx(value)
    assert found.uncertainty[0] == pytest.approx(abs(value - 2.0) + noise)
    assert found.rounding[0] == noise
    assert found.step[0] == 0.5


@pytest.mark.parametrize("factor", [2.0, 2.0**-30])
def test_the_rounding_part_grows_with_the_noise_and_falls_with_the_step(factor: float) -> None:
    steps = np.ldexp(1.0, -np.arange(8))
    values = 3 + steps**2
    first = limit(quotients_of(values, steps, 1e-6), 2)
    noisier = limit(quotients_of(values, steps, 1e-6 * factor), 2)
    assert noisier.rounding[0] == pytest.approx(first.rounding[0] * factor)
    longer = limit(quotients_of(values, steps * 16, 1e-6), 2)
    assert longer.rounding[0] == pytest.approx(first.rounding[0] / 16)


def test_the_mean_of_equal_steps_has_the_noise_of_a_mean() -> None:
    found = limit(quotients_of([1.0] * 4, [1.0, 1 - 1e-9, 1 - 2e-9, 1 - 3e-9], 0.5), 2)
    assert found.rounding[0] == pytest.approx(3 * 0.5 / math.sqrt(4), rel=1e-6)


def test_the_shared_noise_is_not_averaged_away() -> None:
    steps = np.linspace(1.0, 0.9, 50)
    alone = limit(quotients_of([1.0] * 50, steps, 1e-6), 1)
    shared = limit(quotients_of([1.0] * 50, steps, 1e-6, shared=1e-6), 1)
    assert alone.rounding[0] < 0.5e-6
    assert shared.rounding[0] > 3e-6


def test_a_direction_without_noise_on_each_side_a_noisy_one_changes_nothing() -> None:
    steps = np.ldexp(1.0, -np.arange(12))
    values = np.stack([np.cos(steps), 0 * steps], axis=1)
    sigma = np.stack([np.full(12, 1e-9), np.zeros(12)], axis=1)
    found = limit(quotients_of(values, steps, sigma), 2)
    alone = limit(quotients_of(values[:, 0], steps, 1e-9), 2)
    assert found.value.tolist() == [alone.value[0], 0.0]
    assert found.uncertainty[0] == alone.uncertainty[0]
    assert found.uncertainty[1] == 0.0


# Consistency with the finer steps


@pytest.mark.parametrize(
    ("missed", "agrees"),
    [
        ({0: 4.0}, True),
        ({0: 4.1}, False),
        ({3: 4.0}, True),  # a weight of 1/8 is nearly as much as that of the coarsest
        ({3: 4.1}, False),
        ({4: 30.0}, True),
        ({4: 30.1}, False),
        ({4: 30.0, 9: 6.0}, True),
        ({4: 30.0, 9: 6.1}, False),
        ({9: 30.0, 4: 6.0}, True),
        ({9: 30.0, 4: 6.1}, False),
        ({4: 6.0, 5: 6.0, 6: 6.0}, True),
        ({4: 6.1, 5: 6.1, 6: 1.0}, False),
    ],
)
def test_how_far_a_fit_may_miss_the_finer_steps(missed: dict[int, float], agrees: bool) -> None:
    windows = _windows(quotients_of([0.0] * 12, np.ldexp(1.0, -np.arange(12)), 1e-6), 2)
    distances = np.zeros(windows.weight.shape)
    for index, sigmas in missed.items():
        distances[0, index, 0] = sigmas
    assert _consistent(distances, windows)[0, 0] == agrees


def limit_with_miss(at: int, sigmas: float) -> Limit:
    """The limit of a constant, of which one quotient is off by some standard deviations."""
    steps = np.ldexp(1.0, -np.arange(16))
    values = np.zeros(16)
    values[at] = sigmas * 1e-6 / steps[at]
    return limit(quotients_of(values, steps, 1e-6), 2)


@pytest.mark.parametrize(("sigmas", "coarsest_is_used"), [(20.0, True), (40.0, False)])
def test_one_fine_step_may_miss_by_the_outlier(sigmas: float, coarsest_is_used: bool) -> None:
    assert (limit_with_miss(9, sigmas).step[0] == 1.0) == coarsest_is_used


@pytest.mark.parametrize(("sigmas", "coarsest_is_used"), [(4.0, True), (7.0, False)])
def test_a_fit_that_misses_a_coarse_step_is_refused(sigmas: float, coarsest_is_used: bool) -> None:
    assert (limit_with_miss(1, sigmas).step[0] == 1.0) == coarsest_is_used


def test_a_fit_that_misses_two_finer_steps_has_skipped_a_feature() -> None:
    steps = np.ldexp(1.0, -np.arange(16))
    for sigmas, refused in ((5.0, False), (8.0, True)):
        values = np.zeros(16)
        values[8:10] = sigmas * 1e-6 / steps[8:10]
        found = limit(quotients_of(values, steps, 1e-6), 2)
        assert (found.step[0] < 1.0) == refused


def test_a_narrow_feature_is_not_stepped_over() -> None:
    steps = np.ldexp(1.0, -np.arange(24))
    found = limit(quotients_of(3 + 1.0 / (1 + (steps / 1e-3) ** 2), steps, 1e-12), 2)
    assert found.step[0] < 1e-2
    assert abs(found.value[0] - 4) <= found.uncertainty[0]


@pytest.mark.parametrize("power", [-300, 300])
def test_powers_of_two_scale_the_limit_exactly(power: int) -> None:
    steps = np.ldexp(1.0, -np.arange(16))
    rng = np.random.default_rng(0)
    values = np.cos(steps) + 1e-6 / steps * rng.normal(size=16)
    factor = 2.0**power
    first = limit(quotients_of(values, steps, 1e-6, 1e-6), 1)
    larger = limit(quotients_of(values * factor, steps, 1e-6 * factor, 1e-6 * factor), 1)
    longer = limit(quotients_of(values, steps * factor, 1e-6 * factor, 1e-6 * factor), 1)
    for name in ("value", "uncertainty", "rounding"):
        wanted = getattr(first, name)[0]
        assert getattr(larger, name)[0] == pytest.approx(wanted * factor, rel=1e-13)
        assert getattr(longer, name)[0] == pytest.approx(wanted, rel=1e-13)
    assert longer.step[0] == first.step[0] * factor


# Finer steps that contradict a fit together


def at_odds(deviations: float, sigma: float = 1e-3) -> Limit:
    """Return the limit of quotients of 1, of which those at the finer half of the steps differ.

    The coarsest of these misses 1 by so many standard deviations, and each finer one by half.
    """
    step = np.ldexp(1.0, -np.arange(24))
    finer = step < 2.0**-11
    return limit(quotients_of(np.where(finer, 1 + deviations * sigma * 2**12, 1.0), step, sigma), 2)


@pytest.mark.parametrize("sign", [1, -1])
def test_finer_steps_contradict_a_limit_together_that_none_contradicts_alone(sign: int) -> None:
    """Their mean is 1.15 times as far off as the first of them: it adds a third to its weight."""
    found = at_odds(sign * 3.6)
    assert found.value[0] == pytest.approx(1.0, abs=1e-3)
    middle, error = 1 + sign * 3.6e-3 * 2**12, 1e-3 * 2**12 * math.sqrt(3 / 4)
    coverage = thresholds().coverage
    assert found.finer_low == pytest.approx([middle - coverage * error], rel=1e-3)
    assert found.finer_high == pytest.approx([middle + coverage * error], rel=1e-3)


def test_finer_steps_that_miss_a_limit_by_chance_contradict_nothing() -> None:
    found = at_odds(3.3)
    assert math.isnan(found.finer_low[0])
    assert math.isnan(found.finer_high[0])


@pytest.mark.parametrize("order", [1, 2])
def test_finer_steps_hardly_ever_contradict_a_limit_by_noise(order: int) -> None:
    rng = np.random.default_rng(order)
    step = np.ldexp(1.0, -np.arange(24))[:, None] * np.ones(1000)
    noise = 1e-6 * rng.normal(size=step.shape) / step
    found = limit(quotients_of(np.exp(-(step**order)) + noise, step, 1e-6), order)
    assert np.mean(np.isfinite(found.finer_low)) < 0.01
