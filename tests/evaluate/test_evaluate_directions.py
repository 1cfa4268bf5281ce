"""Coordinate axes as directions: their scales, and what claims say of them.

test_reach.py of tests/refine tests the scale of coordinates where x0 and func(x0) are 0.
"""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.directions import coordinate_directions, power_of_two


class FakeAxes:
    """Axes along which output k of two is `k + 1` times the step."""

    def sample(self, which, steps):
        return np.abs(steps), steps[:, None] * [1.0, 2.0]


class FakeGradient:
    leaves = None

    def __init__(self, claim):
        self.claim = np.asarray(claim, dtype=float)

    def coordinates(self):
        return self.claim


def directions(x0, claim, value=1.0, bounds=(-np.inf, np.inf), output=0):
    x0 = np.asarray(x0, dtype=float)
    sides = tuple(np.broadcast_to(np.asarray(side, dtype=float), x0.shape) for side in bounds)
    gradient = FakeGradient(np.broadcast_to(claim, x0.shape))
    return coordinate_directions(FakeAxes(), output, gradient, make_point(x0), sides, value)


def test_axes_are_the_directions_of_one_output():
    found = directions([1.0, 2.0], [3.0, 4.0], output=1)
    assert (found.output, found.count, found.are_axes) == (1, 2, True)
    assert (found.words, found.tangent_scale, found.tangents) == ("all", 0.0, None)
    assert found.claim.tolist() == [3.0, 4.0]
    assert found.claimed_by(FakeGradient([5.0, 6.0])).tolist() == [5.0, 6.0]
    lengths, values = found.sample(np.asarray([0, 1]), np.asarray([0.5, -1.0]))
    assert (lengths.tolist(), values.tolist()) == ([0.5, 1.0], [1.0, -2.0])


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_scale_of_a_coordinate_is_a_power_of_two_not_above_its_size(sign):
    found = directions(sign * np.asarray([1.0, 1.9, 2.0, 1e-300, 1e300]), 1.0)
    assert found.scale[:3].tolist() == [1.0, 1.0, 2.0]
    assert np.all(found.scale <= [1.0, 1.9, 2.0, 1e-300, 1e300])
    assert np.all(found.scale > np.asarray([1.0, 1.9, 2.0, 1e-300, 1e300]) / 2)
    assert not found.scale_is_guess.any()


def test_small_coordinates_are_as_smooth_as_the_typical_one():
    found = directions([1e-6, 4.0, 64.0], 1.0)
    assert found.smoothness_length == pytest.approx([4.0, 4.0, 64.0])


@pytest.mark.parametrize(("value", "claim", "scale"), [(6.0, 3.0, 2.0), (-6.0, 3.0, 2.0)])
def test_a_zero_has_the_scale_at_which_its_claim_changes_all_of_func(value, claim, scale):
    found = directions([0.0], claim, value)
    assert found.scale.tolist() == [scale]
    assert found.scale_is_guess.tolist() == [True]


@pytest.mark.parametrize("claim", [0.0, np.nan, np.inf])
def test_a_zero_whose_claim_shows_nothing_has_the_typical_scale(claim):
    found = directions([0.0, 4.0, 16.0, 64.0], [claim, 1.0, 1.0, 1.0])
    assert found.scale.tolist() == pytest.approx([16.0, 4.0, 16.0, 64.0], rel=0.5)
    assert found.scale_is_guess.tolist() == [True, False, False, False]
    assert directions([0.0], claim).scale.tolist() == [1.0]


@pytest.mark.parametrize(
    ("bounds", "scale"),
    [((0.0, 100.0), 8.0), ((7.0, 9.0), 2.0), ((7.5, 8.2), 0.5), ((8.0, 8.0), 8.0)],
)
def test_the_scale_is_no_longer_than_the_bounds_are_wide(bounds, scale):
    assert directions([8.0], 1.0, bounds=bounds).scale.tolist() == [scale]


def test_powers_of_two_are_exact():
    lengths = np.asarray([1.0, np.nextafter(1, 0), np.nextafter(1, 2), 5e-324, 1.7e308])
    assert power_of_two(lengths).tolist() == [1.0, 0.5, 1.0, 5e-324, 2.0**1023]
