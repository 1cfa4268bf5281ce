"""Forward differences to SciPy's contract: steps, quotients, and what has no meaning."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.point import make_point
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.forward_differences import (
    _moved_block,
    along_random_tangent,
    is_numpy_number,
    jacobian,
    of_one_axis,
    value_and_claim,
    value_shape,
)

DOUBLE, SINGLE = 2.0**-52, 2.0**-23
SQRT = DOUBLE**0.5


def differences(func, x0, epsilon=None):
    """Return the Jacobian, leaf by leaf, and the points that func is evaluated at near x0."""
    points = []

    def recorded(x):
        points.append(x)
        return func(x)

    evaluator = Evaluator(recorded, make_point(x0), ())
    value = evaluator.at_x0()
    points.clear()
    return jacobian(evaluator, value, epsilon), points


def test_only_a_0d_numpy_array_is_a_number_to_scipy():
    assert is_numpy_number(make_point(np.asarray(1.0)))
    assert not is_numpy_number(make_point(np.ones(1)))
    assert not is_numpy_number(make_point([np.asarray(1.0), np.ones(1)]))


def test_a_func_of_one_axis_gets_one():
    seen = []
    of_one_axis(lambda x, factor: seen.append((x.shape, factor)))(np.asarray(1.0), 3)
    of_one_axis(lambda x: seen.append(x.shape))(np.ones(2))
    assert seen == [((1,), 3), (2,)]


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_a_value_is_a_number_or_a_vector(shape):
    assert value_shape(np.ones(shape)) == shape


@pytest.mark.parametrize("shape", [(1, 1), (2, 3)])
def test_other_values_are_errors(shape):
    with pytest.raises(ValueError, match=r"func returned shape .*; it must return a number or an"):
        value_shape(np.ones(shape))


def test_the_claim_is_called_first():
    order = []

    def func(p):
        order.append("func")
        return np.sum(p["a"])

    def grad(p):
        order.append("grad")
        return {"a": 2 * p["a"]}

    evaluator = Evaluator(func, make_point({"a": np.asarray([1.0, 2.0])}), ())
    value, (claim,) = value_and_claim(evaluator, UserFunction(grad, ()))
    assert order == ["grad", "func"]
    assert (float(value), claim.tolist()) == (3.0, [2.0, 4.0])


# All coordinates


@pytest.mark.parametrize("epsilon", [1e-3, np.asarray([1e-3]), [1e-3, 1e-3], np.float32(2.0**-10)])
def test_quotients_are_those_of_the_steps_really_taken(epsilon):
    x0 = np.asarray([1.1, -3.3])
    ((found,), points) = differences(lambda x: np.exp(x[0]) * x[1], x0, epsilon)
    step = np.ravel(epsilon)[0]
    for k in range(2):
        moved = x0.copy()
        moved[k] += step
        change = np.exp(moved[0]) * moved[1] - np.exp(x0[0]) * x0[1]
        assert found[k] == change / (moved[k] - x0[k])
        assert points[k].tolist() == moved.tolist()


@pytest.mark.parametrize("x", [1.0, 0.25, -4.0, 0.0])
def test_without_epsilon_steps_are_relative_away_from_0_and_absolute_below_1(x):
    _, (point,) = differences(lambda x: x[0], np.asarray([x]))
    assert point[0] - x == pytest.approx(SQRT, rel=1e-6)
    # A step that vanishes is replaced by one relative to the size, away from 0.
    _, (point,) = differences(lambda x: x[0], np.asarray([x * 1e10]))
    assert abs(point[0] - x * 1e10) == pytest.approx(SQRT * max(1, abs(x) * 1e10), rel=1e-6)


@pytest.mark.parametrize(
    ("dtype", "value_dtype", "epsilon"),
    [
        (np.float64, np.float64, DOUBLE),
        (np.float32, np.float32, SINGLE),
        (np.float64, np.float32, SINGLE),
        (np.float32, np.float64, SINGLE),
    ],
)
def test_the_step_is_that_of_the_coarser_dtype(dtype, value_dtype, epsilon):
    _, (point,) = differences(lambda x: value_dtype(x[0]), np.ones(1, dtype=dtype))
    assert float(point[0]) - 1 == pytest.approx(epsilon**0.5, rel=1e-3)


def test_values_of_a_vector_make_rows():
    x0 = {"a": np.asarray([[1.0, 2.0]]), "b": np.asarray(3.0)}
    (a, b), points = differences(lambda p: np.stack([p["a"].sum(), p["b"] * p["a"][0, 1]]), x0)
    assert a.shape == (2, 1, 2)
    assert b.shape == (2,)
    assert a.tolist() == [[[1.0, 1.0]], [[0.0, pytest.approx(3.0)]]]
    assert b.tolist() == [0.0, pytest.approx(2.0)]
    assert len(points) == 3


def test_a_value_of_shape_1_counts_as_a_number():
    (found,), _ = differences(lambda x: x[:1] * 2.0, np.ones(3))
    assert found.shape == (3,)
    assert found.tolist() == [2.0, 0.0, 0.0]


def test_steps_may_differ_from_leaf_to_leaf():
    x0 = {"a": np.ones(2), "b": np.ones(1)}
    epsilon = {"a": np.asarray([0.5, 0.25]), "b": 0.125}
    _, points = differences(lambda p: p["a"].sum() + p["b"].sum(), x0, epsilon)
    moved = [[*p["a"], *p["b"]] for p in points]
    assert moved == [[1.5, 1.0, 1.0], [1.0, 1.25, 1.0], [1.0, 1.0, 1.125]]


@pytest.mark.parametrize(
    ("epsilon", "error", "message"),
    [
        (1j, TypeError, "epsilon is 1j .*; it must be real"),
        (np.nan, ValueError, r"epsilon is nan .*; it must be finite in the dtype of x0, float64"),
        ([1e-3, np.inf], ValueError, "it must be finite"),
        ([1e-3] * 3, ValueError, r"epsilon has shape \(3,\) but x0 has shape \(2,\); pass one"),
        ("small", TypeError, "epsilon is 'small'"),
    ],
)
def test_steps_that_have_no_meaning_are_errors(epsilon, error, message):
    with pytest.raises(error, match=message):
        differences(np.sum, np.ones(2), epsilon)


def test_steps_must_be_finite_in_the_dtype_of_x0():
    with pytest.raises(ValueError, match="finite in the dtype of x0, float16"):
        differences(np.sum, np.ones(2, dtype=np.float16), 1e6)


@pytest.mark.one_setting
def test_jacobians_are_arrays_like_x0(xp):
    x0 = xp.asarray([1.0, 2.0])
    evaluator = Evaluator(lambda x: xp.sum(x * x), make_point(x0), ())
    (found,) = jacobian(evaluator, evaluator.at_x0(), None)
    xp.assert_native(found)
    assert xp.to_numpy(found) == pytest.approx([2.0, 4.0], rel=4 * xp.eps() ** 0.5)


# A random tangent


def along(func, grad, x0, epsilon=None, seed=0):
    evaluator = Evaluator(func, make_point(x0), ())
    rng = np.random.default_rng(seed)
    (claimed,), (estimate,) = along_random_tangent(evaluator, UserFunction(grad, ()), epsilon, rng)
    return claimed, estimate, evaluator.n_func


@pytest.mark.parametrize(
    ("epsilon", "step"), [(None, SQRT), (1e-4, 1e-4), ([1e-4, 5.0], 1e-4), (0.0, SQRT)]
)
def test_a_tangent_is_followed_by_the_first_step(epsilon, step):
    x0 = np.asarray([1.1, -3.3])

    def func(x):
        return np.sum(np.sin(x))

    claimed, estimate, count = along(func, np.cos, x0, epsilon)
    tangent = np.random.default_rng(0).standard_normal(2)
    assert claimed == np.dot(np.cos(x0), tangent)
    assert estimate.tolist() == [(func(tangent * step + x0) - func(x0)) / step]
    assert count == 2


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_in_narrow_dtypes_the_claim_is_multiplied_by_what_x0_moves_by(dtype):
    x0 = np.asarray([1.0, 3.0, 1000.0], dtype=dtype)
    slope = np.asarray([1.0, -2.0, 3.0])

    def linear(x):
        return float(slope @ x.astype(np.float64))

    claimed, (estimate,), _ = along(linear, lambda x: slope.astype(dtype), x0)
    # func is linear and exact: nothing but the rounding of x0 could make the two differ.
    assert float(estimate) == pytest.approx(float(claimed), rel=1e-5, abs=1e-6)


def test_several_values_have_no_single_derivative():
    with pytest.raises(ValueError, match=r"'random' can only be used with scalar valued func; fun"):
        along(lambda x: x, lambda x: np.eye(2), np.ones(2))


def moved_block(x, tangent, step, default=SQRT):
    x, tangent = np.asarray(x, dtype=float), np.asarray(tangent, dtype=float)
    moved, longest = _moved_block(x, tangent, step, default, np)
    return moved.tolist(), longest


def test_a_block_moves_by_the_step_along_the_tangent():
    assert moved_block([1.0, 2.0], [1.0, -4.0], 0.25) == ([1.25, 1.0], 0.25)


def test_a_coordinate_whose_unit_is_longer_than_the_step_moves_by_a_relative_one():
    moved, longest = moved_block([1.0, 2.0**60], [1.0, 2.0], 2.0**-10)
    assert moved == [1 + 2.0**-10, 2.0**60 * (1 + 2 * SQRT)]
    assert longest == SQRT * 2.0**60


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_coordinate_that_the_tangent_is_too_small_to_move_moves_by_a_relative_step(sign):
    moved, longest = moved_block([4.0], [sign * 1e-20], 2.0**-10)
    assert moved == [4.0 * (1 + sign * SQRT)]
    assert longest == 4.0 * SQRT


def test_a_coordinate_moves_the_other_way_where_it_would_overflow():
    largest = float(np.finfo(float).max)
    with np.errstate(over="ignore"):
        ((moved,), _) = moved_block([largest], [1.0], 1.0)
    assert np.isfinite(moved)
    assert moved == pytest.approx(largest * (1 - SQRT))


def test_an_empty_block_moves_nowhere():
    assert moved_block([], [], 1.0) == ([], 0.0)


def test_a_large_block_moves_as_a_small_one():
    x, tangent = np.linspace(1, 2, BLOCK), np.linspace(-1, 1, BLOCK)
    moved, longest = _moved_block(x, tangent, 0.5, SQRT, np)
    assert moved.tolist() == (x + 0.5 * tangent).tolist()
    assert longest == 0.5
