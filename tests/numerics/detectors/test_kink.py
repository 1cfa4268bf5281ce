"""Kinks: each condition by itself, on both sides of its threshold."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.detectors.kink import detect_kink, find_kinks
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.limit import Limit
from checkgrad.numerics.quotients import central_quotients
from checkgrad.numerics.samples import Floats, Samples
from checkgrad.numerics.thresholds import varied

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]


def limit(value: float, uncertainty: float = 0.0) -> Limit:
    return Limit.of(*(np.array([part]) for part in (value, uncertainty, uncertainty, 1.0)))


def is_kink(
    samples: Samples,
    right: tuple[float, float] = (1.0, 0.0),
    left: tuple[float, float] = (-1.0, 0.0),
    smooth: tuple[float, float] = (0.0, 0.0),
) -> bool:
    with np.errstate(all="ignore"):
        central = central_quotients(samples)
        return bool(find_kinks(samples, central, limit(*smooth), limit(*right), limit(*left))[0])


@pytest.fixture(scope="module")
def bent(samples_of: Make) -> Samples:
    """The size of t, around x0."""
    return samples_of(np.abs)


@pytest.mark.parametrize(("below", "above"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 3.0), (1.0, -5.0)])
@pytest.mark.parametrize("noise", [0.0, 1e-12])
def test_a_kink_gives_the_range_of_its_one_sided_derivatives(
    below: float, above: float, noise: float, samples_of: Make, evidence_of: Make
) -> None:
    def bend(t: Floats) -> Floats:
        return np.where(t < 0, below * t, above * t) + 0.1 * t**2

    finding = detect_kink(evidence_of(samples_of(bend, noise=noise)))
    assert finding.kind is Kind.KINK
    assert finding.seen.tolist() == [True]
    assert finding.subgradient_low[0] == pytest.approx(min(below, above), abs=1e-6)
    assert finding.subgradient_high[0] == pytest.approx(max(below, above), abs=1e-6)
    assert not np.any(finding.blocks_wrong | finding.blocks_correct)


def test_where_there_is_no_kink_there_is_no_range(samples_of: Make, evidence_of: Make) -> None:
    finding = detect_kink(evidence_of(samples_of(np.exp)))
    assert finding.seen.tolist() == [False]
    assert math.isnan(finding.subgradient_low[0])
    assert math.isnan(finding.subgradient_high[0])


def test_the_range_of_each_direction_is_its_own(evidence_of: Make, samples_of: Make) -> None:
    def limits(*values: float) -> Limit:
        return Limit.of(np.array(values), *(np.zeros(3) for _ in range(3)))

    evidence: Evidence = evidence_of(
        samples_of(np.abs, directions=3),
        right=limits(1.0, -4.0, 9.0),
        left=limits(3.0, -5.0, 9.0),
        has_kink=np.array([True, True, False]),
    )
    finding = detect_kink(evidence)
    np.testing.assert_array_equal(finding.subgradient_low, [1.0, -5.0, math.nan])
    np.testing.assert_array_equal(finding.subgradient_high, [3.0, -4.0, math.nan])


def test_one_sided_derivatives_must_differ_by_many_uncertainties(bent: Samples) -> None:
    """The width is 2, and five times the sum of both uncertainties is needed."""
    assert is_kink(bent, right=(1, 0.19), left=(-1, 0.2))
    assert not is_kink(bent, right=(1, 0.21), left=(-1, 0.2))
    assert not is_kink(bent, right=(1, 0.41), left=(-1, 0.0))
    assert not is_kink(bent, right=(1, 0.0), left=(-1, 0.41))
    with varied(safety=8.0):
        assert not is_kink(bent, right=(1, 0.125), left=(-1, 0.125))  # exactly as far
    with varied(safety=4.0):
        assert is_kink(bent, right=(1, 0.21), left=(-1, 0.2))


def test_the_central_derivative_must_be_half_way(bent: Samples) -> None:
    assert is_kink(bent, smooth=(0.0, 0.0))
    assert not is_kink(bent, smooth=(0.1, 0.0))
    # Five times the three uncertainties: 0.3.
    uncertain: dict[str, Any] = {"right": (1, 0.01), "left": (-1, 0.02)}
    assert is_kink(bent, smooth=(0.29, 0.03), **uncertain)
    assert is_kink(bent, smooth=(-0.29, 0.03), **uncertain)
    assert not is_kink(bent, smooth=(0.31, 0.03), **uncertain)
    assert is_kink(bent, right=(3, 0), left=(1, 0), smooth=(2, 0))
    assert not is_kink(bent, right=(3, 0), left=(1, 0), smooth=(0, 0))


@pytest.mark.parametrize(("scale", "near"), [(2.0**-9, True), (2.0**-10, False)])
def test_a_kink_must_show_no_farther_from_x0_than_the_scale(
    scale: float, near: bool, samples_of: Make
) -> None:
    steps = np.ldexp(1.0, -np.arange(10))  # the finest is 2**-9
    assert is_kink(samples_of(np.abs, steps, scale=scale)) == near


def test_only_steps_with_a_value_count_as_near(samples_of: Make) -> None:
    samples = samples_of(np.abs, np.ldexp(1.0, -np.arange(12)), scale=2.0**-11)
    values = samples.forward_values.copy()
    values[-1] = math.nan
    assert is_kink(samples)
    assert not is_kink(dataclasses.replace(samples, forward_values=values))


def test_a_kink_must_stand_out_of_the_noise_over_the_scale(samples_of: Make) -> None:
    """The width is 2; eight sigma are needed."""
    assert is_kink(samples_of(np.abs, sigma=0.24))
    assert not is_kink(samples_of(np.abs, sigma=0.25))
    assert not is_kink(samples_of(np.abs, sigma=0.24, scale=0.5))


@pytest.mark.parametrize(("count", "seen"), [(8, True), (7, False)])
def test_enough_steps_must_show_a_kink(count: int, seen: bool, samples_of: Make) -> None:
    samples = samples_of(np.abs, np.ldexp(1.0, -np.arange(count)))
    assert is_kink(samples) == seen
    with varied(kink_steps=7):
        assert is_kink(samples)


# The gap some steps above the finest one


def with_gap(samples_of: Make, gaps: dict[int, float], **options: Any) -> Samples:
    """Samples of a kink of width 2 whose gap at some steps, 2**-index, is another."""
    samples = samples_of(np.abs, np.ldexp(1.0, -np.arange(14)), **options)
    values = samples.forward_values.copy()
    for index, gap in gaps.items():
        values[index] = (gap - 1) * samples.forward[index]
    return dataclasses.replace(samples, forward_values=values)


def test_the_gap_must_be_half_open_far_above_the_finest_step(samples_of: Make) -> None:
    """The finest step is 2**-13, and 64 times that 2**-7."""
    assert is_kink(with_gap(samples_of, {7: 1.0}))
    assert not is_kink(with_gap(samples_of, {7: 0.9}))
    assert is_kink(with_gap(samples_of, {7: -1.0}))
    assert is_kink(with_gap(samples_of, {6: 0.0, 8: 0.0, 13: 0.0}))
    with varied(above_finest=32.0):
        assert is_kink(with_gap(samples_of, {7: 0.0}))
        assert not is_kink(with_gap(samples_of, {8: 0.0}))


def test_the_gap_is_looked_at_where_it_stands_out_of_the_noise(samples_of: Make) -> None:
    """A gap of 2 stands out at the step h where 2 * h > 8 * sigma."""
    assert is_kink(with_gap(samples_of, {7: 0.0}, sigma=2.0**-9))
    assert not is_kink(with_gap(samples_of, {6: 0.0}, sigma=2.0**-9))
    assert not is_kink(with_gap(samples_of, {7: 0.0}, sigma=0.9 * 2.0**-9))


def test_if_no_step_is_long_enough_the_longest_is_looked_at(samples_of: Make) -> None:
    with varied(above_finest=2.0**20):
        assert is_kink(with_gap(samples_of, {7: 0.0, 13: 0.0}))
        assert not is_kink(with_gap(samples_of, {0: 0.0}))


def test_each_direction_is_looked_at_where_its_own_gap_is(samples_of: Make) -> None:
    parts = [with_gap(samples_of, {7: 0.0}), with_gap(samples_of, {8: 0.0})]
    parts.append(with_gap(samples_of, {13: math.nan, 7: 0.0}))
    together = dataclasses.replace(
        samples_of(np.abs, np.ldexp(1.0, -np.arange(14)), directions=3),
        forward_values=np.hstack([part.forward_values for part in parts]),
    )

    def limits(value: float) -> Limit:
        return Limit.of(*(np.full(3, part) for part in (value, 0.0, 0.0, 1.0)))

    with np.errstate(all="ignore"):
        central = central_quotients(together)
        found = find_kinks(together, central, limits(0.0), limits(1.0), limits(-1.0))
    assert found.tolist() == [False, True, True]


def test_steps_of_which_one_side_has_no_value_show_no_gap(samples_of: Make) -> None:
    """Without a value at 2**-7, the gap at 2**-6 counts; without 2**-13, that at 2**-6 too."""
    assert is_kink(with_gap(samples_of, {7: math.nan}))
    assert not is_kink(with_gap(samples_of, {7: math.nan, 6: 0.0}))
    assert is_kink(with_gap(samples_of, {13: math.nan, 7: 0.0}))
    assert not is_kink(with_gap(samples_of, {13: math.nan, 6: 0.0}))


def test_a_bend_between_samples_far_from_x0_is_no_kink(samples_of: Make, evidence_of: Make) -> None:
    samples = samples_of(lambda t: np.sqrt(1 + t**2), [32.0, 8.0], noise=1e-3)
    assert not detect_kink(evidence_of(samples)).seen[0]
