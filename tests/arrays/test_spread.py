"""Leaves that lie in parts: random numbers, coordinates on the host, and what all ranks find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arrays.reversed_part import ReversedPart, spread_point
from checkgrad.arrays.blocks import BLOCK, Lazy
from checkgrad.arrays.spread import Spread

SMALL, OTHER = np.arange(1.0, 7.0).reshape(2, 3), np.arange(10.0, 12.0)
LARGE = np.linspace(1.0, 2.0, BLOCK + 5)


def test_coordinates_on_the_host_are_in_the_order_of_the_whole_leaf() -> None:
    point = spread_point(SMALL, OTHER)
    coordinates = np.concatenate([SMALL.ravel(), OTHER])
    np.testing.assert_array_equal(point.on_host(point.leaves), coordinates)
    for leaf, again in zip(point.leaves, point.from_host(coordinates), strict=True):
        np.testing.assert_array_equal(leaf, again)
    assert point.place(1) == "[0][0, 1]"


@pytest.mark.parametrize("whole", [SMALL, LARGE])
def test_random_numbers_depend_on_where_an_entry_is(whole: Any) -> None:
    point = spread_point(whole, OTHER)
    numbers = point.random_numbers(np.random.default_rng(0), 0)
    assert isinstance(numbers, Lazy) is (whole is LARGE)
    seed = int(np.random.default_rng(0).integers(2**63))
    wanted = np.random.default_rng(seed).standard_normal(whole.size)
    np.testing.assert_array_equal(point.on_host([numbers]), wanted)
    signs = point.random_signs(np.random.default_rng(0))
    np.testing.assert_array_equal(point.on_host(signs)[: whole.size], np.sign(wanted))


def two_ranks(counts: tuple[bool, bool]) -> list[Spread]:
    """Return how a leaf in parts, and one on all ranks, lie on two ranks that have spoken."""
    messages = [[[rank + 1.0], []] if counts[rank] else [[], []] for rank in range(2)]
    return [
        Spread((ReversedPart((3,), counts=each), None), lambda about, message: messages)
        for each in counts
    ]


def test_what_is_found_in_parts_is_that_of_all_ranks_that_count() -> None:
    for rank, spread in enumerate(two_ranks((True, True))):
        assert spread.shared([[rank + 1.0], [7.0]], [0, 1]) == [[1.0, 2.0], [7.0]]
    for rank, spread in enumerate(two_ranks((True, False))):
        assert spread.shared([[rank + 1.0], [7.0]], [0, 1]) == [[1.0], [7.0]]


def test_nobody_is_asked_about_leaves_that_all_ranks_have() -> None:
    spread = Spread((ReversedPart((3,)), None), lambda about, message: pytest.fail("asked"))
    assert spread.shared([[7.0]], [1]) == [[7.0]]
    assert spread.entry_of(1, 2, lambda place: 10.0 + place) == 12.0


def test_the_rank_that_has_an_entry_tells_it() -> None:
    spread = Spread((ReversedPart((3,)),), lambda about, message: [None, message])
    assert spread.entry_of(0, 0, lambda place: 10.0 + place) == 12.0


def test_numbers_of_blocks_leave_out_empty_parts() -> None:
    point = spread_point(LARGE, OTHER, np.empty(0))
    assert len(point.numbers(np.max, point.leaves)) == 3
    assert sum(point.numbers(np.sum, [OTHER], leaves=[1])) == 21.0
