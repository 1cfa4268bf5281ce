"""Points that make a call: equal parts of them, and how many at a time."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.evaluate.entry_points import EntryPoints, padded

POINTS = EntryPoints(3, np.asarray([4, 5, 6, 7, 8]), np.asarray([0.4, 0.5, 0.6, 0.7, 0.8]))
GROUPS = EntryPoints(0, np.asarray([[1, 2], [3, 4], [5, 6]]), np.arange(6.0).reshape(3, 2))


@pytest.mark.parametrize(
    ("start", "size", "entries"),
    [(0, 5, [4, 5, 6, 7, 8]), (0, 2, [4, 5]), (2, 2, [6, 7]), (4, 3, [8, 8, 8]), (0, 6, None)],
)
def test_parts_have_the_same_size_whatever_is_left(start, size, entries):
    part = POINTS.part(start, size, np)
    assert len(part) == size
    assert part.leaf == 3
    assert part.entries.tolist() == (entries or [4, 5, 6, 7, 8, 8])
    assert part.numbers.tolist() == (part.entries / 10).tolist()


def test_parts_of_groups_are_groups():
    part = GROUPS.part(2, 2, np)
    assert part.entries.tolist() == [[5, 6], [5, 6]]
    assert part.numbers.tolist() == [[4.0, 5.0], [4.0, 5.0]]
    assert len(GROUPS) == 3


def test_numbers_of_a_part_are_of_the_library(xp, dtype):
    numbers = xp.detach(xp.asarray([1.0, 2.0, 3.0], dtype))
    part = EntryPoints(0, np.arange(3), numbers).part(1, 4, xp)
    xp.assert_native(part.numbers, dtype)
    assert xp.to_numpy(part.numbers).tolist() == [2.0, 3.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("count", "more"),
    [(0, 1), (1, 1), (2, 2), (3, 4), (129, 256), (256, 256), (257, 512), (513, 768)],
)
def test_numbers_of_points_are_few(count, more):
    assert padded(count) == more
