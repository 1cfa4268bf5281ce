"""Rounded factors: a jump beyond short steps, and what longer steps support."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.rounded_factor import detect_rounded_factor, find_break
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.samples import Floats

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]
STEPS = np.ldexp(1.0, -np.arange(30))
PLATEAU = 2.0**-12.5


def rounded(t: Floats) -> Floats:
    """Return a factor of slope 0.5 that rounds, times one of slope 1: the slope is 1.5 in all."""
    return (1 + np.round(0.5 * t / PLATEAU) * PLATEAU) * (1 + t)


def bent(t: Floats) -> Floats:
    return 1 + t + 0.5 * np.maximum(np.abs(t) - PLATEAU, 0) * np.sign(t)


def closely(curve: Any) -> Floats:
    """Return steps with some more between those where a curve stops following the slope 1."""
    steps = STEPS
    for _ in range(5):
        steps = -np.sort(-steps)
        off = np.abs((curve(steps) - curve(-steps)) / 2 - steps)
        last = int(np.flatnonzero(off > 1e-3 * steps)[-1])
        steps = np.append(steps, (steps[last] + steps[last + 1]) / 2)
    return steps


@pytest.fixture(scope="module")
def found(samples_of: Make, evidence_of: Make) -> Callable[..., Finding]:
    def make(curve: Any, steps: Floats, **options: Any) -> Finding:
        finding = detect_rounded_factor(evidence_of(samples_of(curve, steps, **options)))
        assert finding.kind is Kind.ROUNDED_FACTOR
        assert not np.any(finding.blocks_correct | finding.blocks_wrong)
        return finding

    return make


def test_a_jump_that_is_larger_than_func_is_meant(found: Make) -> None:
    def chosen(t: Floats) -> Floats:
        return rounded(t) - 1 + PLATEAU / 2  # the jumps stay, and func is half of one

    assert found(rounded, closely(rounded)).seen.tolist() == [True]
    assert found(chosen, closely(chosen)).seen.tolist() == [False]


def test_longer_steps_support_the_slope_of_both_factors(found: Make) -> None:
    finding = found(rounded, closely(rounded))
    assert finding.seen.tolist() == [True]
    assert finding.one_sided_low[0] < 1.5 < finding.one_sided_high[0]
    assert finding.one_sided_low[0] > 1.4
    assert finding.one_sided_high[0] < 1.6


def test_a_kink_at_the_same_place_is_no_rounded_factor(found: Make) -> None:
    finding = found(bent, closely(bent))
    assert not finding.seen[0]
    assert np.isnan(finding.one_sided_low[0])


@pytest.mark.parametrize("curve", [np.exp, np.sin, lambda t: np.sin(30 * t), lambda t: 1 / (2 - t)])
def test_what_is_smooth_has_no_rounded_factor(curve: Any, found: Make) -> None:
    assert not found(curve, STEPS).seen[0]


def test_a_func_that_is_constant_between_jumps_has_no_rounded_factor(found: Make) -> None:
    def stairs(t: Floats) -> Floats:
        return np.round(t / PLATEAU) * PLATEAU

    steps = np.append(STEPS, PLATEAU * np.asarray([0.49, 0.499, 0.501, 0.51, 0.6, 0.7]))
    assert not found(stairs, steps, epsilon=2.0**-52).seen[0]


def test_the_break_is_between_the_last_step_on_the_plateau_and_the_next(
    samples_of: Make, evidence_of: Make
) -> None:
    evidence = evidence_of(samples_of(rounded, STEPS))
    found = find_break(evidence.central_noisy, np.array([1.0]))
    assert (found.inner[0], found.outer[0]) == (2.0**-13, 2.0**-12)
    assert not found.is_jump[0]  # a factor of two between steps does not tell
    assert PLATEAU / 2 < found.size[0] < 3 * PLATEAU


def test_few_steps_show_no_break(samples_of: Make, evidence_of: Make) -> None:
    evidence = evidence_of(samples_of(rounded, STEPS[8:18]))
    found = find_break(evidence.central_noisy, np.array([1.0]))
    assert np.isnan(found.inner[0])
    assert not found.is_jump[0]
