"""Programs on JAX arrays that a type checker must accept. They are never run."""

from typing import assert_type

import jax
import jax.numpy as jnp

from checkgrad import Report, approx_fprime, assert_grad, verify_autodiff, verify_grad
from checkgrad.jax import check_grads


def func(x: jax.Array) -> jax.Array:
    return jnp.sum(x**2)


def grad(x: jax.Array) -> jax.Array:
    return 2 * x


x0 = jnp.ones(3)
assert_type(verify_grad(func, grad, x0), Report)
verify_grad(jax.jit(func), jax.grad(func), x0)
assert_grad(lambda x: jnp.logaddexp(x, 0.0).sum(), jax.nn.sigmoid, x0)
assert_type(approx_fprime(x0, func), jax.Array)
verify_autodiff(func, x0, modes=["lin"])
verify_autodiff(jnp.tanh, x0, direction=x0)
check_grads(func, (x0,), order=2)
