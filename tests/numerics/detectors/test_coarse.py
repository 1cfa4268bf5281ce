"""Coarse estimates: the coarser half of the steps against all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.coarse import detect_coarse
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.limit import Limit
from checkgrad.numerics.quotients import Quotients
from checkgrad.numerics.thresholds import varied

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def found(samples_of: Make, evidence_of: Make) -> Callable[..., Finding]:
    """The finding for quotients of 1 and noise 1e-3 per step, and a limit of another value."""

    def make(
        value: float,
        uncertainty: float = 0.0,
        count: int = 24,
        finer: float = 1.0,
        is_quantised: bool = False,
        coarser: int = 12,
    ) -> Finding:
        step = np.ldexp(1.0, -np.arange(count))[:, None]
        quotients = np.full((count, 1), 1.0)
        quotients[coarser:] = finer
        sigma = np.full((count, 1), 1e-3)
        smooth = Limit.of(*(np.array([part]) for part in (value, uncertainty, uncertainty, 1.0)))
        evidence = evidence_of(
            samples_of(lambda t: t),
            central=Quotients(step, quotients, sigma, np.zeros(1)),
            smooth=smooth,
            is_quantised=np.array([is_quantised]),
        )
        return detect_coarse(evidence)

    return make


def test_a_coarse_limit_that_contradicts_the_limit_is_another_value(found: Make) -> None:
    finding = found(2.0)
    assert finding.kind is Kind.COARSE
    assert finding.seen.tolist() == [True]
    assert finding.coarse_estimate == pytest.approx([1.0])
    assert not np.any(finding.blocks_correct | finding.blocks_wrong)
    assert found(0.0).seen[0]


def test_a_limit_that_agrees_is_no_other_value(found: Make) -> None:
    finding = found(1.0)
    assert finding.seen.tolist() == [False]
    assert math.isnan(finding.coarse_estimate[0])


def test_the_values_must_lie_three_times_both_uncertainties_apart(found: Make) -> None:
    """The coarse limit has about 3 * 1e-3 * sqrt(3 / 4) = 0.0026 of its own."""
    assert not found(1.0075).seen[0]
    assert found(1.0081).seen[0]
    assert found(1 - 0.0081).seen[0]
    assert not found(1.0081 + 0.29, 0.1).seen[0]
    assert found(1.0081 + 0.31, 0.1).seen[0]


def test_only_the_coarser_half_counts(found: Make) -> None:
    assert found(2.0, finer=50.0).coarse_estimate == pytest.approx([1.0])
    assert found(2.0, finer=50.0, coarser=12, count=25).coarse_estimate == pytest.approx([1.0])
    assert found(2.0, finer=500.0, coarser=10).coarse_estimate != pytest.approx([1.0])


@pytest.mark.parametrize(("count", "seen"), [(24, True), (23, False)])
def test_each_half_needs_many_steps(count: int, seen: bool, found: Make) -> None:
    assert found(2.0, count=count).seen[0] == seen
    with varied(many_steps=11):
        assert found(2.0, count=count).seen[0]


def test_few_steps_have_no_coarse_estimate_in_any_direction(
    samples_of: Make, evidence_of: Make
) -> None:
    samples = samples_of(lambda t: t, [1.0, 0.5, 0.25], directions=2)
    assert detect_coarse(evidence_of(samples)).seen.tolist() == [False, False]
    without = samples_of(lambda t: np.where(t == 0, 0.0, math.nan), directions=2)
    assert detect_coarse(evidence_of(without)).seen.tolist() == [False, False]


def test_the_error_of_the_quotients_is_taken_to_be_even(
    samples_of: Make, evidence_of: Make
) -> None:
    """For t + t**3, the coarse limit is certain enough to contradict one that is 3e-5 off."""
    samples = samples_of(lambda t: t + t**3, sigma=1e-6)
    off = Limit.of(*(np.array([part]) for part in (1 + 3e-5, 0.0, 0.0, 1.0)))
    assert detect_coarse(evidence_of(samples, smooth=off)).coarse_estimate == pytest.approx([1.0])


def test_a_staircase_has_no_coarse_estimate_of_this_kind(found: Make) -> None:
    assert not found(2.0, is_quantised=True).seen[0]


def test_the_scatter_of_the_coarser_half_counts_as_noise(
    samples_of: Make, evidence_of: Make
) -> None:
    """The finest steps of that half scatter by 1, so that a limit of 5 contradicts nothing."""
    step = np.ldexp(1.0, -np.arange(24))[:, None]
    scatter = np.where(np.arange(24) % 2, 1.0, -1.0)[:, None]
    evidence = evidence_of(
        samples_of(lambda t: t),
        central=Quotients(step, scatter / step, np.full((24, 1), 1e-6), np.zeros(1)),
        smooth=Limit.of(*(np.array([part]) for part in (5.0, 0.0, 0.0, 1.0))),
    )
    assert not detect_coarse(evidence).seen[0]


def test_rounding_error_that_is_no_noise_is_seen(samples_of: Make, evidence_of: Make) -> None:
    """Below 2**-22, the slope is another one."""
    samples = samples_of(lambda t: np.where(np.abs(t) < 2.0**-22, t, 3 * t))
    assert detect_coarse(evidence_of(samples)).coarse_estimate == pytest.approx([3.0])
    assert not detect_coarse(evidence_of(samples_of(np.exp))).seen[0]
