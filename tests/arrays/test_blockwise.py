"""Work on large arrays block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.arrays import blockwise
from checkgrad.arrays.blocks import BLOCK, Halved, RandomSigns
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
    signs = RandomSigns(LARGE, BACKEND, seed=3)
    found = blockwise.in_blocks(BACKEND, lambda x, sign: x * sign, LARGE, signs)
    np.testing.assert_array_equal(found, LARGE * blockwise.whole(BACKEND, signs))


def test_halved_keeps_half_of_the_digits_of_large_arrays_only() -> None:
    found = blockwise.halved(BACKEND, lambda x: x + 3, LARGE)
    assert isinstance(found, Halved)
    assert found.held.nbytes == LARGE.nbytes // 2
    np.testing.assert_allclose(blockwise.whole(BACKEND, found), LARGE + 3, rtol=2.0**-20)
    small = blockwise.halved(BACKEND, lambda x: x + 3, LARGE[:5])
    np.testing.assert_array_equal(small, LARGE[:5] + 3)


def test_halved_keeps_all_digits_of_a_dtype_whose_bits_cannot_be_read() -> None:
    half: Any = LARGE.astype(np.float16)
    found = blockwise.halved(BACKEND, lambda x: x * 1, half)
    np.testing.assert_array_equal(found, half)


def test_the_whole_of_an_ordinary_array_is_itself() -> None:
    assert blockwise.whole(BACKEND, LARGE) is LARGE
