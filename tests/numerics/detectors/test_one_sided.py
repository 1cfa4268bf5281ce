"""One-sided ranges: what the limits from either side leave open."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.one_sided import detect_one_sided
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.limit import Limit
from checkgrad.numerics.quotients import with_shown_noise
from checkgrad.numerics.thresholds import varied
from checkgrad.precision import HALF

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]


def limit(value: float, uncertainty: float) -> Limit:
    return Limit.of(*(np.array([part]) for part in (value, uncertainty, uncertainty, 1.0)))


@pytest.fixture(scope="module")
def found(samples_of: Make, evidence_of: Make) -> Callable[..., Finding]:
    """The finding for given limits: those of few steps are taken as they are."""

    def make(
        right: tuple[float, float],
        left: tuple[float, float],
        best: tuple[float, float] = (0.0, 0.0),
        epsilon: float = HALF / 2,
    ) -> Finding:
        samples = samples_of(lambda t: t, [1.0, 0.5], epsilon=epsilon)
        evidence = evidence_of(samples, right=limit(*right), left=limit(*left), best=limit(*best))
        assert evidence.central_noisy is evidence.central
        return detect_one_sided(evidence)

    return make


def ends(finding: Finding) -> list[float]:
    assert finding.kind is Kind.ONE_SIDED
    assert not np.any(finding.blocks_correct | finding.blocks_wrong)
    return [float(finding.one_sided_low[0]), float(finding.one_sided_high[0])]


def test_the_range_spans_two_uncertainties_around_both_limits(found: Make) -> None:
    finding = found((1.0, 0.5), (-0.25, 0.25))
    assert not finding.seen[0]
    assert ends(finding) == [-0.75, 2.0]
    assert ends(found((-0.25, 0.25), (1.0, 0.5))) == [-0.75, 2.0]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_limit_that_contradicts_the_best_widens_the_range_to_five(
    sign: float, found: Make
) -> None:
    """It lies more than twice the sum of both uncertainties away."""
    near = found((sign * 1.5, 0.5), (0.0, 1.0), best=(0.0, 0.25))
    assert not near.seen[0]
    assert sorted(ends(near), key=lambda end: sign * end) == [-sign * 2.0, sign * 2.5]
    far = found((sign * 1.75, 0.5), (0.0, 1.0), best=(0.0, 0.25))
    assert far.seen[0]
    assert sorted(ends(far), key=lambda end: sign * end) == [-sign * 5.0, sign * 5.0]
    far = found((sign * 1.75, 0.5), (0.0, 0.5), best=(0.0, 0.25))
    assert sorted(ends(far), key=lambda end: sign * end) == [-sign * 2.5, sign * 4.25]
    assert found((0.0, 1.0), (sign * 1.75, 0.5), best=(0.0, 0.25)).seen[0]
    assert not found((sign * 1.75, 0.5), (0.0, 1.0), best=(sign, 0.25)).seen[0]


def test_thresholds_of_one_sided_ranges(found: Make) -> None:
    with varied(one_sided_range=4.0):
        assert ends(found((1.75, 0.5), (0.0, 1.0), best=(0.0, 0.25))) == [-4.0, 4.0]
    with varied(safety=10.0):
        assert ends(found((1.75, 0.5), (0.0, 1.0), best=(0.0, 0.25))) == [-10.0, 10.0]


def test_a_limit_of_unknown_uncertainty_supports_nothing(found: Make) -> None:
    finding = found((9.0, math.inf), (1.0, 0.5), best=(1.0, 0.0))
    assert not finding.seen[0]
    assert ends(finding) == [0.0, 2.0]
    assert np.all(np.isnan(ends(found((9.0, math.inf), (7.0, math.inf)))))


@pytest.mark.parametrize("epsilon", [HALF, 2 * HALF])
def test_in_few_digits_there_is_no_range(epsilon: float, found: Make) -> None:
    finding = found((9.0, 0.5), (-0.25, 0.25), epsilon=epsilon)
    assert not finding.seen[0]
    assert np.all(np.isnan(ends(finding)))


def test_with_many_steps_the_noise_that_they_show_counts(
    samples_of: Make, evidence_of: Make
) -> None:
    """The measured noise is far too small; with that which shows, the range covers the slope."""
    samples = samples_of(lambda t: 2 * t, noise=1e-3, sigma=1e-9, directions=20)
    evidence = evidence_of(samples)
    assert evidence.central_noisy is not evidence.central
    finding = detect_one_sided(evidence)
    assert np.all((finding.one_sided_low <= 2) & (finding.one_sided_high >= 2))
    width = finding.one_sided_high - finding.one_sided_low
    assert np.all(width > 1e-3)
    assert np.median(width) < 0.1


def test_the_least_of_the_noise_that_shows_is_taken(samples_of: Make, evidence_of: Make) -> None:
    samples = samples_of(lambda t: 2 * t + t**2, sigma=1e-9)
    evidence = evidence_of(samples)
    noisy = with_shown_noise(evidence.central)
    noisy.sigma[3:] = 1e-3
    noisy.sigma[:3] = [[1e-4], [1e-6], [1e-5]]
    finding = detect_one_sided(evidence_of(samples, central_noisy=noisy, best=limit(2.0, 0.0)))
    width = float(finding.one_sided_high[0] - finding.one_sided_low[0])
    assert 1e-6 < width < 1e-4


def test_a_smooth_func_leaves_little_open(samples_of: Make, evidence_of: Make) -> None:
    finding = detect_one_sided(evidence_of(samples_of(np.exp)))
    low, high = ends(finding)
    assert low <= 1.0 <= high
    assert high - low < 1e-5
