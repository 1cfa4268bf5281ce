"""The derivatives of the libraries that differentiate, as functions of lists of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.backends import Array, Differentiation, find_backend

if TYPE_CHECKING:
    from conftest import Library

pytestmark = [pytest.mark.libraries("jax", "torch"), pytest.mark.one_setting]


@pytest.fixture
def differentiation(xp: Library) -> Differentiation:
    found = find_backend([xp.asarray([1.0])]).differentiation
    assert found is not None
    return found


def func(arrays: list[Array]) -> list[Array]:
    x, y = arrays
    return [x * x * y]


def numpys(xp: Library, arrays: list[Array]) -> list[Any]:
    return [xp.to_numpy(array) for array in arrays]


def test_reverse_mode_gives_the_gradient_by_each_array(
    xp: Library, differentiation: Differentiation
) -> None:
    primals, weights = [xp.asarray([2.0, 3.0]), xp.asarray([5.0, 7.0])], [xp.asarray([1.0, 2.0])]
    found = numpys(xp, differentiation.pullback(func, primals, weights))
    np.testing.assert_array_equal(found, [[20.0, 84.0], [4.0, 18.0]])
    calls = []
    only = differentiation.pullback(func, primals, weights, between=lambda: calls.append(1), only=1)
    np.testing.assert_array_equal(numpys(xp, only), [[0.0, 0.0], [4.0, 18.0]])
    assert calls == [1]


def test_forward_mode_gives_the_change_along_a_tangent(
    xp: Library, differentiation: Differentiation
) -> None:
    primals = [xp.asarray([2.0, 3.0]), xp.asarray([5.0, 7.0])]
    tangents = [xp.asarray([1.0, 0.0]), xp.asarray([0.0, 1.0])]
    found = numpys(xp, differentiation.pushforward(func, primals, tangents))
    np.testing.assert_array_equal(found, [[20.0, 9.0]])


@pytest.mark.parametrize("forward", [True, False])
def test_values_are_those_of_the_function_while_it_is_differentiated(
    xp: Library, differentiation: Differentiation, forward: bool
) -> None:
    primals = [xp.asarray([2.0, 3.0]), xp.asarray([5.0, 7.0])]
    found = numpys(xp, differentiation.recorded(func, primals, forward))
    np.testing.assert_array_equal(found, [[20.0, 63.0]])


def test_derivatives_of_many_points_are_those_of_each(
    xp: Library, differentiation: Differentiation
) -> None:
    primals = [xp.asarray([[2.0], [3.0]]), xp.asarray([[5.0], [7.0]])]
    ones = [xp.asarray([[1.0], [1.0]])]
    pulled = differentiation.pullback_of_many(func, primals, ones)
    np.testing.assert_array_equal(numpys(xp, pulled), [[[20.0], [42.0]], [[4.0], [9.0]]])
    pushed = differentiation.pushforward_of_many(func, primals, ones * 2)
    np.testing.assert_array_equal(numpys(xp, pushed), [[[24.0], [51.0]]])
    values = differentiation.values_of_many(func, primals)
    np.testing.assert_array_equal(numpys(xp, values), [[[20.0], [63.0]]])


def test_a_gradient_can_be_differentiated_again(
    xp: Library, differentiation: Differentiation
) -> None:
    y, ones = xp.asarray([5.0, 7.0]), [xp.asarray([1.0, 1.0])]

    def gradient(arrays: list[Array]) -> list[Array]:
        return differentiation.pullback(func, [*arrays, y], ones, again=True)[:1]

    found = differentiation.pullback(gradient, [xp.asarray([2.0, 3.0])], ones)
    np.testing.assert_array_equal(numpys(xp, found), [[10.0, 14.0]])
    assert "rev" in differentiation.nests


def test_a_missing_rule_is_told_from_other_errors(
    xp: Library, differentiation: Differentiation
) -> None:
    assert not differentiation.lacks_rule(ValueError("mine"))
    if xp.name == "torch":
        import torch

        class Opaque(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x

        opaque = Opaque.apply
    else:
        import jax

        opaque = jax.custom_vjp(lambda x: x)
        opaque.defvjp(lambda x: (x, None), lambda _, cotangent: (cotangent,))
    x = xp.asarray([2.0])
    with pytest.raises((RuntimeError, TypeError, NotImplementedError)) as caught:
        differentiation.pushforward(lambda arrays: [opaque(arrays[0])], [x], [x])
    assert differentiation.lacks_rule(caught.value)
