"""Work on large arrays block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from checkgrad.arrays import blockwise
from checkgrad.arrays.blocks import BLOCK, Lazy
from checkgrad.backends import find_backend

if TYPE_CHECKING:
    from conftest import Library

BACKEND = find_backend([])
LARGE = np.linspace(-1.0, 1.0, 2 * BLOCK + 3)


def test_an_array_is_large_beyond_one_block() -> None:
    assert not blockwise.is_large(np.empty(BLOCK))
    assert blockwise.is_large(np.empty(BLOCK + 1))
    assert blockwise.is_large(np.empty((2, BLOCK)))
    assert not blockwise.is_large(np.empty((0, BLOCK)))


def test_a_function_gets_a_small_array_as_it_is() -> None:
    x = np.ones((2, 3))
    assert [each is x for each in blockwise.blocks(BACKEND, lambda a: a, x)] == [True]
    assert blockwise.in_blocks(BACKEND, lambda a: a, x) is x


def test_a_function_gets_a_large_array_in_flat_blocks() -> None:
    shapes = [a.shape for a in blockwise.blocks(BACKEND, lambda a: a, LARGE.reshape(-1, 1))]
    assert shapes == [(BLOCK,), (BLOCK,), (3,)]


@pytest.mark.one_setting
def test_results_of_blocks_are_joined_in_the_first_shape(xp: Library) -> None:
    x = xp.detach(xp.asarray(LARGE[: BLOCK + 2].tolist()))
    x = xp.reshape(x, (2, -1))
    found = blockwise.in_blocks(find_backend([x]), lambda a, b: a * b + 1, x, x)
    xp.assert_native(found)
    np.testing.assert_array_equal(xp.to_numpy(found), xp.to_numpy(x * x + 1))


def test_a_lazy_array_stands_beside_an_ordinary_one() -> None:
    signs = blockwise.random(BACKEND, BACKEND.random_signs, np.random.default_rng(3), LARGE)
    assert isinstance(signs, Lazy)
    found = blockwise.in_blocks(BACKEND, lambda x, sign: x * sign, LARGE, signs)
    np.testing.assert_array_equal(found, LARGE * blockwise.whole(BACKEND, signs))


def test_what_is_computed_on_demand_is_lazy_for_large_arrays_only() -> None:
    found = blockwise.on_demand(BACKEND, lambda x: x + 3, LARGE)
    assert isinstance(found, Lazy)
    assert found.held is LARGE
    np.testing.assert_array_equal(blockwise.whole(BACKEND, found), LARGE + 3)
    np.testing.assert_array_equal(blockwise.copy(BACKEND, found), LARGE + 3)
    small = blockwise.on_demand(BACKEND, lambda x: x + 3, LARGE[:5])
    np.testing.assert_array_equal(small, LARGE[:5] + 3)


def test_a_copy_of_an_ordinary_array_has_memory_of_its_own() -> None:
    copy = blockwise.copy(BACKEND, LARGE)
    np.testing.assert_array_equal(copy, LARGE)
    assert not np.shares_memory(copy, LARGE)


def test_an_entry_of_an_array_is_found_lazy_or_not() -> None:
    lazy = blockwise.on_demand(BACKEND, lambda x: x + 3, LARGE)
    for place in (0, BLOCK - 1, BLOCK, LARGE.size - 1):
        assert blockwise.entry_of(BACKEND, LARGE, place) == LARGE.ravel()[place]
        assert blockwise.entry_of(BACKEND, lazy, place) == LARGE.ravel()[place] + 3


def test_a_range_of_a_small_array_is_an_array() -> None:
    found = blockwise.in_range(BACKEND, np.arange(1.0, 7.0).reshape(2, 3), 1, 5, without=2)
    np.testing.assert_array_equal(found, [[0.0, 2.0, 0.0], [4.0, 5.0, 0.0]])


def test_the_whole_of_an_ordinary_array_is_itself() -> None:
    assert blockwise.whole(BACKEND, LARGE) is LARGE
