"""From what the user passes to arrays."""

from __future__ import annotations

import array
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.arrays.parsing import (
    as_float,
    as_numeric,
    as_real_floating,
    flatten_floating,
    flatten_x0,
    is_floating,
    plain_array,
    real_pairs,
)
from checkgrad.backends import find_backend

if TYPE_CHECKING:
    from conftest import Library

BACKEND = find_backend([])
LIKE = np.ones(1)
Pair = namedtuple("Pair", "w b")  # noqa: PYI024


class Frame:
    """No array, but can become one, as a data frame can."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("x0", "expected"),
    [
        (3.0, 3.0),
        ([1, 2], [1, 2]),
        ([[1.0], [2.0]], [[1.0], [2.0]]),
        ((1.0, 2.0), [1.0, 2.0]),
        (range(3), [0, 1, 2]),
        (array.array("d", [1, 2]), [1.0, 2.0]),
        ([np.array(1.0), 2.0], [1.0, 2.0]),
        (Frame(), [1.0, 2.0]),
        ([10**400, 1], [np.inf, 1.0]),
    ],
)
def test_what_numpy_reads_as_one_array_is_one(x0: Any, expected: Any) -> None:
    (found,), structure = flatten_x0(x0)
    assert structure is None
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("x0", "paths"),
    [
        ({"w": np.ones(2), "b": 1.0}, ("['b']", "['w']")),
        ([np.ones(2), 1.0], ("[0]", "[1]")),
        (Pair(np.ones(2), 1.0), (".w", ".b")),
        ({"w": np.ones(2), "n": 3}, ("['w']",)),
        ({"m": 2, "n": 3}, ("['m']", "['n']")),
    ],
)
def test_a_tree_has_a_leaf_for_each_floating_array(x0: Any, paths: tuple[str, ...]) -> None:
    leaves, structure = flatten_x0(x0)
    assert structure is not None
    assert structure.paths == paths
    assert len(leaves) == len(paths)


def test_leaves_that_are_not_floating_stay_in_the_tree() -> None:
    leaves, structure = flatten_floating({"w": 1.0, "n": 3, "name": "net"})
    assert leaves == [1.0]
    assert structure.unflatten([2.0]) == {"w": 2.0, "n": 3, "name": "net"}


@pytest.mark.parametrize(
    ("x0", "error", "message"),
    [
        ({}, ValueError, r"x0 is empty: \{\}"),
        ([[1.0], [2.0, 3.0]], ValueError, "x0 is not an array"),
        ({"w": "three"}, TypeError, r"x0\['w'\] is 'three'.*or a tree"),
    ],
)
def test_an_x0_that_is_neither_is_an_error(x0: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        flatten_x0(x0)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_an_error_that_names_the_remedy() -> None:
    with pytest.raises(TypeError, match=r"x0\['w'\] is matrix.*np\.asarray\(x\)\.ravel\(\)"):
        flatten_x0({"w": np.matrix([1.0])})


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (1.0, True),
        (1j, True),
        (np.float16(1), True),
        (np.ones(1), True),
        (np.ones(1, np.complex64), True),
        (1, False),
        (True, False),
        ("1.0", False),
        (np.array([1]), False),
        (np.array(["a"]), False),
        (None, False),
    ],
)
def test_floating_leaves_are_told_from_others(leaf: Any, expected: bool) -> None:
    assert is_floating(leaf) is expected


def test_a_plain_array_has_native_byte_order() -> None:
    found = plain_array(np.array([1.0, 2.0], dtype=">f8"))
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, [1.0, 2.0])
    assert plain_array(3).dtype == np.float64
    assert plain_array(3j).dtype == np.complex128


def test_a_number_too_large_for_a_float_is_infinite() -> None:
    assert as_float(10**400) == np.inf
    assert as_float(-(10**400)) == -np.inf
    assert as_float(3) == 3.0


def test_pairs_are_real_and_imaginary_parts() -> None:
    np.testing.assert_array_equal(real_pairs(np.array([1 + 2j, 3.0]), np), [[1, 2], [3, 0]])


@pytest.mark.one_setting
def test_integers_become_floating_numbers(xp: Library) -> None:
    integers = xp.namespace.asarray([1, 2], device=xp.device)
    found = as_real_floating(integers, xp.namespace, "x0", integers)
    assert xp.isdtype(found.dtype, "real floating")
    np.testing.assert_array_equal(xp.to_numpy(found), [1.0, 2.0])
    floating = xp.detach(xp.asarray([1.0]))
    assert as_real_floating(floating, xp.namespace, "x0", floating) is floating


def test_numbers_that_are_not_real_are_quoted() -> None:
    with pytest.raises(TypeError, match=r"x0 is 'given' .*of dtype complex128; it must be real"):
        as_real_floating(np.array([1j]), np, "x0", "given")


@pytest.mark.one_setting
def test_numbers_of_any_kind_become_an_array_of_the_library(xp: Library) -> None:
    like = xp.detach(xp.asarray([1.0]))
    backend = find_backend([like])
    for value in (2.0, [2.0], like * 2, [like[0] * 2], [[like[0]], [like[0]]]):
        found = as_numeric(value, backend, like, "func")
        xp.assert_native(found)
        assert set(xp.to_numpy(found).ravel()) <= {1.0, 2.0}


@pytest.mark.parametrize("value", ["three", True, np.array([True]), None, [None], object()])
def test_what_is_not_numeric_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match=r"(?s)func returned .*; it must return numbers$"):
        as_numeric(value, BACKEND, LIKE, "func")
    with pytest.raises(TypeError, match=r"(?s)epsilon is .*; pass numbers$"):
        as_numeric(value, BACKEND, LIKE, "epsilon", "is")


def test_ragged_lists_are_an_error() -> None:
    with pytest.raises(ValueError, match="parts have different shapes"):
        as_numeric([[1.0], [2.0, 3.0]], BACKEND, LIKE, "func")


@pytest.mark.libraries("torch", "strict")
@pytest.mark.one_setting
def test_lists_of_arrays_of_different_shapes_are_an_error(xp: Library) -> None:
    like = xp.detach(xp.asarray([1.0]))
    with pytest.raises(ValueError, match=r"parts of different shapes: \[\(\), \(1,\)\]"):
        as_numeric([like, like[0]], find_backend([like]), like, "func")
