"""A jaxpr at many points in float64: values, compiled bodies, and how often XLA compiles."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp

from checkgrad.backends.jax_eager import values_of_many
from checkgrad.jax import check_grads

X = np.linspace(0.5, 2.0, 6).reshape(2, 3)


def traced(function: Any) -> Any:
    return jax.make_jaxpr(function)(jnp.ones(3, jnp.float32))


def test_values_have_all_digits_of_float64() -> None:
    function: Any = lambda x: [jnp.exp(x) / 3, jnp.where(x > 1, x, 0)]  # noqa: E731
    exp, chosen = values_of_many(traced(function), [X])
    assert np.allclose(exp, np.exp(X) / 3, rtol=1e-15)
    assert np.array_equal(chosen, np.where(X > 1, X, 0))


def test_result_that_depends_on_nothing_is_there_for_every_point() -> None:
    (found,) = values_of_many(traced(lambda x: [jnp.ones(2)]), [X])
    assert np.array_equal(found, np.ones((2, 2)))


def test_loops_and_branches() -> None:
    def function(x: Any) -> Any:
        total = jax.lax.fori_loop(0, 3, lambda k, c: c + x[k], jnp.float32(0))
        return [jax.lax.cond(x[0] > 0.6, lambda: total, lambda: -total)]

    (found,) = values_of_many(traced(function), [X])
    assert np.allclose(found, [-X[0].sum(), X[1].sum()], rtol=1e-15)


def test_compiled_function_is_compiled_once_for_all_that_call_it(compilations: list[str]) -> None:
    inner = jax.jit(lambda x: jnp.sin(x) * 3 + jnp.cos(x))
    values_of_many(traced(lambda x: [inner(x)]), [X])
    compilations.clear()
    values_of_many(traced(lambda x: [inner(x)]), [X])
    assert not compilations


def test_body_of_a_compiled_function_is_not_kept_alive() -> None:
    jaxpr = traced(lambda x: [jax.jit(lambda y: jnp.sin(y) * 3)(x)])
    body = weakref.ref(jaxpr.eqns[0].params["jaxpr"])
    values_of_many(jaxpr, [X])
    del jaxpr
    jax.clear_caches()
    gc.collect()
    assert body() is None


@pytest.mark.parametrize("order", [1, 2])
def test_check_of_a_function_that_is_new_and_has_known_operations_compiles_nothing(
    compilations: list[str], order: int
) -> None:
    x = np.linspace(0.1, 1.0, 5, dtype=np.float32)
    check_grads(lambda x: jnp.tanh(x) * x, (x,), order)
    compilations.clear()
    check_grads(lambda x: jnp.tanh(x) * x, (x,), order)
    assert not compilations


def test_new_shape_costs_few_compilations(compilations: list[str]) -> None:
    check_grads(lambda x, y: jnp.tanh(x @ y), (np.ones((5, 2), "f4"), np.ones((2, 3), "f4")), 1)
    assert len(compilations) <= 30  # JAX's own check takes 20
