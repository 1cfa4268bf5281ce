"""x0 as a flat vector: its validation, copies, and the way to the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.arrays.blocks import BLOCK, Lazy
from checkgrad.arrays.point import make_point

if TYPE_CHECKING:
    from conftest import Library


@pytest.mark.one_setting
def test_coordinates_go_to_the_host_and_back(xp: Library, dtype: str) -> None:
    x0 = {"a": xp.asarray([[1.0, -2.0], [0.5, 4.0]], dtype), "b": xp.asarray(3.0, dtype)}
    point = make_point(x0)
    coordinates = point.on_host(point.leaves)
    np.testing.assert_array_equal(coordinates, [1.0, -2.0, 0.5, 4.0, 3.0])
    assert coordinates.dtype == np.float64
    leaves = point.from_host(coordinates + 1)
    for leaf, x in zip(leaves, (x0["a"], x0["b"]), strict=True):
        xp.assert_native(leaf, dtype)
        np.testing.assert_array_equal(xp.to_numpy(leaf), xp.to_numpy(x) + 1)


def test_a_point_keeps_its_values_when_the_user_writes_into_the_array(xp: Library) -> None:
    if not xp.writable or xp.readonly or xp.requires_grad:
        pytest.skip("cannot be written to")
    x0 = xp.asarray([1.0, 2.0])
    point = make_point(x0)
    x0[0] = 9.0
    np.testing.assert_array_equal(xp.to_numpy(point.copy()), [1.0, 2.0])


def test_what_is_handed_out_is_a_copy(xp: Library) -> None:
    if not xp.writable:
        pytest.skip("cannot be written to")
    point = make_point(xp.asarray([1.0, 2.0]))
    for copy in (point.copy, point.copy_for_claim):
        xp.detach(copy())[0] = 9.0
        np.testing.assert_array_equal(xp.to_numpy(copy()), [1.0, 2.0])


@pytest.mark.libraries("torch")
def test_func_and_claim_get_tensors_that_require_a_gradient_if_x0_does(xp: Library) -> None:
    point = make_point(xp.asarray([1.0, 2.0]))
    assert point.copy().requires_grad is xp.requires_grad
    assert not point.leaves[0].requires_grad
    assert point.copy_for_claim().requires_grad is xp.requires_grad
    near: Any = point.for_claim([point.leaves[0] + 1])
    assert near.requires_grad is xp.requires_grad
    np.testing.assert_array_equal(xp.to_numpy(near), [2.0, 3.0])


def test_integers_are_differentiated_as_floating_numbers() -> None:
    point = make_point(np.array([1, 2]))
    assert point.copy().dtype == np.float64
    assert point.copy_for_claim().dtype == np.array([1, 2]).dtype


def test_a_list_of_numbers_is_one_array() -> None:
    point = make_point([[1, 2.5], [3, 4]])
    assert point.structure is None
    np.testing.assert_array_equal(point.copy(), [[1, 2.5], [3, 4]])


def test_a_complex_leaf_is_two_real_coordinates_an_entry() -> None:
    x0 = np.array([1 + 2j, 3 - 4j], dtype=np.complex64)
    point = make_point(x0, allow_complex=True)
    np.testing.assert_array_equal(point.on_host(point.leaves), [1, 2, 3, -4])
    assert point.leaves[0].dtype == np.float32
    np.testing.assert_array_equal(point.copy(), x0)
    assert point.copy().dtype == np.complex64


@pytest.mark.parametrize(
    ("options", "is_conj"),
    [({}, True), ({"convention": "jax"}, True), ({"convention": "torch"}, False)],
)
def test_the_convention_is_the_users_or_the_librarys(
    options: dict[str, str], is_conj: bool
) -> None:
    assert make_point(np.ones(2), **options).conj_convention is is_conj


@pytest.mark.parametrize(
    ("x0", "message"),
    [
        (np.empty(0), r"x0 is empty \(shape \(0,\)\)"),
        ([np.empty(0), np.empty((2, 0))], r"x0 is empty \(shape \(0,\), \(2, 0\)\)"),
        ({}, r"x0 is empty: \{\}"),
        (np.array([1.0, np.nan]), r"x0\[1\] is nan; .* finite x0 only"),
        ({"w": np.array([[1.0, 2.0], [np.inf, np.nan]])}, r"x0\['w'\]\[1, 0\] is inf"),
        ([1.0, -np.inf], r"x0\[1\] is -inf"),
    ],
)
def test_an_empty_or_infinite_x0_is_a_value_error(x0: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_point(x0)


def test_a_sum_that_overflows_is_no_infinite_x0() -> None:
    with np.errstate(all="raise"):
        assert make_point(np.full(3, np.finfo(float).max)).size == 3


@pytest.mark.parametrize("x0", ["three", None, np.array(["a"]), 1j, np.ones(2) * 1j, [1j]])
def test_an_x0_that_is_not_of_real_numbers_is_a_type_error(x0: Any) -> None:
    with pytest.raises(TypeError, match="x0"):
        make_point(x0)


def test_an_unknown_convention_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"convention is 'numpy'.*'jax', 'torch', or None"):
        make_point(np.ones(1), convention="numpy")


def test_leafwise_gives_a_function_each_leaf_and_the_arrays_beside_it() -> None:
    point = make_point([np.ones(2), np.full((1, 3), 2.0)])
    found = point.leafwise(lambda x, y: x + y, [np.array([1.0, 2.0]), np.full((1, 3), 5.0)])
    np.testing.assert_array_equal(found[0], [2.0, 3.0])
    np.testing.assert_array_equal(found[1], [[7.0, 7.0, 7.0]])


def test_blockwise_leaves_out_empty_parts() -> None:
    point = make_point([np.ones(2), np.empty(0), np.ones(2 * BLOCK)])
    sizes = point.numbers(lambda x: x.size, point.leaves)
    assert sizes == [2, BLOCK, BLOCK]


def test_the_methods_take_lazy_arrays_for_arrays() -> None:
    point = make_point([np.linspace(1.0, 2.0, BLOCK + 1), np.ones(2)])
    signs = point.random_signs(np.random.default_rng(0))
    assert isinstance(signs[0], Lazy)
    assert set(point.on_host(signs)) == {-1.0, 1.0}
    twice = [point.on_demand(lambda x: 2 * x, x) for x in point.leaves]
    assert isinstance(twice[0], Lazy)
    np.testing.assert_array_equal(point.on_host(twice), 2 * point.on_host(point.leaves))


def test_a_neighbour_is_some_units_away_at_every_coordinate() -> None:
    point = make_point([np.array([1.0, -4.0]), np.array(0.5)])
    up = point.neighbour([np.ones(2), np.ones(())], 2)
    np.testing.assert_array_equal(
        point.on_host(up), np.array([1.0, -4.0, 0.5]) * (1 + 2 * np.finfo(float).eps)
    )
    np.testing.assert_array_equal(point.coarsened(np.array([1 + 2.0**-40]), 2.0**-23), [1.0])
