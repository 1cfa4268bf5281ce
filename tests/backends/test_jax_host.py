"""Small JAX arrays that NumPy computes with: what is compiled, and what lies where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp

from checkgrad import Verdict, verify_grad
from checkgrad.backends import find_backend
from checkgrad.backends.jax_wide_setting import has_float64

DTYPES = ["float32", *(["float64"] if has_float64() else [])]
ENTRYWISE: dict[str, Any] = {
    "sum": lambda xp: lambda x, y: x + 1e-3 * y,
    "where": lambda xp: lambda x, y: xp.where(x > y, x, xp.zeros_like(y)),
    "abs": lambda xp: lambda x, y: xp.abs(x) / xp.maximum(xp.abs(y), xp.ones_like(y)),
    "sign": lambda xp: lambda x, y: xp.astype(x > 0, x.dtype) * 2 - xp.sign(y),
    "root": lambda xp: lambda x, y: xp.sqrt(xp.abs(x)) * y,
}
REDUCED: dict[str, Any] = {
    "largest": lambda xp: lambda x, y: xp.max(xp.abs(x * y)),
    "any": lambda xp: lambda x, y: xp.any(x == y),
    "finite": lambda xp: lambda x, y: xp.all(xp.isfinite(x + y)),
}


def like(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Any:
    """Return random numbers, and a 0."""
    numbers = np.asarray(np.random.default_rng(seed).normal(size=shape), dtype)
    numbers.reshape(-1)[0] = 0
    return jnp.asarray(numbers)


@pytest.mark.parametrize("n_leaves", [1, 6])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_a_check_of_new_shapes_compiles_nothing_but_func_and_claim(
    compilations: list[str], n_leaves: int, dtype: str, factor: float
) -> None:
    """However many leaves there are, and wherever func is evaluated to find what is wrong."""
    shapes = [(2 + leaf, 5 + n_leaves) for leaf in range(n_leaves)]
    x0 = {f"w{leaf}": like(shape, dtype) for leaf, shape in enumerate(shapes)}

    @jax.jit
    def func(x: Any) -> Any:
        return sum(jnp.sum(jnp.sin(each) * each) for each in x.values())

    @jax.jit
    def grad(x: Any) -> Any:
        return {name: factor * (jnp.cos(v) * v + jnp.sin(v)) for name, v in x.items()}

    func(x0), grad(x0)
    compilations.clear()
    report = verify_grad(func, grad, x0, batch="loop")
    assert report.verdict is (Verdict.CORRECT if factor == 1 else Verdict.WRONG)
    # Both in float64, and func with every result perturbed, as trust in float64 needs it.
    assert len(compilations) <= 4


@pytest.mark.parametrize("shape", [(), (3,), (2, 4)])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ENTRYWISE)
def test_numpy_computes_entries_as_jax_does(name: str, dtype: str, shape: tuple[int, ...]) -> None:
    x, y = like(shape, dtype), like(shape, dtype, 1)
    backend = find_backend([x])
    found = backend.computed(ENTRYWISE[name](backend.xp), x, y)
    expected = ENTRYWISE[name](jnp)(x, y)
    assert isinstance(found, jax.Array)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert (found.devices(), found.committed) == (expected.devices(), expected.committed)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REDUCED)
def test_numpy_reduces_as_jax_does(name: str, dtype: str) -> None:
    x, y = like((2, 4), dtype), like((2, 4), dtype, 1)
    backend = find_backend([x])
    found = backend.reduced(REDUCED[name](backend.xp), x, y)
    assert float(found) == float(REDUCED[name](jnp)(x, y))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32"])
def test_other_dtypes_are_left_to_jax(dtype: str) -> None:
    """NumPy rounds some of them otherwise, or promotes them to other dtypes."""
    x = jnp.arange(3).astype(dtype)
    seen: list[Any] = []
    find_backend([x]).computed(lambda each: seen.append(each) or each, x)
    assert isinstance(seen[0], jax.Array)


def test_a_result_shares_no_memory_with_what_it_is_made_of() -> None:
    """A func that donates its argument would overwrite x0."""
    x = like((64, 64), "float32")
    before, backend = np.array(x, copy=True), find_backend([x])
    donating = jax.jit(lambda each: each + 1, donate_argnums=0)
    for function in (lambda each: each, lambda each: each[::-1], lambda each: each.reshape(-1)):
        donating(backend.computed(function, x))
    donating(backend.copy(x))
    np.testing.assert_array_equal(x, before)


def test_blocks_of_a_large_array_are_those_of_numpy_and_joined_ones_are_jax_again() -> None:
    x = like((2, 3, 4), "float32")
    before, backend = np.array(x, copy=True), find_backend([x])
    blocks = list(backend.split(x, 5))
    assert all(isinstance(block, np.ndarray) and not block.flags.writeable for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), before.reshape(-1))
    numbers = backend.random_block(np.random.default_rng(0), blocks[0])
    assert isinstance(numbers, np.ndarray)
    assert numbers.dtype == x.dtype
    joined = backend.joined(iter(blocks), x.shape, x)
    assert isinstance(joined, jax.Array)
    assert (joined.shape, joined.dtype, joined.sharding) == (x.shape, x.dtype, x.sharding)
    jax.jit(lambda each: each + 1, donate_argnums=0)(joined)
    np.testing.assert_array_equal(x, before)


def test_blocks_of_half_precision_are_left_to_jax() -> None:
    x = jnp.zeros((2, 3), "bfloat16")
    assert all(isinstance(block, jax.Array) for block in find_backend([x]).split(x, 4))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_blocks_in_float64_are_rounded_to_half_precision_and_widened_again(dtype: str) -> None:
    x, wide = jnp.zeros(6, dtype), np.asarray([1 / 3, 1 + 2.0**-30, 1e9, -0.0, np.inf, np.nan])
    backend = find_backend([x])
    with backend.with_float64():
        array = jnp.asarray(wide)
        (block,) = backend.split(array, array.size)
        assert isinstance(block, np.ndarray)
        narrow = backend.narrowed(block, x)
        found, of_jax = narrow.astype(float), np.asarray(array.astype(dtype)).astype(float)
        np.testing.assert_array_equal(found, of_jax)
        again = backend.widened(narrow)
    assert again.dtype == np.float64
    np.testing.assert_array_equal(again, found)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_claim_of_a_large_array_in_half_precision_is_evaluated_in_float64(dtype: str) -> None:
    """Else one wrong entry of many is far below what the claim is rounded by."""
    x0 = jnp.linspace(0.5, 2.0, 2**17 + 1).astype(dtype)
    grad = jax.jit(lambda x: (2 * x).at[7].multiply(2))
    report = verify_grad(lambda x: jnp.sum(x * x, dtype="float32"), grad, x0)
    assert report.verdict is Verdict.WRONG


def test_a_check_of_a_new_large_shape_compiles_nothing_but_func_and_claim(
    compilations: list[str],
) -> None:
    x0 = like((3, 50_001), "float32")
    func = jax.jit(lambda x: jnp.sum(jnp.sin(x) * x))
    grad = jax.jit(lambda x: jnp.cos(x) * x + jnp.sin(x))
    func(x0), grad(x0)
    compilations.clear()
    assert verify_grad(func, grad, x0, direction="random").verdict is Verdict.CORRECT
    assert len(compilations) <= 4, compilations


def test_a_large_array_is_left_to_jax() -> None:
    x = jnp.zeros(2**17 + 1, "float32")
    seen: list[Any] = []
    find_backend([x]).computed(lambda each: seen.append(each) or each, x)
    assert isinstance(seen[0], jax.Array)


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_a_check_moves_nothing_between_host_and_device_unasked(factor: float) -> None:
    """Where nothing is compiled any more: constants of what is compiled are moved by JAX."""
    x0 = jnp.linspace(0.5, 2.0, 5)
    func, grad = jax.jit(lambda x: jnp.sum(jnp.sin(x))), jax.jit(lambda x: factor * jnp.cos(x))
    before = verify_grad(func, grad, x0)
    with jax.transfer_guard("disallow"):
        assert verify_grad(func, grad, x0) == before


@pytest.mark.parametrize("n", [2**17, 2**17 + 1])
def test_the_search_for_what_is_wrong_asks_for_no_wider_integers_than_there_are(n: int) -> None:
    """JAX warns of int64 where it has none; warnings are errors in these tests."""
    weights = np.random.default_rng(0).normal(size=n).astype(np.float32)
    x0 = jnp.asarray(np.linspace(0.5, 2.0, n), jnp.float32)

    def func(x: Any) -> float:
        return float(np.sum(np.sin(np.asarray(x, np.float64)) * weights))

    report = verify_grad(func, lambda x: -np.cos(np.asarray(x)) * weights, x0)
    assert report.verdict is Verdict.WRONG
