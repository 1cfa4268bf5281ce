"""JAX functions whose reverse rules can be spoiled: in one entry, or in one input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

SPOILS = ("1% in one entry", "sign of one entry", "sign of one input")


@dataclass(frozen=True)
class Case:
    """A function of one or several arrays."""

    name: str
    func: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    positive: bool = False

    def args(self, dtype: Any) -> tuple[Any, ...]:
        """Return where to differentiate."""
        rng = np.random.default_rng(len(self.name))
        arrays = [rng.standard_normal(shape) for shape in self.shapes]
        if self.positive:
            arrays = [np.abs(array) + 0.5 for array in arrays]
        return tuple(jnp.asarray(array, dtype) for array in arrays)


def layer_norm(x: Any, gain: Any, bias: Any) -> Any:
    centred = x - jnp.mean(x, -1, keepdims=True)
    return centred / jnp.sqrt(jnp.mean(centred**2, -1, keepdims=True) + 1e-3) * gain + bias


def attention(q: Any, k: Any, v: Any) -> Any:
    return jax.nn.softmax(q @ k.T / 2, axis=-1) @ v


def mlp(x: Any, w: Any, b: Any, v: Any) -> Any:
    return jax.nn.gelu(x @ w + b) @ v


def recurrent(h: Any, w: Any, xs: Any) -> Any:
    return jax.lax.scan(lambda c, x: (jnp.tanh(w @ c + x),) * 2, h, xs)[1]


def regularised(a: Any) -> Any:
    return a @ a.T + 2 * jnp.eye(len(a), dtype=a.dtype)


def cross_entropy(logits: Any, weights: Any) -> Any:
    return -jnp.sum(weights * jax.nn.log_softmax(logits), axis=-1)


CASES = (
    Case("product", lambda x, y: jnp.sin(x) * jnp.exp(y), ((5,), (5,))),
    Case("matmul", jnp.matmul, ((3, 4), (4, 2))),
    Case("einsum", lambda a, b: jnp.einsum("ijk,kl->ijl", a, b), ((2, 2, 3), (3, 3))),
    Case("solve", lambda a, b: jnp.linalg.solve(regularised(a), b), ((3, 3), (3,))),
    Case("inverse", lambda a: jnp.linalg.inv(regularised(a)), ((3, 3),)),
    Case("cholesky", lambda a: jnp.linalg.cholesky(regularised(a)), ((3, 3),)),
    Case("determinant", lambda a: jnp.linalg.slogdet(regularised(a))[1], ((4, 4),)),
    Case("softmax", jax.nn.softmax, ((2, 6),)),
    Case("log of a sum", lambda x: jax.nn.logsumexp(x, axis=-1), ((3, 5),)),
    Case("cross entropy", cross_entropy, ((3, 4), (3, 4)), True),
    Case("layer norm", layer_norm, ((2, 5), (5,), (5,))),
    Case("attention", attention, ((3, 4), (3, 4), (3, 2))),
    Case("mlp", mlp, ((4, 3), (3, 5), (5,), (5, 2))),
    Case("recurrent", recurrent, ((3,), (3, 3), (4, 3))),
    Case("convolution", lambda x, k: jnp.convolve(x, k, mode="same"), ((8,), (3,))),
    Case("running sum", lambda x: jnp.cumsum(jnp.cos(x)), ((7,),)),
    Case("running product", jnp.cumprod, ((5,),), True),
    Case("spectrum", lambda x: jnp.abs(jnp.fft.rfft(x)) ** 2, ((8,),)),
    Case("sorted", lambda x: jnp.sort(x) * jnp.arange(1, 6, dtype=x.dtype), ((5,),)),
    Case("norm", lambda x, y: jnp.linalg.norm(x - y, axis=-1), ((3, 4), (3, 4))),
)


def spoiled(case: Case, args: tuple[Any, ...], spoil: str) -> Callable[..., Any]:
    """Return the function of a case with a reverse rule that is wrong in one place."""
    value = jnp.asarray(case.func(*args))
    inputs = tuple(range(len(args)))
    jacobians = jax.jacrev(case.func, inputs)(*args)
    last = len(args) - 1
    matrix = np.asarray(jacobians[last]).reshape(value.size, args[last].size)
    # The entry of median size among those that count.
    counting = np.argwhere(np.abs(matrix) > 0.05 * np.abs(matrix).max())
    order = np.argsort([abs(matrix[tuple(place)]) for place in counting])
    row, column = counting[order[len(order) // 2]]
    error = {"1% in one entry": 0.01, "sign of one entry": -2.0}.get(spoil, 0.0)

    @jax.custom_vjp
    def func(*given: Any) -> Any:
        return case.func(*given)

    def backward(primals: tuple[Any, ...], cotangent: Any) -> tuple[Any, ...]:
        gradients = list(jax.vjp(case.func, *primals)[1](cotangent))
        if spoil == "sign of one input":
            gradients[last] = -gradients[last]
        else:
            more = (error * matrix[row, column]).astype(value.dtype) * cotangent.ravel()[row]
            flat = gradients[last].ravel().at[column].add(more)
            gradients[last] = flat.reshape(args[last].shape)
        return tuple(gradients)

    func.defvjp(lambda *given: (case.func(*given), given), backward)
    return func
