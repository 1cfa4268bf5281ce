"""How the coordinates of x0 make up the user's structure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from checkgrad.arrays.point import make_point


class Pair(NamedTuple):
    w: np.ndarray
    b: np.ndarray


TREE = {"w": np.arange(6.0).reshape(2, 3), "b": [np.array(7.0), np.array([1 + 2j])]}


def test_coordinates_are_counted_leaf_by_leaf() -> None:
    layout = make_point(TREE, allow_complex=True)
    assert layout.complexes == (False, True, False)  # keys of a dict are sorted
    assert layout.sizes == (1, 2, 6)
    assert layout.offsets == (0, 1, 3)
    assert layout.size == 9


def test_a_coordinate_is_located_beyond_empty_leaves() -> None:
    layout = make_point([np.empty(0), np.ones(2), np.empty((0, 3)), np.ones(1)])
    assert [layout.locate(i) for i in range(3)] == [(1, 0), (1, 1), (3, 0)]


def test_places_are_written_as_in_python() -> None:
    layout = make_point(TREE, allow_complex=True)
    places = [layout.place(i) for i in (0, 1, 2, 3, 8)]
    assert places == [
        "['b'][0]",
        "['b'][1][0].real",
        "['b'][1][0].imag",
        "['w'][0, 0]",
        "['w'][1, 2]",
    ]
    assert make_point(np.ones(3)).place(2) == "[2]"
    assert make_point(2.0).place(0) == ""


def test_shapes_are_the_users() -> None:
    layout = make_point(TREE, allow_complex=True)
    assert [layout.user_shape(leaf) for leaf in range(3)] == [(), (1,), (2, 3)]
    assert [layout.leaf_path(leaf) for leaf in range(3)] == ["['b'][0]", "['b'][1]", "['w']"]


def test_leaves_are_assembled_to_the_users_structure() -> None:
    point = make_point(TREE, allow_complex=True)
    found = point.for_func(point.leaves)
    assert list(found) == list(TREE)
    np.testing.assert_array_equal(found["w"], TREE["w"])
    np.testing.assert_array_equal(found["b"][1], TREE["b"][1])
    assert isinstance(found["b"][0], np.ndarray)
    assert point.for_func([2 * leaf for leaf in point.leaves])["b"][0].shape == ()


def test_what_is_not_differentiated_is_0_in_a_tangent() -> None:
    point = make_point({"x": np.ones(2), "n": np.array([3, 4])})
    assert point.size == 2
    np.testing.assert_array_equal(point.for_func(point.leaves)["n"], [3, 4])
    np.testing.assert_array_equal(point.as_tangent(point.leaves)["n"], [0, 0])


def test_only_a_single_real_array_is_its_own_leaf() -> None:
    assert make_point(np.ones(2)).is_single_real_array
    assert not make_point([np.ones(2)]).is_single_real_array
    assert not make_point(np.ones(2) + 0j, allow_complex=True).is_single_real_array


def test_parts_of_a_tree_come_in_the_order_of_the_leaves() -> None:
    layout = make_point({"b": np.ones(1), "a": np.ones(2)})
    assert layout.parts({"b": "second", "a": "first"}, "grad returned", "") == ["first", "second"]


def test_lists_and_tuples_are_alike() -> None:
    layout = make_point([np.ones(1), np.ones(2)])
    for tree in (("first", "second"), ["first", "second"], Pair("first", "second")):
        parts = layout.parts(tree, "grad returned", "")
        assert parts == ["first", "second"], tree


def test_a_single_array_has_one_part_whatever_it_is() -> None:
    tree = object()
    assert make_point(np.ones(2)).parts(tree, "grad returned", "") == [tree]


def test_a_tree_of_another_structure_is_an_error_with_a_remedy() -> None:
    layout = make_point({"a": np.ones(2)})
    with pytest.raises(ValueError, match=r"^bounds is a tree of another structure.*; pass more$"):
        layout.parts({"b": np.ones(2)}, "bounds is", "pass more")
