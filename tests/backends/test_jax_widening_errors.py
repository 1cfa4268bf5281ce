"""What a wide evaluation in JAX observes, and its random errors (Monte Carlo arithmetic)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp

from checkgrad.backends import find_backend
from checkgrad.backends.jax_widening import JaxprWidening
from checkgrad.backends.widening import Observation

BACKEND = find_backend([jnp.ones(1, jnp.float32)])
X = np.asarray([0.3, 0.7, 1.1, 0.4, 2.0], np.float32)
X64 = X.astype(np.float64)
EPSILON = 2.0**-23
SEEDS = range(60)
CAPTURED = jnp.asarray([77.0], jnp.float32)


def observation(function: Any, x: Any) -> Observation:
    x = jnp.asarray(x)
    with BACKEND.with_float64():
        wide = JaxprWidening().widened(function, [[x.dtype]])
        value, seen = wide.observed(BACKEND.widened(x))
        assert wide.coarsest_epsilon(BACKEND.widened(x)) == seen.epsilon
        for one, other in zip(jax.tree.leaves(value), jax.tree.leaves(wide(x)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-14)
    return seen


def errors(function: Any, x: Any, native: str = "float32") -> np.ndarray[Any, Any]:
    """The errors of the function at `x` for each seed, relative to the exact value."""
    x = np.asarray(x)
    with BACKEND.with_float64():
        natives = [["complex64" if np.iscomplexobj(x) else native]]
        wide = JaxprWidening().widened(function, natives)
        x = jnp.asarray(x).astype("complex128" if np.iscomplexobj(x) else "float64")
        exact = np.asarray(wide(x))
        found = np.asarray([wide.perturbed(seed, x) for seed in SEEDS])
    scale = np.where(exact == 0, 1, abs(exact))
    return (found - exact) / scale


# --- what is observed ---------------------------------------------------------------------------


@jax.custom_jvp
def with_jvp(x: Any) -> Any:
    return jnp.sin(x * 50)


@jax.custom_vjp
def with_vjp(x: Any) -> Any:
    return jnp.sin(x * 50)


with_jvp.defjvp(lambda primals, tangents: (with_jvp(*primals), tangents[0]))
with_vjp.defvjp(lambda x: (with_vjp(x), None), lambda _, weight: (weight,))

LARGEST = {
    "custom_jvp": (with_jvp, 100.0),
    "custom_vjp": (with_vjp, 100.0),
    "input": (lambda x: x / 3, 2.0),
    "result": (lambda x: x * 100 - 150, 200.0),
    "captured array": (lambda x: x[0] * CAPTURED, 77.0),
    "not finite": (lambda x: x / jnp.zeros_like(x), 2.0),
    "scan": (lambda x: jax.lax.scan(lambda c, t: (c, t * 50 - 70), 0.0, x)[1], 100.0),
    "while": (
        lambda x: jax.lax.while_loop(
            lambda c: c[1] < 3, lambda c: (c[0] * 50 / 60, c[1] + 1), (x[4], 0)
        )[0],
        100.0,
    ),
    "cond": (lambda x: jax.lax.cond(x[0] > 0, lambda x: x * 50 - 60, jnp.sin, x), 100.0),
    "branch not taken": (lambda x: jax.lax.cond(x[0] > 0, jnp.sin, lambda x: x * 50, x), 2.0),
    "jit in remat": (jax.checkpoint(jax.jit(lambda x: x * 50 - 60)), 100.0),
    "draw": (
        lambda x: jax.random.normal(jax.random.key(0), (), x.dtype) * 0 + x,
        2.0,
    ),
    "complex": (lambda x: jax.lax.complex(x * 3, x * 4)[4] * 0, 10.0),
    "empty": (lambda x: x[:0] * 2, 2.0),
}


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_number_inside_is_observed(name: str) -> None:
    function, largest = LARGEST[name]
    x = jnp.asarray(X)
    with BACKEND.with_float64():
        wide = JaxprWidening().widened(function, [[x.dtype]])
        np.testing.assert_allclose(wide.largest(BACKEND.widened(x)), largest, rtol=1e-6)
    assert observation(function, X).epsilon == EPSILON


@pytest.mark.parametrize(
    ("function", "casts"),
    [
        (lambda x: x.astype(jnp.bfloat16).astype(x.dtype), ("bfloat16",)),
        (lambda x: jax.lax.map(lambda t: t.astype(jnp.float16), x), ("float16",)),
        (lambda x: jax.lax.reduce_precision(x, 8, 7), ("bfloat16",)),
        (lambda x: jax.lax.reduce_precision(x, 5, 2), ("float8_e5m2",)),
        (lambda x: jnp.dot(x, x, preferred_element_type=jnp.bfloat16), ("bfloat16",)),
        (lambda x: x.astype(jnp.int32).astype(x.dtype), ()),
    ],
)
def test_casts_to_dtypes_narrower_than_the_inputs_are_named(
    function: Any, casts: tuple[str, ...]
) -> None:
    seen = observation(function, X)
    assert seen.casts == casts
    if casts:
        assert seen.epsilon == float(jnp.finfo(casts[0]).eps)


def test_a_cast_from_float16_to_bfloat16_narrows() -> None:
    seen = observation(lambda x: x.astype(jnp.bfloat16), jnp.asarray([0.5], jnp.float16))
    assert seen.casts == ("bfloat16",)


def test_a_cast_to_the_dtype_of_an_input_is_not_named() -> None:
    x = jnp.asarray([0.5], jnp.bfloat16)
    seen = observation(lambda x: x.astype(jnp.float32).astype(jnp.bfloat16), x)
    assert (seen.casts, seen.epsilon) == ((), 2.0**-7)


@pytest.mark.parametrize(
    ("precision", "epsilon"), [(None, 2.0**-10), ("default", 2.0**-10), ("highest", EPSILON)]
)
def test_a_product_on_a_gpu_is_as_coarse_as_its_operands(
    monkeypatch: pytest.MonkeyPatch, precision: str | None, epsilon: float
) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with jax.default_matmul_precision("default"):
        seen = observation(lambda x: jnp.dot(x, x, precision=precision), X)
    assert seen.epsilon == epsilon


# --- random errors ------------------------------------------------------------------------------


@pytest.mark.parametrize("native", ["float32", "bfloat16", "float16"])
def test_an_error_is_uniform_within_half_a_unit_of_the_native_dtype(native: str) -> None:
    x = np.linspace(0.3, 3.7, 50).astype(native)
    found = errors(jnp.sin, x, native) / (float(jnp.finfo(native).eps) / 2)
    assert 0.99 < abs(found).max() <= 1
    assert abs(found.mean()) < 0.05
    np.testing.assert_allclose(found.std(), 1 / np.sqrt(3), rtol=0.05)
    # Errors of different seeds and of different entries have nothing to do with each other.
    assert abs(np.corrcoef(found[:30].ravel(), found[30:].ravel())[0, 1]) < 0.1
    assert abs(np.corrcoef(found[:, 1:].ravel(), found[:, :-1].ravel())[0, 1]) < 0.1


def test_one_seed_gives_the_same_errors_again_and_one_code_serves_all_seeds() -> None:
    traced = []

    def function(x: Any) -> Any:
        traced.append(1)
        return jnp.sum(jnp.sin(x))

    np.testing.assert_array_equal(errors(function, X64), errors(function, X64))
    assert traced == [1, 1]


def test_digits_that_cancel_are_lost() -> None:
    x = np.asarray([16.0, 14.0, 12.0])
    p = 1 / (1 + np.exp(-x))
    spread = errors(lambda x: jax.nn.sigmoid(x) - 1, x).std(axis=0)
    ratio = spread / (EPSILON / 2 / np.sqrt(3) * p / abs(p - 1))
    assert (ratio > 0.7).all()
    assert (ratio < 2).all()


EXACT = {
    "moves": lambda x: jnp.concatenate([x[::-1], x[1:3], jnp.take(x, jnp.asarray([1]))]),
    "signs": lambda x: jnp.abs(-x) * jnp.sign(x),
    "selects": lambda x: jnp.where(x > 1, x, jnp.maximum(x, 0.5)),
    "sorts": lambda x: jnp.sort(x)[jnp.argmax(x)],
    "powers of two": lambda x: 4 * x / 8,
    "small integers": lambda x: jnp.round(x) + jnp.floor(x) * 3,
    "wider casts": lambda x: x.astype(jnp.float64 if jax.config.jax_enable_x64 else x.dtype),
    "draws": lambda x: jax.random.normal(jax.random.key(0), (), x.dtype) + 0 * x[0],
    "zero": lambda x: (x - x) * 3,
    "infinity": lambda x: jnp.isinf(jnp.sum(x / 0)).astype(x.dtype),
}


@pytest.mark.parametrize("name", EXACT)
def test_exact_operations_make_no_error(name: str) -> None:
    np.testing.assert_array_equal(errors(EXACT[name], X64), 0)


ROUNDING = {
    "scan": lambda x: jax.lax.scan(lambda c, t: (c, jnp.sin(t)), 0.0, x)[1],
    "while": lambda x: jax.lax.while_loop(
        lambda c: c[1] < 1, lambda c: (jnp.sin(c[0]), c[1] + 1), (x, 0)
    )[0],
    "cond": lambda x: jax.lax.cond(x[0] > 0, jnp.sin, jnp.cos, x),
    "jit": jax.jit(jnp.sin),
    "remat": jax.checkpoint(jnp.sin),
    "relu": lambda x: jax.nn.relu(jnp.sin(x)),
    "vmap": jax.vmap(jnp.sin),
    "cast": lambda x: (x / 3).astype(jnp.bfloat16),
    "complex": lambda x: x * 1j / 7,
}


@pytest.mark.parametrize("name", ROUNDING)
def test_errors_are_made_at_any_depth(name: str) -> None:
    found = abs(errors(ROUNDING[name], X64))
    unit = 2.0**-7 if name == "cast" else EPSILON
    assert (found.max(axis=0) > unit / 4).all()
    assert (found.max(axis=0) < unit * 1.1).all()


@pytest.mark.parametrize(
    "function",
    [
        jnp.sum,
        lambda x: x @ jnp.ones(x.size, x.dtype),
        lambda x: jnp.cumsum(x)[-1],
        lambda x: jnp.zeros(1, x.dtype).at[jnp.zeros(x.size, int)].add(x)[0],
    ],
)
def test_sums_round_their_terms(function: Any) -> None:
    terms = np.arange(1.0, 9.0)
    x = np.concatenate([terms, -terms])  # the sum is 0: only the terms can have errors
    found = errors(function, x)
    expected = EPSILON / 2 / np.sqrt(3) * np.sqrt(2 * (terms**2).sum())
    np.testing.assert_allclose(found.std(), expected, rtol=0.5)


@pytest.mark.parametrize(
    ("native", "x", "low", "high"),
    [
        ("float32", 1e-39, 0.5, 1.0),  # XLA takes it for 0
        ("bfloat16", 1e-39, 0.5, 1.0),
        ("float16", 3.1e-7, 0.05, 0.1),  # half of the smallest number, 6e-8
        ("float32", 1e-20, 0.0, 1e-7),
    ],
)
def test_numbers_near_underflow_lose_digits(native: str, x: float, low: float, high: float) -> None:
    found = abs(errors(lambda x: x / 3, np.asarray([3 * x]), native)).max()
    assert low < found <= high


def test_equal_numbers_get_equal_errors() -> None:
    found = errors(jnp.sin, np.full(3, 0.3))
    np.testing.assert_array_equal(found, found[:, :1].repeat(3, axis=1))


def test_errors_of_a_point_do_not_depend_on_the_points_it_is_mapped_with() -> None:
    x = jnp.asarray(X)
    alone = JaxprWidening().widened(lambda x: jnp.sum(jnp.sin(x)), [[x.dtype]])
    mapped = JaxprWidening().widened(jax.vmap(lambda x: jnp.sum(jnp.sin(x))), [[x.dtype]])
    with BACKEND.with_float64():
        wide = BACKEND.widened(x)
        rows = jnp.stack([2 * wide, wide])
        np.testing.assert_allclose(
            mapped.perturbed(7, rows)[1], alone.perturbed(7, wide), rtol=1e-15
        )
