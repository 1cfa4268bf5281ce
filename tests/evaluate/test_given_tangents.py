"""Tangents that the user gives, and functions that make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.given_tangents import is_projection, one_or_several, projected

pytestmark = pytest.mark.numpy

POINT = make_point(np.asarray([1.0, -2.0, 0.0]))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("direction", "count", "words"),
    [
        ([1, 2, 3], 1, "the given tangent"),
        ([[1, 2, 3]], 1, "1 given tangents"),
        ([[1, 2, 3], np.ones(3)], 2, "2 given tangents"),
        ((np.ones(3), np.ones(3), np.ones(3)), 3, "3 given tangents"),
    ],
)
def test_a_list_is_one_tangent_if_it_can_be(direction: Any, count: int, words: str) -> None:
    given = one_or_several(POINT, direction)
    assert (len(given.tangents), given.words) == (count, words)
    assert all(tangent[0].dtype == np.float64 for tangent in given.tangents)


@pytest.mark.parametrize("direction", [[np.ones(3), np.ones(2)], [np.zeros(3), np.ones(3)], "no"])
def test_a_list_with_another_thing_in_it_is_refused(direction: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        one_or_several(POINT, direction)


def test_a_projection_gets_random_tangents_of_the_size_of_x0() -> None:
    seen: list[Any] = []

    def project(tangent: Any) -> Any:
        seen.append(tangent)
        return tangent - np.mean(tangent)

    given = projected(POINT, project, 200, rng())
    assert given.words == "200 projected tangents"
    assert np.max(np.abs([np.sum(tangent[0]) for tangent in given.tangents])) < 1e-12
    np.testing.assert_allclose(np.std(seen, axis=0), [1.0, 2.0, 1.0], rtol=0.3)


def test_what_a_projection_returns_is_validated() -> None:
    for project, message in (
        (lambda v: v[:2], "direction returned shape"),
        (lambda v: 0 * v, "direction returned a tangent that is zero everywhere"),
        (lambda v: v * np.nan, "direction returned a tangent that is not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            projected(POINT, project, 1, rng())


def test_a_tree_that_can_be_called_is_no_projection() -> None:
    optree = pytest.importorskip("optree")

    @optree.register_pytree_node_class(namespace=optree.registry.__GLOBAL_NAMESPACE)
    class Callable:
        def __init__(self, weight: Any) -> None:
            self.weight = weight

        def __call__(self, x: Any) -> Any:
            return x

        def __tree_flatten__(self) -> Any:
            return [self.weight], None

        tree_flatten = __tree_flatten__

        @classmethod
        def tree_unflatten(cls, metadata: Any, children: Any) -> Any:
            return cls(*children)

    assert is_projection(lambda v: v)
    assert not is_projection(Callable(np.ones(2)))
    assert not any(map(is_projection, [np.ones(2), "all", 3, [1.0]]))
