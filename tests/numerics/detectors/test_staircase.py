"""Staircases: steps that stay on a plateau are left out, on both sides of each threshold."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.staircase import detect_staircase, without_plateaus
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.samples import Floats, Samples
from checkgrad.numerics.thresholds import varied
from checkgrad.precision import DOUBLE

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]


def cleaned(samples: Samples) -> tuple[Samples, bool]:
    with np.errstate(all="ignore"):
        left, is_quantised = without_plateaus(samples)
    return left, bool(is_quantised[0])


def is_quantised(samples: Samples) -> bool:
    return cleaned(samples)[1]


def steps(count: int) -> Floats:
    return np.ldexp(1.0, -np.arange(count))


def moving_down_to(last: int, height: float = 1.0) -> Callable[[Floats], Floats]:
    """A func that is linear over the steps 2**0 to 2**-last, and 0 over shorter ones."""
    return lambda t: np.where(np.abs(t) >= 2.0**-last, height * t, 0.0)


def test_a_plateau_much_shorter_than_the_longest_step_makes_a_staircase(
    samples_of: Make,
) -> None:
    """The plateau is 2**-(last + 1), and 2**9 times that must be below the longest step, 1."""
    assert is_quantised(samples_of(moving_down_to(9), steps(14), scale=0.0))
    assert not is_quantised(samples_of(moving_down_to(8), steps(14), scale=0.0))
    with varied(plateau_range=2.0**8):
        assert is_quantised(samples_of(moving_down_to(8), steps(14), scale=0.0))


def test_a_plateau_of_some_epsilons_makes_a_staircase(samples_of: Make) -> None:
    """The plateau is 2**-5, and 16 epsilons of the longest step up to the scale are more."""
    curve = moving_down_to(4)
    for epsilon, seen in ((2.0**-8, True), (2.0**-9, False)):
        # A func(x0) of NaN would be no plateau: that of 0 leaves out what cancels.
        assert is_quantised(samples_of(curve, steps(9), epsilon=epsilon)) == seen
    assert is_quantised(samples_of(curve, steps(9), epsilon=2.0**-7, scale=0.5))
    assert not is_quantised(samples_of(curve, steps(9), epsilon=2.0**-8, scale=0.5))
    with varied(plateau_epsilons=32.0):
        assert is_quantised(samples_of(curve, steps(9), epsilon=2.0**-9))


def test_a_plateau_that_cancelling_terms_explain_needs_a_shorter_range(samples_of: Make) -> None:
    """The quantum, 2**-last, must not exceed 2**-13 times func(x0)."""

    def samples(last: int, value: float, height: float = 1.0) -> Samples:
        curve = moving_down_to(last, height)
        return samples_of(lambda t: value + curve(t), steps(10), sigma=1e-9)

    # Eight times the plateau, 2**-(last + 1), must be below the longest step, 1.
    assert is_quantised(samples(3, 2.0**10))
    assert is_quantised(samples(3, -(2.0**10)))
    assert not is_quantised(samples(3, 0.99 * 2.0**10))
    assert not is_quantised(samples(2, 2.0**13))
    with varied(plateau_range_if_cancelled=4.0):
        assert is_quantised(samples(2, 2.0**13))


def test_a_slope_beyond_the_plateau_counts_by_what_it_is_over_the_plateau(
    samples_of: Make,
) -> None:
    """Changes farther off grow with the step: the quantum is that of twice the plateau."""

    def samples(value: float, changes: dict[int, float]) -> Samples:
        made = samples_of(lambda t: 0 * t + value, steps(10), sigma=1e-9)
        values = made.forward_values.copy(), made.backward_values.copy()
        for index, change in changes.items():
            for each in values:
                each[index] = value + change
        return dataclasses.replace(made, forward_values=values[0], backward_values=values[1])

    quantum, value = 2.0**-3, 2.0**10
    # The plateau is 2**-4; steps within 9 times that are 2**-3, ..., 2**-1.
    base = {0: 64.0, 1: 1.0, 2: 1.0, 3: 1.0}
    assert not is_quantised(samples(value, base))
    assert is_quantised(samples(value, base | {3: quantum}))
    assert is_quantised(samples(value, base | {3: -quantum}))
    assert not is_quantised(samples(value, base | {3: 1.01 * quantum}))
    assert is_quantised(samples(value, base | {2: 2 * quantum}))
    assert not is_quantised(samples(value, base | {2: 2.01 * quantum}))
    assert is_quantised(samples(value, base | {1: 4 * quantum}))
    assert not is_quantised(samples(value, base | {0: 8 * quantum}))
    with varied(jump_reach=17.0):
        assert is_quantised(samples(value, base | {0: 8 * quantum}))
    with varied(jump_reach=7.0):
        assert not is_quantised(samples(value, base | {1: 4 * quantum}))


def test_the_quantum_must_stand_out_of_the_noise(samples_of: Make) -> None:
    """The quantum is 2**-9; more than eight sigma are needed."""
    curve = moving_down_to(9)
    assert is_quantised(samples_of(curve, steps(14), sigma=0.124 * 2.0**-9))
    assert not is_quantised(samples_of(curve, steps(14), sigma=2.0**-12))
    with varied(stands_out=10.0):
        assert not is_quantised(samples_of(curve, steps(14), sigma=0.101 * 2.0**-9))


def test_without_a_plateau_there_is_no_staircase(samples_of: Make) -> None:
    for curve in (lambda t: t, np.abs, lambda t: 0 * t):
        samples = samples_of(curve, steps(14))
        left, quantised = cleaned(samples)
        assert not quantised
        np.testing.assert_array_equal(left.forward_values, samples.forward_values)
        assert left.sigma.tolist() == [0.0]


def test_what_is_left_out_are_the_values_on_the_plateau(samples_of: Make) -> None:
    samples = samples_of(moving_down_to(9), steps(14))
    left, quantised = cleaned(samples)
    assert quantised
    for before, after in (
        (samples.forward_values, left.forward_values),
        (samples.backward_values, left.backward_values),
    ):
        np.testing.assert_array_equal(after[:10], before[:10])
        assert np.all(np.isnan(after[10:]))
    assert left.forward is samples.forward
    assert left.value == 0.0


def test_the_noise_is_the_largest_change_just_beyond_the_plateau(samples_of: Make) -> None:
    """The plateau is 2**-10; the longest step within 9 times that is 2**-7."""
    left, _ = cleaned(samples_of(moving_down_to(9), steps(14)))
    assert left.sigma.tolist() == [2.0**-7]
    with varied(jump_reach=8.0):
        left, _ = cleaned(samples_of(moving_down_to(9), steps(14)))
        assert left.sigma.tolist() == [2.0**-7]
    with varied(jump_reach=5.0):
        left, _ = cleaned(samples_of(moving_down_to(9), steps(14)))
        assert left.sigma.tolist() == [2.0**-8]
    left, _ = cleaned(samples_of(moving_down_to(9), steps(14), sigma=2.0**-14))
    assert left.sigma.tolist() == [2.0**-7]


def test_the_noise_of_each_direction_is_its_own(samples_of: Make) -> None:
    def curve(t: Floats) -> Floats:
        return np.where((np.abs(t) >= 2.0**-9) | np.array([False, True]), t, 0.0)

    samples = samples_of(curve, steps(14), sigma=2.0**-16, directions=2)
    with np.errstate(all="ignore"):
        left, quantised = without_plateaus(samples)
    assert quantised.tolist() == [True, False]
    assert left.sigma.tolist() == [2.0**-7, 2.0**-16]
    assert np.isnan(left.forward_values).sum(axis=0).tolist() == [4, 0]


def test_a_plateau_ends_where_either_side_moves(samples_of: Make) -> None:
    """The plateau of each side ends at its first change; the longer of both is left out."""
    samples = samples_of(
        lambda t: np.where(t > 0, moving_down_to(12)(t), moving_down_to(10)(t)), steps(16)
    )
    left, quantised = cleaned(samples)
    assert quantised
    assert np.isnan(left.forward_values[:, 0]).tolist() == [False] * 11 + [True] * 5
    assert np.isnan(left.backward_values[:, 0]).tolist() == [False] * 11 + [True] * 5


def test_a_value_that_returns_beyond_the_plateau_is_no_plateau(samples_of: Make) -> None:
    samples = samples_of(moving_down_to(12), steps(16))
    values = samples.forward_values.copy()
    values[5] = 0.0
    left, quantised = cleaned(dataclasses.replace(samples, forward_values=values))
    assert quantised
    assert left.forward_values[5, 0] == 0.0


@pytest.mark.parametrize("missing", [math.nan, math.inf])
def test_a_step_without_a_value_does_not_end_a_plateau(missing: float, samples_of: Make) -> None:
    samples = samples_of(moving_down_to(9), steps(14))
    values = samples.forward_values.copy()
    values[12] = missing
    left, quantised = cleaned(dataclasses.replace(samples, forward_values=values))
    assert quantised
    assert np.all(np.isnan(left.forward_values[10:]))


def test_only_steps_where_both_sides_move_show_a_range(samples_of: Make) -> None:
    for missing in (0.0, math.nan, math.inf):
        for side in ("forward_values", "backward_values"):
            samples = samples_of(moving_down_to(9), steps(14), scale=0.0)
            values = getattr(samples, side).copy()
            values[0] = missing
            assert not is_quantised(dataclasses.replace(samples, **{side: values}))


@pytest.mark.parametrize("width", [2.0**-24, 2.0**-30])
def test_a_staircase_has_a_coarse_estimate_of_zero(
    width: float, samples_of: Make, evidence_of: Make
) -> None:
    evidence = evidence_of(samples_of(lambda t: 3 * width * np.floor(t / width + 0.25)))
    finding = detect_staircase(evidence)
    assert finding.kind is Kind.STAIRCASE
    assert finding.seen.tolist() == [True]
    assert finding.coarse_estimate.tolist() == [0.0]
    assert not np.any(finding.blocks_correct | finding.blocks_wrong)


def test_a_wide_step_is_a_constant(samples_of: Make, evidence_of: Make) -> None:
    finding = detect_staircase(evidence_of(samples_of(lambda t: np.floor(t + 0.4))))
    assert finding.seen.tolist() == [False]
    assert math.isnan(finding.coarse_estimate[0])


def test_rounding_of_func_itself_is_no_staircase(samples_of: Make) -> None:
    unit = 2.0**-30
    rounded = samples_of(lambda t: 1 + unit * np.round(t / unit), epsilon=DOUBLE, sigma=unit / 3)
    assert not is_quantised(rounded)
