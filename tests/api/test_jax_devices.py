"""JAX arrays on other devices than the default one, and partitioned over some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad import (
    Verdict,
    approx_fprime,
    check_grad,
    verify_autodiff,
    verify_grad,
    verify_jvp,
)
from checkgrad.arrays.blocks import BLOCK

if TYPE_CHECKING:
    from conftest import Library

pytestmark = [pytest.mark.libraries("jax"), pytest.mark.one_setting]

N = 40
PLACES = ("uncommitted", "committed", "auto", "explicit")


def placed(xp: Library, place: str, size: int = N) -> Any:
    """An x0, on one device or on two."""
    import jax

    x0 = jax.numpy.linspace(0.1, 2, size)
    devices = jax.devices("cpu")[:2]
    if place == "uncommitted":
        return x0
    if place == "committed":
        return jax.device_put(x0, devices[1])
    kind = jax.sharding.AxisType.Auto if place == "auto" else jax.sharding.AxisType.Explicit
    mesh = jax.make_mesh((2,), ("part",), (kind,), devices=devices)
    partition = jax.sharding.PartitionSpec("part")
    return jax.device_put(x0, jax.sharding.NamedSharding(mesh, partition))


def sines(xp: Library) -> tuple[Any, Any]:
    return lambda x: xp.sum(xp.sin(x)), xp.cos


def far(x0: Any) -> float:
    """More than an approximation of the gradient of a sum of sines at x0 is off by."""
    return 1e-4 if x0.dtype == np.float64 else 1e-1


@pytest.mark.parametrize("place", PLACES)
def test_numbers_and_small_arrays_stand_beside_x0_wherever_it_is(xp: Library, place: str) -> None:
    func, grad = sines(xp)
    x0 = placed(xp, place)
    step = float(np.sqrt(xp.finfo(x0.dtype).eps))
    for epsilon in (step, xp.full(N, step), np.full(N, step)):
        assert check_grad(func, grad, x0, epsilon=epsilon) < far(x0)
        found = approx_fprime(x0, func, epsilon)
        np.testing.assert_allclose(np.asarray(found), np.asarray(grad(x0)), atol=far(x0))
    for options in ({}, {"epsilon": step}):
        assert check_grad(func, grad, x0, direction="random", rng=0, **options) < far(x0)
    for bounds in ((-10, 10), (-10.0, np.full(N, 10.0)), (None, 3)):
        assert verify_grad(func, grad, x0, bounds=bounds).verdict is Verdict.CORRECT
    assert verify_grad(func, grad, x0, direction="random").verdict is Verdict.CORRECT


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("scale", [2.0, np.array([2.0]), "JAX"])
def test_a_tree_may_hold_a_number_beside_an_array_wherever_that_is(
    xp: Library, place: str, scale: Any
) -> None:
    import jax

    func, grad = sines(xp)
    scale = jax.numpy.asarray(2.0) if isinstance(scale, str) else scale
    x0 = {"x": placed(xp, place), "scale": scale}

    def scaled(tree: Any) -> Any:
        return xp.sum(tree["scale"]) * func(tree["x"])

    def slopes(tree: Any) -> Any:
        by_scale = xp.full(tree["scale"].shape, func(tree["x"]))
        return {"x": xp.sum(tree["scale"]) * grad(tree["x"]), "scale": by_scale}

    assert verify_grad(scaled, slopes, x0).verdict is Verdict.CORRECT
    for direction in ("all", "random"):
        assert check_grad(scaled, slopes, x0, direction=direction, rng=0) < 4 * far(x0["x"])


@pytest.mark.parametrize("size", [N, BLOCK + 2])
def test_points_are_committed_to_a_device_only_where_x0_is(xp: Library, size: int) -> None:
    """A func that holds an array on another device takes such an x0, and points near it."""
    import jax

    weights = jax.device_put(xp.ones(size), jax.devices("cpu")[1])
    x0 = placed(xp, "uncommitted", size)

    def func(x: Any) -> Any:
        return xp.sum(xp.sin(x * weights))

    def grad(x: Any) -> Any:
        return weights * xp.cos(x * weights)

    assert verify_grad(func, grad, x0, direction="random").verdict is Verdict.CORRECT
    wrong = verify_grad(func, lambda x: -grad(x), x0, direction="random")
    assert wrong.verdict is Verdict.WRONG
    assert check_grad(func, grad, x0, direction="random", rng=0) < size * far(x0)
    if size == N:
        assert verify_grad(func, grad, x0).verdict is Verdict.CORRECT
        assert check_grad(func, grad, x0) < far(x0)
        assert check_grad(func, grad, x0, epsilon=1e-3) < 1e-1
        along = verify_jvp(lambda x: xp.sin(x * weights), lambda x, v: grad(x) * v, x0)
        assert along.verdict is Verdict.CORRECT
        assert verify_autodiff(func, x0).verdict is Verdict.CORRECT


def test_a_func_that_is_mapped_over_devices_takes_the_points_near_x0(xp: Library) -> None:
    import jax

    kinds = (jax.sharding.AxisType.Auto,)
    mesh = jax.make_mesh((2,), ("part",), kinds, devices=jax.devices("cpu")[:2])
    partition = jax.sharding.PartitionSpec("part")

    def of_part(x: Any) -> Any:
        return jax.lax.psum(xp.sum(xp.sin(x)), "part")

    func = jax.jit(
        jax.shard_map(
            of_part, mesh=mesh, in_specs=partition, out_specs=jax.sharding.PartitionSpec()
        )
    )
    x0 = placed(xp, "uncommitted")
    assert verify_grad(func, xp.cos, x0).verdict is Verdict.CORRECT
    assert verify_grad(func, lambda x: 2 * xp.cos(x), x0).verdict is Verdict.WRONG


@pytest.mark.parametrize("place", PLACES[:3])
def test_second_derivatives_are_checked_on_other_devices(xp: Library, place: str) -> None:
    func, _ = sines(xp)
    report = verify_autodiff(func, placed(xp, place, 4), order=2)
    assert report.verdict is Verdict.CORRECT, str(report)
