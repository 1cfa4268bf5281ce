"""The size of every coordinate: its own, or where it is 0 what others and the claim show."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.coordinate_sizes import claimed_change, coordinate_sizes, largest_size


def sizes_of(x0, claims=None, value=0.0):
    return [size.tolist() for size in coordinate_sizes(make_point(x0), claims, value)]


def test_the_size_of_a_coordinate_is_its_own():
    assert sizes_of(np.asarray([1.0, -2.0, 1e-300])) == [[1.0, 2.0, 1e-300]]


def test_zeros_have_the_mean_size_of_their_leaf():
    assert sizes_of(np.asarray([0.0, 4.0, -8.0, 0.0])) == [[3.0, 4.0, 8.0, 3.0]]
    x0 = {"a": np.asarray([0.0, 2.0]), "b": np.asarray([100.0, 0.0])}
    assert sizes_of(x0) == [[1.0, 2.0], [100.0, 50.0]]


def test_a_leaf_of_zeros_has_the_largest_mean_of_all():
    x0 = [np.zeros(2), np.asarray([3.0]), np.asarray([5.0, 0.0])]
    assert sizes_of(x0) == [[3.0, 3.0], [3.0], [5.0, 2.5]]


def test_zeros_alone_have_size_1():
    assert sizes_of(np.zeros(2)) == [[1.0, 1.0]]
    assert sizes_of([np.zeros(2), np.zeros((0,))]) == [[1.0, 1.0], []]


@pytest.mark.parametrize("value", [6.0, -6.0])
def test_zeros_are_no_larger_than_what_changes_all_of_func(value):
    x0, claim = np.asarray([0.0, 0.0, 0.0, 8.0]), [np.asarray([12.0, 1.0, 0.0, 0.5])]
    # The mean is 2; the first coordinate moves func by its value over half of a unit.
    assert sizes_of(x0, claim, value) == [[0.5, 2.0, 2.0, 8.0]]


def test_or_than_what_changes_func_as_the_others_do():
    x0, claim = np.asarray([0.0, 8.0]), [np.asarray([64.0, 2.0])]
    assert sizes_of(x0, claim, 1.0) == [[16 / 64, 8.0]]


def test_where_nothing_else_shows_it_claims_show_how_much_zeros_differ():
    claim = np.asarray([3.0, 4.0, 0.0, 0.0])  # 2.5 by its size, for each of four
    assert sizes_of(np.zeros(4), [claim]) == [[2.5 / 3, 2.5 / 4, 1.0, 1.0]]
    assert sizes_of(np.zeros(2), [np.zeros(2)]) == [[1.0, 1.0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_claims_that_are_not_finite_show_nothing(bad):
    # Infinite over the value would be no size at all.
    assert sizes_of(np.asarray([0.0, 4.0]), [np.asarray([bad, 1.0])], 1.0) == [[2.0, 4.0]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_means_do_not_overflow(dtype):
    largest = float(np.finfo(dtype).max)
    x0 = np.asarray([0.0, largest, largest, largest], dtype=dtype)
    with np.errstate(over="ignore"):  # as in a check
        ((size, *_),) = sizes_of(x0)
    assert size == pytest.approx(0.75 * largest, rel=1e-2)


def test_sizes_are_arrays_like_x0(xp, dtype):
    x0 = [xp.asarray([1.0, 0.0, -3.0], dtype), xp.asarray(0.0, dtype)]
    claims = [xp.detach(xp.asarray(claim, dtype)) for claim in ([0.0, 4.0, 0.0], 0.5)]
    first, second = coordinate_sizes(make_point(x0), claims, 2.0)
    xp.assert_native(first, dtype)
    xp.assert_native(second, dtype)
    expected = [1.0, 0.5, 3.0]
    assert xp.to_numpy(first).tolist() == expected
    mean = float(xp.to_numpy(second))
    assert mean == pytest.approx(4 / 3, rel=2 * xp.eps(dtype))


def test_claimed_change_is_the_norm_of_all_products():
    point = make_point([np.ones(2), np.ones(1)])
    claims = [np.asarray([1.0, -1.0]), np.asarray([3.0])]
    steps = [np.asarray([2.0, 4.0]), np.asarray([-4.0])]
    assert claimed_change(claims, steps, point) == np.sqrt(4 + 16 + 144)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_claimed_change_is_0_where_it_is_not_finite(bad):
    assert claimed_change([np.asarray([bad, 1.0])], [np.ones(2)], make_point(np.ones(2))) == 0.0


def test_claimed_change_does_not_overflow_in_float16():
    half = np.full(4, 300.0, dtype=np.float16)
    assert claimed_change([half], [half], make_point(half)) == pytest.approx(2 * 300.0**2)


def test_largest_size_is_that_of_all_leaves():
    point = make_point([np.ones(2), np.ones((0,)), np.ones(1)])
    parts = [np.asarray([1.0, -2.0]), np.ones((0,)), np.asarray([-1.5])]
    assert largest_size(point, lambda x: x, parts) == 2.0
    assert largest_size(point, lambda x, y: x * y, parts, parts) == 4.0
