"""The verdict on everyday losses of JAX, in float32 and bfloat16: right gradients and broken ones.

A plain run takes a few losses, and one breakage of each. `pytest --full` takes all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
from losses_jax import CASES

from checkgrad import verify_grad

pytestmark = pytest.mark.libraries("jax")

_EVERY = 74  # losses of which a plain run takes one
_DTYPES = ("float32", "bfloat16")
_MOST_EVALUATIONS = 4.0  # per coordinate, of losses of some ten coordinates


def _parameters() -> list[Any]:
    chosen = []
    for number, name in enumerate(CASES):
        for dtype in _DTYPES:
            is_sampled = number % _EVERY == _DTYPES.index(dtype) * _EVERY // 2
            chosen.append(pytest.param(name, dtype, marks=[] if is_sampled else pytest.mark.full))
    return chosen


def made(name: str, dtype: str) -> Any:
    case = CASES[name](getattr(jnp, dtype))
    if case is None:
        pytest.skip("JAX has no kernel for this dtype")
    return case


def spoilt(grad: Any, factor: float, x0: Any) -> Any:
    """Return a gradient whose largest entry is multiplied by a factor."""
    leaves = [np.abs(np.asarray(leaf, np.float64)).ravel() for leaf in jax.tree.leaves(grad(x0))]
    leaf = int(np.argmax([np.max(each, initial=0.0) for each in leaves]))
    entry = int(np.argmax(leaves[leaf]))

    def wrong(x: Any) -> Any:
        parts, structure = jax.tree.flatten(grad(x))
        flat = jnp.reshape(parts[leaf], (-1,)).at[entry].multiply(factor)
        parts[leaf] = jnp.reshape(flat, parts[leaf].shape)
        return jax.tree.unflatten(structure, parts)

    return wrong


@pytest.mark.parametrize(("name", "dtype"), _parameters())
def test_a_right_gradient_is_correct_at_few_evaluations(name: str, dtype: str) -> None:
    func, x0 = made(name, dtype)
    report = verify_grad(func, jax.grad(func), x0)
    assert report, str(report)
    assert report.evaluated_in == "float64"
    size = sum(leaf.size for leaf in jax.tree.leaves(x0))
    assert report.n_func <= max(_MOST_EVALUATIONS * size, 24), str(report)


@pytest.mark.parametrize("factor", [pytest.param(-1.0, marks=pytest.mark.full), 1.01])
@pytest.mark.parametrize(("name", "dtype"), _parameters())
def test_an_error_of_one_percent_is_wrong(name: str, dtype: str, factor: float) -> None:
    func, x0 = made(name, dtype)
    report = verify_grad(func, spoilt(jax.grad(func), factor, x0), x0)
    assert report.verdict.value == "wrong", str(report)
