"""Jumps: a change that stays the same while the steps shrink."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.jump import detect_jump
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.samples import Floats, Samples
from checkgrad.numerics.thresholds import varied

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def jumps(evidence_of: Make) -> Callable[[Samples], bool]:
    def seen(samples: Samples) -> bool:
        finding = detect_jump(evidence_of(samples, samples=samples))
        assert finding.kind is Kind.JUMP
        np.testing.assert_array_equal(finding.blocks_wrong, finding.seen)
        np.testing.assert_array_equal(finding.blocks_correct, finding.seen)
        return bool(finding.seen[0])

    return seen


@pytest.mark.parametrize("height", [1.0, -1e-3, 1e-6])
@pytest.mark.parametrize("side", [1, -1])
def test_a_jump_on_either_side_is_seen(
    height: float, side: int, jumps: Make, samples_of: Make
) -> None:
    assert jumps(samples_of(lambda t: 5 + t + height * (side * t > 0)))


@pytest.mark.parametrize(
    "curve",
    [
        lambda t: 1e6 * t,
        lambda t: np.sqrt(np.abs(t)),
        np.abs,
        lambda t: 0 * t,
        lambda t: t + (t > 1e-9),
    ],
)
def test_what_is_continuous_at_x0_is_no_jump(curve: Any, jumps: Make, samples_of: Make) -> None:
    assert not jumps(samples_of(curve))


def changing(changes: list[float], sides: str = "both") -> Callable[[Floats], Floats]:
    """A func of the steps 1, 1/2, 1/4, ... that changes by `changes` there, on one side."""

    def curve(t: Floats) -> Floats:
        index = np.where(t > 0, -np.log2(np.where(t > 0, t, 1)), 0).astype(int)
        return np.where(t > 0, np.asarray(changes)[index], 0.0)

    return curve


def steps(count: int) -> Floats:
    return np.ldexp(1.0, -np.arange(count))


@pytest.mark.parametrize(("count", "seen"), [(6, False), (7, True), (12, True)])
def test_more_steps_than_the_finest_ones_are_needed(
    count: int, seen: bool, jumps: Make, samples_of: Make
) -> None:
    samples = samples_of(changing([1.0] * count), steps(count))
    assert jumps(samples) == seen
    with varied(finest_steps=5):
        assert jumps(samples)
    with varied(finest_steps=12):
        assert not jumps(samples)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_only_the_finest_six_steps_must_agree(sign: float, jumps: Make, samples_of: Make) -> None:
    for index in range(9):
        changes = np.ones(9)
        changes[index] = 2.0
        samples = samples_of(changing(list(sign * changes)), steps(9))
        assert jumps(samples) == (index < 3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_jump_varies_by_a_tenth_of_its_size_at_most(
    sign: float, jumps: Make, samples_of: Make
) -> None:
    """The size is that of the least change."""
    for last, seen in ((1.0625, True), (1.109375, False)):
        changes = sign * np.array([1.0] * 8 + [last])
        assert jumps(samples_of(changing(list(changes)), steps(9))) == seen
    exactly = samples_of(changing([sign * c for c in [10.0] * 8 + [11.0]]), steps(9))
    assert jumps(exactly)
    with varied(jump_constancy=20.0):
        assert not jumps(exactly)


def test_a_change_of_sign_is_no_jump(jumps: Make, samples_of: Make) -> None:
    assert not jumps(samples_of(changing([1.0, -1.0] * 5), steps(10)))


def test_a_jump_must_be_far_above_the_rounding_of_func(jumps: Make, samples_of: Make) -> None:
    def samples(height: float, value: float) -> Samples:
        curve = changing([height] * 10)
        return samples_of(lambda t: value + curve(t), steps(10), epsilon=2.0**-10)

    assert not jumps(samples(100 * 2.0**-10, 1.0))
    assert jumps(samples(101 * 2.0**-10, 1.0))
    assert not jumps(samples(101 * 2.0**-10, -2.0))
    assert jumps(samples(1e-9, 0.0))


def test_steps_without_a_value_do_not_count(jumps: Make, samples_of: Make) -> None:
    assert jumps(samples_of(changing([1.0] * 7 + [math.nan] * 3), steps(10)))
    assert not jumps(samples_of(changing([1.0] * 6 + [math.nan] * 3), steps(9)))
    assert not jumps(samples_of(changing([math.nan] * 10), steps(10), sides="right"))


def test_each_direction_has_its_own_jump(evidence_of: Make, samples_of: Make) -> None:
    samples = samples_of(lambda t: t + (t > 0) * np.array([1.0, 0.0, 2.0]), directions=3)
    assert detect_jump(evidence_of(samples)).seen.tolist() == [True, False, True]
