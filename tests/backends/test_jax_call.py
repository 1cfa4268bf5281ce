"""``f(*args)`` as a function of the floating arrays in `args`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp

from checkgrad.backends.jax_call import JaxCall

X = np.asarray([0.5, -1.25], np.float32)
ARGS = ({"x": X, "none": None, "n": 3}, 2.0, jax.random.key(0))


def func(tree: Any, scale: Any, key: Any) -> Any:
    assert jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return {"value": scale * tree["x"] ** tree["n"], "count": tree["n"]}


def test_what_is_floating_is_differentiated_and_the_rest_is_as_it_was() -> None:
    call = JaxCall(func, ARGS)
    assert call.names == ["args[0]['x']", "args[1]"]
    (value,) = call(*call.primals)
    assert np.allclose(value, 2 * X**3)
    assert call.arguments(call.primals)[0]["n"] == 3
    assert np.allclose(call.of_arguments(call.tree()), value)


def test_python_number_is_weakly_typed_as_in_jax() -> None:
    call = JaxCall(lambda scale, x: scale * x, (2.0, jnp.asarray(X, jnp.float16)))
    assert call(*call.primals)[0].dtype == jnp.float16


def test_claims_get_the_structure_of_the_user() -> None:
    call = JaxCall(func, ARGS)
    tangents = [jnp.ones_like(call.primals[0]), jnp.zeros_like(call.primals[1])]
    forward = call.forward_claim(lambda primals, t: jax.jvp(func, primals, t))
    value, change = forward(call.primals, tangents)
    assert np.allclose(value[0], 2 * X**3)
    assert np.allclose(change[0], 6 * X**2)
    reverse = call.reverse_claim(lambda *primals: jax.vjp(func, *primals))
    gradient = reverse(call.primals, [jnp.ones_like(value[0])])[1]
    assert np.allclose(gradient[0], 6 * X**2)
    assert np.allclose(gradient[1], np.sum(X**3))


def test_entries_that_are_not_finite_become_constants() -> None:
    x = np.asarray([1.0, np.inf, -1.0], np.float32)
    call = JaxCall(jnp.log, (x,))
    assert call.leave_out_infinities()
    assert np.all(np.isfinite(call.primals[0]))
    assert call(*call.primals)[0].tolist() == [0, 0, 0]
    (gradient,) = jax.vjp(call, *call.primals)[1]((jnp.ones_like(call.primals[0]),))
    assert gradient.tolist() == [1, 0, 0]
    assert len(call.notes) == 2


def test_finite_call_has_nothing_to_leave_out() -> None:
    call = JaxCall(jnp.sin, (X,))
    assert not call.leave_out_infinities()
    assert call.notes == []
