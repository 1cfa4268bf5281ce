"""Trees of arrays: their leaves, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from checkgrad.backends import flatten_tree, is_number, without

if TYPE_CHECKING:
    from conftest import Library


class Pair(NamedTuple):
    first: Any
    second: Any


@pytest.mark.one_setting
def test_leaves_have_paths_and_make_the_tree_again(xp: Library) -> None:
    x, y = xp.asarray([1.0]), xp.asarray([2.0, 3.0])
    leaves, structure = flatten_tree({"b": [x, 1.5], "a": Pair(y, None)})
    assert leaves[0] is y
    assert leaves[1] is x
    names = ("['a'].first", "['b'][0]", "['b'][1]")
    assert structure.paths == names
    tree = structure.unflatten(["y", "x", "number"])
    assert tree == {"b": ["x", "number"], "a": Pair("y", None)}


def test_another_tree_is_read_with_plain_for_named_tuples() -> None:
    _, structure = flatten_tree({"a": Pair(np.ones(1), np.ones(2))})
    leaves, paths, _ = structure.flatten_like({"a": (10, 20)})
    assert (leaves, paths) == ([10, 20], structure.paths)
    _, structure = flatten_tree([np.ones(1), np.ones(2)])
    leaves, paths, _ = structure.flatten_like(Pair(10, 20))
    assert (leaves, paths) == ([10, 20], structure.paths)


def test_another_tree_that_differs_has_other_paths() -> None:
    _, structure = flatten_tree({"a": np.ones(1)})
    assert structure.flatten_like({"b": np.ones(1)})[1] != structure.paths


def test_fixed_leaves_are_put_back_as_copies_and_zeros_in_tangents() -> None:
    count = np.asarray([3, 4])
    leaves, structure = flatten_tree({"n": count, "x": np.ones(2), "on": True})
    paths = structure.paths
    fixed = {k: leaf for k, leaf in enumerate(leaves) if leaf is count or leaf is True}
    rest = without(structure, fixed, lambda leaf: leaf if leaf is True else leaf.copy())
    assert rest.paths == ("['x']",)
    assert set(rest.fixed) == set(paths) - {"['x']"}
    tree = rest.unflatten(["x"])
    assert tree["x"] == "x"
    assert tree["on"] is True
    np.testing.assert_array_equal(tree["n"], count)
    assert tree["n"] is not count
    tangent = rest.unflatten_tangent(["x"])
    assert tangent["on"] is False
    np.testing.assert_array_equal(tangent["n"], [0, 0])
    assert rest.flatten_like({"n": 1, "x": 2, "on": 3})[:2] == ([2], ("['x']",))


@pytest.mark.libraries("jax")
@pytest.mark.one_setting
def test_classes_registered_with_jax_are_taken_apart(xp: Library) -> None:
    import jax

    class Weights:
        def __init__(self, weight: object) -> None:
            self.weight = weight

    jax.tree_util.register_pytree_node(
        Weights, lambda w: ((w.weight,), None), lambda _, parts: Weights(*parts)
    )
    for weight in (xp.asarray([1.0]), np.ones(1), 1.5):
        leaves, structure = flatten_tree(Weights(weight))
        assert leaves[0] is weight
        assert isinstance(structure.unflatten([2.0]), Weights)


@pytest.mark.one_setting
def test_numbers_are_told_from_other_dtypes(xp: Library) -> None:
    x = xp.asarray([1.0])
    assert is_number(x)
    assert is_number(x, "real floating")
    assert not is_number(x, "complex floating")
    assert is_number(x > 0)
    if xp.name == "jax":
        import jax

        assert not is_number(jax.random.key(0))
