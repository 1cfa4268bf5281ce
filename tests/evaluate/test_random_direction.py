"""Random directions: the short ways give the same as the long one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad.arrays.bounds import make_bounds
from checkgrad.arrays.point import make_point
from checkgrad.backends import flat_tree
from checkgrad.evaluate.random_direction import (
    DirectionOfArray,
    DirectionOfPoint,
    DirectionOfTree,
    RandomDirection,
)

LENGTH = 1e-3


def of_point(x: Any, gradient: Any) -> DirectionOfPoint:
    point = make_point(x)
    bounds, claims = make_bounds(None, point, "x"), point.claim_leaves(gradient)
    return DirectionOfPoint(point, claims, LENGTH, bounds, np.random.default_rng(1))


def same(short: RandomDirection, long: RandomDirection, gradient: Any) -> None:
    jax = pytest.importorskip("jax") if isinstance(short, DirectionOfTree) else None
    leaves = jax.tree.leaves if jax else lambda tree: [tree]
    for a, b in (
        (short.tangent(), long.tangent()),
        (short.at(0.5), long.at(0.5)),
        (short.at(-1.0), long.at(-1.0)),
    ):
        for one, other in zip(leaves(a), leaves(b), strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert short.claim == short.claimed(gradient)
    assert short.claimed(gradient) == pytest.approx(long.claimed(gradient), rel=1e-14)


@pytest.mark.numpy
@pytest.mark.parametrize("x", [np.linspace(-1, 1, 6).reshape(2, 3), np.array([0.0, 2.0, -3.0])])
def test_an_array_of_numpy(x: Any) -> None:
    gradient = np.cos(x) * (x != 2.0)
    short = DirectionOfArray(x, gradient, LENGTH, np.random.default_rng(1))
    same(short, of_point(x, gradient), gradient)
    assert np.all((short.tangent() * gradient >= 0) | (gradient == 0))


def test_a_tree_of_jax() -> None:
    jnp = pytest.importorskip("jax").numpy
    x = {
        "a": jnp.asarray([[1.0, -2.0], [0.0, 3.0]], jnp.float32),
        "b": [jnp.zeros(3, jnp.float32), jnp.asarray(0.5, jnp.float32)],
    }
    gradient = {"a": x["a"] - 1, "b": [x["b"][0], -x["b"][1]]}
    tree = flat_tree(x, lambda x: x)
    assert tree is not None
    numbers, claims = tree.coordinates(x), tree.coordinates(gradient)
    assert numbers is not None
    assert claims is not None
    short = DirectionOfTree(tree, x, (numbers, claims), LENGTH, np.random.default_rng(1))
    same(short, of_point(x, gradient), gradient)
    assert short.is_pure


@pytest.mark.numpy
@pytest.mark.parametrize("x", [[np.nan, 1.0], [np.inf, 1.0], [np.inf, -np.inf]])
def test_an_array_that_is_not_finite_has_no_direction(x: list[float]) -> None:
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="not finite"):
        DirectionOfArray(np.array(x), np.ones(2), LENGTH, np.random.default_rng(1))


@pytest.mark.numpy
def test_sizes_of_leaves_are_their_own_and_those_of_zeros_are_the_mean() -> None:
    x = [np.array([1.0, 0.0, -3.0]), np.zeros(2), np.zeros(0), np.array([1e100, 1e-100])]
    steps = of_point(x, [np.ones_like(leaf) for leaf in x]).tangent()
    numbers = np.abs(np.random.default_rng(1).standard_normal(7)) * LENGTH
    first, zeros, _, last = (np.asarray(each) for each in steps)
    np.testing.assert_allclose(first, numbers[:3] * [1.0, 4 / 3, 3.0])
    np.testing.assert_allclose(zeros, numbers[3:5] * 1e100 / 7, rtol=1e-3)
    np.testing.assert_allclose(last, numbers[5:] * [1e100, 1e100 / 2000])
