"""Thresholds of measurement: for each, something changes if it is halved, or doubled.

A case gives the points asked for, the noise found, or how often something is found in a sweep
across the threshold. tests/numerics and tests/refine hold the other thresholds.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from checkgrad.measure.claim_noise import claim_noise_of
from checkgrad.measure.input_rounding import rounds_input
from checkgrad.measure.noise import Noise, measure_noise, measure_noise_farther
from checkgrad.measure.repeatability import is_noisy, is_repeatable
from checkgrad.numerics.thresholds import thresholds, varied

Make = Callable[..., Any]
Case = Callable[[Make], Any]

DOUBLE, SINGLE = 2.0**-52, 2.0**-23
SWEEP = [2.0 ** (k / 2 + 1 / 4) for k in range(-4, 4)]  # factors around a threshold
CASES: dict[str, Case] = {}


def case(*names: str) -> Callable[[Case], Case]:
    def add(function: Case) -> Case:
        CASES.update(dict.fromkeys(names, function))
        return function

    return add


def pseudo_noise(x: Any) -> float:
    """Return a number between -1/2 and 1/2 that any other x changes."""
    return zlib.crc32(np.asarray(x, dtype=np.float64).tobytes()) / 2**32 - 0.5


def measured(make_near: Make, function: Any, x0: float = 1.0) -> Noise:
    near, _ = make_near(function, np.asarray([x0]))
    return measure_noise(near, np.asarray([DOUBLE]))


def farther(make_near: Make, function: Any, x0: float = 1.0, **known: Any) -> tuple[Noise, float]:
    """Return the noise farther away, and how far the points are from x0 at most."""
    near, func = make_near(function, np.asarray([x0]))
    noise = Noise.assumed(np.zeros(1), np.asarray([DOUBLE]))
    noise = replace(noise, **{name: np.asarray([value]) for name, value in known.items()})
    found = measure_noise_farther(near, noise, [0])
    return found, float(np.max(np.abs(np.asarray(func.points) - x0)))


def sigma_farther(make_near: Make, function: Any, **known: Any) -> float:
    found, _ = farther(make_near, function, **known)
    return float(found.sigma[0])


# Points next to x0


@case("noise_points", "noise_spacing")
def _(make_near: Make) -> Any:
    near, func = make_near(lambda x: x[0], np.ones(1))
    near.along_line(DOUBLE)
    return sorted(abs(float(point[0]) - 1) for point in func.points)


# Noise next to x0


@case("noisy_epsilons")
def _(make_near: Make) -> Any:
    return [
        is_noisy(np.ones(1), np.asarray([16 * f * DOUBLE]), np.asarray([DOUBLE])) for f in SWEEP
    ]


@case("negligible:jump")
def _(make_near: Make) -> Any:
    def jump(height: float) -> Any:
        return lambda x: x[0] + 1e-9 * pseudo_noise(x) + height * (x[0] > 1)

    heights = 1e-9 * np.exp2(np.arange(3, 12))
    return [float(measured(make_near, jump(height)).sigma[0]) for height in heights]


@case("too_regular")
def _(make_near: Make) -> Any:
    # Twelve units of change, and noise of a deviation of size / sqrt(12).
    sizes = [6 * DOUBLE / 64 * 12**0.5 * factor for factor in SWEEP]
    rough = [lambda x, s=size: (x[0] - 1) + s * pseudo_noise(x) * (x[0] != 1) for size in sizes]
    return [bool(measured(make_near, function).regular_change[0] > 0) for function in rough]


@case("mostly_unchanged")
def _(make_near: Make) -> Any:
    def two_of_seven(x: Any) -> Any:
        return 1.0 if 1 <= x[0] < 1 + 3 * DOUBLE else x[0]

    return [
        measured(make_near, function).no_change.tolist()
        for function in (two_of_seven, lambda x: 3.0)
    ]


# Noise farther away


@case("farther_epsilon")
def _(make_near: Make) -> Any:
    near, func = make_near(lambda x: x[0], np.ones(1))
    noise = replace(Noise.assumed(np.zeros(1), np.asarray([DOUBLE])), regular_change=np.ones(1))
    measure_noise_farther(near, noise, [0])
    return abs(float(func.points[0][0]) - 1)


@case("farther_digits")
def _(make_near: Make) -> Any:
    return farther(make_near, lambda x: x[0])[1]


@case("far_away")
def _(make_near: Make) -> Any:
    return farther(make_near, lambda x: 3.0, no_change=True)[1]


@case("slope_epsilons")
def _(make_near: Make) -> Any:
    def rough(x: Any) -> Any:
        return (x[0] - 1) * (1 + 1e-9 * pseudo_noise(x))

    return float(farther(make_near, rough)[0].slope[0])


@case("in_proportion")
def _(make_near: Make) -> Any:
    found = []
    for factor in SWEEP:  # how much larger noise over distance is at the shortest distance

        def rough(x: Any, factor: float = factor) -> Any:
            far = abs(x[0] - 1)
            noise = far * 1e-9 * pseudo_noise(x) * (16 * factor if far < 2.0**-27 else 1)
            return 2.0**-20 + noise  # no zero: only this line is looked at

        found.append(float(farther(make_near, rough)[0].slope[0]) > 0)
    return found


@case("coefficient_epsilons:quanta")
def _(make_near: Make) -> Any:
    def in_quanta(sigma: float) -> Any:
        return lambda x: 1 + 2.0**-40 * round(sigma * 12**0.5 * pseudo_noise(x))

    found = [farther(make_near, in_quanta(2**10 * f), no_change=True)[0] for f in SWEEP]
    return [bool(each.terms[0] > 0) for each in found]


@case("noise_stays")
def _(make_near: Make) -> Any:
    def growing(power: float) -> Any:
        return lambda x: 1 + 1e-9 * pseudo_noise(x) * (abs(x[0] - 1) * 2.0**30) ** power

    return [
        sigma_farther(make_near, growing(power), no_change=True) for power in np.linspace(0, 1, 21)
    ]


@case("louder_farther")
def _(make_near: Make) -> Any:
    def rough(x: Any) -> Any:
        return x[0] + 1e-9 * pseudo_noise(x) * (x[0] != 1)

    found = sigma_farther(make_near, rough, no_change=True)
    return [sigma_farther(make_near, rough, sigma=found / 5 * factor) for factor in SWEEP]


# Rounding of the input


def cast(x: Any) -> float:
    return float(np.float32(x[0]))


def units_off(x: Any) -> float:
    """Return how many units of float32 x is away from 1, which has larger units above it."""
    return float(abs(x[0] - 1) / SINGLE)


def rounds(make_near: Make, function: Any) -> bool:
    near, _ = make_near(function, np.ones(1))
    return bool(rounds_input(near, SINGLE, DOUBLE, np.ones(1, dtype=bool))[0])


@case("rounded_away")
def _(make_near: Make) -> Any:
    def moves(x: Any, from_: float) -> float:  # next to x0 only
        return x[0] if from_ < units_off(x) < 0.5 else cast(x)

    return [rounds(make_near, lambda x, f=f: moves(x, 0.125 * f)) for f in SWEEP]


@case("rounded_away:farther")
def _(make_near: Make) -> Any:
    def moves(x: Any, from_: float) -> float:  # next to the number that is 16 units away
        return x[0] if from_ < abs(units_off(x) - 16) < 0.5 else cast(x)

    return [rounds(make_near, lambda x, f=f: moves(x, 0.125 * f)) for f in SWEEP]


@case("units_seen")
def _(make_near: Make) -> Any:
    slope = 100 * DOUBLE / (8 * SINGLE)
    return [rounds(make_near, lambda x, f=f: 1 + slope * f * (cast(x) - 1)) for f in SWEEP]


@case("disproportion")
def _(make_near: Make) -> Any:
    def one_unit(x: Any, part: float) -> float:
        units = round((cast(x) - 1) / SINGLE)
        return 1 + SINGLE * (units if abs(units) != 1 else units * part)

    return [rounds(make_near, lambda x, f=f: one_unit(x, f / 3)) for f in SWEEP]


@case("coarser_numbers")
def _(make_near: Make) -> Any:
    def moves(x: Any, count: int) -> float:
        return x[0] if 0.1 < abs(units_off(x) - count) < 0.4 else cast(x)

    return [rounds(make_near, lambda x, k=count: moves(x, 8 * k)) for count in (2, 5, 10, 15)]


# The same again


def repeatable(epsilon: float, off: float) -> bool:
    return bool(is_repeatable(np.ones(1), np.asarray([1 + off]), np.asarray([epsilon]))[0])


@case("rounding_epsilons")
def _(make_near: Make) -> Any:
    return [repeatable(DOUBLE, 100 * DOUBLE * factor) for factor in SWEEP]


@case("repeatable_at_most")
def _(make_near: Make) -> Any:
    return [repeatable(2.0**-20, 1e-5 * factor) for factor in SWEEP]


@case("noise_points:claim")
def _(make_near: Make) -> Any:
    near, _ = make_near(lambda x: x[0], np.ones(1))
    calls = []

    def gradients(leaves: Any, outputs: Any, passing: bool) -> Any:
        calls.append(leaves)
        return [np.ones(1)]

    claim = SimpleNamespace(gradients=gradients, epsilon=DOUBLE, input_epsilon=0.0)
    along = SimpleNamespace(claim=np.ones(1), claimed_by=lambda gradient: gradient)
    claim_noise_of(near, claim, [along], False)(0)
    return len(calls)


def field_of(name: str) -> str:
    """Return the threshold of a case: its name, or what comes before the use that it is about."""
    return name.partition(":")[0]


def outcome(name: str, make_near: Make, value: Any) -> Any:
    with varied(**{field_of(name): value}), np.errstate(all="ignore"):
        return CASES[name](make_near)


def times(value: Any, factor: float) -> Any:
    if isinstance(value, tuple):
        return tuple(factor * each for each in value)
    return int(value * factor) if isinstance(value, int) else value * factor


@pytest.mark.parametrize("name", CASES)
def test_half_and_twice_a_threshold_change_what_is_found(name: str, make_near: Make) -> None:
    value = getattr(thresholds(), field_of(name))
    as_it_is = outcome(name, make_near, value)
    assert outcome(name, make_near, value) == as_it_is
    assert outcome(name, make_near, times(value, 0.5)) != as_it_is
    assert outcome(name, make_near, times(value, 2)) != as_it_is
