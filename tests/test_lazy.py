"""Large arrays that are made block by block, and the memory that a check needs for them."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad
from checkgrad.arrays.blocks import BLOCK, Halved, RandomSigns
from checkgrad.arrays.point import make_point
from checkgrad.backends import find_backend

if TYPE_CHECKING:
    from conftest import Library

SIZE = 2 * BLOCK + 3


def large(xp: Library, dtype: str) -> Any:
    """Numbers of either sign, from the smallest to the largest that a dtype holds well."""
    info = xp.finfo(getattr(xp.namespace, dtype))
    ends = np.log2(float(info.smallest_normal)) + 8, np.log2(float(info.max)) - 1
    numbers = np.exp2(np.linspace(*ends, SIZE)) * np.resize([1.0, -1.0, 1.0], SIZE)
    return xp.asarray(numbers.tolist(), dtype)


def test_half_of_the_bits_of_a_large_array_are_kept(xp: Library, dtype: str) -> None:
    x = xp.detach(large(xp, dtype))
    point = make_point({"large": x, "small": xp.asarray([1 / 3], dtype)})
    halved, small = point.halved(lambda leaf: leaf * 1)
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


def test_random_signs_are_the_same_whenever_they_are_made(xp: Library, dtype: str) -> None:
    x = xp.detach(large(xp, dtype))
    signs = RandomSigns(x, find_backend([x]), 5)
    joined = [np.concatenate([xp.to_numpy(block) for block in signs.blocks()]) for _ in range(2)]
    np.testing.assert_array_equal(*joined)
    assert np.array_equal(np.unique(joined[0]), [-1.0, 1.0])
    assert abs(np.mean(joined[0])) < 5 / np.sqrt(SIZE)
    halves = joined[0][:BLOCK], joined[0][BLOCK : 2 * BLOCK]
    assert abs(np.mean(halves[0] * halves[1])) < 5 / np.sqrt(BLOCK)  # blocks are independent
    for block in signs.blocks():
        xp.assert_native(block, dtype)
    other = RandomSigns(x, find_backend([x]), 6)
    assert not np.array_equal(joined[0], np.concatenate([xp.to_numpy(b) for b in other.blocks()]))


def test_a_point_with_large_leaves_draws_signs_for_each(xp: Library) -> None:
    x = xp.detach(xp.asarray(np.linspace(-2.0, -1.0, SIZE).tolist()))
    point = make_point([x, x[:3], x])
    signs = point.random_signs(np.random.default_rng(0))
    moved = point.neighbour(signs, 2)
    for leaf, sign, there in zip(point.leaves, signs, moved, strict=True):
        ups = np.sign(xp.to_numpy(there) - xp.to_numpy(leaf)) * np.sign(xp.to_numpy(leaf))
        np.testing.assert_array_equal(ups, xp.to_numpy(point.whole(sign)))
    first, last = (xp.to_numpy(point.whole(signs[k])) for k in (0, 2))
    assert not np.array_equal(first, last)


def quadratic(xp: Library) -> Any:
    def func(x: Any) -> Any:
        return xp.sum(x * x)

    return func


def test_an_error_in_a_large_gradient_is_found_along_a_random_tangent(
    xp: Library, dtype: str
) -> None:
    if dtype in ("float16", "bfloat16"):
        pytest.skip("the sum of so many terms has no digit left")
    x0 = xp.asarray(np.linspace(0.5, 1.5, SIZE).tolist(), dtype)
    for factor, wanted in ((2.0, Verdict.CORRECT), (2.2, Verdict.WRONG), (-2.0, Verdict.WRONG)):
        report = verify_grad(
            quadratic(xp), lambda x, f=factor: f * xp.detach(x), x0, direction="random", rng=1
        )
        assert report.verdict is wanted, str(report)


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("factor", [2.0, 2.2])
def test_a_verdict_along_a_random_tangent_needs_little_more_than_it_must_hold(
    xp: Library, dtype: str, factor: float
) -> None:
    """A copy of x0, the claim, half a tangent and the moved x0; or the claim there as well."""
    if dtype == "float16":
        pytest.skip("NumPy sums it in float32, which func here leaves to it")
    x0 = xp.asarray(np.linspace(0.5, 1.5, 2**22), dtype)
    verify_grad(np.sum, np.ones_like, x0[:5], direction="random")  # what is imported when used
    tracemalloc.start()
    try:
        report = verify_grad(
            lambda x: np.dot(x, x), lambda x: factor * x, x0, direction="random", rng=0
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.verdict is (Verdict.CORRECT if factor == 2 else Verdict.WRONG)
    once = report.n_grad == 1
    assert once or factor != 2 or dtype == "float32"
    assert 3.4 * x0.nbytes <= peak <= (3.75 if once else 4.75) * x0.nbytes
