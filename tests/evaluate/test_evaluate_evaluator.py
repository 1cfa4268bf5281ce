"""func at x0 and around it: how often, with which exceptions, and with whose arrays."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.options import Evaluation

DOUBLE, SINGLE = 2.0**-52, 2.0**-23


def fresh(function, x0, args=(), **evaluation):
    return Evaluator(function, make_point(x0, True), args, Evaluation(**evaluation))


# At x0


@pytest.mark.parametrize(
    "value", [3.0, 3, np.float32(3), np.asarray(3.0), np.asarray([3.0]), [3.0], np.ones((1, 1)) * 3]
)
def test_one_number_in_any_form_is_the_value_at_x0(value):
    found = fresh(lambda x: value, np.ones(2)).value_at_x0()
    assert found == 3.0
    assert type(found) is float


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (None, TypeError, "func returned None"),
        ("three", TypeError, "func returned 'three'"),
        (3j, TypeError, r"func returned the complex number 3j .*; it must be real"),
        (np.ones(2), ValueError, r"func returned shape \(2,\); verify_grad takes a func that"),
        (np.nan, ValueError, r"func\(x0\) is nan; a derivative can be checked where func is"),
        (np.inf, ValueError, r"func\(x0\) is inf"),
        (10**400, ValueError, r"func\(x0\) is inf"),
    ],
)
def test_what_is_not_one_finite_number_is_an_error(value, error, message):
    with pytest.raises(error, match=message):
        fresh(lambda x: value, np.ones(2)).value_at_x0()


def test_exceptions_of_the_user_at_x0_pass():
    def fails(x):
        raise KeyError("of the user")

    evaluator = fresh(fails, np.ones(2))
    for call in (evaluator.at_x0, evaluator.value_at_x0, evaluator.vector_at_x0):
        with pytest.raises(KeyError, match="of the user"):
            call()
    assert evaluator.failure is None


@pytest.mark.parametrize(
    ("value", "epsilon"),
    [(1.0, DOUBLE), (np.float32(1), SINGLE), (np.ones(1, np.float16), 2.0**-10), (1, 0.0)],
)
def test_the_epsilon_is_that_of_the_value(value, epsilon):
    evaluator = fresh(lambda x: value, np.ones(2))
    evaluator.at_x0()
    assert float(evaluator.value_epsilon) == epsilon


def test_a_value_in_the_library_of_x0(xp, dtype):
    x0 = xp.asarray([1.0, 2.0], dtype)
    evaluator = Evaluator(xp.sum, make_point(x0), ())
    xp.assert_native(evaluator.at_x0(), dtype)
    assert evaluator.value_at_x0() == 3.0
    assert float(evaluator.value_epsilon) == xp.eps(dtype)


def test_a_vector_is_all_that_func_returns(make_evaluator):
    x0 = np.asarray([1.0, 2.0])
    evaluator, _ = make_evaluator(lambda x: {"a": x, "b": [x[0] * 1j]}, x0, as_vector=True)
    assert evaluator.vector_at_x0().tolist() == [1.0, 2.0, 0.0, 1.0]
    assert evaluator.shape == (4,)


# Counting


def test_every_point_counts(make_evaluator):
    evaluator, func = make_evaluator(lambda x: np.sum(x), np.ones(3))
    before = evaluator.n_func
    assert before == 1
    evaluator.value_at_x0()
    evaluator.at([np.zeros(3)])
    evaluator.at_complex(np.ones(3) * 1j, 1)
    evaluator.at_entries(0, np.zeros(3), ())
    evaluator.at_entries_on_host(0, np.asarray([2, 0]), np.zeros(2))
    evaluator.host_values(iter([np.ones(3)] * 4))
    assert evaluator.n_func - before == len(func.points) == 1 + 1 + 1 + 3 + 2 + 4


def test_every_point_of_a_batch_counts(make_evaluator):
    calls = []

    def many(x):
        calls.append(len(x))
        return np.sum(x, axis=-1)

    evaluator, _ = make_evaluator(many, np.ones(20), batch="vectorized")
    before = evaluator.n_func
    moved = np.linspace(2, 3, 20)
    found = evaluator.at_entries_on_host(0, np.arange(20), moved)
    assert found.tolist() == pytest.approx((19 + moved).tolist())
    assert evaluator.n_func - before >= 20
    assert len(calls) < 20


def test_points_outside_of_the_domain_count(make_evaluator):
    def fails(x):
        if x[0] != 1:
            raise ValueError("outside")
        return 1.0

    evaluator, _ = make_evaluator(fails, np.ones(1))
    found = evaluator.host_values(iter([np.ones(1), np.zeros(1), np.zeros(1)]))
    assert np.isnan(found).tolist() == [False, True, True]
    assert evaluator.n_func == 1 + 3
    assert str(evaluator.failure.error) == "outside"
    assert evaluator.failure.x == [0.0]


# Near x0


@pytest.mark.parametrize("bad", ["raise", np.nan, 1j, 1 + 1e-300j])
def test_where_func_has_no_real_value_it_is_nan(make_evaluator, bad):
    def root(x):
        if x[0] < 0:
            if bad == "raise":
                raise ZeroDivisionError
            return bad
        return x[0]

    evaluator, _ = make_evaluator(root, np.ones(2))
    entries, moved = np.asarray([0, 0, 1]), np.asarray([2.0, -1.0, -1.0])
    found = evaluator.at_entries_on_host(0, entries, moved)
    assert np.isnan(found).tolist() == [False, True, False]
    assert found[[0, 2]].tolist() == [2.0, 1.0]


def test_infinite_values_are_left_as_they_are(make_evaluator):
    evaluator, _ = make_evaluator(lambda x: np.inf if x[0] > 1 else 1.0, np.ones(1))
    assert evaluator.host_values(iter([np.ones(1) * 2])).tolist() == [np.inf]


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_memory_errors_pass(make_evaluator, error):
    def fails(x):
        if np.real(x[0]) != 1:
            raise error
        return 1.0

    evaluator, _ = make_evaluator(fails, np.ones(1))
    with pytest.raises(error):
        evaluator.host_values(iter([np.zeros(1)]))
    with pytest.raises(error):
        evaluator.at_entries_on_host(0, np.zeros(1, dtype=np.intp), np.zeros(1))
    with pytest.raises(error):
        evaluator.at_complex(np.zeros(1), 1)
    assert evaluator.failure is None


def test_for_differences_exceptions_near_x0_pass(make_evaluator):
    def fails(x):
        if x[0] > 1:
            raise ValueError("outside")
        return 1.0

    evaluator, _ = make_evaluator(fails, np.ones(1))
    with pytest.raises(ValueError, match="outside"):
        evaluator.at_entries(0, np.asarray([1.5]), ())
    with pytest.raises(ValueError, match="outside"):
        evaluator.at([np.asarray([1.5])])


def test_vectors_outside_of_the_domain_are_nan(make_evaluator):
    def fails(x):
        if x[0] > 1:
            raise ValueError
        return 10 * x

    evaluator, _ = make_evaluator(fails, np.ones(2), as_vector=True)
    found = evaluator.at_entries_on_host(0, np.asarray([0, 1]), np.asarray([2.0, 3.0]))
    assert np.isnan(found[0]).all()
    assert found[1].tolist() == [10.0, 30.0]


# Whose arrays


def test_a_func_that_reuses_its_buffer_returns_each_value(make_evaluator):
    buffer = np.empty(2)

    def reuses(x):
        buffer[:] = 10 * x
        return buffer

    evaluator, _ = make_evaluator(reuses, np.asarray([1.0, 2.0]), as_vector=True)
    wanted = [[30.0, 20.0], [10.0, 40.0]]
    moved = np.asarray([3.0, 4.0])
    assert evaluator.at_entries_on_host(0, np.arange(2), moved).tolist() == wanted
    assert evaluator.at_entries(0, moved, (2,)).tolist() == wanted
    first = evaluator.at_x0()
    buffer[:] = -1
    assert first.tolist() == [10.0, 20.0]


def test_a_func_that_writes_into_its_argument_changes_nothing():
    x0 = {"a": np.asarray([1.0, 2.0]), "b": np.asarray([3.0])}

    def writes(p):
        total = float(np.sum(p["a"]) + np.sum(p["b"]))
        p["a"][...] = np.nan
        p["b"][...] = np.nan
        return total

    evaluator = fresh(writes, x0)
    assert [evaluator.value_at_x0() for _ in range(2)] == [6.0, 6.0]
    assert evaluator.at_entries(0, np.asarray([5.0, 7.0]), ()).tolist() == [10.0, 11.0]
    assert evaluator.at_entries_on_host(
        1, np.zeros(2, np.intp), np.asarray([4.0, 5.0])
    ).tolist() == [
        7.0,
        8.0,
    ]
    assert x0["a"].tolist() == [1.0, 2.0]


def test_arguments_of_the_user_are_handed_on(make_evaluator):
    evaluator, _ = make_evaluator(lambda x, factor: factor * x[0], np.ones(1), args=(3.0,))
    assert evaluator.value_at_x0() == 3.0
    assert evaluator.host_values(iter([np.asarray([2.0])])).tolist() == [6.0]
    assert evaluator.at_complex(np.asarray([2j]), 1).tolist() == [6j]


# Entries


def test_one_entry_is_replaced_for_every_entry_of_a_leaf(make_evaluator):
    evaluator, func = make_evaluator(lambda x: x[0, 0] + 10 * x[0, 1], np.asarray([[1.0, 2.0]]))
    found = evaluator.at_entries(0, np.asarray([5.0, 7.0]), ())
    assert found.tolist() == [25.0, 71.0]
    assert [point.tolist() for point in func.points] == [[[5.0, 2.0]], [[1.0, 7.0]]]


def test_rows_replace_several_entries_at_once(make_evaluator):
    evaluator, func = make_evaluator(np.sum, np.zeros(4))
    entries, moved = np.asarray([[0, 3], [1, 2]]), np.asarray([[1.0, 2.0], [4.0, 8.0]])
    assert evaluator.at_entries_on_host(0, entries, moved).tolist() == [3.0, 12.0]
    assert [point.tolist() for point in func.points] == [[1, 0, 0, 2], [0, 4, 8, 0]]


def test_values_of_many_points_keep_their_dtype(make_evaluator):
    evaluator, _ = make_evaluator(lambda x: np.sum(x), np.ones(300, dtype=np.float32))
    found = evaluator.at_entries(0, np.full(300, 2, dtype=np.float32), ())
    assert (found.dtype, found.shape) == (np.float32, (300,))
    assert np.all(found == 301)


def test_a_leaf_without_entries_has_no_values(make_evaluator):
    evaluator, _ = make_evaluator(lambda p: np.sum(p[0]) * np.ones(2), [np.ones(2), np.empty(0)])
    assert evaluator.at_entries(1, np.empty(0), (2,)).shape == (0, 2)


def test_another_shape_near_x0_is_an_error(make_evaluator):
    evaluator, _ = make_evaluator(lambda x: x[: 1 + int(x[0])], np.zeros(2))
    with pytest.raises(ValueError, match=r"func returned shape \(2,\) near x0 but shape \(1,\) at"):
        evaluator.at_entries(0, np.ones(2), (1,))


def test_numbers_of_python_are_not_evaluated_in_a_batch(make_evaluator):
    evaluator, _ = make_evaluator(lambda x: float(np.sum(x)), np.ones(20))
    assert not evaluator._takes(20)  # NumPy has no vmap
    evaluator.batch._possible = True
    assert not evaluator._takes(20)
    assert evaluator.batch.obstacle == "it returns a number, not an array"


# Complex points


def test_numbers_at_a_complex_point_are_complex(make_evaluator):
    evaluator, _ = make_evaluator(lambda x: [x[0] ** 2, 3.0], np.ones(1), as_vector=True)
    assert evaluator.at_complex(np.asarray([1 + 1j]), 2).tolist() == [2j, 3.0]


def test_a_func_that_takes_no_complex_numbers_is_an_error(make_evaluator):
    def real(x):
        if np.iscomplexobj(x):
            raise TypeError("real only")
        return x[0]

    evaluator, _ = make_evaluator(real, np.ones(1))
    with pytest.raises(ValueError, match=r"does not take complex numbers \(TypeError: real only\)"):
        evaluator.at_complex(np.asarray([1j]), 1)


def test_another_number_of_values_at_a_complex_point_is_an_error(make_evaluator):
    evaluator, _ = make_evaluator(lambda x: x, np.ones(2))
    with pytest.raises(ValueError, match="for complex numbers: 2 of them, and 3 for real ones"):
        evaluator.at_complex(np.ones(2) * 1j, 3)
