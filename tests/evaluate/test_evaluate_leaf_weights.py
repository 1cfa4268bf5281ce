"""Weights of the leaves of a tree in random tangents."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.bounds import make_bounds
from checkgrad.arrays.point import make_point
from checkgrad.evaluate.coordinate_sizes import coordinate_sizes
from checkgrad.evaluate.leaf_weights import leaf_changes, leaf_weights
from checkgrad.evaluate.tangent_choice import random_tangents


def weights(*claims, dtype=np.float64):
    claims = [np.asarray(each, dtype=dtype) for each in claims]
    point = make_point([np.ones_like(each) for each in claims])
    return leaf_weights(point, claims, coordinate_sizes(point, claims, 1.0))


def test_every_leaf_counts_alike():
    assert weights([1.0], [4.0], [-16.0]) == [1.0, 0.25, 0.0625]
    assert weights([3.0, 4.0], [5.0]) == [1.0, 1.0]


@pytest.mark.parametrize(("dtype", "cap"), [(np.float64, 2.0**10), (np.float32, 2.0**4)])
def test_up_to_a_cap_which_a_claim_of_zero_gets(dtype, cap):
    assert weights([1.0], [1e-6], dtype=dtype) == [1 / cap, 1.0]
    assert weights([1.0], [0.0], [0.5], dtype=dtype) == [1 / cap, 1.0, 2 / cap]


def test_there_are_none_where_nothing_is_known():
    point = make_point([np.ones(2), np.ones(3)])
    assert leaf_weights(point, None, point.leaves) == [1.0, 1.0]
    assert weights([0.0], [0.0, 0.0]) == [1.0, 1.0]
    assert weights([2.0]) == [1.0]


def test_an_empty_leaf_is_left_out():
    found = weights([1.0], [], [4.0])
    assert (found[0], found[2]) == (1.0, 0.25)


def test_few_large_entries_weigh_as_much_as_many():
    """Of an embedding, most rows have a gradient of 0."""
    sparse = np.zeros(10_000)
    sparse[:100] = 1.0
    assert weights(sparse, np.full(100, 1.0)) == [1.0, 1.0]


def test_tangents_have_these_weights():
    x0 = [np.full(4000, 2.0), np.full(4000, 3.0)]
    claims = [np.full(4000, 1.0), np.full(4000, 32.0)]
    point = make_point(x0)
    rng = np.random.default_rng(0)
    chosen = random_tangents(point, claims, make_bounds(None, point, "x0"), 1.0, rng, 1)
    ((first, second),) = chosen.tangents
    changes = leaf_changes(claims, chosen.sizes, point)
    assert chosen.weights == [1.0, 2.0 ** -round(np.log2(changes[1] / changes[0]))]
    assert np.std(first) == pytest.approx(2.0, rel=0.05)
    assert np.std(second) == pytest.approx(3.0 * chosen.weights[1], rel=0.05)
