"""Trees of plain arrays of JAX as vectors of NumPy, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad.backends import flat_tree

jax = pytest.importorskip("jax")
jnp = jax.numpy


def tree(scale: float = 1.0) -> dict[str, Any]:
    return {
        "w": scale * jnp.arange(6, dtype=jnp.float32).reshape(2, 3),
        "b": (jnp.asarray([scale, -1.5], jnp.float16), jnp.zeros((), jnp.float32)),
    }


def loss(x: Any) -> Any:
    return jax.tree.reduce(lambda a, b: a + b.sum(), x, 0.0)


def test_a_tree_comes_back_as_it_was() -> None:
    flat = flat_tree(tree(), loss)
    assert flat is not None
    numbers = flat.coordinates(tree(2.0))
    assert numbers is not None
    assert numbers.dtype == np.float64
    assert numbers.tolist() == [2.0, -1.5, 0.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    again = flat.tree(numbers)
    pairs = jax.tree.map(lambda a, b: (a.dtype == b.dtype) and bool((a == b).all()), again, tree(2))
    assert jax.tree.all(pairs)
    assert flat.sizes == (2, 1, 6)
    assert flat.epsilon == float(jnp.finfo(jnp.float16).eps)


def test_an_array_is_a_tree_too() -> None:
    flat = flat_tree(jnp.ones(3, jnp.float32), loss)
    assert flat is not None
    assert (flat.tree(np.arange(3.0)) == jnp.arange(3.0)).all()


@pytest.mark.parametrize(
    "other",
    [
        {"w": jnp.ones((2, 3), jnp.float32), "b": jnp.ones(3, jnp.float32)},
        tree() | {"w": jnp.ones((3, 2), jnp.float32)},
        tree() | {"w": jnp.ones((2, 3), jnp.float16)},
        tree() | {"w": np.ones((2, 3), np.float32)},
        tree() | {"w": jax.device_put(jnp.ones((2, 3), jnp.float32), jax.devices()[0])},
    ],
    ids=["structure", "shape", "dtype", "NumPy", "committed"],
)
def test_a_tree_of_another_kind_has_no_coordinates(other: Any) -> None:
    flat = flat_tree(tree(), loss)
    assert flat is not None
    assert flat.coordinates(other) is None


@pytest.mark.parametrize(
    "leaf",
    [
        np.ones(3),
        1.0,
        jnp.arange(3),
        jnp.ones(3, jnp.complex64),
        jnp.ones(0, jnp.float32),
        jax.device_put(jnp.ones(3), jax.devices()[0]),
    ],
    ids=["NumPy", "number", "integers", "complex", "empty", "committed"],
)
def test_other_leaves_are_left_to_others(leaf: Any) -> None:
    assert flat_tree({"x": leaf}, loss) is None


def test_one_number_is_read_with_its_epsilon() -> None:
    flat = flat_tree(tree(), loss)
    assert flat is not None
    assert flat.read(jnp.asarray([2.5], jnp.float32)) == (2.5, 2.0**-23)
    for other in (2.5, jnp.ones(2, jnp.float32), jnp.asarray(1), None):
        assert flat.read(other) is None


@pytest.mark.parametrize("compiles", [True, False])
def test_points_are_arrays_of_numpy_for_a_compiled_function_only(compiles: bool) -> None:
    func = jax.jit(loss) if compiles else loss
    flat = flat_tree(tree(), func)
    assert flat is not None
    numbers = flat.coordinates(tree(2.0))
    assert numbers is not None
    above, below = flat.points(numbers, -numbers)
    for point, wanted in ((above, tree(2.0)), (below, jax.tree.map(jnp.negative, tree(2.0)))):
        assert jax.tree.structure(point) == jax.tree.structure(wanted)
        for leaf, other in zip(jax.tree.leaves(point), jax.tree.leaves(wanted), strict=True):
            assert isinstance(leaf, np.ndarray if compiles else jax.Array)
            assert leaf.dtype == other.dtype
            assert np.array_equal(leaf, other)
        assert func(point) == func(wanted)


def test_points_are_arrays_of_jax_where_transfers_are_guarded_or_another_device_is_chosen() -> None:
    flat = flat_tree(tree(), jax.jit(loss))
    assert flat is not None
    numbers = flat.coordinates(tree())
    assert numbers is not None
    for context in (jax.transfer_guard("log"), jax.default_device(jax.devices()[0])):
        with context:
            (point,) = flat.points(numbers)
        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(point))


def test_a_copy_of_a_tree_keeps_what_it_held() -> None:
    flat = flat_tree(tree(), loss)
    assert flat is not None
    given = tree()
    kept = flat.snapshot(given)
    given["w"] = given["w"] + 1
    assert bool((kept["w"] == tree()["w"]).all())
    assert flat.snapshot({"w": np.ones(3)}) is None
