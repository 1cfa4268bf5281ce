"""`approx_fprime` beyond SciPy: every array library, device and dtype, any shape, trees, bad input.

That it is SciPy's on NumPy float64 is tested in test_scipy_compat.py; what it shares with
`check_grad` (the steps, the copies, the messages about x0) is tested in test_check_grad.py, and
here only that it is shared.
"""

from __future__ import annotations

import math
import re
from collections import namedtuple
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import optree
import pytest

from checkgrad import approx_fprime

if TYPE_CHECKING:
    from conftest import Library

# Exact in every dtype, bfloat16 included.
VALUES = [0.5, -0.25, 1.0]
SHAPED_VALUES: dict[str, Any] = {
    "(1,)": [0.5],
    "(3,)": VALUES,
    "(1, 1)": [[0.5]],
    "(2, 3)": [VALUES, VALUES[::-1]],
    "(3, 1)": [[value] for value in VALUES],
    "(2, 1, 2)": [[[0.5, -0.25]], [[1.0, 0.125]]],
}
shaped = pytest.mark.parametrize("values", SHAPED_VALUES.values(), ids=SHAPED_VALUES.keys())


def small(xp: Library, dtype: str | None = None) -> float:
    """Bound what a step of sqrt(eps) leaves of the error: truncation and rounding."""
    return 4 * math.sqrt(xp.eps(dtype))


def sine(xp: Library) -> Callable[[Any], Any]:
    return lambda x: xp.sum(xp.sin(x))


@shaped
def test_the_gradient_is_approximated_in_the_library_dtype_device_and_shape_of_x0(
    xp: Library, dtype: str, values: Any
) -> None:
    estimate = approx_fprime(xp.asarray(values, dtype), sine(xp))
    xp.assert_native(estimate, dtype)
    assert tuple(estimate.shape) == np.shape(values)
    assert xp.to_numpy(estimate) == pytest.approx(np.cos(values), abs=small(xp, dtype))


@shaped
def test_the_jacobian_has_the_axis_of_func_before_those_of_x0(
    xp: Library, dtype: str, values: Any
) -> None:
    def func(x: Any) -> Any:
        return xp.stack([xp.sum(xp.sin(x)), xp.sum(x * x) / 2, 0 * xp.sum(x), -xp.sum(x)])

    estimate = approx_fprime(xp.asarray(values, dtype), func)
    xp.assert_native(estimate, dtype)
    expected = np.stack(
        [np.cos(values), np.array(values), np.zeros(np.shape(values)), -np.ones(np.shape(values))]
    )
    assert tuple(estimate.shape) == expected.shape
    assert xp.to_numpy(estimate) == pytest.approx(expected, abs=2 * small(xp, dtype))


def test_a_func_of_shape_one_has_a_gradient_and_no_jacobian(xp: Library) -> None:
    estimate = approx_fprime(xp.asarray(VALUES), lambda x: xp.reshape(xp.sum(xp.sin(x)), (1,)))
    assert tuple(estimate.shape) == (3,)


@pytest.mark.libraries("numpy")
def test_a_numpy_point_without_axes_has_a_gradient_with_one_as_in_scipy(xp: Library) -> None:
    estimate = approx_fprime(xp.asarray(0.5), sine(xp))
    assert estimate.shape == (1,)
    assert estimate[0] == pytest.approx(math.cos(0.5), abs=1e-7)


def test_a_list_of_numbers_is_a_numpy_float64_point() -> None:
    for values in (VALUES, [1, 2], [VALUES, VALUES]):
        estimate = approx_fprime(values, lambda x: np.sum(x**2))
        assert isinstance(estimate, np.ndarray)
        assert estimate.dtype == np.float64
        assert estimate == pytest.approx(2 * np.array(values), abs=1e-6)


@pytest.mark.libraries("torch")
def test_the_approximation_is_not_tied_to_a_history(xp: Library) -> None:
    x0 = xp.asarray(VALUES)
    estimate = approx_fprime(x0, lambda x: (xp.sum(x0) + 1) * xp.sum(x))
    assert not estimate.requires_grad
    assert x0.grad is None


@pytest.mark.parametrize("epsilon", [0.25, -0.5, [0.25, -0.5, 1.0], "native"], ids=str)
def test_epsilon_is_the_step(xp: Library, dtype: str, epsilon: Any) -> None:
    """The forward difference of x**2 is 2 x + step, exactly."""
    steps = [0.25, -0.5, 1.0] if epsilon == "native" else epsilon
    given = xp.asarray(steps, dtype) if epsilon == "native" else epsilon
    estimate = approx_fprime(xp.asarray(VALUES, dtype), lambda x: xp.sum(x * x), given)
    expected = 2 * np.array(VALUES) + np.broadcast_to(steps, 3)
    # Exact in the values, but bfloat16 has only 8 bits for their sum.
    assert xp.to_numpy(estimate) == pytest.approx(expected, abs=8 * xp.eps(dtype))


def test_the_default_step_is_the_square_root_of_the_resolution(xp: Library, dtype: str) -> None:
    estimate = approx_fprime(xp.asarray([0.0, 0.0], dtype), lambda x: xp.sum(x * x))
    # The forward difference of x**2 at 0 is the step.
    expected = [math.sqrt(xp.eps(dtype))] * 2
    assert xp.to_numpy(estimate).tolist() == pytest.approx(expected, rel=4 * xp.eps(dtype))


def test_extra_args_come_after_epsilon(xp: Library) -> None:
    x0 = xp.asarray(VALUES)
    for epsilon in (None, 1e-3):
        estimate = approx_fprime(x0, lambda x, a, b: a * xp.sum(x) + b, epsilon, 3.0, 1.0)
        assert xp.to_numpy(estimate) == pytest.approx(3.0, abs=0.01)


def test_func_receives_arrays_like_x0_that_it_may_write_into_and_keep(
    xp: Library, dtype: str
) -> None:
    x0 = xp.asarray(SHAPED_VALUES["(2, 3)"], dtype)
    kept: list[Any] = []

    def func(x: Any) -> Any:
        xp.assert_native(x, dtype)
        assert x.shape == x0.shape
        # What cannot be written to may as well be x0 itself.
        assert all(x is not other for other in (x0, *kept)) or not xp.writable
        kept.append(x)
        value = sine(xp)(x)
        if xp.writable:
            x[...] = 99.0
        return value

    estimate = approx_fprime(x0, func)
    assert len(kept) == 7
    assert xp.to_numpy(x0).tolist() == SHAPED_VALUES["(2, 3)"]
    assert np.array_equal(xp.to_numpy(estimate), xp.to_numpy(approx_fprime(x0, sine(xp))))


@optree.dataclasses.dataclass(namespace="")
class Layer:
    weight: Any
    bias: Any


Pair = namedtuple("Pair", ["weight", "bias"])  # noqa: PYI024


@pytest.mark.parametrize(
    ("make", "leaves"),
    [
        (lambda w, b: {"weight": w, "bias": b}, lambda t: (t["weight"], t["bias"])),
        (lambda w, b: [w, b], tuple),
        (lambda w, b: (w, b), tuple),
        (lambda w, b: {"a": [(w,), {"b": b}]}, lambda t: (t["a"][0][0], t["a"][1]["b"])),
        (Pair, tuple),
        (Layer, lambda t: (t.weight, t.bias)),
    ],
    ids=["dict", "list", "tuple", "nested", "namedtuple", "dataclass"],
)
def test_a_tree_has_a_tree_of_derivatives(
    xp: Library, dtype: str, make: Callable[..., Any], leaves: Callable[..., Any]
) -> None:
    weight, bias = [[0.5, -0.25], [1.0, 0.125]], 0.75
    x0 = make(xp.asarray(weight, dtype), xp.asarray(bias, dtype))

    def func(tree: Any) -> Any:
        w, b = leaves(tree)
        return xp.sum(xp.sin(w)) + b * b

    def vector_func(tree: Any) -> Any:
        w, b = leaves(tree)
        return xp.stack([xp.sum(xp.sin(w)), b * b, xp.sum(w)])

    gradient = approx_fprime(x0, func)
    assert type(gradient) is type(x0)
    assert optree.tree_structure(gradient) == optree.tree_structure(x0)
    bound = 2 * small(xp, dtype)
    for leaf, expected in zip(leaves(gradient), (np.cos(weight), np.array(1.5)), strict=True):
        xp.assert_native(leaf, dtype)
        assert tuple(leaf.shape) == expected.shape
        assert xp.to_numpy(leaf) == pytest.approx(expected, abs=bound)

    jacobian = approx_fprime(x0, vector_func)
    assert type(jacobian) is type(x0)
    zero = np.zeros((2, 2))
    of_weight, of_bias = leaves(jacobian)
    assert xp.to_numpy(of_weight) == pytest.approx(
        np.stack([np.cos(weight), zero, zero + 1]), abs=bound
    )
    assert tuple(of_bias.shape) == (3,)
    assert xp.to_numpy(of_bias) == pytest.approx(np.array([0, 1.5, 0]), abs=bound)


@pytest.mark.libraries("jax", "torch")
def test_a_numpy_point_has_a_numpy_gradient_wherever_func_computes(xp: Library, dtype: str) -> None:
    x0 = np.array(VALUES)
    estimate = approx_fprime(x0, lambda x: xp.sum(xp.sin(xp.asarray(x, dtype))))
    assert isinstance(estimate, np.ndarray)
    assert estimate.dtype == np.float64
    assert estimate == pytest.approx(np.cos(VALUES), abs=small(xp, dtype))
    jacobian = approx_fprime(x0, lambda x: xp.sin(xp.asarray(x, dtype)))
    assert isinstance(jacobian, np.ndarray)
    assert jacobian == pytest.approx(np.diag(np.cos(VALUES)), abs=small(xp, dtype))


@pytest.mark.libraries("jax")
def test_a_tree_registered_with_jax_has_a_tree_of_derivatives(xp: Library) -> None:
    jax = pytest.importorskip("jax")

    class Node:
        def __init__(self, weight: Any) -> None:
            self.weight = weight

    jax.tree_util.register_pytree_node(
        Node, lambda node: ((node.weight,), None), lambda _, leaves: Node(*leaves)
    )
    gradient = approx_fprime(Node(xp.asarray(VALUES)), lambda node: sine(xp)(node.weight))
    assert isinstance(gradient, Node)
    xp.assert_native(gradient.weight)
    assert xp.to_numpy(gradient.weight) == pytest.approx(np.cos(VALUES), abs=small(xp))


@pytest.mark.libraries("jax")
def test_jax_may_refuse_to_promote_ranks(xp: Library) -> None:
    jax = pytest.importorskip("jax")
    with jax.numpy_rank_promotion("raise"):
        jacobian = approx_fprime(xp.asarray(VALUES), lambda x: x * x)
    assert xp.to_numpy(jacobian) == pytest.approx(2 * np.diag(VALUES), abs=9 * small(xp))


@pytest.mark.parametrize("x0", [[], {}, [[]]], ids=repr)
def test_a_point_without_numbers_is_refused(x0: Any) -> None:
    with pytest.raises(ValueError, match=r"empty|no "):
        approx_fprime(x0, np.sum)


@pytest.mark.parametrize(
    ("x0", "quoted"),
    [
        (np.array(["a"]), "str|<U1"),
        (np.array([1j]), "complex"),
        (np.array([True]), "bool"),
        (np.array([None]), "object"),
    ],
    ids=["str", "complex", "bool", "object"],
)
def test_a_point_that_is_not_real_is_refused(x0: Any, quoted: str) -> None:
    with pytest.raises(TypeError, match=quoted):
        approx_fprime(x0, lambda _: 0.0)


@pytest.mark.parametrize("returned", [None, "one", {"a": 1.0}], ids=repr)
def test_a_func_that_returns_no_number_is_refused_and_quoted(xp: Library, returned: Any) -> None:
    with pytest.raises(TypeError, match=re.escape(repr(returned))):
        approx_fprime(xp.asarray(VALUES), lambda _: returned)


@pytest.mark.parametrize("epsilon", [[0.1, 0.2], [[0.1], [0.2], [0.3]]], ids=str)
def test_an_epsilon_of_another_shape_is_refused(xp: Library, epsilon: Any) -> None:
    with pytest.raises(ValueError, match="epsilon") as error:
        approx_fprime(xp.asarray(VALUES), sine(xp), epsilon)
    assert str(np.shape(epsilon)) in str(error.value)
    assert "(3,)" in str(error.value)


@pytest.mark.libraries("numpy")
def test_a_func_of_more_than_one_axis_is_refused_with_its_shape(xp: Library) -> None:
    with pytest.raises(ValueError, match=re.escape("(2, 2)")):
        approx_fprime(xp.asarray(VALUES), lambda _: np.ones((2, 2)))


@pytest.mark.libraries("numpy", "torch")
def test_f_may_reuse_its_buffer_and_write_into_the_array_of_xk(xp: Library) -> None:
    if xp.readonly:
        pytest.skip("cannot be written to")
    xk = xp.asarray(VALUES)
    out = np.zeros(2)

    def f(x: Any) -> Any:
        (xk.detach() if xp.name == "torch" else xk)[...] = 99.0
        x = xp.detach(x)
        out[...] = float(xp.sum(x * x)), float(x[0])
        return out

    estimate = xp.to_numpy(approx_fprime(xk, f))
    expected = [[2 * value for value in VALUES], [1.0, 0.0, 0.0]]
    assert estimate == pytest.approx(np.array(expected), abs=small(xp))
