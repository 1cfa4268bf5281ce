"""Diverging slopes: one-sided slopes that grow towards x0."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.diverging import detect_diverging
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.limit import Limit
from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import varied

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]

SMOOTH = [np.exp, np.sin, lambda t: 1 / (1 + 25 * (t - 0.1) ** 2), np.abs, lambda t: 0 * t]


@pytest.mark.parametrize("sides", ["both", "right", "left"])
def test_a_slope_that_grows_towards_x0_diverges(
    sides: str, samples_of: Make, evidence_of: Make
) -> None:
    for curve in (lambda t: np.abs(t) ** 0.5, lambda t: 2 * t - np.abs(t) ** 0.5):
        finding = detect_diverging(evidence_of(samples_of(curve, sides=sides)))
        assert finding.kind is Kind.DIVERGING
        assert finding.seen.tolist() == [True]
        assert not np.any(finding.blocks_wrong | finding.blocks_correct)
    for curve in SMOOTH:
        assert not detect_diverging(evidence_of(samples_of(curve, sides=sides))).seen[0]


def limit(value: float) -> Limit:
    return Limit.of(*(np.array([part]) for part in (value, 0.0, 0.0, 1.0)))


def by_step(slopes: dict[int, float]) -> Callable[[Floats], Floats]:
    """A func with the given slopes over the steps 2**-index, else 0."""

    def curve(t: Floats) -> Floats:
        index = np.round(-np.log2(np.where(t == 0, 1, np.abs(t)))).astype(int)
        return np.asarray(t * np.vectorize(lambda k: slopes.get(int(k), 0.0))(index))

    return curve


@pytest.fixture(scope="module")
def found(samples_of: Make, evidence_of: Make) -> Callable[..., Finding]:
    """The finding for slopes over the steps 1, 1/2, ..., 2**-9."""

    def make(
        slopes: dict[int, float],
        best: float = 1.0,
        last: int = 9,
        value: float = 0.0,
        **options: Any,
    ) -> Finding:
        curve = by_step(slopes)
        steps = np.ldexp(1.0, -np.arange(last + 1))
        samples = samples_of(lambda t: value + curve(t), steps, **options)
        return detect_diverging(evidence_of(samples, best=limit(best)))

    return make


@pytest.mark.parametrize("sides", ["both", "right", "left"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_slope_grows_by_half_over_a_factor_of_64(found: Make, sides: str, sign: float) -> None:
    """The finest step is 2**-9; 2**-3 and longer ones are 64 times as long."""
    options = {"sides": sides}
    for farther, seen in ((1.0, False), (0.98, True), (-0.98, True), (-1.0, False)):
        slopes = {3: sign * farther, 8: sign * 1.5, 9: sign * 1.5}
        assert found(slopes, **options).seen[0] == seen
        # A longer step counts too, a shorter one does not.
        slopes = {0: sign * farther, 4: 9.0, 8: sign * 1.5, 9: sign * 1.5}
        assert found(slopes, **options).seen[0] == seen
    with varied(diverging_growth=1.4):
        assert found({3: 1.0, 8: 1.5, 9: 1.5}).seen[0]
    with varied(above_finest=32.0):
        assert not found({3: 0.9, 4: 1.1, 8: 1.5, 9: 1.5}).seen[0]
    with varied(above_finest=128.0):
        assert found({2: 0.9, 3: 1.1, 8: 1.5, 9: 1.5}).seen[0]


@pytest.mark.parametrize("power", [-10, 10])
def test_a_slope_of_any_size_may_diverge(power: int, found: Make) -> None:
    factor = 2.0**power
    for slopes, seen in (({3: 0.9, 8: 1.5, 9: 1.5}, True), ({3: 1e-3, 8: 1.5, 9: -1.5}, False)):
        finding = found({k: factor * slope for k, slope in slopes.items()}, best=0.0)
        assert finding.seen[0] == seen
        assert finding.undetectable_slope.tolist() == [1.5 * factor * seen]


def test_changes_are_those_from_x0(found: Make) -> None:
    slopes = {3: 0.9, 8: 1.5, 9: 1.5}
    assert found(slopes, value=1.0).seen[0]
    assert not found(slopes, value=1.0, sigma=1 / 64).seen[0]
    assert not found({3: 1.1, 8: 1.5, 9: 1.5}, value=-1.0).seen[0]


def test_the_least_of_the_two_finest_slopes_counts(found: Make) -> None:
    assert found({3: 1.0, 8: 2.0, 9: 1.6}).seen[0]
    assert found({3: 1.0, 8: 1.6, 9: 2.0}).seen[0]
    assert not found({3: 1.0, 8: 1.4, 9: 2.0}).seen[0]
    assert not found({3: 1.0, 8: 2.0, 9: 1.4}).seen[0]


def test_the_two_finest_slopes_have_the_same_sign(found: Make) -> None:
    assert not found({3: 1.0, 8: 2.0, 9: -2.0}).seen[0]
    assert not found({3: 1.0, 8: -2.0, 9: 2.0}).seen[0]
    assert found({3: 1.0, 8: -2.0, 9: -2.0}).seen[0]


def test_without_a_slope_farther_off_nothing_diverges(found: Make) -> None:
    assert not found({8: 2.0, 9: 2.0}).seen[0]
    assert not found({2: 0.5, 4: 2.0, 5: 2.0}, last=5).seen[0]


def test_only_what_stands_out_of_the_noise_counts(found: Make) -> None:
    """A change of 2 * 2**-9 is 8 sigma if sigma is 2**-11."""
    slopes = {0: 1.0, 3: 1.0, 7: 2.0, 8: 2.0, 9: 2.0}
    assert found(slopes, sigma=0.9 * 2.0**-11).seen[0]
    # Then 2**-8 is the finest step that counts, and 2**-2 is 64 times as long.
    assert found(slopes, sigma=2.0**-11).seen[0]
    assert not found(slopes | {2: 1.9}, sigma=2.0**-11).seen[0]
    assert found(slopes | {3: 1.9}, sigma=2.0**-11).seen[0]
    # A slope that does not stand out at the step after the finest one counts as 0.
    assert not found(slopes | {8: 2.0**-9}, sigma=2.0**-12).seen[0]
    # Nor does a slope farther off that does not stand out.
    assert not found({3: 2.0**-9, 8: 2.0, 9: 2.0}, sigma=2.0**-12).seen[0]


def test_noise_grows_with_the_values(found: Make) -> None:
    """At the step 1, func is 100 and its rounding error as large as the slopes elsewhere."""
    slopes = {3: 1.0, 8: 2.0, 9: 2.0}
    assert found(slopes, epsilon=2.0**-10).seen[0]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_slope_far_steeper_than_the_estimate_is_undetectable(found: Make, sign: float) -> None:
    slopes = {3: sign, 8: sign * 2.0, 9: sign * 3.0}
    assert found(slopes, best=0.49).undetectable_slope.tolist() == [2.0]
    assert found(slopes, best=-0.49).undetectable_slope.tolist() == [2.0]
    assert found(slopes, best=0.5).undetectable_slope.tolist() == [0.0]
    assert found(slopes, best=-0.5).undetectable_slope.tolist() == [0.0]
    assert found(slopes, best=0.5).seen[0]
    with varied(diverging_far=3.0):
        assert found(slopes, best=0.5).undetectable_slope.tolist() == [2.0]


def test_the_steeper_side_counts(samples_of: Make, evidence_of: Make) -> None:
    right, left = (by_step({3: s, 8: 2 * s, 9: 2 * s}) for s in (1.0, 5.0))
    steps = np.ldexp(1.0, -np.arange(10))
    for first, second in ((right, left), (left, right)):
        samples = samples_of(lambda t, a=first, b=second: np.where(t > 0, a(t), b(t)), steps)
        finding = detect_diverging(evidence_of(samples, best=limit(0.1)))
        assert finding.undetectable_slope.tolist() == [10.0]


def test_steps_without_a_value_are_left_out(found: Make) -> None:
    assert found({2: 1.0, 7: 2.0, 8: 2.0, 9: math.nan}).seen[0]
    assert found({2: math.nan, 3: 1.0, 8: 2.0, 9: 2.0}).seen[0]
    assert not found({2: 1.9, 7: 2.0, 8: 2.0, 9: math.nan}).seen[0]
