"""Thresholds: for each that `numerics` uses, something changes if it is halved, or doubled.

A case gives a number, or how often something is found in a sweep across the threshold. The
thresholds of refinement and measurement are held by the tests of those folders.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.diverging import detect_diverging
from checkgrad.numerics.detectors.hidden import detect_below_noise, detect_hidden
from checkgrad.numerics.detectors.jump import detect_jump
from checkgrad.numerics.detectors.kink import find_kinks
from checkgrad.numerics.detectors.one_sided import detect_one_sided
from checkgrad.numerics.detectors.staircase import without_plateaus
from checkgrad.numerics.estimate import _clearer, estimate
from checkgrad.numerics.fit import limit_at_zero
from checkgrad.numerics.limit import Limit
from checkgrad.numerics.noise_model import largest_cancellation_noise
from checkgrad.numerics.quotients import Quotients, central_quotients, with_shown_noise
from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import Thresholds, thresholds, varied
from checkgrad.precision import DOUBLE

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]
Case = Callable[[SimpleNamespace], Any]

R = 2.0**-10  # the rtol of `decided`
SWEEP = [2.0 ** (k / 2 + 1 / 4) for k in range(-4, 4)]  # factors around a threshold
CASES: dict[str, Case] = {}


@pytest.fixture(scope="module")
def make(
    samples_of: Make, evidence_of: Make, estimate_with: Make, decided: Make
) -> SimpleNamespace:
    return SimpleNamespace(
        samples=samples_of, evidence=evidence_of, estimate=estimate_with, decided=decided
    )


def case(*names: str) -> Callable[[Case], Case]:
    def add(function: Case) -> Case:
        CASES.update(dict.fromkeys(names, function))
        return function

    return add


def steps(count: int) -> Floats:
    return np.ldexp(1.0, -np.arange(count))


def limit(value: float, uncertainty: float = 0.0) -> Limit:
    return Limit.of(*(np.array([part]) for part in (value, uncertainty, uncertainty, 1.0)))


def quotients(values: Floats, sigma: float = 1e-6) -> Quotients:
    column = np.asarray(values, float)[:, None]
    length = steps(column.size)[:, None]
    return Quotients(length, column, np.full_like(length, sigma), np.zeros(1))


def numbers_of(found: Limit) -> list[float]:
    return [float(part[0]) for part in (found.value, found.uncertainty, found.step)]


def with_misses(at: list[int], sigmas: float) -> list[float]:
    """The limit of a constant whose quotients at some steps are off by `sigmas`."""
    values = np.zeros(16)
    values[at] = sigmas * 1e-6 / steps(16)[at]
    return numbers_of(limit_at_zero(quotients(values), 2))


# Samples, quotients and fits


@case("rounding_sigma")
def _(make: SimpleNamespace) -> Any:
    return float(make.samples(lambda t: 1 + t).sigma_of())


@case("coverage")
def _(make: SimpleNamespace) -> Any:
    return numbers_of(limit_at_zero(quotients(1 + steps(8) ** 2), 2))


@case("max_degree", "spare_steps")
def _(make: SimpleNamespace) -> Any:
    return [
        numbers_of(limit_at_zero(quotients(np.cos(speed * steps(count)), sigma), 2))
        for speed in (1, 5, 20)
        for count in (6, 8, 16)
        for sigma in (1e-3, 1e-9)
    ]


@case("consistent_fine")
def _(make: SimpleNamespace) -> Any:
    return [with_misses([8, 9], 6 * factor) for factor in SWEEP]


@case("consistent_coarse", "coarse_weight")
def _(make: SimpleNamespace) -> Any:
    return [with_misses([at], 4 * factor) for factor in SWEEP for at in (1, 2, 3, 4)]


@case("outlier")
def _(make: SimpleNamespace) -> Any:
    return [with_misses([9], 30 * factor) for factor in SWEEP]


def shown(scatter: Any) -> float:
    scatter = np.asarray(scatter, float)
    signs = (-1.0) ** np.arange(scatter.size)
    values = np.concatenate([[0.0], np.cumsum(signs * scatter / steps(scatter.size + 1)[1:])])
    return float(with_shown_noise(quotients(values)).sigma[0, 0])


@case("many_steps")
def _(make: SimpleNamespace) -> Any:
    return [shown([1.0] * count) for count in (8, 16)]


@case("finest_steps", "scatter_finest_steps")
def _(make: SimpleNamespace) -> Any:
    rng = np.random.default_rng(0)
    return [shown(rng.uniform(1, 2, size=16)) for _ in range(8)]


@case("noise_stays:scatter")
def _(make: SimpleNamespace) -> Any:
    return [shown([1e12 * (3 * factor) ** -k for k in range(16)]) for factor in SWEEP]


@case("cancelled_digits")
def _(make: SimpleNamespace) -> Any:
    return float(largest_cancellation_noise(DOUBLE, 1.0))


# Estimates


@case("one_sided_gain")
def _(make: SimpleNamespace) -> Any:
    return [numbers_of(_clearer(limit(1.0, 4 * f), limit(1.5, 1.0)))[0] for f in SWEEP]


@case("near")
def _(make: SimpleNamespace) -> Any:
    return float(estimate(make.samples(lambda t: t**2, steps(9))).nearby_slope[0])


@case("narrowest_feature:near")
def _(make: SimpleNamespace) -> Any:
    return float(
        estimate(make.samples(lambda t: t**2, steps(9), scale_is_guess=True)).nearby_slope[0]
    )


# Detectors


def is_kink(samples: Any, uncertainty: float = 0.0) -> bool:
    sides = limit(1.0, uncertainty), limit(-1.0, uncertainty)
    return bool(find_kinks(samples, central_quotients(samples), limit(0.0), *sides)[0])


@case("stands_out")
def _(make: SimpleNamespace) -> Any:
    return [
        bool(
            detect_below_noise(make.evidence(make.samples(np.sign, steps(2), sigma=f / 8))).seen[0]
        )
        for f in SWEEP
    ]


@case("safety:kink")
def _(make: SimpleNamespace) -> Any:
    return [is_kink(make.samples(np.abs), factor / 5) for factor in SWEEP]


@case("kink_steps")
def _(make: SimpleNamespace) -> Any:
    return [is_kink(make.samples(np.abs, steps(count))) for count in (5, 9)]


@case("above_finest")
def _(make: SimpleNamespace) -> Any:
    samples = make.samples(np.abs, steps(14))
    samples.forward_values[7] = -samples.forward_values[7]
    return is_kink(samples)


def is_jump(make: SimpleNamespace, height: float, last: float = 1.0, count: int = 9) -> bool:
    samples = make.samples(lambda t: 1 + height * (t > 0), steps(count), epsilon=2.0**-20)
    samples.forward_values[-1] = 1 + last * height
    return bool(detect_jump(make.evidence(samples)).seen[0])


@case("finest_steps:jump")
def _(make: SimpleNamespace) -> Any:
    return [is_jump(make, 1.0, count=count) for count in (5, 8)]


@case("jump_constancy")
def _(make: SimpleNamespace) -> Any:
    return [is_jump(make, 1.0, last=1 + factor / 10) for factor in SWEEP]


@case("rounding_epsilons:jump")
def _(make: SimpleNamespace) -> Any:
    return [is_jump(make, 100 * factor * 2.0**-20) for factor in SWEEP]


def cleaned(make: SimpleNamespace, last: int, value: float = 0.0, **options: Any) -> Any:
    """The noise, and whether there is a staircase, of a func linear down to 2**-last."""

    def curve(t: Floats) -> Floats:
        return value + np.where(np.abs(t) >= 2.0**-last, t, 0.0)

    found, is_quantised = without_plateaus(make.samples(curve, steps(16), **options))
    return float(found.sigma[0]), bool(is_quantised[0])


@case("plateau_range")
def _(make: SimpleNamespace) -> Any:
    return [cleaned(make, last, scale=0.0)[1] for last in range(5, 13)]


@case("plateau_epsilons")
def _(make: SimpleNamespace) -> Any:
    return [cleaned(make, 4, epsilon=2.0**-power)[1] for power in range(4, 14)]


@case("plateau_range_if_cancelled")
def _(make: SimpleNamespace) -> Any:
    return [cleaned(make, last, 2.0**14, sigma=1e-9)[1] for last in range(1, 8)]


@case("jump_reach")
def _(make: SimpleNamespace) -> Any:
    return cleaned(make, 10)[0]


@case("stands_out:quantum")
def _(make: SimpleNamespace) -> Any:
    return [cleaned(make, 10, sigma=factor * 2.0**-10 / 8)[1] for factor in SWEEP]


def diverging(make: SimpleNamespace, farther: float, at: int = 3, best: float = 1.0) -> Any:
    """For slopes of 1 at the two finest steps, 2**-9 and 2**-8, and another one farther off."""
    samples = make.samples(lambda t: 0 * t, steps(10), sides="right")
    slopes = {at: farther, 8: 1.0, 9: 1.0}
    for index, slope in slopes.items():
        samples.forward_values[index] = slope * samples.forward[index]
    found = detect_diverging(make.evidence(samples, samples=samples, best=limit(best)))
    return bool(found.seen[0]), float(found.undetectable_slope[0])


@case("diverging_growth")
def _(make: SimpleNamespace) -> Any:
    return [diverging(make, factor / 1.5) for factor in SWEEP]


@case("above_finest:diverging")
def _(make: SimpleNamespace) -> Any:
    return [diverging(make, 0.5, at) for at in range(1, 7)]


@case("diverging_far")
def _(make: SimpleNamespace) -> Any:
    return [diverging(make, 0.1, best=factor / 4) for factor in SWEEP]


def one_sided(make: SimpleNamespace, right: float) -> Any:
    samples = make.samples(lambda t: t, [1.0, 0.5])
    evidence = make.evidence(samples, right=limit(right, 1.0), left=limit(0.0, 1.0))
    found = detect_one_sided(dataclasses.replace(evidence, best=limit(0.0, 0.0)))
    return float(found.one_sided_low[0]), float(found.one_sided_high[0])


@case("one_sided_range")
def _(make: SimpleNamespace) -> Any:
    return one_sided(make, 0.5)


@case("safety:one_sided")
def _(make: SimpleNamespace) -> Any:
    return one_sided(make, 100.0)


def hidden(make: SimpleNamespace, best: Limit, **options: Any) -> float:
    samples = make.samples(lambda t: 0 * t, steps(2), sigma=2.0**-20, **options)
    return float(detect_hidden(make.evidence(samples, best=best)).undetectable_slope[0])


@case("narrowest_feature")
def _(make: SimpleNamespace) -> Any:
    return hidden(make, limit(0.0, 1.0))


@case("small_coordinate")
def _(make: SimpleNamespace) -> Any:
    return [hidden(make, limit(1.0), scale=factor / 16) for factor in SWEEP]


@case("coverage:small_coordinate")
def _(make: SimpleNamespace) -> Any:
    return hidden(make, limit(1.0), scale=2.0**-8)


# Decisions


def verdict(
    make: SimpleNamespace, claim: Any, value: Any, uncertainty: Any = 0.0, **others: Any
) -> Any:
    return make.decided(claim, make.estimate(value, uncertainty, **others)).verdict


@case("safety")
def _(make: SimpleNamespace) -> Any:
    return [verdict(make, 2.0, 1.0, factor / 5) for factor in SWEEP]


@case("wrong_margin")
def _(make: SimpleNamespace) -> Any:
    return [verdict(make, 1.0, 1 - 1.5 * R * factor) for factor in SWEEP]


@case("agreement")
def _(make: SimpleNamespace) -> Any:
    return [verdict(make, 1.0, 1 - R * f / 10, math.inf, rounding=0.0) for f in SWEEP]


@case("negligible")
def _(make: SimpleNamespace) -> Any:
    entries = [[1.0, factor / 100] for factor in SWEEP]
    return [verdict(make, entry, entry, [0.0, R], rounding=1.0) for entry in entries]


def with_excused(make: SimpleNamespace, excused: int, off: float) -> Any:
    """Some claims that one side excuses, by 1, and another claim that is off by more."""
    nowhere = np.full(excused + 1, math.nan)
    low, high = nowhere.copy(), nowhere.copy()
    low[:-1], high[:-1] = 0.5, 1.5
    claim = np.append(np.ones(excused), 2 + off)
    return verdict(make, claim, np.full(excused + 1, 2.0), one_sided=(low, high))


@case("one_sided_directions")
def _(make: SimpleNamespace) -> Any:
    return [with_excused(make, excused, 1.5) for excused in (2, 4)]


@case("one_sided_excess")
def _(make: SimpleNamespace) -> Any:
    return [with_excused(make, 4, 2 * factor) for factor in SWEEP]


def field_of(name: str) -> str:
    """Return the threshold of a case: its name, or what comes before the use that it is about."""
    return name.partition(":")[0]


def outcome(name: str, make: SimpleNamespace, value: Any) -> Any:
    with varied(**{field_of(name): value}), np.errstate(all="ignore"):
        return CASES[name](make)


@pytest.mark.parametrize("name", CASES)
def test_half_and_twice_a_threshold_change_what_is_found(name: str, make: SimpleNamespace) -> None:
    value = getattr(thresholds(), field_of(name))
    half = max(1, value // 2) if isinstance(value, int) else value / 2
    as_it_is = outcome(name, make, value)
    assert outcome(name, make, half) != as_it_is
    assert outcome(name, make, value * 2) != as_it_is


# The container


def test_every_threshold_is_described_once() -> None:
    classes = [each for each in reversed(Thresholds.__mro__) if dataclasses.is_dataclass(each)]
    text = "\n".join(each.__doc__ or "" for each in classes)
    described = re.findall(r"^    (\w[\w, ]*) : ", text, flags=re.MULTILINE)
    names = [name for line in described for name in line.split(", ")]
    assert names == [field.name for field in dataclasses.fields(Thresholds)]


def test_values_are_in_force_inside_of_the_context_only() -> None:
    before = thresholds()
    with varied(safety=10.0) as outer:
        assert thresholds() is outer
        assert outer == dataclasses.replace(before, safety=10.0)
        with varied(coverage=1.0):
            assert (thresholds().safety, thresholds().coverage) == (10.0, 1.0)
        assert thresholds() is outer
    assert thresholds() is before


def test_values_are_reset_after_an_exception() -> None:
    before = thresholds()
    with pytest.raises(ZeroDivisionError), varied(safety=10.0):
        raise ZeroDivisionError
    assert thresholds() is before


def test_unknown_thresholds_are_refused() -> None:
    with pytest.raises(TypeError, match="no_such"), varied(no_such=1.0):
        pass
