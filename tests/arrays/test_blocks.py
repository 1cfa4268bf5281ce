"""Large arrays that are made block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.arrays import blockwise
from checkgrad.arrays.blocks import BLOCK, Halved, RandomSigns
from checkgrad.arrays.point import make_point
from checkgrad.backends import find_backend

if TYPE_CHECKING:
    from conftest import Library

SIZE = 2 * BLOCK + 3

pytestmark = pytest.mark.one_setting


def large(xp: Library, dtype: str) -> Any:
    """Numbers of either sign, from the smallest to the largest that a dtype holds well."""
    info = xp.finfo(getattr(xp.namespace, dtype))
    ends = np.log2(float(info.smallest_normal)) + 8, np.log2(float(info.max)) - 1
    numbers = np.exp2(np.linspace(*ends, SIZE)) * np.resize([1.0, -1.0, 1.0], SIZE)
    return xp.asarray(numbers.tolist(), dtype)


def test_half_of_the_bits_of_a_large_array_are_kept(xp: Library, dtype: str) -> None:
    x = xp.detach(large(xp, dtype))
    point = make_point({"large": x, "small": xp.asarray([1 / 3], dtype)})
    halved, small = (
        blockwise.halved(point.backend, lambda leaf: leaf * 1, leaf) for leaf in point.leaves
    )
    np.testing.assert_array_equal(xp.to_numpy(small), xp.to_numpy(xp.asarray([1 / 3], dtype)))
    whole = point.whole(halved)
    xp.assert_native(whole, dtype)
    assert whole.shape == (SIZE,)
    off = np.abs(xp.to_numpy(whole) / xp.to_numpy(x) - 1)
    if xp.finfo(x.dtype).bits not in point.backend.bitcasts:
        assert halved is whole
        assert np.all(off == 0)
        return
    assert isinstance(halved, Halved)
    digits = {"float32": 7, "float64": 20}[dtype]
    assert 2.0 ** -(digits + 2) < np.max(off) < 2.0**-digits
    np.testing.assert_array_equal(point.on_host([halved]), xp.to_numpy(whole))
    again, _ = point.leafwise(lambda _, v: v, [halved, small])
    np.testing.assert_array_equal(xp.to_numpy(again), xp.to_numpy(whole))


def test_random_signs_are_the_same_whenever_they_are_made(xp: Library) -> None:
    x = xp.detach(large(xp, xp.default_dtype))
    signs = RandomSigns(x, find_backend([x]), 5)
    joined = [np.concatenate([xp.to_numpy(block) for block in signs.blocks()]) for _ in range(2)]
    np.testing.assert_array_equal(*joined)
    assert np.array_equal(np.unique(joined[0]), [-1.0, 1.0])
    assert abs(np.mean(joined[0])) < 5 / np.sqrt(SIZE)
    halves = joined[0][:BLOCK], joined[0][BLOCK : 2 * BLOCK]
    assert abs(np.mean(halves[0] * halves[1])) < 5 / np.sqrt(BLOCK)  # blocks are independent
    for block in signs.blocks():
        xp.assert_native(block)
    other = RandomSigns(x, find_backend([x]), 6)
    assert not np.array_equal(joined[0], np.concatenate([xp.to_numpy(b) for b in other.blocks()]))
