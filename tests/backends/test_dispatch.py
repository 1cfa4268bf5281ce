"""Values that the user's functions return: arrays of any library, numbers, trees."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from checkgrad.backends import host, is_array, machine_epsilon, snapshot
from checkgrad.backends.dispatch import portable

if TYPE_CHECKING:
    from conftest import Library


def test_host_arrays_keep_their_dtype(xp: Library, dtype: str) -> None:
    array = host(xp.asarray([1.5, -2.0], dtype))
    assert type(array) is np.ndarray
    assert array.dtype.name == ("float32" if dtype == "bfloat16" else dtype)
    np.testing.assert_array_equal(array, [1.5, -2.0])


def test_numbers_and_lists_become_host_arrays() -> None:
    np.testing.assert_array_equal(host([1, 2]), [1, 2])
    assert host(np.float32(2)).dtype == np.float32


@pytest.mark.libraries("torch")
@pytest.mark.one_setting
def test_zeros_that_a_sparse_tensor_does_not_store_are_on_the_host(xp: Library) -> None:
    np.testing.assert_array_equal(host(xp.eye(2).to_sparse()), np.eye(2))


def test_portable_arrays_can_be_read_by_every_library() -> None:
    for dtype in ("<f8", ">f8", np.longdouble):
        given = np.arange(3, dtype=dtype)[::-1]
        array = portable(given)
        assert array.dtype == np.dtype("=f8")
        assert array.flags.c_contiguous
        assert not np.shares_memory(array, given)
        np.testing.assert_array_equal(array, [2, 1, 0])
    assert portable(np.ones(1, np.clongdouble)).dtype == np.complex128


@pytest.mark.libraries("numpy", "torch", "strict")
@pytest.mark.one_setting
def test_a_snapshot_does_not_see_what_is_written_later(xp: Library) -> None:
    x, y = xp.asarray([1.0, 2.0]), xp.asarray(3.0)
    alone, tree = snapshot(x), snapshot({"x": x, "rest": (y, 1.0, "text")})
    x[0] = y[()] = 9.0
    np.testing.assert_array_equal(xp.to_numpy(alone), [1.0, 2.0])
    np.testing.assert_array_equal(xp.to_numpy(tree["x"]), [1.0, 2.0])
    assert float(tree["rest"][0]) == 3.0
    assert tree["rest"][1:] == (1.0, "text")
    xp.assert_native(alone)


def test_a_snapshot_of_what_cannot_change_is_the_value_itself() -> None:
    values = (1.0, np.float64(2.0), None, "text", [1.0, 2.0])
    assert all(snapshot(value) is value for value in values)


def test_machine_epsilon_is_that_of_the_value(xp: Library, dtype: str) -> None:
    x = xp.asarray([1.0, 2.0], dtype)
    assert float(machine_epsilon(x)) == xp.eps(dtype)
    if xp.name == "numpy":
        assert type(machine_epsilon(x)) is x.dtype.type
    assert is_array(x)


def test_machine_epsilon_of_other_values() -> None:
    eps, single = np.finfo(np.float64).eps, np.finfo(np.float32).eps
    assert machine_epsilon(1.5) == machine_epsilon([1.0, 2.0]) == eps
    assert machine_epsilon(np.float32(1.5)) == machine_epsilon(np.complex64(1)) == single
    assert machine_epsilon([Fraction(1, 2), np.float32(1)]) == single
    assert machine_epsilon(3) == machine_epsilon(np.arange(3)) == 0
    assert machine_epsilon(np.ones(1, np.longdouble)) == np.finfo(np.longdouble).eps
