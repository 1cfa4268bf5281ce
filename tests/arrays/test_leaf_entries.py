"""Single entries and ranges of arrays like a leaf, on one rank or in parts."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

from arrays.reversed_part import spread_point
from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.leaf_entries import entry_of, in_range, perturbed_leaf
from checkgrad.arrays.point import make_point

SMALL = np.arange(1.0, 7.0).reshape(2, 3)
LARGE = np.linspace(1.0, 2.0, BLOCK + 5)


@pytest.fixture(params=["on one rank", "in parts"])
def make(request: pytest.FixtureRequest) -> Any:
    if request.param == "in parts":
        return spread_point
    return lambda whole: make_point([whole])


@pytest.mark.parametrize("whole", [SMALL, LARGE])
def test_an_entry_is_that_of_the_whole_leaf(make: Any, whole: Any) -> None:
    point = make(whole)
    for entry in (0, 1, whole.size - 1):
        assert entry_of(point, 0, point.leaves[0], entry) == whole.ravel()[entry]


@pytest.mark.parametrize("whole", [SMALL, LARGE])
def test_a_range_is_one_of_the_whole_leaf(make: Any, whole: Any) -> None:
    point = make(whole)
    wanted = np.zeros(whole.size)
    wanted[1:4] = whole.ravel()[1:4]
    found = in_range(point, 0, point.leaves[0], 1, 4)
    np.testing.assert_array_equal(point.on_host([found]), wanted)
    wanted[2] = 0.0
    found = in_range(point, 0, point.leaves[0], 1, 4, without=2)
    np.testing.assert_array_equal(point.on_host([found]), wanted)


def test_entries_of_the_whole_leaf_are_replaced(make: Any) -> None:
    point = make(SMALL)
    first, second = perturbed_leaf(point, 0, np.asarray([0, 5]), np.asarray([-1.0, -2.0]))
    np.testing.assert_array_equal(point.on_host([first]), [-1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    np.testing.assert_array_equal(point.on_host([second]), [1.0, 2.0, 3.0, 4.0, 5.0, -2.0])
    rows = np.asarray([[0, 5]]), np.asarray([[-1.0, -2.0]])
    (both,) = perturbed_leaf(point, 0, *rows)
    np.testing.assert_array_equal(point.on_host([both]), [-1.0, 2.0, 3.0, 4.0, 5.0, -2.0])


def test_copies_of_a_lazy_leaf_are_in_memory_one_at_a_time() -> None:
    point = make_point(LARGE.astype(np.float32)).widened()
    rows = np.asarray([[3, BLOCK + 1], [4, 4]]), np.asarray([[-1.0, -2.0], [-3.0, -3.0]])
    copies = perturbed_leaf(point, 0, *rows)
    first = next(copies)
    assert first.dtype == np.float64
    np.testing.assert_array_equal(first[[3, 4, BLOCK + 1]], [-1.0, LARGE.astype("f4")[4], -2.0])
    alive = weakref.ref(first)
    del first
    assert alive() is None
    assert next(copies)[4] == -3.0


def test_an_entry_of_another_rank_changes_nothing() -> None:
    point = spread_point(SMALL)
    part = point.part(0)
    assert part is not None
    object.__setattr__(part, "place_of", lambda entry: -1)
    (copy,) = perturbed_leaf(point, 0, np.asarray([2]), np.asarray([9.0]))
    np.testing.assert_array_equal(point.on_host([copy]), SMALL.ravel())
    assert not np.shares_memory(copy, point.leaves[0])
