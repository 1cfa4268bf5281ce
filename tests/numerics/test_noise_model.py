"""The noise of one evaluation, from equally spaced points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from checkgrad.numerics.noise_model import (
    largest_cancellation_noise,
    noise_along_line,
    noise_on_each_side,
    noise_without_jump,
    quantum_of,
)
from checkgrad.numerics.thresholds import varied
from checkgrad.precision import DOUBLE, HALF, SINGLE

pytestmark = pytest.mark.numpy


def test_the_variance_of_third_differences_is_twenty_times_that_of_the_noise() -> None:
    """Moré and Wild: 6! / 3!**2 = 20."""
    assert noise_along_line(np.array([0.0, 0.0, 0.0, 20.0])) == pytest.approx(20 / math.sqrt(20))
    # Third differences 1 and -3: their mean square is 5.
    assert noise_along_line(np.array([0.0, 0.0, 0.0, 1.0, 0.0])) == pytest.approx(0.5)


def test_what_is_smooth_is_no_noise() -> None:
    assert noise_along_line(np.arange(7.0) ** 2) == 0.0
    assert noise_along_line(np.full(7, 3.5)) == 0.0


@pytest.mark.parametrize("noise", [1e-14, 1e-9, 1e-3, 1e6])
def test_the_noise_of_white_noise_on_a_smooth_line_is_recovered(noise: float) -> None:
    rng = np.random.default_rng(0)
    line = 7 * noise * np.arange(7) + noise * np.arange(7) ** 2
    found = [noise_along_line(line + noise * rng.normal(size=7)) for _ in range(400)]
    assert 0.8 * noise < np.sqrt(np.mean(np.square(found))) < 1.2 * noise
    # A single measurement, of a few points, is right to an order of magnitude.
    assert np.quantile(found, 0.02) > 0.1 * noise
    assert np.quantile(found, 0.98) < 3 * noise


@pytest.mark.parametrize("power", [-1000, -300, 300, 900])
def test_powers_of_two_scale_the_noise_exactly(power: int) -> None:
    values = np.random.default_rng(1).normal(size=7)
    assert noise_along_line(np.ldexp(values, power)) == math.ldexp(noise_along_line(values), power)


def test_values_that_are_not_finite_are_left_out_of_the_noise() -> None:
    values = np.array([0.0, 0.0, 0.0, 1.0, 0.0, math.inf, -math.inf, math.inf])
    assert noise_along_line(values) == pytest.approx(0.5)
    assert noise_along_line(np.full(7, math.nan)) == 0.0


def test_three_points_have_no_third_difference() -> None:
    assert noise_along_line(np.array([0.0, 5.0, 1.0])) == 0.0
    assert noise_along_line(np.array([0.0, 5.0, 1.0, 7.0])) > 0.0


def line_with_jumps(at: int, before: float, after: float) -> np.ndarray:
    """A straight line that jumps before and after the value at index `at`."""
    line = 3.0 * np.arange(8)
    line[at:] += before
    line[at + 1 :] += after
    return line


@pytest.mark.parametrize(("before", "after"), [(100.0, 0.0), (0.0, 100.0), (100.0, -40.0)])
@pytest.mark.parametrize("at", [0, 1, 3, 6, 7])
def test_a_jump_at_the_given_value_is_left_out(at: int, before: float, after: float) -> None:
    assert noise_without_jump(line_with_jumps(at, before, after), at) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("off", [-2, 2])
def test_a_jump_farther_on_is_noise(off: int) -> None:
    assert noise_without_jump(line_with_jumps(4 + off, 100.0, -40.0), 4) > 1.0


def test_the_gap_of_a_jump_gets_the_mean_of_its_neighbours() -> None:
    parabola = np.arange(8.0) ** 2
    jump = parabola + 1000.0 * (np.arange(8) >= 4)
    # The change of 7 between the values 3 and 4 is the mean of its neighbours 5 and 9.
    assert noise_without_jump(jump, 4) == 0.0
    assert noise_without_jump(parabola + 1000.0 * (np.arange(8) >= 5), 4) == 0.0
    assert noise_without_jump(parabola + 1000.0 * (np.arange(8) >= 2), 2) == 0.0
    # Both gaps next to the value: 7 and 9 become 8, the mean of 5 and 11.
    both = jump + 1000.0 * (np.arange(8) >= 5)
    third = np.array([0.0, 1, -3, 3, -1])
    assert noise_without_jump(both, 4) == pytest.approx(math.sqrt(np.mean(third**2) / 20))


def test_the_first_gap_has_one_neighbour() -> None:
    jump = np.arange(5.0) ** 2 + 1000.0 * (np.arange(5) >= 1)
    # The changes 1001, 3, 5, 7 become 3, 3, 5, 7: their third differences are 2 and 0.
    assert noise_without_jump(jump, 0) == pytest.approx(math.sqrt(2 / 20))
    assert noise_without_jump(np.array([0.0, 0.0, 0.0, 0.0, 100.0]), 0) > 1.0
    assert noise_without_jump(np.array([100.0, 0.0, 0.0, 0.0, 0.0]), 4) > 1.0


def test_values_that_are_not_finite_may_lie_beside_a_jump() -> None:
    line = line_with_jumps(3, 100.0, 0.0)
    line[7] = math.inf
    assert noise_without_jump(line, 3) == 0.0


@pytest.mark.parametrize("at", [0, 2, 3, 6])
def test_a_kink_at_the_given_value_is_no_noise_on_each_side_it(at: int) -> None:
    values = np.abs(np.arange(7.0) - at)
    assert noise_on_each_side(values, at) == 0
    assert at in (0, 6) or noise_along_line(values) > 0


def test_noise_on_each_side_a_value_is_that_of_both_sides() -> None:
    noise = np.random.default_rng(3).normal(size=4001)
    assert noise_on_each_side(noise, 1000) == pytest.approx(1.0, rel=0.1)
    third = np.diff([0.0, 0.0, 0.0, 1.0], 3)
    found = noise_on_each_side(np.asarray([0.0, 0.0, 0.0, 1.0, 0.0]), 3)
    assert found == pytest.approx(abs(float(third[0])) / 20**0.5)
    assert noise_on_each_side(np.asarray([1.0, 2.0, 0.0, 1.0]), 2) == 0.0  # too few on either side
    assert noise_on_each_side(np.ldexp(noise[:7], 900), 3) == math.ldexp(
        noise_on_each_side(noise[:7], 3), 900
    )


def test_terms_that_cancel_may_lose_three_quarters_of_the_digits() -> None:
    assert float(largest_cancellation_noise(SINGLE, -8.0)) == pytest.approx(8 * SINGLE**0.25)
    assert float(largest_cancellation_noise(DOUBLE, 2.0)) == 2 * 2.0**-13
    with varied(cancelled_digits=0.5):
        assert float(largest_cancellation_noise(DOUBLE, 2.0)) == 2 * 2.0**-26


def test_in_few_digits_no_terms_are_taken_to_cancel() -> None:
    found = largest_cancellation_noise(np.array([HALF / 2, HALF, HALF * 2]), np.array([1.0] * 3))
    assert found[0] > 0
    assert found[1:].tolist() == [0.0, 0.0]


# What all values are multiples of


def test_the_quantum_is_the_largest_power_of_two_that_divides_all_values() -> None:
    assert quantum_of(np.array([0.75, -1.5, 0.0])) == 0.25
    assert quantum_of(np.array([3.0])) == 1.0
    assert quantum_of(np.array([-96.0, 64.0])) == 32.0
    assert quantum_of(np.array([2.0**40, 2.0**-40])) == 2.0**-40


@pytest.mark.parametrize("power", [-1000, -60, 60, 900])
def test_powers_of_two_scale_the_quantum_exactly(power: int) -> None:
    values = np.array([5.0, 12.0, -7.0])
    assert quantum_of(np.ldexp(values, power)) == math.ldexp(1.0, power)


def test_values_without_a_size_have_no_quantum() -> None:
    assert quantum_of(np.zeros(3)) == 0.0
    assert quantum_of(np.array([])) == 0.0
    assert quantum_of(np.array([0.0, math.nan, math.inf])) == 0.0
    assert quantum_of(np.array([6.0, math.nan, -math.inf])) == 2.0


@pytest.mark.parametrize(("dtype", "epsilon"), [(np.float64, DOUBLE), (np.float32, SINGLE)])
def test_what_is_left_of_terms_has_their_unit_in_the_last_place(
    dtype: type, epsilon: float
) -> None:
    x = np.random.default_rng(0).uniform(size=50).astype(dtype)
    left = (x + dtype(1000)) - dtype(1000)
    assert quantum_of(left.astype(float)) == 512 * epsilon
    # The numbers themselves have one far below.
    assert quantum_of(x.astype(float)) <= epsilon


def test_the_smallest_number_has_a_quantum() -> None:
    assert quantum_of(np.array([5e-324, 1.0])) == 5e-324


def test_each_side_counts_as_much_as_it_has_third_differences() -> None:
    values = np.array([1.0, -2.0, 4.0, 3.0, 0.0, 7.0, 1.0, -5.0])
    for at in (3, 4):
        third = np.concatenate([np.diff(side, 3) for side in (values[: at + 1], values[at:])])
        wanted = math.sqrt(np.mean(third**2) / 20)
        assert noise_on_each_side(values, at) == pytest.approx(wanted)
    # Three values have no third difference, so that side says nothing.
    assert noise_on_each_side(values, 2) == pytest.approx(noise_along_line(values[2:]))
    assert noise_on_each_side(values, 0) == pytest.approx(noise_along_line(values))
