"""Difference quotients: exact small numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.quotients import (
    Quotients,
    central_quotients,
    one_sided_quotients,
    one_sided_slopes,
    ordered,
    with_shown_noise,
)
from checkgrad.numerics.samples import Samples
from checkgrad.numerics.thresholds import varied

pytestmark = pytest.mark.numpy

Make = Callable[..., Samples]

TWO = math.sqrt(2)  # the noise of the difference of two values
MAD = 1.4826  # the deviation of normal numbers, over the median of their absolute values


def column(numbers: Any) -> Any:
    return np.asarray(numbers, float)[:, None]


def test_central_quotients_of_a_cube_are_off_by_the_step_squared(samples_of: Make) -> None:
    found = central_quotients(samples_of(lambda t: 7 + 3 * t + t**3, [0.5, 0.25]))
    assert found.step[:, 0].tolist() == [0.5, 0.25]
    assert found.value[:, 0].tolist() == [3.25, 3.0625]
    assert found.shared.tolist() == [0.0]


def test_unequal_steps_are_exact_for_a_parabola(samples_of: Make) -> None:
    """Fornberg's three points have no error of second order."""
    samples = samples_of(lambda t: 7 + 3 * t + 5 * t**2, [0.5, 1.0], backward=[0.25, 4.0])
    found = central_quotients(samples)
    assert found.step[:, 0].tolist() == [2.5, 0.375]
    assert found.value[:, 0].tolist() == [3.0, 3.0]


def test_unequal_steps_of_a_cube_are_off_by_their_product(samples_of: Make) -> None:
    found = central_quotients(samples_of(lambda t: t**3, [0.5], backward=[0.25]))
    assert found.value[0, 0] == 0.125


def test_equal_steps_do_without_the_value_at_x0(samples_of: Make) -> None:
    samples = dataclasses.replace(samples_of(lambda t: 3 * t, [0.5]), value=math.nan)
    assert central_quotients(samples).value[0, 0] == 3.0


def test_the_noise_of_a_central_quotient_is_that_of_its_values(samples_of: Make) -> None:
    samples = samples_of(lambda t: t, [0.5, 0.25], sigma=0.125)
    assert central_quotients(samples).sigma[:, 0].tolist() == [0.125, 0.125]
    rounded = samples_of(lambda t: 4 * t, [0.5, 0.25], epsilon=2.0**-3)
    assert central_quotients(rounded).sigma[:, 0].tolist() == [0.3 / 4, 0.3 / 8]


def test_one_sided_slopes_take_the_value_at_x0_and_their_own_steps(samples_of: Make) -> None:
    samples = samples_of(lambda t: 1 + 3 * t + 2 * t**2, [0.5], backward=[0.25])
    right, left = one_sided_slopes(samples)
    assert (right[0, 0], left[0, 0]) == (4.0, 2.5)


def test_one_sided_quotients_have_the_noise_of_two_values(samples_of: Make) -> None:
    samples = samples_of(lambda t: 1 + 3 * t + 2 * t**2, [0.5, 1.0], backward=[0.25, 2.0], sigma=8)
    right, left = one_sided_quotients(samples)
    assert right.step[:, 0].tolist() == [1.0, 0.5]
    assert right.value[:, 0].tolist() == [5.0, 4.0]
    assert left.step[:, 0].tolist() == [2.0, 0.25]
    assert left.value[:, 0].tolist() == [-1.0, 2.5]
    for side in (right, left):
        np.testing.assert_allclose(side.sigma[:, 0], [TWO * 8, TWO * 8])
        assert side.shared.tolist() == [8.0]


def test_one_sided_quotients_have_at_least_the_given_noise(samples_of: Make) -> None:
    samples = samples_of(lambda t: t, [0.5, 1.0], sigma=8.0, directions=2)
    right, left = one_sided_quotients(samples, np.array([2.0, 10.0]))
    for side in (right, left):
        np.testing.assert_allclose(side.sigma, [[TWO * 8, TWO * 10]] * 2)
        assert side.shared.tolist() == [8.0, 10.0]


def test_the_noise_of_a_one_sided_quotient_grows_with_the_values(samples_of: Make) -> None:
    samples = samples_of(lambda t: 2 + t, [8.0, 2.0], epsilon=0.5)
    right, left = one_sided_quotients(samples)
    assert right.sigma[:, 0] == pytest.approx([TWO * 0.15 * 10, TWO * 0.15 * 4])
    assert left.sigma[:, 0] == pytest.approx([TWO * 0.15 * 10, TWO * 0.15 * 4])
    assert right.shared[0] == pytest.approx(0.15 * 2)


def test_quotients_are_ordered_from_coarse_to_fine_and_invalid_ones_last() -> None:
    step = np.array([[1.0, 2.0], [4.0, math.nan], [2.0, 1.0], [8.0, 3.0]])
    value = np.array([[10.0, 20.0], [40.0, 1.0], [math.inf, 10.0], [80.0, 30.0]])
    found = ordered(step, value, 100 * value, 5.0)
    nan = math.nan
    np.testing.assert_array_equal(found.step, [[8, 3], [4, 2], [1, 1], [nan, nan]])
    np.testing.assert_array_equal(found.value, [[80, 30], [40, 20], [10, 10], [nan, nan]])
    np.testing.assert_array_equal(found.sigma, 100 * found.value)
    assert found.shared.tolist() == [5.0, 5.0]


def test_equal_steps_keep_their_order() -> None:
    found = ordered(column([1.0] * 40), column(range(40)), column([0.0] * 40))
    assert found.value[:, 0].tolist() == list(range(40))
    assert found.shared.tolist() == [0.0]


def with_scatter(scatter: Any, sigma: float = 0.0) -> Quotients:
    """Quotients whose values, times their steps, differ by `scatter`, coarse to fine."""
    scatter = np.asarray(scatter, float)
    step = np.ldexp(1.0, -np.arange(scatter.size + 1))
    signs = (-1.0) ** np.arange(scatter.size)
    value = np.concatenate([[0.0], np.cumsum(signs * scatter / step[1:])])
    return Quotients(column(step), column(value), column(np.full(step.size, sigma)), np.zeros(1))


@pytest.mark.parametrize(
    ("finest", "shown"),
    [
        # Coarse to fine, the finest last: the median of 3, or that of 6 if it is smaller.
        ([4, 4, 4, 1, 2, 3], MAD * 2),
        ([1, 1, 1, 8, 8, 8], MAD * 4.5),
        ([9, 1, 1, 1, 9, 2], MAD * 1.5),
        # The three finest decay threefold and more: truncation, of which the finest is left.
        ([64, 64, 64, 64, 16, 4], 4.0),
        ([64, 64, 64, 36, 12, 4], MAD * 12),  # exactly threefold is no more than threefold
        ([64, 64, 64, 16, 16, 4], MAD * 16),
        ([64, 64, 64, 64, 4, 4], MAD * 4),
        ([0, 0, 0, 64, 16, 4], 4.0),
    ],
)
def test_the_noise_that_the_finest_steps_show(finest: list[float], shown: float) -> None:
    quotients = with_scatter([1000.0] * 5 + [float(s) for s in finest])
    found = with_shown_noise(quotients)
    assert found.sigma[:, 0] == pytest.approx([shown] * 12)
    np.testing.assert_array_equal(found.value, quotients.value)


def test_the_measured_noise_is_kept_where_it_is_larger() -> None:
    quotients = with_scatter([2.0] * 11, sigma=3.5)
    assert np.all(with_shown_noise(quotients).sigma == 3.5)
    assert np.all(with_shown_noise(with_scatter([2.0] * 11, sigma=2.5)).sigma == MAD * 2)


def test_few_steps_show_no_noise() -> None:
    few, many = with_scatter([2.0] * 10), with_scatter([2.0] * 11)
    assert with_shown_noise(few) is few
    assert with_shown_noise(many) is not many
    with varied(many_steps=11):
        assert np.all(with_shown_noise(few).sigma == MAD * 2)


def test_each_direction_shows_the_noise_of_its_own_finest_steps() -> None:
    long, short = with_scatter([2.0] * 13), with_scatter([4.0] * 10)
    gap = np.full((3, 1), np.nan)
    exact = with_scatter([1000.0, *[8.0] * 11])
    parts = [
        (long, np.empty((0, 1))),
        (short, gap),
        (exact, gap[:1]),
    ]
    quotients = Quotients(
        *(
            np.hstack([np.vstack([getattr(part, name), rest]) for part, rest in parts])
            for name in ("step", "value", "sigma")
        ),
        np.zeros(3),
    )
    sigma = with_shown_noise(quotients).sigma
    assert sigma[0] == pytest.approx([MAD * 2, 0.0, MAD * 8])
    assert sigma[-1] == pytest.approx([MAD * 2, 0.0, MAD * 8])
