"""`check_grad` beyond SciPy: every array library, device and dtype, any shape, trees, bad input.

That it is SciPy's on NumPy float64 is tested in test_scipy_compat.py.
"""

from __future__ import annotations

import array
import dataclasses
import math
import re
import tracemalloc
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import optree
import pytest

import checkgrad
from checkgrad import check_grad
from checkgrad.arrays.blocks import BLOCK

if TYPE_CHECKING:
    from conftest import Library

Function = Callable[..., Any]

# Exact in every dtype, bfloat16 included.
VALUES = [0.5, -0.25, 1.0]
SHAPED_VALUES: dict[str, Any] = {
    "()": 0.5,
    "(1,)": [0.5],
    "(3,)": VALUES,
    "(1, 1)": [[0.5]],
    "(2, 3)": [VALUES, VALUES[::-1]],
    "(3, 1)": [[value] for value in VALUES],
    "(2, 1, 2)": [[[0.5, -0.25]], [[1.0, 0.125]]],
}
WRONG_CLAIM_ERROR = 0.5


def sine(xp: Library) -> Function:
    return lambda x: xp.sum(xp.sin(x))


def cosine(xp: Library) -> Function:
    return lambda x: xp.cos(x)


def small(xp: Library, dtype: str | None = None) -> float:
    """Bound the error of a right claim: a few times what a step of sqrt(eps) can reach."""
    return 6 * math.sqrt(xp.eps(dtype))


def overwrite(x: Any) -> None:
    """Write into an array, or into a tensor behind the back of its history."""
    target = x.detach() if hasattr(x, "detach") else x
    target[...] = 99.0


def steps_seen(xp: Library, x0: Any, *, value: Function | None = None, **options: Any) -> list[Any]:
    """Give the steps that `check_grad` takes from x0, one for each coordinate."""
    seen: list[Any] = []

    def func(x: Any) -> Any:
        seen.append(xp.to_numpy(x) - xp.to_numpy(x0))
        return value(x) if value else xp.sum(x)

    check_grad(func, xp.ones_like, x0, **options)
    moved = [step[np.nonzero(step)] for step in seen if np.any(step)]
    assert all(step.size == 1 for step in moved)
    assert len(moved) == math.prod(x0.shape)
    return [float(step[0]) for step in moved]


# The verdict of the number


@pytest.mark.parametrize("values", SHAPED_VALUES.values(), ids=SHAPED_VALUES.keys())
@pytest.mark.parametrize("direction", ["all", "random"])
def test_only_a_right_gradient_gives_a_small_error(
    xp: Library, dtype: str, values: Any, direction: str
) -> None:
    x0 = xp.asarray(values, dtype)
    right = check_grad(sine(xp), cosine(xp), x0, direction=direction, rng=0)
    wrong = check_grad(sine(xp), lambda x: -xp.cos(x), x0, direction=direction, rng=0)
    assert isinstance(right, float)
    # A random tangent is longer than a coordinate: up to 3 standard deviations each.
    length = 3 * math.sqrt(x0.size if xp.name == "numpy" else math.prod(x0.shape))
    assert right < small(xp, dtype) * (length if direction == "random" else 1)
    assert wrong > (WRONG_CLAIM_ERROR if direction == "all" else 2 * right)


def test_the_error_is_the_2_norm_of_the_difference(xp: Library, dtype: str) -> None:
    x0 = xp.asarray([0.0, 0.0], dtype)
    offset = xp.asarray([3.0, -4.0], dtype)
    error = check_grad(lambda x: xp.sum(x), lambda x: xp.ones_like(x) + offset, x0)
    assert error == pytest.approx(5.0, rel=4 * xp.eps(dtype))


def test_a_single_wrong_entry_is_seen_wherever_it_is(xp: Library) -> None:
    x0 = xp.asarray(SHAPED_VALUES["(2, 3)"])
    for row in range(2):
        for column in range(3):
            mistake = [[float((i, j) == (row, column)) for j in range(3)] for i in range(2)]
            error = check_grad(sine(xp), lambda x, m=mistake: xp.cos(x) + xp.asarray(m), x0)
            assert error == pytest.approx(1.0, rel=0.01)


def test_a_large_error_does_not_overflow_in_a_narrow_dtype(xp: Library, dtype: str) -> None:
    """In float16, whose largest number is 65504, the square of 1000 is infinite."""
    large = math.sqrt(float(xp.finfo(getattr(xp, dtype)).max)) * 4
    if dtype == "float64":
        pytest.skip("SciPy's value, which overflows, is the contract here")
    x0 = xp.asarray([0.0, 0.0], dtype)
    error = check_grad(lambda x: xp.sum(x), lambda x: xp.ones_like(x) * large, x0)
    assert error == pytest.approx(large * math.sqrt(2), rel=0.02)


def test_a_vector_valued_func_is_checked_against_its_jacobian(xp: Library, dtype: str) -> None:
    matrix = xp.asarray([[1.0, 2.0, -1.0], [0.5, -2.0, 4.0]], dtype)
    x0 = xp.asarray(VALUES, dtype)
    # Values of about 7 are rounded to 4 eps or so, where a sine's are to 1.
    bound = 8 * small(xp, dtype)
    assert check_grad(lambda x: matrix @ x, lambda x: matrix, x0) < bound
    assert check_grad(lambda x: matrix @ x, lambda x: -matrix, x0) > 8
    assert check_grad(lambda x: matrix @ x, lambda x: 0 * matrix, x0) > 4


def test_a_vector_valued_func_of_an_array_has_a_jacobian_with_its_axes_first(xp: Library) -> None:
    x0 = xp.asarray(SHAPED_VALUES["(2, 3)"])

    def func(x: Any) -> Any:
        return xp.stack([xp.sum(x), 2 * xp.sum(x), xp.sum(x * x), x[0, 1]])

    def jac(x: Any) -> Any:
        corner = xp.asarray([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
        return xp.stack([xp.ones_like(x), 2 * xp.ones_like(x), 2 * x, corner])

    assert check_grad(func, jac, x0) < 8 * small(xp)
    with pytest.raises(ValueError, match=re.escape("(2, 3, 4)")):
        check_grad(func, lambda x: xp.permute_dims(jac(x), (1, 2, 0)), x0)


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
def test_a_func_of_shape_one_takes_a_gradient_of_either_shape(
    xp: Library, shape: tuple[int, ...]
) -> None:
    x0 = xp.asarray(VALUES)
    error = check_grad(
        lambda x: xp.reshape(xp.sum(xp.sin(x)), (1,)), lambda x: xp.reshape(xp.cos(x), shape), x0
    )
    assert error < small(xp)


@pytest.mark.parametrize("form", [float, np.float64, np.asarray, lambda value: [value]])
def test_func_may_return_a_number_of_the_host(xp: Library, form: Function) -> None:
    x0 = xp.asarray(VALUES)

    def func(x: Any) -> Any:
        return form(float(np.sum(np.sin(xp.to_numpy(x)))))

    for options in ({}, {"direction": "random", "rng": 1}):
        assert check_grad(func, cosine(xp), x0, **options) < 9 * small(xp)
        assert check_grad(func, lambda x: 9 - xp.cos(x), x0, **options) > WRONG_CLAIM_ERROR


# Random tangents


def test_rng_makes_a_random_direction_reproducible(xp: Library) -> None:
    x0 = xp.asarray(SHAPED_VALUES["(2, 3)"])

    def error(**options: Any) -> float:
        return check_grad(sine(xp), lambda x: 0 * x, x0, direction="random", **options)

    assert error(rng=3) == error(rng=3)
    assert error(seed=3) == error(seed=3)
    assert error(rng=np.random.default_rng(3)) == error(rng=np.random.default_rng(3))
    assert error(rng=3) != error(rng=4)
    generator = np.random.default_rng(3)
    assert error(rng=generator) != error(rng=generator)
    np.random.seed(3)
    first, second = error(), error()
    assert first != second
    np.random.seed(3)
    assert error() == first


def test_a_random_direction_costs_two_calls_of_func_and_one_of_grad(xp: Library) -> None:
    calls = {"func": 0, "grad": 0}

    def func(x: Any) -> Any:
        calls["func"] += 1
        return xp.sum(x)

    def grad(x: Any) -> Any:
        calls["grad"] += 1
        return xp.ones_like(x)

    check_grad(func, grad, xp.asarray([VALUES] * 20), direction="random", rng=1)
    assert calls == {"func": 2, "grad": 1}


def test_all_coordinates_cost_one_call_of_func_each_and_one_more(xp: Library) -> None:
    calls = {"func": 0, "grad": 0}

    def func(x: Any) -> Any:
        calls["func"] += 1
        return xp.sum(x)

    def grad(x: Any) -> Any:
        calls["grad"] += 1
        return xp.ones_like(x)

    check_grad(func, grad, xp.asarray([VALUES] * 2))
    assert calls == {"func": 7, "grad": 1}


def test_a_random_direction_moves_every_coordinate(xp: Library) -> None:
    x0 = xp.asarray(SHAPED_VALUES["(2, 3)"])
    seen = []

    def func(x: Any) -> Any:
        seen.append(xp.to_numpy(x))
        return xp.sum(x)

    check_grad(func, xp.ones_like, x0, direction="random", rng=1)
    assert np.all(seen[0] == xp.to_numpy(x0))
    assert np.all(seen[1] != xp.to_numpy(x0))


# What func and grad receive


@pytest.mark.parametrize("direction", ["all", "random"])
@pytest.mark.parametrize("values", SHAPED_VALUES.values(), ids=SHAPED_VALUES.keys())
def test_func_and_grad_receive_arrays_like_x0(
    xp: Library, dtype: str, values: Any, direction: str
) -> None:
    x0 = xp.asarray(values, dtype)
    calls = []

    def func(x: Any) -> Any:
        calls.append("func")
        xp.assert_native(x, dtype)
        # SciPy gives a point without axes one; on NumPy so do we.
        assert x.shape == x0.shape or (xp.name, x0.shape, x.shape) == ("numpy", (), (1,))
        return xp.sum(x)

    def grad(x: Any) -> Any:
        calls.append("grad")
        xp.assert_native(x, dtype)
        assert x.shape == x0.shape
        return xp.ones_like(x)

    check_grad(func, grad, x0, direction=direction, rng=0)
    assert {"func", "grad"} == set(calls)


def test_grad_is_evaluated_at_x0_and_func_at_x0_and_one_step_along_each_coordinate(
    xp: Library,
) -> None:
    x0 = xp.asarray(SHAPED_VALUES["(2, 3)"])
    seen: dict[str, list[Any]] = {"func": [], "grad": []}

    def func(x: Any) -> Any:
        seen["func"].append(xp.to_numpy(x) - xp.to_numpy(x0))
        return xp.sum(x)

    def grad(x: Any) -> Any:
        seen["grad"].append(xp.to_numpy(x) - xp.to_numpy(x0))
        return xp.ones_like(x)

    check_grad(func, grad, x0)
    assert [step.any() for step in seen["grad"]] == [False]
    moved = np.stack([step != 0 for step in seen["func"] if step.any()])
    assert len(seen["func"]) == 1 + len(moved)
    assert np.array_equal(moved.reshape(6, 6), np.eye(6, dtype=bool))


@pytest.mark.parametrize("direction", ["all", "random"])
def test_x0_epsilon_and_a_stored_gradient_are_not_written_to(xp: Library, direction: str) -> None:
    x0, epsilon = xp.asarray(VALUES), xp.asarray([0.125, 0.25, 0.5])
    claim = xp.asarray([1.0, 2.0, 3.0])
    check_grad(sine(xp), lambda _: claim, x0, epsilon=epsilon, direction=direction, rng=0)
    assert xp.to_numpy(x0).tolist() == VALUES
    assert xp.to_numpy(epsilon).tolist() == [0.125, 0.25, 0.5]
    assert xp.to_numpy(claim).tolist() == [1.0, 2.0, 3.0]


def test_grad_may_return_its_argument(xp: Library) -> None:
    x0 = xp.asarray(VALUES)
    assert check_grad(lambda x: xp.sum(x * x) / 2, lambda x: x, x0) < small(xp)
    assert xp.to_numpy(x0).tolist() == VALUES


# The form of the claim


@pytest.mark.parametrize("form", [list, tuple])
@pytest.mark.parametrize("direction", ["all", "random"])
def test_grad_may_return_a_sequence_of_0_d_arrays(
    xp: Library, dtype: str, form: type, direction: str
) -> None:
    x0 = xp.asarray(VALUES, dtype)

    def error(sign: int) -> float:
        return check_grad(
            sine(xp),
            lambda x: form(sign * xp.cos(x[k]) for k in range(3)),
            x0,
            direction=direction,
            rng=0,
        )

    assert error(1) < small(xp, dtype) * 9
    assert error(-1) > WRONG_CLAIM_ERROR


def test_grad_may_return_a_list_of_python_numbers(xp: Library) -> None:
    x0 = xp.asarray(VALUES)
    assert check_grad(sine(xp), lambda _: [math.cos(value) for value in VALUES], x0) < small(xp)
    assert check_grad(sine(xp), lambda _: [1.0, 2.0, 3], x0) > WRONG_CLAIM_ERROR


@pytest.mark.parametrize("values", [0.5, [0.5], [[0.5]]], ids=["()", "(1,)", "(1, 1)"])
@pytest.mark.parametrize("form", ["a Python float", "a 0-d array"])
def test_the_gradient_of_a_single_coordinate_may_be_a_number(
    xp: Library, values: Any, form: str
) -> None:
    def claim(number: float) -> Any:
        return number if form == "a Python float" else xp.asarray(number)

    x0 = xp.asarray(values)
    assert check_grad(sine(xp), lambda _: claim(math.cos(0.5)), x0) < small(xp)
    assert check_grad(sine(xp), lambda _: claim(0.0), x0) > WRONG_CLAIM_ERROR


# Steps


def test_the_default_step_is_the_square_root_of_the_resolution_of_the_dtype(
    xp: Library, dtype: str
) -> None:
    expected = {
        "float64": 1.4901161193847656e-08,
        "float32": 3.4526698300124393e-04,
        "float16": 0.03125,
        "bfloat16": 0.08838834764831845,
    }[dtype]
    # From 0 the step is exact but for its own rounding.
    x0 = xp.asarray([[0.0, 0.0], [0.0, 0.0]], dtype)
    assert steps_seen(xp, x0) == pytest.approx([expected] * 4, rel=xp.eps(dtype))


@pytest.mark.parametrize("value_dtype", ["bfloat16", "float16", "float32", "float64"])
def test_the_default_step_is_of_the_coarser_of_the_dtypes_of_x0_and_func(
    xp: Library, dtype: str, value_dtype: str
) -> None:
    if value_dtype not in xp.float_dtypes:
        pytest.skip(f"{xp.name} has no {value_dtype} here")
    x0 = xp.asarray([0.0, 0.0], dtype)
    coarser = max(xp.eps(dtype), xp.eps(value_dtype))
    steps = steps_seen(xp, x0, value=lambda x: xp.astype(xp.sum(x), getattr(xp, value_dtype)))
    # SciPy takes the root in the coarser dtype, and rounds the step to it.
    assert steps == pytest.approx([math.sqrt(coarser)] * 2, rel=coarser)


def test_a_python_number_from_func_does_not_change_the_default_step(
    xp: Library, dtype: str
) -> None:
    x0 = xp.asarray([0.0, 0.0], dtype)
    for value in (0.0, 0):
        steps = steps_seen(xp, x0, value=lambda _, value=value: value)
        assert steps == pytest.approx([math.sqrt(xp.eps(dtype))] * 2, rel=xp.eps(dtype))


def test_a_func_that_computes_in_less_than_its_dtype_still_gets_a_small_error(xp: Library) -> None:
    """A float64 point with a float32 func: SciPy's step of 1.5e-8 would see nothing but noise."""
    if "float64" not in xp.float_dtypes:
        pytest.skip(f"{xp.name} has no float64 here")

    def func(x: Any) -> Any:
        return xp.sum(xp.sin(xp.astype(x, xp.float32)))

    assert check_grad(func, cosine(xp), xp.asarray(VALUES)) < small(xp, "float32")


@pytest.mark.parametrize("epsilon", [0.25, -0.5, 1])
def test_an_explicit_epsilon_is_the_step(xp: Library, dtype: str, epsilon: float) -> None:
    x0 = xp.asarray(SHAPED_VALUES["(2, 1, 2)"], dtype)
    assert steps_seen(xp, x0, epsilon=epsilon) == [epsilon] * 4


@pytest.mark.parametrize("form", ["native", "list"])
def test_an_epsilon_of_the_shape_of_x0_has_a_step_for_each_coordinate(
    xp: Library, dtype: str, form: str
) -> None:
    x0 = xp.asarray([[0.5, -0.25], [1.0, 0.0]], dtype)
    values = [[0.25, -0.5], [1.0, 0.125]]
    epsilon = xp.asarray(values, dtype) if form == "native" else values
    assert steps_seen(xp, x0, epsilon=epsilon) == [0.25, -0.5, 1.0, 0.125]


def test_a_step_that_vanishes_is_replaced_by_one_relative_to_the_coordinate(
    xp: Library, dtype: str
) -> None:
    eps = xp.eps(dtype)
    x0 = xp.asarray([1024.0, -1024.0, 0.0, 1.0], dtype)
    steps = steps_seen(xp, x0, epsilon=eps / 8)
    default = math.sqrt(eps)
    expected = [1024 * default, -1024 * default, eps / 8, default]
    # A step is a whole number of units in the last place of the coordinate.
    assert steps == pytest.approx(expected, rel=2 * default)


def test_the_step_that_is_divided_by_is_the_one_that_was_taken(xp: Library, dtype: str) -> None:
    """A step far from representable: dividing by epsilon itself would be off by up to half."""
    eps = xp.eps(dtype)
    x0 = xp.asarray([1.0, 1.0], dtype)
    # Lands on 1 + 2 eps, or, were the sum not rounded, on 1 + 1.6 eps.
    error = check_grad(lambda x: x[0] - x[1], lambda _: [1.0, -1.0], x0, epsilon=1.6 * eps)
    assert error == 0.0


def test_the_random_tangent_of_a_narrow_dtype_is_the_one_that_was_taken(
    xp: Library, dtype: str
) -> None:
    """From 1 a step along a tangent is rounded, in bfloat16 by a tenth of its length."""
    if dtype == "float64":
        pytest.skip("SciPy's value, which has this rounding in it, is the contract here")
    x0 = xp.asarray([1.0, 1.0, 1.0], dtype)
    for rng in range(5):
        error = check_grad(
            lambda x: x[0], lambda _: [1.0, 0.0, 0.0], x0, direction="random", rng=rng
        )
        assert error < 8 * xp.eps(dtype)


# Trees


@optree.dataclasses.dataclass(namespace="")
class Layer:
    """A node that optree knows; the empty namespace is the one of every library."""

    weight: Any
    bias: Any


Pair = namedtuple("Pair", ["weight", "bias"])  # noqa: PYI024


class TypedPair(NamedTuple):
    weight: Any
    bias: Any


@dataclasses.dataclass(frozen=True)
class Structure:
    """How to put two arrays into a tree, and how to find them there."""

    make: Callable[[Any, Any], Any]
    leaves: Callable[[Any], tuple[Any, Any]]


STRUCTURES = {
    "dict": Structure(lambda w, b: {"weight": w, "bias": b}, lambda t: (t["weight"], t["bias"])),
    "OrderedDict": Structure(
        lambda w, b: OrderedDict(weight=w, bias=b), lambda t: (t["weight"], t["bias"])
    ),
    "list": Structure(lambda w, b: [w, b], lambda t: (t[0], t[1])),
    "tuple": Structure(lambda w, b: (w, b), lambda t: (t[0], t[1])),
    "namedtuple": Structure(Pair, lambda t: (t.weight, t.bias)),
    "NamedTuple": Structure(TypedPair, lambda t: (t.weight, t.bias)),
    "nested": Structure(
        lambda w, b: {"layers": [(w,), {"inner": [b]}]},
        lambda t: (t["layers"][0][0], t["layers"][1]["inner"][0]),
    ),
}
structures = pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES.keys())

WEIGHT = [[0.5, -0.25], [1.0, 0.125]]
BIAS = [0.25, -0.5, 0.75]


def tree_func(xp: Library, structure: Structure) -> Function:
    def func(tree: Any) -> Any:
        weight, bias = structure.leaves(tree)
        return xp.sum(xp.sin(weight)) + xp.sum(bias * bias)

    return func


def tree_grad(xp: Library, structure: Structure, offset: float = 0.0) -> Function:
    def grad(tree: Any) -> Any:
        weight, bias = structure.leaves(tree)
        return structure.make(xp.cos(weight), 2 * bias + offset)

    return grad


def check_tree(xp: Library, structure: Structure, dtype: str | None = None) -> None:
    x0 = structure.make(xp.asarray(WEIGHT, dtype), xp.asarray(BIAS, dtype))
    func = tree_func(xp, structure)
    bound = 2 * small(xp, dtype)
    assert check_grad(func, tree_grad(xp, structure), x0) < bound
    wrong = check_grad(func, tree_grad(xp, structure, offset=1.0), x0)
    assert wrong == pytest.approx(math.sqrt(3), abs=bound)
    assert check_grad(func, tree_grad(xp, structure), x0, direction="random", rng=0) < 9 * bound
    # Along one random tangent, errors may cancel by chance.
    wrong_grad = tree_grad(xp, structure, offset=9.0)
    tangents = ({"direction": "random", "rng": rng} for rng in range(4))
    errors = [check_grad(func, wrong_grad, x0, **options) for options in tangents]
    assert max(errors) > WRONG_CLAIM_ERROR


@structures
def test_a_tree_of_arrays_is_checked_leaf_by_leaf(
    xp: Library, dtype: str, structure: Structure
) -> None:
    check_tree(xp, structure, dtype)


def test_a_dataclass_registered_with_optree_is_a_tree(xp: Library) -> None:
    check_tree(xp, Structure(Layer, lambda t: (t.weight, t.bias)))


@pytest.mark.libraries("jax")
def test_a_dataclass_registered_with_jax_is_a_tree(xp: Library) -> None:
    jax = pytest.importorskip("jax")

    @jax.tree_util.register_dataclass
    @dataclasses.dataclass
    class JaxLayer:
        weight: Any
        bias: Any

    check_tree(xp, Structure(JaxLayer, lambda t: (t.weight, t.bias)))


@pytest.mark.libraries("jax")
def test_a_class_registered_with_jax_inside_a_dict_is_a_tree(xp: Library) -> None:
    jax = pytest.importorskip("jax")

    class Node:
        def __init__(self, weight: Any, bias: Any) -> None:
            self.weight, self.bias = weight, bias

    jax.tree_util.register_pytree_node(
        Node, lambda node: ((node.weight, node.bias), None), lambda _, leaves: Node(*leaves)
    )
    check_tree(
        xp, Structure(lambda w, b: {"a": Node(w, b)}, lambda t: (t["a"].weight, t["a"].bias))
    )


@structures
def test_func_and_grad_receive_trees_like_x0(xp: Library, dtype: str, structure: Structure) -> None:
    x0 = structure.make(xp.asarray(WEIGHT, dtype), xp.asarray(BIAS, dtype))

    def check(tree: Any) -> None:
        assert type(tree) is type(x0)
        weight, bias = structure.leaves(tree)
        xp.assert_native(weight, dtype)
        xp.assert_native(bias, dtype)
        assert (weight.shape, bias.shape) == ((2, 2), (3,))

    def func(tree: Any) -> Any:
        check(tree)
        return tree_func(xp, structure)(tree)

    def grad(tree: Any) -> Any:
        check(tree)
        return tree_grad(xp, structure)(tree)

    check_grad(func, grad, x0)
    check_grad(func, grad, x0, direction="random", rng=0)


@structures
@pytest.mark.libraries("numpy", "torch", "strict")
def test_func_and_grad_may_write_into_the_tree_that_they_receive(
    xp: Library, structure: Structure
) -> None:
    x0 = structure.make(xp.asarray(WEIGHT), xp.asarray(BIAS))

    def func(tree: Any) -> Any:
        value = tree_func(xp, structure)(tree)
        for leaf in structure.leaves(tree):
            overwrite(leaf)
        if isinstance(tree, dict | list):
            tree.clear()
        return value

    def grad(tree: Any) -> Any:
        # Detached from the leaves before these are written to.
        claim = tree_grad(xp, structure)(tree)
        for leaf in structure.leaves(tree):
            overwrite(leaf)
        if isinstance(tree, dict | list):
            tree.clear()
        return claim

    assert check_grad(func, grad, x0) == check_grad(
        tree_func(xp, structure), tree_grad(xp, structure), x0
    )
    weight, bias = structure.leaves(x0)
    assert xp.to_numpy(weight).tolist() == WEIGHT
    assert xp.to_numpy(bias).tolist() == BIAS


def test_the_entries_of_a_gradient_dict_are_matched_by_key_not_by_order(xp: Library) -> None:
    x0 = {"zebra": xp.asarray([0.5]), "ant": xp.asarray([0.25])}
    error = check_grad(
        lambda t: xp.sum(xp.sin(t["zebra"])) + 3 * xp.sum(t["ant"]),
        lambda t: {"ant": 0 * t["ant"] + 3.0, "zebra": xp.cos(t["zebra"])},
        x0,
    )
    assert error < 2 * small(xp)


def test_the_leaves_of_a_tree_may_be_0_d_arrays(xp: Library) -> None:
    x0 = {"rate": xp.asarray(0.5), "bias": xp.asarray(BIAS)}

    def func(tree: Any) -> Any:
        assert tree["rate"].shape == ()
        return tree["rate"] ** 2 * xp.sum(tree["bias"])

    def grad(tree: Any) -> Any:
        rate, bias = tree["rate"], tree["bias"]
        return {"rate": 2 * rate * xp.sum(bias), "bias": rate**2 * xp.ones_like(bias)}

    assert check_grad(func, grad, x0) < 2 * small(xp)
    assert check_grad(func, lambda t: {**grad(t), "rate": -1.0}, x0) > WRONG_CLAIM_ERROR


@pytest.mark.libraries("jax", "torch", "strict")
def test_a_list_of_0_d_arrays_is_a_tree(xp: Library) -> None:
    """But of NumPy's it is a vector, as in SciPy: see test_scipy_compat.py."""
    x0 = [xp.asarray(value) for value in VALUES]
    received = []

    def func(tree: Any) -> Any:
        received.append(type(tree))
        return xp.sin(tree[0]) + xp.sin(tree[1]) + xp.sin(tree[2])

    assert check_grad(func, lambda tree: [xp.cos(leaf) for leaf in tree], x0) < small(xp)
    assert check_grad(func, lambda tree: [-xp.cos(leaf) for leaf in tree], x0) > WRONG_CLAIM_ERROR
    assert set(received) == {list}


def test_a_list_of_numpy_scalars_is_an_array_as_in_scipy() -> None:
    received = []

    def func(x: Any) -> Any:
        received.append(type(x))
        return np.sum(np.sin(x))

    assert check_grad(func, np.cos, [np.float64(0.5), 2.0]) < 1e-7
    assert set(received) == {np.ndarray}


def test_the_leaves_of_a_tree_keep_their_own_dtypes_and_steps(xp: Library) -> None:
    dtypes = xp.float_dtypes[-2:]
    x0 = [xp.asarray([0.0, 0.0], dtype) for dtype in dtypes]
    steps: list[list[float]] = [[], []]

    def func(tree: Any) -> Any:
        for leaf, dtype, seen in zip(tree, dtypes, steps, strict=True):
            xp.assert_native(leaf, dtype)
            seen += [float(step) for step in xp.to_numpy(leaf) if step]
        return sum(float(xp.sum(xp.detach(leaf))) for leaf in tree)

    check_grad(func, lambda tree: [xp.ones_like(leaf) for leaf in tree], x0)
    for seen, dtype in zip(steps, dtypes, strict=True):
        assert seen == pytest.approx([math.sqrt(xp.eps(dtype))] * 2, rel=xp.eps(dtype))


def test_a_vector_valued_func_of_a_tree_has_a_tree_of_jacobians(xp: Library) -> None:
    x0 = {"weight": xp.asarray(WEIGHT), "bias": xp.asarray(BIAS)}

    def func(tree: Any) -> Any:
        return xp.stack([xp.sum(tree["weight"]), xp.sum(tree["bias"] * tree["bias"])])

    def jac(tree: Any, sign: float = 1.0) -> Any:
        weight, bias = tree["weight"], tree["bias"]
        return {
            "weight": xp.stack([sign * xp.ones_like(weight), xp.zeros_like(weight)]),
            "bias": xp.stack([xp.zeros_like(bias), 2 * bias]),
        }

    assert check_grad(func, jac, x0) < 4 * small(xp)
    assert check_grad(func, lambda t: jac(t, -1.0), x0) == pytest.approx(4.0, rel=0.01)


def test_a_scalar_epsilon_is_the_step_in_every_leaf(xp: Library) -> None:
    x0 = {"weight": xp.asarray([[0.5, 0.25]]), "bias": xp.asarray([1.0])}
    seen = set()

    def func(tree: Any) -> Any:
        for key, leaf in x0.items():
            seen.update((xp.to_numpy(tree[key]) - xp.to_numpy(leaf)).ravel().tolist())
        return xp.sum(tree["weight"]) + xp.sum(tree["bias"])

    ones = {key: xp.ones_like(leaf) for key, leaf in x0.items()}
    check_grad(func, lambda _: ones, x0, epsilon=0.125)
    assert seen == {0.0, 0.125}


# PyTorch's autograd


@pytest.mark.libraries("torch")
def test_func_and_grad_get_tensors_without_history_like_x0(xp: Library) -> None:
    x0 = xp.asarray(VALUES)

    def func(x: Any) -> Any:
        assert x.is_leaf
        assert x.requires_grad == x0.requires_grad
        return xp.sum(xp.sin(x))

    def grad(x: Any) -> Any:
        assert x.is_leaf
        assert x.requires_grad == x0.requires_grad
        return xp.cos(x)

    for options in ({}, {"direction": "random", "rng": 0}):
        assert check_grad(func, grad, x0, **options) < 9 * small(xp)


@pytest.mark.libraries("torch")
@pytest.mark.parametrize("direction", ["all", "random"])
def test_grad_may_call_autograd(xp: Library, direction: str) -> None:
    torch = pytest.importorskip("torch")
    if not xp.requires_grad:
        pytest.skip("needs an x0 that requires a gradient")
    x0 = xp.asarray(VALUES)

    def by_backward(x: Any) -> Any:
        sine(xp)(x).backward()
        return x.grad

    claims = (lambda x: torch.autograd.grad(sine(xp)(x), x)[0], by_backward)
    for claim in claims:
        assert check_grad(sine(xp), claim, x0, direction=direction, rng=0) < 9 * small(xp)
    assert x0.grad is None
    assert x0.requires_grad


@pytest.mark.libraries("torch")
def test_x0_may_have_been_computed_by_autograd(xp: Library) -> None:
    x0 = xp.asarray(VALUES) * 1
    assert check_grad(sine(xp), cosine(xp), x0) < small(xp)
    assert x0.is_leaf != xp.requires_grad


@pytest.mark.libraries("torch")
def test_func_and_grad_may_return_tensors_with_history(xp: Library) -> None:
    scale = xp.asarray(2.0)
    scale.requires_grad_(True)
    x0 = xp.asarray(VALUES)
    for options in ({}, {"direction": "random", "rng": 0}):
        error = check_grad(
            lambda x: scale * xp.sum(xp.sin(x)), lambda x: scale * xp.cos(x), x0, **options
        )
        assert error < 18 * small(xp)
    assert scale.grad is None


@pytest.mark.libraries("torch")
def test_a_tree_of_parameters_is_checked(xp: Library) -> None:
    torch = pytest.importorskip("torch")
    x0 = {name: torch.nn.Parameter(xp.asarray(VALUES).detach()) for name in "ab"}

    def func(tree: Any) -> Any:
        return xp.sum(xp.sin(tree["a"]) * tree["b"])

    def grad(tree: Any) -> Any:
        names = sorted(tree)
        grads = torch.autograd.grad(func(tree), [tree[name] for name in names])
        return dict(zip(names, grads, strict=True))

    assert check_grad(func, grad, x0) < 2 * small(xp)
    assert all(parameter.grad is None for parameter in x0.values())


@pytest.mark.libraries("torch")
def test_the_check_does_not_touch_pytorchs_global_state(xp: Library) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    state = torch.get_rng_state()
    check_grad(sine(xp), cosine(xp), xp.asarray(VALUES), direction="random", rng=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()


@pytest.fixture
def torch_defaults() -> Iterator[None]:
    """Have PyTorch make tensors on a device and in a dtype that are not those of x0."""
    torch = pytest.importorskip("torch")
    torch.set_default_device("meta")
    torch.set_default_dtype(torch.float16)
    yield
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


@pytest.mark.libraries("torch")
@pytest.mark.parametrize("size", [5, 2**17 + 3])
@pytest.mark.usefixtures("torch_defaults")
def test_pytorchs_default_device_and_dtype_are_not_used(xp: Library, size: int) -> None:
    x0 = xp.asarray(np.linspace(0.1, 1.0, size))
    error = check_grad(sine(xp), cosine(xp), x0, direction="random", rng=0)
    assert error < size * small(xp)
    for direction in ("random",) if size > 5 else ("all", "random"):
        assert checkgrad.verify_grad(sine(xp), cosine(xp), x0, direction=direction)
        assert not checkgrad.verify_grad(sine(xp), lambda x: 1.1 * x, x0, direction=direction)


@pytest.mark.libraries("torch")
def test_host_reads_of_a_tensor_do_not_grow_with_the_coordinates(xp: Library) -> None:
    torch = pytest.importorskip("torch")
    dispatch = pytest.importorskip("torch.utils._python_dispatch")

    class HostReads(dispatch.TorchDispatchMode):  # type: ignore[misc, name-defined]
        count = 0

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            self.count += func is torch.ops.aten._local_scalar_dense.default
            return func(*args, **(kwargs or {}))

    def reads(size: int) -> int:
        x0 = xp.asarray([0.5] * size)
        with HostReads() as mode:
            check_grad(sine(xp), cosine(xp), x0)
        return int(mode.count)

    assert reads(40) == reads(4)


# JAX's autodiff


@pytest.mark.libraries("jax")
def test_a_jax_func_and_gradient_may_be_compiled(xp: Library) -> None:
    jax = pytest.importorskip("jax")
    func = jax.jit(sine(xp))
    x0 = xp.asarray(VALUES)
    assert check_grad(func, jax.jit(jax.grad(func)), x0) < small(xp)
    assert check_grad(func, jax.grad(func), x0, direction="random", rng=0) < 9 * small(xp)


# A point in NumPy, a function elsewhere


@pytest.mark.libraries("jax", "torch")
@pytest.mark.parametrize("direction", ["all", "random"])
def test_a_numpy_point_with_a_func_and_grad_that_compute_elsewhere(
    xp: Library, dtype: str, direction: str
) -> None:
    x0 = np.array(VALUES)

    def func(x: Any) -> Any:
        assert isinstance(x, np.ndarray)
        assert x.dtype == np.float64
        return xp.sum(xp.sin(xp.asarray(x, dtype)))

    def error(sign: int) -> float:
        return check_grad(
            func, lambda x: sign * xp.cos(xp.asarray(x, dtype)), x0, direction=direction, rng=0
        )

    assert error(1) < 9 * small(xp, dtype)
    assert error(-1) > WRONG_CLAIM_ERROR


@pytest.mark.libraries("jax", "torch")
def test_a_numpy_point_takes_its_step_from_the_dtype_of_a_func_elsewhere(
    xp: Library, dtype: str
) -> None:
    seen = []

    def func(x: Any) -> Any:
        seen.append(float(x[0]))
        return xp.sum(xp.asarray(x, dtype))

    check_grad(func, np.ones_like, np.zeros(1))
    assert seen == [0.0, pytest.approx(math.sqrt(xp.eps(dtype)))]


@pytest.mark.libraries("jax", "torch")
def test_a_numpy_point_with_a_vector_valued_func_that_computes_elsewhere(xp: Library) -> None:
    matrix = [[1.0, 2.0, -1.0], [0.5, -2.0, 4.0]]
    func = lambda x: xp.asarray(matrix) @ xp.asarray(x)  # noqa: E731
    assert check_grad(func, lambda _: xp.asarray(matrix), np.array(VALUES)) < 4 * small(xp)
    assert check_grad(func, lambda _: -xp.asarray(matrix), np.array(VALUES)) > 8


@pytest.mark.libraries("jax", "torch")
@pytest.mark.parametrize("elsewhere", ["func", "grad"])
def test_a_numpy_point_with_only_one_of_both_elsewhere(xp: Library, elsewhere: str) -> None:
    x0 = np.array(VALUES)
    there, here = lambda x: xp.asarray(x), lambda x: x
    move_func, move_grad = (there, here) if elsewhere == "func" else (here, there)

    def func(x: Any) -> Any:
        return (xp if elsewhere == "func" else np).sum(move_func(x) ** 2)

    assert check_grad(func, lambda x: 2 * move_grad(x), x0) < 3 * small(xp)
    assert check_grad(func, lambda x: -2 * move_grad(x), x0) > WRONG_CLAIM_ERROR


# The device


@pytest.mark.libraries("strict")
@pytest.mark.parametrize("direction", ["all", "random"])
def test_only_single_numbers_reach_the_host_and_no_more_for_more_coordinates(
    xp: Library, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    array_type = type(xp.asarray(0.0))
    moved: list[tuple[int, ...]] = []

    def recording(name: str) -> Function:
        original = getattr(array_type, name)

        def record(self: Any, *args: Any, **kw: Any) -> Any:
            moved.append(self.shape)
            return original(self, *args, **kw)

        return record

    for name in ("to_device", "__float__", "__bool__", "__int__", "__complex__", "__dlpack__"):
        monkeypatch.setattr(array_type, name, recording(name))

    def moves(size: int) -> list[tuple[int, ...]]:
        moved.clear()
        x0 = xp.asarray([0.5] * size)
        check_grad(sine(xp), cosine(xp), x0, direction=direction, rng=0)
        return [*moved]

    assert set(moves(4)) <= {(), (1,)}
    assert moves(40) == moves(4)


# Bad input


def test_a_gradient_of_another_shape_is_refused_and_not_broadcast(xp: Library) -> None:
    cases: list[tuple[Any, tuple[int, ...]]] = [
        (VALUES, (3, 1)),
        (VALUES, (1,)),
        (VALUES, ()),
        (VALUES, (4,)),
        (VALUES, (3, 3)),
        (VALUES, (0,)),
        (SHAPED_VALUES["(2, 3)"], (3, 2)),
        (SHAPED_VALUES["(2, 3)"], (6,)),
        (SHAPED_VALUES["(2, 3)"], (3,)),
        (SHAPED_VALUES["(2, 3)"], (1, 3)),
        (SHAPED_VALUES["(2, 3)"], ()),
        (SHAPED_VALUES["(3, 1)"], (3,)),
        (SHAPED_VALUES["(3, 1)"], (1, 3)),
        ([0.5], (2,)),
    ]
    for values, shape in cases:
        x0 = xp.asarray(values)
        claim = xp.reshape(xp.asarray([1.0] * math.prod(shape)), shape)
        for direction in ("all", "random"):
            if direction == "random" and shape == (3, 3):
                continue  # refused as well, but as a Jacobian
            with pytest.raises(ValueError, match="shape") as error:
                check_grad(sine(xp), lambda _, c=claim: c, x0, direction=direction, rng=0)
            assert str(shape) in str(error.value), (x0.shape, shape, direction)
            assert str(tuple(x0.shape)) in str(error.value)


def test_a_flat_list_does_not_pass_for_a_gradient_of_another_shape(xp: Library) -> None:
    with pytest.raises(ValueError, match=re.escape("(2,)")) as error:
        check_grad(sine(xp), lambda _: [1.0, 2.0], xp.asarray(VALUES))
    assert "(3,)" in str(error.value)
    with pytest.raises(ValueError, match=re.escape("(3, 1)")):
        check_grad(sine(xp), lambda _: [[1.0], [2.0], [3.0]], xp.asarray(VALUES))


@pytest.mark.parametrize("shape", [(3, 2), (3,), (2,), (2, 3, 1), (1, 3)])
def test_a_jacobian_of_another_shape_is_refused_and_not_broadcast(
    xp: Library, shape: tuple[int, ...]
) -> None:
    def func(x: Any) -> Any:
        return xp.stack([xp.sum(x), xp.sum(x * x)])

    claim = xp.reshape(xp.asarray([1.0] * math.prod(shape)), shape)
    with pytest.raises(ValueError, match=re.escape(str(shape))) as error:
        check_grad(func, lambda _: claim, xp.asarray(VALUES))
    assert "(2, 3)" in str(error.value)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_random_direction_reaches_every_entry_of_a_large_array(
    xp: Library, dtype: str, transposed: bool
) -> None:
    """Tangents are made block by block; the claim is wrong in the first or the last entries."""
    if dtype in ("float16", "bfloat16"):
        pytest.skip("the sum of so many terms rounds more than a few of them matter")
    size = BLOCK + 3
    x0 = xp.asarray(np.linspace(0.5, 1.5, 2 * size).reshape(2, size).tolist(), dtype)
    x0 = x0.T if transposed else x0

    def func(x: Any) -> Any:
        return xp.sum(x * x) / size

    def grad(x: Any, first: float = 0.0, last: float = 0.0) -> Any:
        claim = np.array(xp.to_numpy(xp.detach(x))) * 2 / size
        claim[0, 0] += first
        claim[-1, -1] += last
        return xp.detach(xp.asarray(claim.tolist(), dtype))

    for rng in range(3):
        options: dict[str, Any] = {"direction": "random", "rng": rng}
        right = check_grad(func, grad, x0, **options)
        assert right < 0.05
        for offset in ((9.0, 0.0), (0.0, 9.0)):
            assert check_grad(func, lambda x, o=offset: grad(x, *o), x0, **options) > 2 * right


@pytest.mark.libraries("numpy")
def test_a_random_direction_needs_at_most_four_times_the_memory_of_x0(
    xp: Library, dtype: str
) -> None:
    if dtype == "float16":
        pytest.skip("NumPy sums it in float32, which func here leaves to it")
    x0 = xp.asarray(np.linspace(0.5, 1.5, 2**21), dtype)
    held: list[int] = []

    def func(x: Any) -> Any:
        held.append(tracemalloc.get_traced_memory()[0])
        return np.dot(x, x)

    tracemalloc.start()
    try:
        check_grad(func, lambda x: 2 * x, x0, direction="random", rng=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert x0.nbytes <= max(held) <= peak <= 4.1 * x0.nbytes


def test_a_vector_valued_func_has_no_random_direction(xp: Library) -> None:
    x0 = xp.asarray(VALUES)
    for claim in (xp.asarray([[1.0] * 3] * 2), xp.asarray([1.0] * 3)):
        with pytest.raises(ValueError, match="'random' can only be used with scalar valued func"):
            check_grad(
                lambda x: xp.stack([xp.sum(x), xp.sum(x * x)]),
                lambda _, c=claim: c,
                x0,
                direction="random",
                rng=0,
            )


def test_an_unknown_direction_is_refused(xp: Library) -> None:
    message = "sideways is not a valid string for ``direction`` argument"
    with pytest.raises(ValueError, match=re.escape(message)):
        check_grad(sine(xp), cosine(xp), xp.asarray(VALUES), direction="sideways")


def test_rng_and_seed_together_are_refused(xp: Library) -> None:
    with pytest.raises(TypeError, match=r"rng.*seed|seed.*rng"):
        check_grad(sine(xp), cosine(xp), xp.asarray(VALUES), direction="random", rng=1, seed=1)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_an_empty_x0_is_refused(xp: Library, shape: tuple[int, ...]) -> None:
    x0 = xp.reshape(xp.asarray([]), shape)
    with pytest.raises(ValueError, match=r"x0.*empty|empty.*x0|x0 has no"):
        check_grad(sine(xp), cosine(xp), x0)


@pytest.mark.parametrize("x0", [[], {}, (), {"a": []}, [[]]], ids=repr)
def test_an_x0_without_numbers_is_refused(x0: Any) -> None:
    with pytest.raises(ValueError, match="x0"):
        check_grad(np.sum, np.ones_like, x0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_x0_that_is_not_finite_is_refused_with_its_first_bad_value_and_place(
    xp: Library, dtype: str, bad: float
) -> None:
    with pytest.raises(ValueError, match="x0") as error:
        check_grad(sine(xp), cosine(xp), xp.asarray([0.5, 1.0, bad, math.nan], dtype))
    assert str(bad) in str(error.value)
    assert re.search(r"\b2\b", str(error.value))
    with pytest.raises(ValueError, match="x0") as error:
        check_grad(sine(xp), cosine(xp), xp.asarray([[0.5, 1.0, 2.0], [3.0, bad, 5.0]], dtype))
    assert str(bad) in str(error.value)
    assert "1, 1" in str(error.value)


def test_a_tree_that_is_not_finite_is_refused_with_its_leaf(xp: Library) -> None:
    x0 = {"weight": xp.asarray(WEIGHT), "bias": xp.asarray([1.0, math.nan])}
    with pytest.raises(ValueError, match="bias") as error:
        check_grad(lambda _: 0.0, lambda tree: tree, x0)
    assert "nan" in str(error.value)
    assert "weight" not in str(error.value)


@pytest.mark.parametrize(
    ("x0", "quoted"),
    [
        (["a", "b"], "str|<U1"),
        (np.array(["a", "b"]), "str|<U1"),
        ([None, 1.0], r"x0 is \[None, 1.0\] .*object"),
        (np.array([1.0, 2.0], dtype=object), "object"),
        (np.array([True, False]), "bool"),
        ([True, False], "bool"),
        ([1.0, 2j], "complex"),
        (np.array([1.0 + 0j]), "complex"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "datetime64"),
        (None, "x0 is None .*object"),
        ({"a": np.array([True])}, r"x0\['a'\] is array\(\[ True\]\)"),
        ("12", "str|<U2"),
    ],
    ids=repr,
)
def test_an_x0_that_is_not_real_is_refused(x0: Any, quoted: str) -> None:
    with pytest.raises(TypeError, match=quoted) as error:
        check_grad(lambda _: 0.0, lambda x: x, x0)
    assert "x0" in str(error.value)


def public_functions(xp: Library) -> dict[str, Function]:
    """Name the functions that take x0, each as a function of it alone."""
    func, grad = sine(xp), cosine(xp)
    functions = {
        "check_grad": lambda x: check_grad(func, grad, x),
        "approx_fprime": lambda x: checkgrad.approx_fprime(x, func),
        "assert_grad": lambda x: checkgrad.assert_grad(func, grad, x),
        "verify_autodiff": lambda x: checkgrad.verify_autodiff(func, x),
    }
    for form in ("grad", "jac", "jvp", "vjp"):
        verify = getattr(checkgrad, f"verify_{form}")
        functions[f"verify_{form}"] = lambda x, verify=verify: verify(func, grad, x)
    return functions


def assert_refused_everywhere(xp: Library, x0: Any, message: str) -> None:
    for name, function in public_functions(xp).items():
        with pytest.raises(TypeError) as error:
            function(x0)
        assert re.search(f"(?s){message}", str(error.value)), f"{name}: {error.value}"


@pytest.mark.libraries("jax")
@pytest.mark.one_setting
@pytest.mark.parametrize("dtype_name", ["bfloat16", "float8_e5m2", "int4"])
def test_dtypes_that_numpy_does_not_compute_in_are_refused(xp: Library, dtype_name: str) -> None:
    extensions = pytest.importorskip("ml_dtypes")
    x0 = np.ones(3, getattr(extensions, dtype_name))
    assert_refused_everywhere(xp, x0, rf"x0 is array.*{dtype_name}.*must be real numbers")


@pytest.mark.libraries("jax")
@pytest.mark.one_setting
def test_keys_of_random_numbers_are_refused(xp: Library) -> None:
    jax = pytest.importorskip("jax")
    assert_refused_everywhere(xp, jax.random.key(0), r"x0 is .*key<.*must be real numbers")


@pytest.mark.libraries("jax")
@pytest.mark.one_setting
@pytest.mark.parametrize("transformation", ["jit", "grad", "vmap"])
def test_a_traced_x0_is_refused_and_said_to_be_traced(xp: Library, transformation: str) -> None:
    jax = pytest.importorskip("jax")

    def traced(x: Any) -> Any:
        assert_refused_everywhere(xp, x, "traced by JAX.*call checkgrad outside of jit")
        return xp.sum(x)

    getattr(jax, transformation)(traced)(xp.asarray(VALUES))


@pytest.mark.libraries("jax")
@pytest.mark.one_setting
def test_inside_of_jit_an_x0_that_has_values_is_refused_too(xp: Library) -> None:
    jax = pytest.importorskip("jax")
    x0 = xp.asarray(VALUES)

    @jax.jit
    def traced(x: Any) -> Any:
        assert_refused_everywhere(xp, x0, "traced by JAX.*call checkgrad outside of jit")
        return x

    traced(x0)


TENSORS_WITHOUT_ENTRIES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "float8": (lambda torch: torch.ones(3).to(torch.float8_e5m2), r"float8_e5m2.*x0.float\(\)"),
    "meta": (lambda torch: torch.ones(3, device="meta"), "device meta, which has no values"),
    "quantized": (
        lambda torch: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
        r"quantized tensor \(dtype torch.qint8\); pass x0.dequantize\(\)",
    ),
    "nested": (
        lambda torch: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        r"nested tensor; pass .*x0.unbind\(\)",
    ),
    "sparse": (lambda torch: torch.ones(3).to_sparse(), r"sparse tensor.*x0.to_dense\(\)"),
}


@pytest.mark.libraries("torch")
@pytest.mark.one_setting
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "message"), TENSORS_WITHOUT_ENTRIES.values(), ids=TENSORS_WITHOUT_ENTRIES.keys()
)
def test_a_tensor_whose_entries_cannot_be_moved_is_refused(
    xp: Library, make: Callable[[Any], Any], message: str
) -> None:
    torch = pytest.importorskip("torch")
    assert_refused_everywhere(xp, make(torch), f"x0 is a .*{message}")


@pytest.mark.libraries("torch")
@pytest.mark.one_setting
def test_a_tensor_without_values_is_refused(xp: Library) -> None:
    fake = pytest.importorskip("torch._subclasses.fake_tensor")
    with fake.FakeTensorMode():
        x0 = xp.asarray(VALUES)
    assert_refused_everywhere(xp, x0, "x0 is a FakeTensor, which has no values")


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_numpy_matrix_is_refused_with_a_remedy() -> None:
    remedy = r"x0 is matrix.*two axes.*np.asarray\(x\).ravel\(\)"
    with pytest.raises(TypeError, match=remedy):
        check_grad(np.sum, np.ones_like, np.matrix([[1.0, 2.0]]))
    with pytest.raises(TypeError, match=r"x0\['a'\] is matrix"):
        check_grad(np.sum, np.ones_like, {"a": np.matrix([[1.0, 2.0]])})


@pytest.mark.parametrize("dtype_name", ["bool", "complex64"])
def test_an_array_that_is_not_real_is_refused_in_every_library(
    xp: Library, dtype_name: str
) -> None:
    array = xp.namespace.asarray([0, 1], dtype=getattr(xp, dtype_name, bool), device=xp.device)
    with pytest.raises(TypeError, match=dtype_name):
        check_grad(lambda _: 0.0, lambda x: x, array)


@pytest.mark.parametrize("epsilon", [math.nan, math.inf, -math.inf])
def test_an_epsilon_that_is_not_finite_is_refused(xp: Library, epsilon: float) -> None:
    x0 = xp.asarray(VALUES)
    with pytest.raises(ValueError, match="epsilon") as error:
        check_grad(sine(xp), cosine(xp), x0, epsilon=epsilon)
    assert str(epsilon) in str(error.value)
    with pytest.raises(ValueError, match="epsilon"):
        check_grad(sine(xp), cosine(xp), x0, epsilon=xp.asarray([0.1, epsilon, 0.1]))


@pytest.mark.parametrize("epsilon", [[0.1, 0.2], [[0.1], [0.2], [0.3]], [0.1] * 4], ids=str)
def test_an_epsilon_of_another_shape_is_refused(xp: Library, epsilon: Any) -> None:
    for steps in (epsilon, xp.asarray(epsilon)):
        with pytest.raises(ValueError, match="epsilon") as error:
            check_grad(sine(xp), cosine(xp), xp.asarray(VALUES), epsilon=steps)
        assert "(3,)" in str(error.value)
        assert str(np.shape(epsilon)) in str(error.value)


@pytest.mark.parametrize("returned", [None, "one", {"a": 1.0}, [None], ["x"], object], ids=repr)
@pytest.mark.parametrize("direction", ["all", "random"])
def test_a_func_that_returns_no_number_is_refused_and_quoted(
    xp: Library, returned: Any, direction: str
) -> None:
    with pytest.raises(TypeError, match="func") as error:
        check_grad(lambda _: returned, cosine(xp), xp.asarray(VALUES), direction=direction, rng=0)
    assert repr(returned) in str(error.value)


@pytest.mark.parametrize("returned", [None, "one", {"a": 1.0}, [None] * 3, ["x"] * 3], ids=repr)
@pytest.mark.parametrize("direction", ["all", "random"])
def test_a_grad_that_returns_no_array_is_refused_and_quoted(
    xp: Library, returned: Any, direction: str
) -> None:
    with pytest.raises((TypeError, ValueError), match="grad") as error:
        check_grad(sine(xp), lambda _: returned, xp.asarray(VALUES), direction=direction, rng=0)
    assert repr(returned) in str(error.value)
    if not isinstance(returned, dict):
        assert error.type is TypeError


def test_a_func_that_forgot_its_return_at_another_point_is_refused(xp: Library) -> None:
    answers = iter([xp.asarray(1.0)])
    with pytest.raises(TypeError, match=r"func.*None"):
        check_grad(lambda _: next(answers, None), cosine(xp), xp.asarray(VALUES))


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("shape", [(2, 2), (3, 1), (1, 3, 1)])
def test_a_func_of_more_than_one_axis_is_refused_with_its_shape(
    xp: Library, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=re.escape(str(shape))) as error:
        check_grad(lambda _: np.ones(shape), cosine(xp), xp.asarray(VALUES))
    assert "func" in str(error.value)


def test_a_func_whose_shape_changes_is_refused(xp: Library) -> None:
    sizes = iter([2, 3, 3, 3])
    with pytest.raises(ValueError, match=r"\(3,\)") as error:
        check_grad(
            lambda _: xp.asarray([1.0] * next(sizes)),
            lambda _: xp.asarray([VALUES] * 2),
            xp.asarray(VALUES),
        )
    assert "(2,)" in str(error.value)


# What grad returns for a dict of "weight" and "bias", and what the message must show of it.
BROKEN_CLAIMS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "a key is missing": (lambda w, b: {"weight": w}, "bias"),
    "a key is misspelt": (lambda w, b: {"weight": w, "bais": b}, "bais"),
    "a key too many": (lambda w, b: {"weight": w, "bias": b, "scale": b}, "scale"),
    "a list": (lambda w, b: [w, b], r"list|\["),
    "an array": (lambda w, b: b, "dict|bias"),
    "deeper": (lambda w, b: {"weight": w, "bias": [b]}, "bias|list"),
    "None": (lambda w, b: {"weight": w, "bias": None}, "bias"),
}


@pytest.mark.parametrize("direction", ["all", "random"])
@pytest.mark.parametrize(
    ("make", "quoted"),
    BROKEN_CLAIMS.values(),
    ids=[name.replace(" ", "_") for name in BROKEN_CLAIMS],
)
def test_a_gradient_of_another_structure_is_refused(
    xp: Library, make: Function, quoted: str, direction: str
) -> None:
    weight, bias = xp.asarray(WEIGHT), xp.asarray(BIAS)
    claim = make(weight, bias)
    with pytest.raises((ValueError, TypeError), match=quoted) as error:
        check_grad(
            tree_func(xp, STRUCTURES["dict"]),
            lambda _: claim,
            {"weight": weight, "bias": bias},
            direction=direction,
            rng=0,
        )
    assert "grad" in str(error.value)
    assert error.type is ValueError or quoted == "None"


def test_a_leaf_of_another_shape_is_refused_and_named(xp: Library) -> None:
    x0 = {"weight": xp.asarray(WEIGHT), "bias": xp.asarray(BIAS)}
    claim = {"weight": xp.asarray(WEIGHT), "bias": xp.reshape(xp.asarray(BIAS), (3, 1))}
    for direction in ("all", "random"):
        with pytest.raises(ValueError, match=re.escape("(3, 1)")) as error:
            check_grad(
                tree_func(xp, STRUCTURES["dict"]), lambda _: claim, x0, direction=direction, rng=0
            )
        assert "bias" in str(error.value)
        assert "(3,)" in str(error.value)
        assert "weight" not in str(error.value)


# What func, grad and the caller may do to arrays


@pytest.mark.parametrize("direction", ["all", "random"])
@pytest.mark.parametrize("epsilon", [None, 1e-30])
def test_a_random_step_that_vanishes_is_lengthened(
    xp: Library, dtype: str, direction: str, epsilon: float | None
) -> None:
    if dtype == "float64":
        pytest.skip("SciPy's value is the contract here")
    x0 = xp.asarray([1e4, 1e4, 1e4], dtype)
    options: dict[str, Any] = {"direction": direction, "rng": 0, "epsilon": epsilon}
    func = lambda x: xp.sum(x / 3e4)  # noqa: E731
    right = check_grad(func, lambda x: xp.ones_like(x) / 3e4, x0, **options)
    wrong = check_grad(func, lambda x: xp.ones_like(x) * 1000, x0, **options)
    assert right < 0.01
    assert wrong > 10


@pytest.mark.libraries("numpy", "torch")
@pytest.mark.parametrize("direction", ["all", "random"])
def test_func_may_write_into_the_array_that_x0_came_from(direction: str, xp: Library) -> None:
    if xp.readonly:
        pytest.skip("cannot be written to")
    x0 = xp.asarray(VALUES)

    def func(x: Any) -> Any:
        overwrite(x0)
        return xp.sum(xp.sin(x))

    assert check_grad(func, cosine(xp), x0, direction=direction, rng=0) < 9 * small(xp)


@pytest.mark.parametrize("direction", ["all", "random"])
def test_0_d_numpy_leaves_are_handed_out_as_writable_arrays(direction: str) -> None:
    def func(tree: Any) -> Any:
        assert isinstance(tree["a"], np.ndarray)
        assert tree["a"].flags.writeable
        return tree["a"] ** 2 + np.sum(tree["b"])

    x0 = {"a": np.array(0.5), "b": np.ones(2)}
    grad = lambda tree: {"a": [2 * float(tree["a"])], "b": np.ones(2)}  # noqa: E731
    with pytest.raises(ValueError, match="structure"):
        check_grad(func, grad, x0)
    grad = lambda tree: {"a": 2 * tree["a"].reshape(1), "b": np.ones(2)}  # noqa: E731
    assert check_grad(func, grad, x0, direction=direction, rng=0) < 1e-6


# Forms of x0, claims and steps


@pytest.mark.parametrize(
    "x0",
    [
        np.array([1.0, 2.0], dtype=">f8"),
        np.array([1.0, 2.0]).view(np.recarray),
        range(1, 3),
        array.array("d", [1.0, 2.0]),
        memoryview(array.array("d", [1.0, 2.0])),
    ],
    ids=lambda x0: type(x0).__name__,
)
@pytest.mark.parametrize("direction", ["all", "random"])
def test_an_array_like_becomes_a_plain_native_array(x0: Any, direction: str) -> None:
    def func(x: Any) -> Any:
        assert type(x) is np.ndarray
        assert x.dtype == np.float64
        assert x.dtype.isnative
        return np.sum(np.sin(x))

    assert check_grad(func, np.cos, x0, direction=direction, rng=0) < 1e-6
    assert check_grad(func, np.sin, x0, direction=direction, rng=0) > 0.1


@pytest.mark.parametrize("direction", ["all", "random"])
def test_an_epsilon_that_is_no_step_is_refused(xp: Library, direction: str) -> None:
    def check(epsilon: Any, dtype: str = "float32") -> None:
        x0 = xp.asarray(VALUES, dtype)
        check_grad(sine(xp), cosine(xp), x0, epsilon=epsilon, direction=direction, rng=0)

    for epsilon in (1e-3 + 1j, [1j] * 3, True, "small"):
        with pytest.raises(TypeError, match="epsilon is"):
            check(epsilon)
    with pytest.raises(ValueError, match="epsilon is 1e\\+300"):
        check(1e300)


@pytest.mark.parametrize("direction", ["all", "random"])
@pytest.mark.parametrize("form", [bool, np.bool_, "native"])
def test_truth_values_are_no_numbers(xp: Library, direction: str, form: Any) -> None:
    truth = (lambda b: xp.asarray(VALUES)[0] == b) if form == "native" else form
    with pytest.raises(TypeError, match=r"(?s)func returned .*; it must return numbers"):
        check_grad(lambda _: truth(1), cosine(xp), xp.asarray(VALUES), direction=direction)
    with pytest.raises(TypeError, match=r"(?s)grad returned .*; it must return numbers"):
        check_grad(sine(xp), lambda x: x > 0, xp.asarray(VALUES), direction=direction)


@pytest.mark.parametrize("rng", ["seed", 1.5, object()], ids=["text", "number", "object"])
@pytest.mark.parametrize("direction", ["all", "random"])
def test_an_rng_that_is_none_is_refused_and_quoted(rng: Any, direction: str) -> None:
    with pytest.raises(TypeError, match=re.escape(f"rng is {rng!r}") + ".*pass"):
        check_grad(np.sum, np.ones_like, np.ones(2), direction=direction, rng=rng)
    with pytest.raises(ValueError, match="seed is"):
        check_grad(np.sum, np.ones_like, np.ones(2), direction="random", seed="seed")


def test_hints_fit_what_grad_returned(xp: Library) -> None:
    for x0 in (xp.asarray(VALUES), {"a": xp.asarray(VALUES)}):
        with pytest.raises(TypeError, match=r"grad returned None.*\(is a return missing\?\)"):
            check_grad(lambda _: 1.0, lambda _: None, x0)
    with pytest.raises(ValueError, match="ravel"):
        check_grad(sine(xp), lambda x: xp.reshape(x, (3, 1)), xp.asarray(VALUES))
    with pytest.raises(ValueError, match="one number for each entry"):
        check_grad(sine(xp), lambda _: [[1.0], [2.0], [3.0]], xp.asarray(VALUES))


@pytest.mark.libraries("torch")
def test_numpy_beside_torch_is_refused_but_a_number_is_not(xp: Library) -> None:
    x0: dict[str, Any] = {"a": xp.asarray(VALUES), "b": np.ones(2)}
    with pytest.raises(TypeError, match="numpy and torch"):
        check_grad(lambda _: 1.0, lambda tree: tree, x0)
    x0["b"] = 2.0
    error = check_grad(
        lambda t: xp.sum(t["a"]) * t["b"],
        lambda t: {"a": xp.ones_like(t["a"]) * t["b"], "b": xp.sum(t["a"])},
        x0,
    )
    assert error < 9 * small(xp)


@pytest.mark.libraries("torch")
def test_torch_takes_sparse_gradients_and_unusual_numpy_claims(xp: Library) -> None:
    x0 = xp.asarray(VALUES)
    cos = np.cos(VALUES)
    claims: list[Any] = [
        np.array(cos[::-1])[::-1],
        cos.astype(">f8"),
        cos.astype(np.longdouble),
        xp.asarray(cos).detach().to_sparse(),
    ]
    for claim in claims:
        for direction in ("all", "random"):
            error = check_grad(sine(xp), lambda _, c=claim: c, x0, direction=direction, rng=0)
            assert error < 9 * small(xp)


@pytest.mark.libraries("jax")
def test_jax_may_refuse_to_promote_dtypes(xp: Library, dtype: str) -> None:
    jax = pytest.importorskip("jax")
    x0 = xp.asarray(VALUES, dtype)
    with jax.numpy_dtype_promotion("strict"):
        for direction in ("all", "random"):
            error = check_grad(sine(xp), cosine(xp), x0, direction=direction, rng=0)
            assert error < 9 * small(xp, dtype)


@pytest.mark.libraries("jax")
def test_a_dataclass_registered_with_jax_may_hold_numpy_arrays(xp: Library) -> None:
    jax = pytest.importorskip("jax")

    @jax.tree_util.register_dataclass
    @dataclasses.dataclass
    class Weights:
        weight: Any

    error = check_grad(
        lambda t: np.sum(np.sin(t.weight)), lambda t: Weights(np.cos(t.weight)), Weights(np.ones(3))
    )
    assert error < 1e-6


@pytest.mark.libraries("numpy", "torch", "strict")
def test_more_values_than_are_stacked_at_a_time_give_the_same_gradient(xp: Library) -> None:
    x0 = xp.asarray(np.linspace(0, 1, 600).tolist())
    assert check_grad(sine(xp), cosine(xp), x0) < 0.01
    assert check_grad(sine(xp), lambda x: xp.cos(x) + 1, x0) == pytest.approx(600**0.5, rel=0.01)


@pytest.mark.libraries("strict")
def test_a_random_tangent_is_made_where_there_is_no_float64(xp: Library) -> None:
    """The random numbers are cast on the host: the library never sees float64."""
    from checkgrad.backends import find_backend

    x0 = xp.asarray(VALUES, "float32")
    xp.assert_native(find_backend([x0]).random_tangent(np.random.default_rng(0), x0), "float32")


# Exceptions of the user's code
