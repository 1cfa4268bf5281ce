"""Single entries of arrays like x0, on one device. `test_jax_meshes.py` has those on several."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest

from arrays.reversed_part import ReversedPart, spread_point
from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.entries import Entries, coordinates_of, largest_of, typical_size
from checkgrad.arrays.point import Point, make_point

if TYPE_CHECKING:
    from conftest import Library

TREE = {"a": np.asarray([[1.0, -2.0], [3.0, 4.0]]), "b": np.asarray([5.0, -6.0])}


@pytest.fixture
def point() -> Point:
    return make_point(TREE)


def test_entries_are_those_of_all_coordinates(point: Point) -> None:
    every = point.on_host(point.leaves)
    chosen = np.asarray([[5, 0], [0, 3]])
    np.testing.assert_array_equal(Entries(point, point.leaves)[chosen], every[chosen])
    np.testing.assert_array_equal(coordinates_of(point, point.leaves, single=True), every)


def test_the_largest_is_looked_for_in_a_range_without_some(point: Point) -> None:
    def largest(start: int, stop: int, excluded: tuple[int, ...] = ()) -> tuple[int, float]:
        return largest_of(point, np.abs, [point.leaves], start, stop, excluded)

    assert largest(0, 6) == (5, 6.0)
    assert largest(0, 6, (5, 4)) == (3, 4.0)
    assert largest(0, 2) == (1, 2.0)
    assert largest(2, 3, (2,))[1] == -np.inf


def test_the_largest_of_a_large_leaf_is_looked_for_in_all_its_blocks() -> None:
    x = np.ones(2 * BLOCK + 3)
    x[[BLOCK - 1, 2 * BLOCK]] = 2.0, 3.0
    point = make_point(x)

    def largest(start: int, stop: int, excluded: tuple[int, ...] = ()) -> tuple[int, float]:
        return largest_of(point, np.abs, [[x]], start, stop, excluded)

    assert largest(0, x.size) == (2 * BLOCK, 3.0)
    assert largest(0, x.size, (2 * BLOCK,)) == (BLOCK - 1, 2.0)
    assert largest(BLOCK, 2 * BLOCK) == (BLOCK, 1.0)


@pytest.mark.parametrize("size", [7, 2 * BLOCK + 3])
def test_the_largest_of_a_leaf_in_parts_is_looked_for_without_gathering_it(size: int) -> None:
    x = np.ones(size)
    x[[2, size - 3]] = 2.0, 3.0
    point = spread_point(x, np.asarray([2.5]))

    def largest(start: int, stop: int, excluded: tuple[int, ...] = ()) -> tuple[int, float]:
        with mock.patch.object(ReversedPart, "whole", None):
            return largest_of(point, np.abs, [point.leaves], start, stop, excluded)

    assert largest(0, size + 1) == (size - 3, 3.0)
    assert largest(0, size + 1, (size - 3,)) == (size, 2.5)
    assert largest(0, size - 3) == (2, 2.0)
    assert largest(3, 6)[1] == 1.0 + 2.0 * (size == 7)


def test_what_is_no_number_is_not_the_largest(point: Point) -> None:
    claims = [np.full((2, 2), np.nan), np.asarray([np.nan, -1.0])]
    assert largest_of(point, np.abs, [claims], 0, 6, ()) == (5, 1.0)


def test_few_entries_of_a_large_array_are_read_without_the_others() -> None:
    x = np.linspace(1.0, 2.0, BLOCK + 3)
    point = make_point(x)
    found = coordinates_of(point, point.leaves, single=True)
    assert isinstance(found, Entries)
    np.testing.assert_array_equal(found[np.asarray([0, BLOCK + 2])], [1.0, 2.0])


@pytest.mark.parametrize("factor", [1.0, 1e30, 1e-30])
def test_the_typical_size_is_the_power_of_two_next_to_the_median(
    xp: Library, dtype: str, factor: float
) -> None:
    if dtype in ("float16", "bfloat16"):
        pytest.skip("half precision has no room for the factor")
    sizes = factor * np.linspace(0.1, 20.0, BLOCK + 3)
    point = make_point(xp.asarray(sizes.tolist(), dtype))
    with np.errstate(all="raise"):
        typical = typical_size(point, point.leaves)
    assert typical / 2 <= np.median(sizes) <= typical
