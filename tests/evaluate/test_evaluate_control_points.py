"""Whether a batch is trusted: its values at control points against those of single calls."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.control_points import batch_matches_single, farthest, has_few_digits

DOUBLE = 2.0**-52
X0 = np.asarray([1.0, 2.0])
CONTROLS = [np.asarray([1.5, 2.5]), np.asarray([1.5, 2.0])]


def compared(batch, function, apart=None):
    """Return whether a batch is trusted, and the points that were evaluated for it."""
    asked = []

    def alone(leaves):
        asked.extend(leaves)
        return np.asarray(function(*leaves))

    single = [np.asarray(function(x)) for x in (X0, *CONTROLS)] if apart is None else apart
    placed = [[x] for x in CONTROLS]
    trusted = batch_matches_single(np.asarray(batch), [X0], placed, single, alone, make_point(X0))
    return trusted, asked


def exact(function):
    return np.stack([function(x) for x in (X0, *CONTROLS)])


def smooth(x):
    return np.stack([np.sum(x), 1e-9 * x[0]])


def test_equal_values_are_trusted_without_another_call():
    assert compared(exact(smooth), smooth) == (True, [])


@pytest.mark.parametrize(("epsilons", "trusted"), [(63, True), (-63, True), (66, False)])
@pytest.mark.parametrize("entry", [0, 1])  # the second is small, a sum of terms that may be large
def test_values_may_be_off_by_64_epsilons_of_the_largest_at_the_point(epsilons, trusted, entry):
    def flat(x):
        return np.stack([3 + 1e-9 * x[0], 1e-9 * x[0]])

    batch = exact(flat)
    batch[1, entry] += epsilons * DOUBLE * batch[1, 0]
    found, asked = compared(batch, flat)
    assert found == trusted
    assert (len(asked) == 0) == trusted


@pytest.mark.parametrize(("part", "trusted"), [(0.9e-8, True), (1.1e-8, False)])
def test_values_may_be_off_by_a_tiny_part_of_what_the_steps_change(part, trusted):
    batch = exact(smooth)
    batch[2, 0] += part * (batch[1, 0] - batch[0, 0])
    assert compared(batch, smooth)[0] == trusted


@pytest.mark.parametrize("at", [0, 1, 2])
def test_another_value_at_any_point_is_not_trusted(at):
    batch = exact(smooth)
    batch[at] *= 1 + 1e-6
    assert not compared(batch, smooth)[0]


def test_other_dtypes_have_other_epsilons():
    batch, apart = exact(smooth), [value.astype(np.float32) for value in exact(smooth)]
    assert compared(batch * (1 + 40 * 2.0**-23), smooth, apart)[0]
    assert not compared(batch * (1 + 80 * 2.0**-23), smooth, apart)[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_must_be_the_same(bad):
    def function(x):
        return np.asarray(bad if x[0] > 1.2 else 1.0)

    batch = exact(function)
    assert compared(batch, function) == (True, [])
    for at in range(3):
        other = batch.copy()
        other[at] = 1.0 if at else bad
        assert not compared(other, function)[0]


NOISE = 2e-8


def noisy(x):
    """Vary by `NOISE` at most between numbers that are units in the last place apart."""
    return np.asarray(np.sum(x) + NOISE / 2 * ((x[0] * 2.0**52) % 3))


@pytest.mark.parametrize(("times", "trusted"), [(7.9, True), (-7.9, True), (8.1, False)])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_where_terms_cancel_values_may_be_off_8_times_as_their_neighbours_are(at, times, trusted):
    batch = exact(noisy)
    batch[at] += times * NOISE
    found, asked = compared(batch, noisy)
    assert found == trusted
    assert len(asked) == 2 * 3  # beside each control point


@pytest.mark.parametrize(("at", "trusted"), [(0, False), (1, True), (2, False)])
def test_noise_is_that_of_each_point_and_at_x0_the_smallest(at, trusted):
    def function(x):
        return noisy(x) if x[1] > 2.2 else np.asarray(np.sum(x))

    batch = exact(function)
    batch[at] += NOISE
    assert compared(batch, function)[0] == trusted


def test_neighbours_are_units_away_on_the_way_to_x0():
    _, asked = compared(exact(smooth) * 2, smooth)
    assert len(asked) == 6
    for k in range(3):
        away = (k + 1) * 2.0**-51
        assert asked[k].tolist() == [1.5 - away, 2.5 - away]
        # The second entry of the other control point is that of x0: it goes the other way.
        assert asked[3 + k].tolist() == [1.5 - away, 2.0 + away]


def test_the_farthest_value_is_that_of_the_largest_change():
    assert farthest(np.asarray([1.0, 2.0, -3.0, 4.0])) == 2
    assert farthest(np.asarray([[0.0, 0.0], [1.0, 1.0], [0.0, -2.0]])) == 2
    assert farthest(np.asarray([1.0, np.inf, 2.0, np.nan])) == 2
    assert farthest(np.asarray([1.0, 1.0])) == 0
    assert farthest(np.zeros((3, 0))) == 0


def test_half_precisions_have_few_digits(xp, dtype):
    array = xp.asarray([1.0], dtype)
    assert has_few_digits(array) == (dtype in ("float16", "bfloat16"))
