"""Calls of the user's functions: counted, and with their exceptions told from ours."""

from __future__ import annotations

import functools
import math
import weakref

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.calling import UserFunction
from checkgrad.precision import has_few_digits


def points(*numbers):
    return [np.asarray([float(each)]) for each in numbers]


def first(x):
    return float(x[0])


def kept(value):
    return value.copy()


def test_every_call_counts():
    function = UserFunction(first, ())
    assert function.n_calls == 0
    function.with_user_errstate(points(1)[0])
    function.once(points(1)[0])
    function.at_each(points(1, 2, 3), kept)
    function.inside_domain(points(1, 2), kept, lambda: None)
    assert function.n_calls == 7


def test_arguments_of_the_user_follow_the_point_and_its_vectors():
    function = UserFunction(lambda x, *more: (first(x), *more), ("a", "b"))
    (x,) = points(1)
    assert function.with_user_errstate(x, "tangent") == (1.0, "tangent", "a", "b")
    assert function.once(x) == (1.0, "a", "b")
    assert function.at_each([x], tuple) == [(1.0, "a", "b")]
    assert function.inside_domain([x], tuple, lambda: None) == ([(1.0, "a", "b")], [])
    assert function.at_many(x) == (1.0, "a", "b")


def test_values_are_kept_before_the_next_call():
    buffer = np.empty(1)

    def reuses(x):
        buffer[:] = x
        return buffer

    function = UserFunction(reuses, ())
    assert np.ravel(function.at_each(points(1, 2), kept)).tolist() == [1.0, 2.0]
    values, _ = function.inside_domain(points(3, 4), kept, lambda: None)
    assert np.ravel(values).tolist() == [3.0, 4.0]


@pytest.mark.parametrize("kind", [float, int, complex, np.float64, np.float32])
def test_numbers_are_not_copied(kind):
    function = UserFunction(lambda x: kind(first(x)), ())
    assert function.at_each(points(1), None) == [1]
    assert function.inside_domain(points(1), None, lambda: None) == ([1], [])


def test_each_point_is_made_after_the_call_at_the_one_before():
    order = []

    def made():
        for number in (1, 2):
            order.append(f"make {number}")
            yield points(number)[0]

    function = UserFunction(lambda x: order.append(f"call {first(x):.0f}") or 0.0, ())
    function.inside_domain(made(), kept, lambda: None)
    assert order == ["make 1", "call 1", "make 2", "call 2"]


def test_a_point_near_x0_is_free_before_the_next_is_made():
    alive = []

    def made():
        for number in (1, 2, 3):
            x = points(number)[0]
            last = weakref.ref(x)
            yield x
            del x
            alive.append(last() is not None)

    UserFunction(first, ()).inside_domain(made(), kept, lambda: None)
    assert alive == [False] * 3


def logarithm(x):
    if x[0] <= 0:
        raise ValueError(f"no logarithm of {first(x)}")
    return float(np.log(x[0]))


def test_exceptions_pass_where_the_user_asked_for_a_value():
    function = UserFunction(logarithm, ())
    for call in (function.with_user_errstate, function.once):
        with pytest.raises(ValueError, match="no logarithm"):
            call(points(-1)[0])
    with pytest.raises(ValueError, match="no logarithm"):
        function.at_each(points(1, -1), kept)
    assert function.failure is None


def test_exceptions_near_x0_mark_the_edge_of_the_domain():
    function = UserFunction(logarithm, ())
    values, failed = function.inside_domain(points(1, -1, -2, 1), kept, lambda: "missing")
    assert values == [0.0, "missing", "missing", 0.0]
    assert failed == [1, 2]
    assert str(function.failure.error) == "no logarithm of -1.0"  # the first
    function.inside_domain(points(-3), kept, lambda: None)
    assert str(function.failure.error) == "no logarithm of -1.0"
    assert function.n_calls == 5


class OutOfMemoryError(RuntimeError):
    """As PyTorch has it for a device."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError(),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        KeyboardInterrupt(),
        SystemExit(),
    ],
    ids=["host", "PyTorch", "JAX", "PyTorch on the host", "Ctrl-C", "exit"],
)
def test_what_is_no_error_of_func_passes_everywhere(error):
    """Where there is no memory left is no edge of the domain."""

    def fails(x):
        raise error

    with pytest.raises(type(error)):
        UserFunction(fails, ()).inside_domain(points(1), kept, lambda: None)


def test_numpy_warns_as_the_user_has_it_where_the_user_asked_for_a_value():
    def divides(x):
        return 1 / (x - x)

    with np.errstate(divide="raise"):
        function = UserFunction(divides, ())
    (x,) = points(1)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError):
        function.with_user_errstate(x)
    (value,), failed = function.inside_domain([x], kept, lambda: None)
    assert (value.tolist(), failed) == ([np.inf], [])


def test_a_function_of_a_single_array_is_itself():
    point = make_point(np.ones(2))
    assert UserFunction(first, ()).of_leaf(point, 0) is first
    with_args = UserFunction(lambda x, factor: first(x) * factor, (3.0,)).of_leaf(point, 0)
    assert with_args(np.asarray([2.0])) == 6.0


@pytest.mark.parametrize("leaf", [0, 1, 2])
def test_a_function_of_one_leaf_has_the_others_in_their_places(leaf):
    x0 = {"a": np.asarray([1.0]), "b": np.asarray([2.0]), "c": np.asarray([3.0])}
    point = make_point(x0)
    function = UserFunction(lambda p: [p[key].item() for key in "abc"], ())
    expected = [1.0, 2.0, 3.0]
    expected[leaf] = 9.0
    assert function.of_leaf(point, leaf)(np.asarray([9.0])) == expected


@pytest.mark.parametrize("read", [None, has_few_digits])
def test_an_error_of_our_own_code_is_not_the_edge_of_the_domain(read):
    """What is made of a value may fail as well; that says nothing of where func is finite."""
    function = UserFunction(lambda x: "text", (), read)
    with pytest.raises(TypeError, match="not supported between"):
        function.inside_domain(points(1), has_few_digits, lambda: None)
    assert function.failure is None


def test_an_error_of_func_before_its_value_is_read_is_the_edge_of_the_domain():
    function = UserFunction(logarithm, (), has_few_digits)
    assert function.inside_domain(points(-1), kept, lambda: None) == ([None], [0])


@pytest.mark.parametrize("function", [math.sqrt, functools.partial(pow, 0.0), np.linalg.inv])
def test_a_function_without_python_code_may_fail_all_the_same(function):
    user = UserFunction(lambda x: function(x), ())
    direct = UserFunction(function, ())
    for each in (user, direct):
        _, failed = each.inside_domain([-1.0], kept, lambda: None)
        assert failed == [0]
