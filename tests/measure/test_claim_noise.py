"""The noise of the claim: what it changes by at x0 again, and at neighbours of x0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from checkgrad.measure.claim_noise import claim_noise_of

DOUBLE, SINGLE = 2.0**-52, 2.0**-23


class FakeClaim:
    """A claim that says what a function of x says, and notes each call.

    Attributes
    ----------
    calls : list of pair
        The point, and the weights of the outputs, of each call.
    """

    def __init__(self, function, epsilon=DOUBLE, input_epsilon=0.0):
        self.function = function
        self.epsilon = epsilon
        self.input_epsilon = input_epsilon
        self.calls = []

    def gradients(self, leaves, outputs, passing=False):
        assert passing
        self.calls.append((leaves[0].copy(), outputs.entries.tolist()))
        for output in range(outputs.count):
            found = self.function(leaves[0], int(outputs.entries[output]))
            leaves[0][...] = np.nan  # the leaves are the claim's own
            yield found


@dataclass(frozen=True)
class FakeDirections:
    claim: Any

    def claimed_by(self, gradient):
        return gradient


def measurable(make_near, function, x0, outputs=1, one_by_one=False, bounds=None, **values):
    """Return a function that measures the noise of the claim, and the claim."""
    x0 = np.asarray(x0, dtype=float)
    near, _ = make_near(lambda x: np.zeros(outputs), x0, bounds)
    directions = [FakeDirections(np.asarray(function(x0, k), dtype=float)) for k in range(outputs)]
    claim = FakeClaim(lambda x, k: np.asarray(function(x, k), dtype=float), **values)
    return claim_noise_of(near, claim, directions, one_by_one), claim


def test_the_claim_is_called_at_x0_and_at_three_neighbours(make_near):
    x0 = np.asarray([1.0, -2.0])
    noise, claim = measurable(make_near, lambda x, k: 2 * x, x0)
    assert claim.calls == []
    noise(0)
    points = [point for point, _ in claim.calls]
    assert len(points) == 4
    assert points[0].tolist() == x0.tolist()
    for point in points[1:]:
        assert (np.abs(point - x0) / np.abs(x0)).tolist() == [DOUBLE, DOUBLE]


def test_noise_is_measured_once(make_near):
    noise, claim = measurable(make_near, lambda x, k: 2 * x, [1.0])
    assert noise(0) is noise(0)
    assert len(claim.calls) == 4


def test_noise_is_the_largest_change(make_near):
    changes = iter([0.0, 1e-3, -5e-3, 2e-3, 0.0])
    noise, _ = measurable(make_near, lambda x, k: [1 + next(changes)], [1.0])
    assert noise(0).tolist() == [pytest.approx(5e-3)]


def test_a_change_at_x0_again_is_noise(make_near):
    changes = iter([0.0, 4e-3, 0.0, 0.0, 0.0])
    noise, _ = measurable(make_near, lambda x, k: [1 + next(changes)], [1.0])
    assert noise(0).tolist() == [pytest.approx(4e-3)]


@pytest.mark.parametrize("epsilon", [DOUBLE, SINGLE])
def test_noise_is_at_least_the_rounding_error_of_the_claim(make_near, epsilon):
    noise, _ = measurable(make_near, lambda x, k: [3.0, -4.0], [1.0, 1.0], epsilon=epsilon)
    assert noise(0).tolist() == [1.5 * epsilon, 2 * epsilon]


def test_a_claim_that_takes_narrower_numbers_is_measured_over_their_units(make_near):
    x0 = np.asarray([1.0, -2.0])
    noise, claim = measurable(make_near, lambda x, k: [3.0, -4.0], x0, input_epsilon=SINGLE)
    # Four units of the largest entry, since small entries may be sums of large terms.
    assert noise(0).tolist() == [1.5 * DOUBLE + 16 * SINGLE, 2 * DOUBLE + 16 * SINGLE]
    for point, _ in claim.calls[1:]:
        assert (np.abs(point - x0) / np.abs(x0)).tolist() == [SINGLE, SINGLE]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_claim_that_is_not_finite_has_no_noise(make_near, bad):
    noise, _ = measurable(make_near, lambda x, k: [bad, 2.0], [1.0, 1.0])
    with np.errstate(invalid="ignore"):
        assert noise(0).tolist() == [0.0, DOUBLE]


@pytest.mark.parametrize("bad", [np.nan, "raise"])
def test_a_claim_that_fails_off_x0_says_nothing(make_near, bad):
    def at_x0_only(x, k):
        if x[0] != 1.0:
            if bad == "raise":
                raise ValueError("not here")
            return [bad]
        return [2.0]

    noise, claim = measurable(make_near, at_x0_only, [1.0])
    assert noise(0).tolist() == [DOUBLE]
    assert len(claim.calls) == 4


def test_a_neighbour_where_the_claim_works_counts_beside_others(make_near):
    calls = []

    def sometimes(x, k):
        calls.append(1)
        if len(calls) == 4:
            raise ZeroDivisionError
        return [2.0 + 1e-3 * (len(calls) == 5)]

    noise, _ = measurable(make_near, sometimes, [1.0])
    assert noise(0).tolist() == [pytest.approx(1e-3)]


def test_memory_errors_pass(make_near):
    def too_large(x, k):
        if x[0] != 1.0:
            raise MemoryError
        return [2.0]

    noise, _ = measurable(make_near, too_large, [1.0])
    with pytest.raises(MemoryError):
        noise(0)


def test_all_outputs_are_measured_together(make_near):
    noise, claim = measurable(make_near, lambda x, k: [(k + 1) * 2.0], [1.0], outputs=3)
    assert [noise(k).tolist() for k in (2, 0, 1)] == [[3 * DOUBLE], [DOUBLE], [2 * DOUBLE]]
    assert [entries for _, entries in claim.calls] == [[0, 1, 2]] * 4


def test_outputs_are_measured_one_by_one_where_each_costs_an_evaluation(make_near):
    noise, claim = measurable(
        make_near, lambda x, k: [(k + 1) * 2.0], [1.0], outputs=3, one_by_one=True
    )
    assert noise(1).tolist() == [2 * DOUBLE]
    assert [entries for _, entries in claim.calls] == [[1]] * 4
    assert noise(2).tolist() == [3 * DOUBLE]
    noise(1)
    assert [entries for _, entries in claim.calls] == [[1]] * 4 + [[2]] * 4


def test_neighbours_stay_inside_of_the_bounds(make_near):
    noise, claim = measurable(make_near, lambda x, k: 2 * x, [1.0], bounds=(1.0, 2.0))
    noise(0)
    assert all(point[0] >= 1.0 for point, _ in claim.calls)


def test_neighbours_are_along_random_signs(make_near):
    noise, claim = measurable(make_near, lambda x, k: x, np.ones(32))
    noise(0)
    (_, *points) = (point.tolist() for point, _ in claim.calls)
    assert len({tuple(point) for point in points}) == 3


@pytest.mark.parametrize("entries", [2, 3])
def test_rounding_of_the_input_is_relative_to_the_largest_entry_of_each_output(make_near, entries):
    """Whether outputs are measured together or one by one."""
    sizes = np.asarray([2.0**-5, 2.0**5])

    def constant(x, k):
        return sizes[k] * np.arange(1.0, entries + 1) / entries

    for one_by_one in (False, True):
        noise, _ = measurable(
            make_near, constant, np.ones(entries), 2, one_by_one, input_epsilon=SINGLE
        )
        assert np.all(noise(0) > SINGLE * sizes[0])
        assert np.array_equal(noise(1), 2.0**10 * noise(0))
