"""Golden cases of `verify_grad` and SciPy's functions on JAX arrays, with float64 switched on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cases import Call, Case
from functions import SMOOTH
from hard_functions import HARD
from numpy_cases import hard_cases, point, smooth_cases

pytest.importorskip("jax")  # Also where this module is only searched for doctests.

import jax.numpy as jnp

HARD_NAMES = ("relu_mixed", "max_tie", "confident_cross_entropy", "newton_root")
X0 = [0.7, -1.3, 2.1, 0.4]


def cases(library: str) -> Iterator[Case]:
    """Yield the cases."""
    for turn, function in enumerate(SMOOTH[:6]):
        yield from smooth_cases("jax", jnp, function, ("float64",), turn, 1)
    for turn, function in enumerate(SMOOTH[6:9]):
        yield from smooth_cases("jax", jnp, function, ("float32",), turn, 1)
    yield from smooth_cases("jax", jnp, SMOOTH[0], ("bfloat16", "float16"), 1, 1)
    for function in HARD:
        if function.name in HARD_NAMES:
            yield from hard_cases("jax", jnp, function, ("float32",))
    for batch in ("loop", "vmap", "vectorized"):
        for kind, factor in (("right", 3), ("wrong", 3.03)):
            yield Case(f"jax-option-{batch}-{kind}", lambda b=batch, f=factor: _batch(b, f))
    yield Case("jax-option-long-wrong", lambda: _long(3.03))
    yield Case("jax-option-complex-step", _complex_step)
    yield Case("jax-scipy-check_grad", lambda: _scipy("check_grad"))
    yield Case("jax-scipy-approx_fprime", lambda: _scipy("approx_fprime"))


def _batch(batch: str, factor: float) -> Call:
    inputs = (lambda x: jnp.sum(x**3, axis=-1), lambda x: factor * x**2, point(jnp, X0, "float64"))
    return Call("verify_grad", inputs, {"batch": batch})


def _long(factor: float) -> Call:
    x0 = jnp.linspace(0.3, 1.7, 1100)
    return Call("verify_grad", (lambda x: jnp.sum(x**3), lambda x: factor * x**2, x0))


def _complex_step() -> Call:
    inputs = (lambda x: jnp.sum(jnp.exp(x)), jnp.exp, point(jnp, X0, "float64"))
    return Call("verify_grad", inputs, {"method": "complex-step", "rtol": 1e-12})


def _scipy(door: str) -> Call:
    x0 = point(jnp, X0, "float64")
    if door == "approx_fprime":
        return Call(door, (x0, lambda x: jnp.sum(x**3)))
    return Call(door, (lambda x: jnp.sum(x**3), lambda x: 3.03 * x**2, x0))
