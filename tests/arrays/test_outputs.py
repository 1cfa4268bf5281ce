"""What func returns as one flat vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.arrays.outputs import OutputReader, few_digits, numbers_of
from checkgrad.arrays.point import Point, make_point

if TYPE_CHECKING:
    from conftest import Library

POINT = make_point(np.ones(2))
TREE = {"a": np.array([[1.0, 2.0]]), "b": [np.float32(3.0), np.array([4 + 5j])], "n": 6}


def reader_of(value: Any, point: Point = POINT, many: bool = False) -> OutputReader:
    """A reader that read `value` at x0."""
    reader = OutputReader(point, many)
    reader.read(value)
    return reader


def test_a_tree_becomes_one_vector_of_its_widest_dtype() -> None:
    vector = OutputReader(POINT, many=False).read(TREE)
    np.testing.assert_array_equal(vector, [1, 2, 3, 4, 5])
    assert vector.dtype == np.float64


def test_the_spec_says_where_each_entry_is() -> None:
    spec = reader_of(TREE).spec
    assert spec.size == 5
    assert spec.offsets == (0, 2, 3)
    assert [spec.part_of(entry) for entry in range(5)] == [0, 0, 1, 2, 2]
    places = [spec.place(entry) for entry in range(5)]
    assert places == [
        "['a'][0, 0]",
        "['a'][0, 1]",
        "['b'][0]",
        "['b'][1][0].real",
        "['b'][1][0].imag",
    ]
    assert [part.epsilon for part in spec.parts] == [2.0**-52, 2.0**-23, 2.0**-52]


def test_an_empty_part_holds_no_entry() -> None:
    spec = reader_of([np.empty(0), np.ones(2), np.empty(0)]).spec
    assert [spec.part_of(entry) for entry in range(2)] == [1, 1]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones(3), r"func has shape \(3,\), but func has shape \(2,\) at x0"),
        ({"a": np.ones(2)}, r"func is a tree of \['a'\], but func\(x0\) is one array"),
    ],
)
def test_a_later_value_of_another_shape_is_an_error(value: Any, message: str) -> None:
    reader = reader_of(np.ones(2))
    with pytest.raises(ValueError, match=message):
        reader.read(value)


def test_a_later_value_that_is_complex_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"jvp is complex \(dtype complex128\), but func is real"):
        reader_of(np.ones(2)).vector(np.ones(2) * 1j, "jvp")


def test_one_number_fits_whatever_shape_one_number_has() -> None:
    np.testing.assert_array_equal(reader_of(np.ones((1, 1))).vector(3.0, "jvp"), [3.0])


def test_a_real_part_fits_a_complex_output() -> None:
    np.testing.assert_array_equal(reader_of(np.ones(1) * 1j).vector(np.ones(1), "jvp"), [1, 0])


def test_the_derivative_of_an_integer_is_left_out() -> None:
    function = reader_of({"loss": 1.0, "step": 3})
    np.testing.assert_array_equal(function.vector({"loss": 2.0, "step": 0.0}, "jvp"), [2.0])
    np.testing.assert_array_equal(function.vector({"loss": 2.0, "step": 0}, "jvp"), [2.0])
    with pytest.raises(ValueError, match=r"jvp is a tree of \['loss'\], \['more'\]"):
        function.vector({"loss": 2.0, "more": 0.0}, "jvp")


def test_many_points_give_a_row_each() -> None:
    reader = OutputReader(POINT, many=True)
    many = np.arange(6.0).reshape(3, 2)
    read = reader.read({"a": many[:, :1], "b": many * 2})
    np.testing.assert_array_equal(read, np.concatenate([many[:, :1], many * 2], axis=1))
    assert reader.spec.size == 3


def test_many_points_need_a_value_each() -> None:
    with pytest.raises(ValueError, match="one value for each point"):
        OutputReader(POINT, many=True).read(1.0)


def test_epsilon_is_that_of_the_coarsest_part() -> None:
    reader = reader_of(1.0)
    assert reader.epsilon({"a": np.float64(1), "b": np.float16(1)}, "jvp") == 2.0**-10


@pytest.mark.one_setting
def test_a_cotangent_has_the_structure_and_dtypes_of_the_value(xp: Library) -> None:
    point = make_point(xp.asarray([1.0, 2.0]))
    value = {"a": xp.asarray([[1.0, 2.0]]), "b": xp.asarray(3.0, "float32")}
    spec = reader_of(value, point).spec
    cotangent = spec.cotangent(np.array([1.0, -2.0, 0.5]), point)
    xp.assert_native(cotangent["a"])
    xp.assert_native(cotangent["b"], "float32")
    np.testing.assert_array_equal(xp.to_numpy(cotangent["a"]), [[1.0, -2.0]])
    np.testing.assert_array_equal(xp.to_numpy(cotangent["b"]), 0.5)


@pytest.mark.parametrize(("convention", "sign"), [("jax", -1), ("torch", 1)])
def test_a_complex_cotangent_follows_the_convention(convention: str, sign: int) -> None:
    point = make_point(np.ones(2), convention=convention)
    spec = reader_of(np.array([1 + 1j]), point).spec
    cotangent = spec.cotangent(np.array([2.0, 3.0]), point)
    np.testing.assert_array_equal(cotangent, [2 + sign * 3j])
    # The weighted change is the same number in either convention.
    change = 0.5 - 4j
    weight = cotangent[0] if convention == "jax" else np.conj(cotangent[0])
    assert (weight * change).real == 2 * 0.5 + 3 * -4


def test_a_cotangent_is_not_a_view_of_the_weights() -> None:
    spec = reader_of(np.ones(2)).spec
    weights = np.array([1.0, 2.0])
    spec.cotangent(weights, POINT)[0] = 9.0
    np.testing.assert_array_equal(weights, [1.0, 2.0])


def test_numbers_of_a_value_are_flat_and_complex() -> None:
    np.testing.assert_array_equal(numbers_of(TREE, POINT), [1, 2, 3, 4 + 5j])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_few_digits_are_exact_in_every_dtype(dtype: str) -> None:
    weights = np.random.default_rng(0).standard_normal(100)
    few = few_digits(weights)
    np.testing.assert_array_equal(few.astype(dtype).astype(np.float64), few)
    np.testing.assert_allclose(few, weights, rtol=2.0**-8)
    assert few_digits(np.zeros(1))[0] == 0
