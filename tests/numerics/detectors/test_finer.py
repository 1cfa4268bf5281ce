"""What the finer steps say together against the estimate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.finer import detect_finer
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.limit import Limit

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]


def test_the_range_that_the_finer_steps_leave_open_is_found(
    samples_of: Make, evidence_of: Make
) -> None:
    ends = [np.array([np.nan, end]) for end in (2.0, 3.0)]
    best = Limit(*(np.zeros(2) for _ in range(4)), *ends)
    finding = detect_finer(evidence_of(samples_of(np.sin, directions=2), best=best))
    assert finding.kind is Kind.FINER
    assert finding.seen.tolist() == [False, True]
    np.testing.assert_array_equal(finding.finer_low, ends[0])
    np.testing.assert_array_equal(finding.finer_high, ends[1])
    assert not np.any(finding.blocks_correct | finding.blocks_wrong)


def test_the_slope_of_a_wave_little_above_the_noise_stays_open(
    samples_of: Make, evidence_of: Make
) -> None:
    """Steps of a turn and more settle on 1, and the slope at x0 is 1.5.

    Either the finer steps refuse such a limit one by one, or they leave 1.5 open together.
    """
    turns = 2.0**10

    def wave(t: np.ndarray) -> np.ndarray:
        return t + 0.5 / turns * np.sin(turns * t)

    evidence = evidence_of(samples_of(wave, noise=0.06 / turns, directions=100))
    finding, best = detect_finer(evidence), evidence.best
    is_refused = np.abs(best.value - 1) > np.abs(best.value - 1.5)
    is_open = (finding.finer_low <= 1.5) & (finding.finer_high >= 1.5)
    assert np.mean(is_open) > 0.2
    assert np.mean(is_refused | is_open) > 0.95


@pytest.mark.parametrize("curve", [np.sin, np.exp, lambda t: t**3 + t, lambda t: np.abs(t) + t])
def test_a_smooth_func_and_a_kink_leave_nothing_else_open(
    curve: Callable[[np.ndarray], Any], samples_of: Make, evidence_of: Make
) -> None:
    samples = samples_of(curve, noise=1e-9, directions=100)
    assert np.mean(detect_finer(evidence_of(samples)).seen) < 0.02
