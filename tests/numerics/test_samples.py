"""The container of samples, and the noise of its values."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.samples import Samples

pytestmark = pytest.mark.numpy

BY_DIRECTION = ("forward", "forward_values", "backward", "backward_values")
PER_DIRECTION = ("scale", "smoothness_length", "scale_is_guess")


@pytest.fixture
def samples() -> Samples:
    numbers = np.arange(6.0).reshape(2, 3)
    return Samples(
        value=-4.0,
        forward=1 + numbers,
        forward_values=10 + numbers,
        backward=20 + numbers,
        backward_values=30 + numbers,
        sigma=0.5,
        epsilon=2.0**-4,
        scale=np.array([1.0, 2.0, 3.0]),
        smoothness_length=np.array([4.0, 5.0, 6.0]),
        scale_is_guess=np.array([True, False, True]),
    )


def test_the_forward_side_comes_first(samples: Samples) -> None:
    forward, backward = samples.sides
    assert forward == (samples.forward, samples.forward_values)
    assert backward == (samples.backward, samples.backward_values)


@pytest.mark.parametrize("chosen", [np.array([2, 0]), np.array([True, False, True])])
def test_take_keeps_every_step_of_the_chosen_directions(samples: Samples, chosen: Any) -> None:
    taken = samples.take(chosen)
    for name in BY_DIRECTION:
        np.testing.assert_array_equal(getattr(taken, name), getattr(samples, name)[:, chosen])
    for name in PER_DIRECTION:
        np.testing.assert_array_equal(getattr(taken, name), getattr(samples, name)[chosen])
    for name in ("value", "sigma", "epsilon"):
        assert getattr(taken, name) == getattr(samples, name)


def test_take_chooses_the_noise_of_each_direction(samples: Samples) -> None:
    sigma = np.arange(samples.scale.size) + 1.0
    taken = dataclasses.replace(samples, sigma=sigma).take(np.array([1, 0]))
    np.testing.assert_array_equal(taken.sigma, [2.0, 1.0])


def test_joined_has_the_steps_of_both_in_order(samples: Samples) -> None:
    other = dataclasses.replace(
        samples, **{name: -getattr(samples, name)[:1] for name in BY_DIRECTION}
    )
    joined = samples.joined(other)
    for name in BY_DIRECTION:
        np.testing.assert_array_equal(
            getattr(joined, name), np.vstack([getattr(samples, name), getattr(other, name)])
        )
    for name in PER_DIRECTION:
        assert getattr(joined, name) is getattr(samples, name)


def test_sigma_is_the_measured_one_where_that_is_larger(samples: Samples) -> None:
    assert samples.sigma_of() == 0.5
    assert samples.sigma_of(np.array([1.0, -20.0])).tolist() == [0.5, 0.5]


def test_sigma_is_that_of_rounding_the_largest_value_where_that_is_larger(
    samples: Samples,
) -> None:
    samples = dataclasses.replace(samples, sigma=1e-9)
    unit = 0.3 * 2.0**-4
    assert samples.sigma_of() == unit * 4.0
    assert samples.sigma_of(np.array([1.0, -20.0])).tolist() == [unit * 4, unit * 20]
    values = np.array([np.nan, 5.0, -6.0]), np.array([-8.0, np.nan, 1.0])
    assert samples.sigma_of(*values).tolist() == [unit * 8, unit * 5, unit * 6]


def test_sigma_may_differ_between_directions(samples: Samples) -> None:
    samples = dataclasses.replace(samples, sigma=np.array([0.0, 0.5, 2.0]))
    assert samples.sigma_of(np.zeros((2, 3))).tolist() == [[0.3 / 4, 0.5, 2.0]] * 2
