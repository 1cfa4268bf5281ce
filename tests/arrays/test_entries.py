"""Single entries of arrays like x0, on one device. `test_jax_meshes.py` has those on several."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.entries import Entries, between, coordinates_of, entry_of, largest_of
from checkgrad.arrays.point import Point, make_point

TREE = {"a": np.asarray([[1.0, -2.0], [3.0, 4.0]]), "b": np.asarray([5.0, -6.0])}


@pytest.fixture
def point() -> Point:
    return make_point(TREE)


def test_entries_are_those_of_all_coordinates(point: Point) -> None:
    every = point.on_host(point.leaves)
    for coordinate in range(point.size):
        assert entry_of(point, point.leaves, coordinate) == every[coordinate]
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


def test_arrays_are_0_outside_of_a_range_and_at_a_hole(point: Point) -> None:
    part = between(point, point.leaves, 1, 5, without=3)
    np.testing.assert_array_equal(point.on_host(part), [0, -2, 3, 0, 5, 0])
    whole = between(point, point.leaves, 0, 4)
    assert whole[0] is point.leaves[0]
    np.testing.assert_array_equal(whole[1], [0, 0])
