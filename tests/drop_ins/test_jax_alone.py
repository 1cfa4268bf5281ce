"""Rules that know which inputs are differentiated by, and are wrong for one of them alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from checkgrad import GradientError
from checkgrad.backends.jax_call import JaxCall
from checkgrad.drop_ins.jax_alone import errors_of_one_input
from checkgrad.jax import check_grads

X = np.asarray([0.5, -1.25], np.float32)


def product_with(without_x: Any) -> Any:
    """Return x * y, whose rule is ``without_x`` where x is not differentiated by."""

    @jax.custom_jvp
    def product(x: Any, y: Any) -> Any:
        return x * y

    def rule(primals: Any, tangents: Any) -> Any:
        (x, y), (dx, dy) = primals, tangents
        if isinstance(dx, SymbolicZero):
            return x * y, without_x(x, dy)
        return x * y, dx * y + (0 if isinstance(dy, SymbolicZero) else x * dy)

    product.defjvp(rule, symbolic_zeros=True)
    return product


def raising(x: Any, dy: Any) -> Any:
    raise KeyError("the tangent of x")


@pytest.mark.parametrize("mode", ["fwd", "rev", "lin"])
@pytest.mark.parametrize(
    ("without_x", "message"),
    [
        (raising, "raises KeyError"),
        (lambda x, dy: 2 * x * dy, "another derivative"),
    ],
)
def test_error_names_the_way_in(mode: str, without_x: Any, message: str) -> None:
    call = JaxCall(lambda a, y: product_with(without_x)(a["x"], y), ({"x": X}, X))
    (error,) = errors_of_one_input(call, mode)
    assert error.startswith(f"{mode}: {message}")
    assert error.endswith("if args[1] is the only input that is differentiated by")


@pytest.mark.parametrize("mode", ["fwd", "rev", "lin"])
def test_right_rule_has_no_error(mode: str) -> None:
    call = JaxCall(product_with(lambda x, dy: x * dy), (X, X))
    assert list(errors_of_one_input(call, mode)) == []
    assert list(errors_of_one_input(JaxCall(jnp.matmul, (X, X)), mode)) == []


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_check_is_wrong_and_not_a_bare_exception(mode: str) -> None:
    with pytest.raises(GradientError, match=rf"{mode}: raises KeyError.* if args\[1\] is the only"):
        check_grads(product_with(raising), (X, X), 1, modes=[mode])
