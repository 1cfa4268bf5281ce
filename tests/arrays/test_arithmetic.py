"""Steps, differences, norms and products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from checkgrad.arrays.arithmetic import (
    alike,
    at_least_single,
    difference,
    distance,
    dot,
    forward_difference,
    forward_steps,
    norm,
    norm_in_range,
    reshaped,
)
from checkgrad.backends import find_backend

if TYPE_CHECKING:
    from conftest import Library

BACKEND = find_backend([])


@pytest.mark.one_setting
def test_the_step_taken_is_the_difference_of_representable_numbers(xp: Library, dtype: str) -> None:
    x = xp.detach(xp.asarray([0.0, 1.0, -3.0, 100.0], dtype))
    step = float(xp.eps(dtype)) ** 0.5
    moved, taken = forward_steps(x, step, step, find_backend([x]))
    xp.assert_native(moved, dtype)
    np.testing.assert_array_equal(xp.to_numpy(moved) - xp.to_numpy(x), xp.to_numpy(taken))
    assert np.all(xp.to_numpy(taken) > 0)


def test_a_step_that_vanishes_becomes_a_relative_one() -> None:
    x = np.array([1e20, -1e20, 1.0, 0.5])
    moved, taken = forward_steps(x, np.array([1e-8, 1e-8, 1e-8, 0.0]), 2.0**-20, BACKEND)
    np.testing.assert_allclose(taken[:2], [1e20 * 2.0**-20, -1e20 * 2.0**-20])
    assert taken[2] == (1 + 1e-8) - 1
    assert taken[3] == 2.0**-20  # relative to 1 at least
    np.testing.assert_array_equal(moved, x + taken)


def test_a_step_of_extended_precision_is_taken_in_it() -> None:
    step = np.full(2, 1e-8, dtype=np.longdouble)
    moved, taken = forward_steps(np.ones(2), step, 1e-8, BACKEND)
    assert taken.dtype == np.longdouble
    assert moved.dtype == np.float64


def test_a_forward_difference_has_the_coordinates_last() -> None:
    value = np.array([1.0, 2.0])
    values = np.array([[1.5, 2.0], [1.0, 3.0], [0.0, 0.0]])
    found = forward_difference(values, value, np.array([0.5, 0.25, 1.0]), np)
    np.testing.assert_array_equal(found, [[1.0, 0.0, -1.0], [0.0, 4.0, -2.0]])


def test_a_forward_difference_of_numbers_is_a_vector() -> None:
    found = forward_difference(np.array([2.0, 4.0]), np.array(1.0), np.array([1.0, 2.0]), np)
    np.testing.assert_array_equal(found, [1.0, 1.5])


def test_complex_values_give_the_real_part_and_a_warning() -> None:
    with pytest.warns(np.exceptions.ComplexWarning, match="discards the imaginary part"):
        found = forward_difference(np.array([2 + 3j]), np.array(1j), np.ones(1), np)
    np.testing.assert_array_equal(found, [2.0])


@pytest.mark.one_setting
def test_arrays_of_two_dtypes_are_cast_to_one(xp: Library) -> None:
    one, other = (xp.detach(xp.asarray([1.0, 2.0], d)) for d in ("float32", xp.default_dtype))
    for array in alike([one, other], xp.namespace):
        xp.assert_native(array)
    xp.assert_native(difference(one, other, xp.namespace))


@pytest.mark.libraries("jax")
@pytest.mark.one_setting
def test_half_precisions_that_do_not_hold_each_other_meet_in_float32(xp: Library) -> None:
    import jax

    with jax.numpy_dtype_promotion("strict"):
        pair = [xp.asarray([1.0], "bfloat16"), xp.asarray([1.0], "float16")]
        assert [str(a.dtype) for a in alike(pair, xp.namespace)] == ["float32", "float32"]


def test_narrow_and_integer_arrays_become_float32() -> None:
    for dtype, expected in (("float16", "float32"), ("int64", "float32"), ("float64", "float64")):
        assert at_least_single(np.ones(2, dtype), np).dtype == expected


def test_the_norm_is_scipys_on_numpy() -> None:
    entries = np.random.default_rng(0).standard_normal(100)
    assert norm([entries], np) == np.sqrt(np.sum(np.abs(entries**2)))
    assert distance([entries], [entries * 0], np) == norm([entries], np)


@pytest.mark.one_setting
def test_squares_do_not_overflow_in_a_norm(xp: Library, dtype: str) -> None:
    if (xp.name, dtype) == ("numpy", "float64"):
        pytest.skip("the sum is SciPy's")
    large = float(xp.finfo(getattr(xp.namespace, dtype)).max) / 8
    found = norm(
        [xp.detach(xp.asarray([large, 0.0], dtype)), xp.detach(xp.asarray([], dtype))], xp.namespace
    )
    np.testing.assert_allclose(float(found), large, rtol=1e-2)


@pytest.mark.one_setting
@pytest.mark.parametrize("value", [0.0, np.inf])
def test_the_norm_of_nothing_or_infinity_is_itself(xp: Library, value: float) -> None:
    entries = xp.detach(xp.asarray([value, 0.0], "float32"))
    found = float(norm([entries], xp.namespace))
    assert found == value


def test_a_product_is_summed_in_float32_at_least() -> None:
    ones = np.ones(10_000, dtype=np.float16)
    assert float(dot(ones, ones, np)) == 10_000
    assert float(dot(np.ones((2, 3)), np.full((2, 3), 2.0), np)) == 12


def test_an_array_that_has_the_shape_stays_the_same_object() -> None:
    x = np.ones((2, 3))
    assert reshaped(x, (2, 3), np) is x
    assert reshaped(x, (6,), np).shape == (6,)


@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e160, 1e300])
def test_norm_of_a_vector_stays_in_range(scale: float) -> None:
    with np.errstate(all="ignore"):
        found = norm_in_range(scale * np.asarray([3.0, 0.0, -4.0]))
    assert found == pytest.approx(5 * scale)


def test_norm_of_a_vector_is_finite_only_if_the_vector_is() -> None:
    assert norm_in_range(np.zeros(3)) == 0
    assert norm_in_range(np.asarray([1.0, -np.inf])) == np.inf
    assert np.isnan(norm_in_range(np.asarray([1.0, np.nan])))
