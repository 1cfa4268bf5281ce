"""Points next to x0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from checkgrad.arrays.blocks import BLOCK, Lazy
from checkgrad.arrays.neighbours import coarsened, moved_by_units, random_signs
from checkgrad.arrays.point import make_point
from checkgrad.backends import find_backend

if TYPE_CHECKING:
    from conftest import Library

SIZE = 2 * BLOCK + 3
VALUES = [1.0, -1.0, 1.5, -3.0, 0.0, 1e4]


@pytest.mark.one_setting
def test_a_coordinate_moves_by_units_in_the_last_place(xp: Library, dtype: str) -> None:
    x = xp.detach(xp.asarray(VALUES, dtype))
    for sign in (1.0, -1.0):
        moved = moved_by_units(x, xp.ones_like(x) * sign, 1 + xp.eps(dtype), 2.0)
        xp.assert_native(moved, dtype)
        change = xp.to_numpy(moved) - xp.to_numpy(x)
        assert change[4] == 0  # 0 has no unit in the last place
        units = np.abs(np.delete(change, 4) / np.delete(xp.to_numpy(x), 4))
        assert np.all((units >= xp.eps(dtype)) & (units <= 4 * xp.eps(dtype)))
        grows = np.sign(change) * np.sign(xp.to_numpy(x)) * sign
        assert np.all(np.delete(grows, 4) == 1)


def test_the_unit_is_the_coarser_of_the_dtype_and_the_precision() -> None:
    x = np.asarray([1.0, -2.0])
    point, signs = make_point(x), [np.ones(2)]
    (moved,) = point.neighbour(signs, 3, 2.0**-10)
    np.testing.assert_array_equal(moved, x * (1 + 3 * 2.0**-10))
    (finest,), (plain,) = (point.neighbour(signs, 3, unit) for unit in (2.0**-60, 0.0))
    np.testing.assert_array_equal(finest, plain)
    np.testing.assert_array_equal(plain, moved_by_units(x, signs[0], 1 + 2.0**-52, 3.0))


def test_moving_the_largest_number_raises_no_floating_point_error() -> None:
    with np.errstate(all="raise"):
        largest = np.asarray([np.finfo(float).max])
        assert not np.isfinite(moved_by_units(largest, np.ones(1), 1 + 2.0**-52, 2.0)).any()


@pytest.mark.parametrize(("wide", "narrow"), [("float64", "float32"), ("float32", "float16")])
def test_coarsened_numbers_are_those_of_the_coarser_dtype(wide: str, narrow: str) -> None:
    x = np.random.default_rng(0).standard_normal(1000).astype(wide)
    found = coarsened(x, float(np.finfo(narrow).eps), np)
    assert found.dtype == wide
    kept = np.abs(x) > 0.01  # smaller ones are subnormal in half precision
    np.testing.assert_array_equal(found[kept], x[kept].astype(narrow).astype(wide))


@pytest.mark.one_setting
def test_random_signs_of_a_small_array_are_an_array(xp: Library) -> None:
    x = xp.detach(xp.asarray(np.ones(200).tolist()))
    backend = find_backend([x])
    first = random_signs(x, np.random.default_rng(0), backend)
    xp.assert_native(first)
    assert set(xp.to_numpy(first)) == {-1.0, 1.0}
    again = random_signs(x, np.random.default_rng(0), backend)
    np.testing.assert_array_equal(xp.to_numpy(first), xp.to_numpy(again))


def test_random_signs_of_a_large_array_are_lazy() -> None:
    x = np.ones(BLOCK + 1)
    backend = find_backend([x])
    assert isinstance(random_signs(x, np.random.default_rng(0), backend), Lazy)
    assert isinstance(random_signs(x[1:], np.random.default_rng(0), backend), np.ndarray)


@pytest.mark.one_setting
def test_a_point_with_large_leaves_draws_signs_for_each(xp: Library) -> None:
    x = xp.detach(xp.asarray(np.linspace(-2.0, -1.0, SIZE).tolist()))
    point = make_point([x, x[:3], x])
    signs = point.random_signs(np.random.default_rng(0))
    moved = point.neighbour(signs, 2)
    for leaf, sign, there in zip(point.leaves, signs, moved, strict=True):
        ups = np.sign(xp.to_numpy(there) - xp.to_numpy(leaf)) * np.sign(xp.to_numpy(leaf))
        np.testing.assert_array_equal(ups, xp.to_numpy(point.whole(sign)))
    first, last = (xp.to_numpy(point.whole(signs[k])) for k in (0, 2))
    assert not np.array_equal(first, last)
