"""Bounds on x0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.arrays.bounds import bounded, make_bounds, within
from checkgrad.arrays.point import make_point

if TYPE_CHECKING:
    from conftest import Library

POINT = make_point({"a": np.array([1.0, 2.0]), "b": np.array(3.0)})
INF = np.inf


@pytest.mark.parametrize(
    ("bounds", "lower", "upper"),
    [
        (None, [-INF] * 3, [INF] * 3),
        ((0, 5), [0.0] * 3, [5.0] * 3),
        ((None, 5.0), [-INF] * 3, [5.0] * 3),
        ((0, None), [0.0] * 3, [INF] * 3),
        (({"a": np.array([0, 1]), "b": 2}, {"a": 9, "b": 8}), [0, 1, 2], [9, 9, 8]),
        ((({"a": -1, "b": -INF}), 3.0), [-1, -1, -INF], [3.0] * 3),
    ],
)
def test_a_side_is_a_number_nothing_or_like_x0(bounds: Any, lower: Any, upper: Any) -> None:
    low, high = make_bounds(bounds, POINT, "x0")
    np.testing.assert_array_equal(low, lower)
    np.testing.assert_array_equal(high, upper)
    assert low.dtype == high.dtype == np.float64


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (3, r"bounds is 3 .*; pass a pair"),
        ((1, 2, 3), "pass a pair"),
        ((5, 0), r"the bounds of x0\['a'\]\[0\] are \(5\.0, 0\.0\).*the lower one first"),
        ((np.nan, 5), "the lower one first"),
        ((0, 2.5), r"x0\['b'\] is 3\.0, outside of its bounds \(0\.0, 2\.5\)"),
        (({"a": np.zeros(3), "b": 0}, None), r"has shape \(3,\), which does not fit x0"),
        (({"c": 0}, None), "a side of bounds is a tree of another structure"),
    ],
)
def test_bounds_that_do_not_fit_are_an_error(bounds: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_bounds(bounds, POINT, "x0")


def test_a_complex_bound_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"a side of bounds is .*; it must be real"):
        make_bounds((3j, None), POINT, "x0")


def test_a_complex_x0_has_no_bounds() -> None:
    point = make_point(np.ones(2) * 1j, allow_complex=True)
    with pytest.raises(ValueError, match="x0 is complex"):
        make_bounds((0, 1), point, "x0")


def test_the_absence_of_bounds_takes_no_memory() -> None:
    low, high = make_bounds(None, POINT, "x0")
    assert low.strides == high.strides == (0,)
    assert not bounded((low, high))


@pytest.mark.parametrize("bounds", [(0, None), (None, 5), ({"a": -INF, "b": 0}, None)])
def test_one_bound_is_enough_to_be_bounded(bounds: Any) -> None:
    assert bounded(make_bounds(bounds, POINT, "x0"))


def test_infinite_bounds_are_none() -> None:
    assert not bounded(make_bounds(({"a": -INF, "b": -INF}, {"a": INF, "b": INF}), POINT, "x0"))


@pytest.mark.one_setting
def test_a_point_is_moved_to_within_the_bounds(xp: Library) -> None:
    point = make_point(xp.asarray([1.0, 2.0, 3.0]))
    limits = make_bounds((0.5, xp.asarray([1.5, 9.0, 3.0])), point, "x0")
    (moved,) = within(point, [xp.detach(xp.asarray([0.0, 8.0, 4.0]))], limits)
    xp.assert_native(moved)
    np.testing.assert_array_equal(xp.to_numpy(moved), [0.5, 8.0, 3.0])


def test_without_bounds_a_point_stays_the_same_object() -> None:
    leaves = [np.ones(2), np.ones(())]
    assert within(POINT, leaves, make_bounds(None, POINT, "x0")) is leaves
