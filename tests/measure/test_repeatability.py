"""Whether func says the same when it is called again at x0."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.measure.repeatability import Repeatability, is_noisy, is_repeatable

DOUBLE, SINGLE, HALF, BRAIN = 2.0**-52, 2.0**-23, 2.0**-10, 2.0**-7


@pytest.mark.parametrize(
    ("epsilon", "allowed"),
    [
        (DOUBLE, 100 * DOUBLE),
        (SINGLE, 1e-5),  # 100 epsilons would be 1.2e-5
        (2.0**-24, 100 * 2.0**-24),
        (HALF, 4 * HALF),
        (BRAIN, 4 * BRAIN),
    ],
)
@pytest.mark.parametrize("value", [1.0, -1024.0])
def test_values_may_differ_by_so_much(epsilon, allowed, value):
    def repeatable(off):
        return is_repeatable(
            np.asarray([value]), np.asarray([value * (1 + off)]), np.asarray([epsilon])
        ).tolist()

    for sign in (-1, 1):
        assert repeatable(sign * 0.99 * allowed) == [True]
        assert repeatable(sign * 1.01 * allowed) == [False]


def test_a_difference_of_just_as_much_is_none():
    one = np.asarray([1.0])
    assert is_repeatable(one, 1 + 4 * np.asarray([HALF]), np.asarray([HALF])).tolist() == [True]


@pytest.mark.parametrize(("again", "same"), [(0.0, True), (5e-324, False)])
def test_zero_is_repeated_by_zero_only(again, same):
    found = is_repeatable(np.asarray([0.0]), np.asarray([again]), np.asarray([DOUBLE]))
    assert found.tolist() == [same]


def test_each_output_is_compared_by_itself():
    value, again = np.asarray([1.0, 1.0, 2.0]), np.asarray([1.0, 1.1, 2.0])
    epsilon, rtol = np.full(3, DOUBLE), np.asarray([1e-5, 1e-4, 1e-3])
    known = Repeatability(np.ones(3, dtype=bool))
    assert known.first_difference is None
    once = known.compared(value, again, epsilon, rtol)
    assert once.agrees.tolist() == [True, False, True]
    assert once.first_difference == (1.0, 1.1, 1e-4)
    assert known.agrees.tolist() == [True] * 3


def test_what_differed_once_stays_so_and_the_first_difference_is_kept():
    value, epsilon, rtol = np.asarray([1.0, 2.0]), np.full(2, DOUBLE), np.asarray([1e-5, 1e-4])
    once = Repeatability(np.ones(2, dtype=bool)).compared(
        value, np.asarray([1.0, 2.5]), epsilon, rtol
    )
    twice = once.compared(value, np.asarray([1.5, 2.0]), epsilon, rtol)
    assert twice.agrees.tolist() == [False, False]
    assert twice.first_difference == once.first_difference == (2.0, 2.5, 1e-4)


def test_nothing_differs_between_equal_calls():
    value = np.asarray([1.0, 2.0])
    again = Repeatability(np.ones(2, dtype=bool)).compared(
        value, value, np.full(2, DOUBLE), np.full(2, 1e-5)
    )
    assert again.agrees.all()
    assert again.first_difference is None


@pytest.mark.parametrize("value", [4.0, -4.0])
def test_noise_of_more_than_16_epsilons_is_worth_another_call(value):
    def noisy(sigma):
        return is_noisy(np.asarray([1.0, value]), np.asarray([0.0, sigma]), np.full(2, DOUBLE))

    assert noisy(64.1 * DOUBLE) is True
    assert noisy(64 * DOUBLE) is False
