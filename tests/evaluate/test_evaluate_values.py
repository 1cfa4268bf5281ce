"""Values as func returned them, one for each point, as one array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.values import numeric_value, stacked_values, values_on_host

POINT = make_point(np.ones(2))


def on_host(values, missing=(), shape=()):
    return values_on_host(list(values), list(missing), shape, POINT)


def test_no_return_is_an_error():
    with pytest.raises(TypeError, match=r"func returned None; it must return a number \(is a ret"):
        numeric_value(None, POINT)


@pytest.mark.parametrize("value", ["1", True, {"a": 1.0}, object()])
def test_what_is_no_number_is_an_error(value):
    with pytest.raises(TypeError, match=r"func returned .*; it must return numbers"):
        numeric_value(value, POINT)


def test_a_value_is_an_array_of_the_library_of_x0(xp, dtype):
    point = make_point(xp.asarray([1.0], dtype))
    value = xp.detach(xp.asarray(2.0, dtype))
    for found in (numeric_value(value, point), numeric_value([value, value], point)):
        xp.assert_native(found, dtype)
        assert set(xp.to_numpy(found).ravel().tolist()) == {2.0}


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 2.0],
        [1, 2],
        [np.float64(1), np.float32(2)],
        [np.asarray(1.0), np.asarray([2.0])],
        [np.asarray([[1.0]]), 2.0],
        [[1.0], [2.0]],
    ],
)
def test_numbers_of_any_kind_are_stacked(values):
    assert on_host(values).tolist() == [1.0, 2.0]
    assert stacked_values(values, (), POINT).tolist() == [1.0, 2.0]


def test_arrays_are_stacked_along_the_first_axis():
    values = [np.arange(3.0), np.arange(3.0) + 10]
    for found in (on_host(values, shape=(3,)), stacked_values(values, (3,), POINT)):
        assert found.tolist() == [[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]]


def test_there_may_be_no_values():
    assert on_host([]).shape == (0,)
    assert on_host([], shape=(3,)).shape == (0, 3)


# NumPy casts its own complex numbers to float64, with a warning. It refuses Python's.
@pytest.mark.parametrize(
    "value",
    [
        1j,
        1 + 2j,
        np.complex64(1 + 2j),
        np.asarray(1 + 1e-9j),
    ],
)
def test_a_complex_value_is_none(value):
    found = on_host([1.0, value])
    assert found.dtype == np.float64
    assert found[0] == 1.0
    assert np.isnan(found[1])


def test_a_complex_number_without_an_imaginary_part_is_real():
    assert on_host([1.0, 2 + 0j]).tolist() == [1.0, 2.0]


def test_complex_entries_of_an_array_are_none():
    found = on_host([np.asarray([1.0, 2.0]), np.asarray([1 + 0j, 2 + 1j])], shape=(2,))
    assert found[:, 0].tolist() == [1.0, 1.0]
    assert np.isnan(found[:, 1]).tolist() == [False, True]


def test_missing_values_are_nan():
    found = on_host([1.0, np.nan, 3.0], [1])
    assert np.isnan(found).tolist() == [False, True, False]
    found = on_host([np.full(2, np.nan), np.ones(2)], [0], (2,))
    assert np.isnan(found).tolist() == [[True, True], [False, False]]


def test_values_of_a_device_are_brought_to_the_host(xp, dtype):
    point = make_point(xp.asarray([1.0], dtype))
    values = [xp.detach(xp.asarray(number, dtype)) for number in (0.5, 2.0)]
    found = values_on_host([np.nan, *values, np.nan], [0, 3], (), point)
    assert found.dtype == np.float64
    assert np.isnan(found).tolist() == [True, False, False, True]
    assert found[1:3].tolist() == [0.5, 2.0]
    xp.assert_native(stacked_values(values, (), point), dtype)


@pytest.mark.parametrize(
    ("value", "shape"), [(np.ones(2), ()), (np.ones(3), (2,)), (1.0, (2,)), (np.ones((1, 2)), (2,))]
)
def test_another_shape_than_at_x0_is_an_error(value, shape):
    at_x0 = np.ones(shape)
    with pytest.raises(ValueError, match=r"func returned shape .* near x0 but shape .* at x0"):
        stacked_values([at_x0, value], shape, POINT)
    with pytest.raises(ValueError, match=r"func returned shape .* near x0 but shape .* at x0"):
        on_host([at_x0, value], shape=shape)


@pytest.mark.parametrize(
    ("first", "second", "dtype"),
    [(np.float32, np.float32, np.float32), (np.float32, np.float64, np.float64)],
)
def test_values_of_several_dtypes_have_the_widest(first, second, dtype):
    found = stacked_values([np.ones(2, dtype=first), np.ones(2, dtype=second)], (2,), POINT)
    assert found.dtype == dtype


def test_long_integers_are_numbers():
    assert on_host([1.0, 10**30]).tolist() == [1.0, 1e30]
    assert on_host([1.0, 10**400]).tolist() == [1.0, np.inf]


def test_values_on_one_cpu_are_put_together_without_a_compilation() -> None:
    jax = pytest.importorskip("jax")
    point = make_point(jax.numpy.ones(2))
    seen: list[str] = []

    def listen(event: str, duration: float, **more: Any) -> None:
        del duration, more
        seen.append(event)

    values = [jax.device_put(np.asarray([k, 1.5 * k], np.float32)) for k in range(7)]
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        found = values_on_host(values, [], (2,), point)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert found.tolist() == [[k, 1.5 * k] for k in range(7)]
    assert not any("compile" in event for event in seen)
