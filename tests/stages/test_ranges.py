"""Ranges of coordinates: the parts that a search splits them into."""

from __future__ import annotations

import numpy as np

from checkgrad.arrays.point import Point, make_point
from checkgrad.stages.ranges import FIRST_BLOCKS, Range, leaf_ranges, leaves_in, split


def point(*sizes: int) -> Point:
    return make_point([np.ones(size) for size in sizes])


def test_all_of_a_single_array_is_split_evenly() -> None:
    parts = split(point(64), Range(0, 64, {}))
    assert parts == [(start, start + 4) for start in range(0, 64, 4)]
    assert len(parts) == FIRST_BLOCKS


def test_a_part_of_an_array_is_split_into_fewer_blocks_of_one_coordinate_at_least() -> None:
    assert len(split(point(64), Range(0, 32, {}))) < FIRST_BLOCKS
    assert split(point(64), Range(5, 8, {})) == [(5, 6), (6, 7), (7, 8)]


def test_several_arrays_are_split_between_each_other() -> None:
    x0 = point(3, 5, 0, 2)
    assert split(x0, Range(0, 10, {})) == [(0, 3), (3, 8), (8, 10)]
    assert split(x0, Range(1, 5, {})) == [(1, 3), (3, 5)]


def test_many_arrays_are_split_into_groups_of_arrays() -> None:
    parts = split(point(*[2] * 100), Range(0, 200, {}))
    assert len(parts) == 32
    assert parts[0][0] == 0
    assert parts[-1][1] == 200
    assert all(start % 2 == 0 for start, _ in parts)


def test_parts_of_arrays_are_named_by_their_array() -> None:
    x0 = point(3, 5)
    assert list(leaves_in(x0, 1, 5)) == [(0, (1, 3)), (1, (3, 5))]
    assert leaf_ranges(x0, Range(1, 5, {})) == [(1, 3), (3, 5)]
    assert leaf_ranges(x0, Range(3, 8, {})) == []
