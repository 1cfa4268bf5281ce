"""Difference quotients: exact small numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.quotients import (
    central_quotients,
    one_sided_quotients,
    one_sided_slopes,
    ordered,
)
from checkgrad.numerics.samples import Samples

pytestmark = pytest.mark.numpy

Make = Callable[..., Samples]

TWO = math.sqrt(2)  # the noise of the difference of two values


def column(numbers: Any) -> Any:
    return np.asarray(numbers, float)[:, None]


def test_central_quotients_of_a_cube_are_off_by_the_step_squared(samples_of: Make) -> None:
    found = central_quotients(samples_of(lambda t: 7 + 3 * t + t**3, [0.5, 0.25]))
    assert found.step[:, 0].tolist() == [0.5, 0.25]
    assert found.value[:, 0].tolist() == [3.25, 3.0625]


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


def test_the_noise_of_a_one_sided_quotient_grows_with_the_values(samples_of: Make) -> None:
    samples = samples_of(lambda t: 2 + t, [8.0, 2.0], epsilon=0.5)
    right, left = one_sided_quotients(samples)
    assert right.sigma[:, 0] == pytest.approx([TWO * 0.15 * 10, TWO * 0.15 * 4])
    assert left.sigma[:, 0] == pytest.approx([TWO * 0.15 * 10, TWO * 0.15 * 4])


def test_quotients_are_ordered_from_coarse_to_fine_and_invalid_ones_last() -> None:
    step = np.array([[1.0, 2.0], [4.0, math.nan], [2.0, 1.0], [8.0, 3.0]])
    value = np.array([[10.0, 20.0], [40.0, 1.0], [math.inf, 10.0], [80.0, 30.0]])
    found = ordered(step, value, 100 * value)
    nan = math.nan
    np.testing.assert_array_equal(found.step, [[8, 3], [4, 2], [1, 1], [nan, nan]])
    np.testing.assert_array_equal(found.value, [[80, 30], [40, 20], [10, 10], [nan, nan]])
    np.testing.assert_array_equal(found.sigma, 100 * found.value)


def test_equal_steps_keep_their_order() -> None:
    found = ordered(column([1.0] * 40), column(range(40)), column([0.0] * 40))
    assert found.value[:, 0].tolist() == list(range(40))
