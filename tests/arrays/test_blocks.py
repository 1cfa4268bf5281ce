"""Large arrays that are made block by block."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.arrays import blockwise
from checkgrad.arrays.blocks import BLOCK, Computed, Lazy, Random, Range, Replaced, split
from checkgrad.arrays.point import make_point
from checkgrad.backends import find_backend

if TYPE_CHECKING:
    from conftest import Library

SIZE = 2 * BLOCK + 3

pytestmark = pytest.mark.one_setting


def large(xp: Library, dtype: str = "") -> Any:
    """Numbers of either sign."""
    return xp.detach(xp.asarray(np.linspace(-2.0, 3.0, SIZE).tolist(), dtype or xp.default_dtype))


def joined(xp: Library, lazy: Lazy) -> Any:
    return np.concatenate([xp.to_numpy(block) for block in lazy.blocks()])


def test_a_computed_array_has_the_numbers_dtype_and_device_of_what_it_stands_for(
    xp: Library, dtype: str
) -> None:
    x = large(xp, dtype)
    backend = find_backend([x])
    lazy = Computed(x, backend, lambda a, b: a * b + 1, (x, x))
    assert lazy.shape == (SIZE,)
    assert lazy.dtype == x.dtype
    whole = blockwise.whole(backend, lazy)
    xp.assert_native(whole, dtype)
    np.testing.assert_array_equal(xp.to_numpy(whole), xp.to_numpy(x * x + 1))
    again = Computed(x, backend, lambda a, b: a - b, (lazy, x))
    np.testing.assert_array_equal(joined(xp, again), xp.to_numpy(x * x + 1 - x))


def test_an_array_with_other_values_at_some_entries(xp: Library, dtype: str) -> None:
    x = large(xp, dtype)
    entries = np.asarray([0, BLOCK, BLOCK + 1, SIZE - 1])
    values = xp.asarray([7.0, 8.0, 9.0, 10.0], dtype)
    wanted = xp.to_numpy(x).copy()
    wanted[entries] = xp.to_numpy(values)
    found = blockwise.whole(find_backend([x]), Replaced(x, find_backend([x]), x, entries, values))
    xp.assert_native(found, dtype)
    np.testing.assert_array_equal(xp.to_numpy(found), wanted)


@pytest.mark.libraries("numpy")
def test_a_computed_block_keeps_no_block_that_it_is_made_of(xp: Library) -> None:
    x, alive = large(xp), []

    def noted(block: Any) -> Any:
        made = block + 1
        alive.append(weakref.ref(made))
        return made

    backend = find_backend([x])
    inner = Computed(x, backend, noted, (x,))
    for _ in Computed(x, backend, lambda a, b: a * b, (inner, inner)).blocks():
        assert not any(ref() is not None for ref in alive)


def test_random_numbers_are_the_same_whenever_they_are_made(xp: Library) -> None:
    x = large(xp)
    backend = find_backend([x])
    like = next(split(backend, x))
    for draw in (backend.random_signs, backend.random_tangent, backend.random_block):
        numbers = Random(x, backend, like, draw, 5)
        first, second = joined(xp, numbers), joined(xp, numbers)
        np.testing.assert_array_equal(first, second)
        assert first.shape == (SIZE,)
        assert abs(np.mean(first)) < 5 / np.sqrt(SIZE)
        assert abs(np.mean(first**2) - 1) < 5 * np.sqrt(2 / SIZE)
        halves = first[:BLOCK], first[BLOCK : 2 * BLOCK]
        assert abs(np.mean(halves[0] * halves[1])) < 5 / np.sqrt(BLOCK)  # blocks are independent
        for block in numbers.blocks():
            xp.assert_native(block)
        other = Random(x, backend, like, draw, 6)
        assert not np.array_equal(first, joined(xp, other))


@pytest.mark.parametrize(
    ("start", "stop", "without"),
    [(0, 5, -1), (3, SIZE, 7), (BLOCK, 2 * BLOCK, -1), (BLOCK - 2, BLOCK + 2, BLOCK), (4, 4, -1)],
)
def test_a_range_is_0_elsewhere(xp: Library, start: int, stop: int, without: int) -> None:
    x = large(xp)
    wanted = np.zeros(SIZE)
    wanted[start:stop] = xp.to_numpy(x)[start:stop]
    if without >= 0:
        wanted[without] = 0.0
    backend = find_backend([x])
    for array in (x, Computed(x, backend, lambda a: a * 1, (x,))):
        part = Range(x, backend, array, start, stop, without)
        np.testing.assert_array_equal(joined(xp, part), wanted)


def test_a_large_leaf_is_lazy_in_float64(xp: Library) -> None:
    if "float32" not in xp.float_dtypes:
        pytest.skip("there is nothing to widen")
    x = large(xp, "float32")
    native = make_point({"large": x, "small": xp.asarray([0.5], "float32")})
    with native.backend.with_float64():
        wide = native.widened()
        assert isinstance(wide.leaves[0], Lazy)
        assert not isinstance(wide.leaves[1], Lazy)
        assert max(wide.epsilons) == np.finfo(np.float64).eps
        copy = wide.copy()
        assert str(copy["large"].dtype).endswith("float64")
        numbers = xp.to_numpy(x).astype(np.float64)
        np.testing.assert_array_equal(xp.to_numpy(copy["large"]), numbers)
        np.testing.assert_array_equal(wide.on_host(wide.leaves)[:-1], numbers)
        back = native.narrowed(wide.leaves)
    xp.assert_native(back[0], "float32")
    np.testing.assert_array_equal(xp.to_numpy(back[0]), xp.to_numpy(x))
