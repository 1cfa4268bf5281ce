"""The look at JAX's derivatives: what it settles, and what it leaves to the thorough check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp

from checkgrad.backends.jax_call import JaxCall
from checkgrad.drop_ins.jax_agreement import claim_agrees, modes_in_doubt

X = np.asarray([0.5, -1.25, 2.0], np.float32)
BOTH = ("fwd", "rev")


def doubts(func: Any, *args: Any, modes: Any = BOTH, order: int = 1) -> list[str]:
    call = JaxCall(func, args)
    return modes_in_doubt(call, call.primals, modes, order)


@pytest.mark.parametrize(
    ("func", "args"),
    [
        (jnp.tanh, (X,)),
        (lambda x: jnp.linalg.norm(x) ** 2, (1e-6 * X,)),
        (jnp.tanh, (X.astype(np.complex64) * (1 + 1j),)),
        (lambda x, y: x @ y, (np.ones((9, 9), np.float32), np.eye(9, dtype=np.float32))),
        (jax.nn.relu, (X,)),
        (lambda x: jax.lax.scan(lambda c, a: (c * a, c), x[0], x), (X,)),
        (jnp.sin, (jnp.asarray(X, jnp.bfloat16),)),
        (jnp.sin, (0.5,)),
        (lambda x: (x[:0], jnp.zeros((2, 0)), x), (X,)),
        (lambda x: x[:0], (X,)),
    ],
    ids="tanh tiny complex matmul relu scan bfloat16 number partly-empty empty".split(),
)
def test_right_derivatives_are_settled(func: Any, args: Any) -> None:
    assert doubts(func, *args) == []


def test_what_is_not_finite_is_left_out_between_two_looks() -> None:
    call = JaxCall(jnp.arcsin, (np.asarray([0.5, 1.5], np.float32),))
    assert modes_in_doubt(call, call.primals, BOTH, 2) != []
    assert call.leave_out_infinities()
    assert modes_in_doubt(call, call.primals, BOTH, 2) == []


def test_higher_orders_and_linearize_are_settled() -> None:
    assert doubts(jnp.sin, X, modes=(*BOTH, "lin"), order=2) == []
    assert doubts(jnp.sin, X[:1], modes=["rev"], order=4) == []


@pytest.mark.parametrize(
    ("func", "x"),
    [
        (jax.nn.relu, np.zeros(2, np.float32)),  # a kink
        (jnp.log, np.asarray([0.0], np.float32)),  # not finite
        (lambda x: x * float(x[0]), X),  # not to be traced
    ],
    ids="kink infinite untraceable".split(),
)
def test_what_a_look_does_not_settle_is_in_doubt(func: Any, x: Any) -> None:
    assert doubts(func, x) == ["fwd", "rev"]


def test_doubts_name_the_derivative() -> None:
    @jax.custom_vjp
    def cube(x: Any) -> Any:
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, w: (jax.lax.stop_gradient(3 * x**2) * w,))
    assert doubts(cube, X, modes=["rev"], order=2) == ["rev of rev"]
    # A mode without a rule is left out, unless no other mode is checked.
    assert doubts(cube, X) == []
    assert doubts(cube, X, modes=["fwd"]) == ["fwd"]


def test_rule_that_fails_where_one_input_alone_is_differentiated_by() -> None:
    @jax.custom_jvp
    def product(x: Any, y: Any) -> Any:
        return x * y

    def rule(primals: Any, tangents: Any) -> Any:
        (x, y), (dx, dy) = primals, tangents
        return x * y, dx * y + x * dy  # raises for a symbolic zero

    product.defjvp(rule, symbolic_zeros=True)
    assert doubts(product, X, X) == ["fwd", "rev"]


def test_claim_with_another_value_or_another_derivative_is_not_settled() -> None:
    call = JaxCall(jnp.sin, (X,))

    def claim(factor: float, value: float) -> Any:
        return lambda x, t: ([value * jnp.sin(x[0])], [factor * jnp.cos(x[0]) * t[0]])

    assert claim_agrees(call, call.primals, claim(1, 1), is_forward=True)
    assert not claim_agrees(call, call.primals, claim(1.01, 1), is_forward=True)
    assert not claim_agrees(call, call.primals, claim(1, 1.01), is_forward=True)


def test_rule_that_is_right_in_float64_only_is_not_settled() -> None:
    call = JaxCall(jnp.sin, (X,))

    def claim(x: Any, t: Any) -> Any:
        wrong = 1.01 if isinstance(x[0], jax.Array) and not isinstance(x[0], jax.core.Tracer) else 1
        return [jnp.sin(x[0])], [wrong * jnp.cos(x[0]) * t[0]]

    assert not claim_agrees(call, call.primals, claim, is_forward=True)
