"""Many points along tangents in one call: the verdict of a loop, and never on trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad, verify_jac

if TYPE_CHECKING:
    from conftest import Library

CORRECT, WRONG, INCONCLUSIVE = Verdict.CORRECT, Verdict.WRONG, Verdict.INCONCLUSIVE
TANGENTS = 10

mapping = pytest.mark.libraries("jax", "torch")


def tree(xp: Library, dtype: str | None = None) -> dict[str, Any]:
    return {
        "a": xp.asarray(np.linspace(0.3, 1.7, 40).tolist(), dtype),
        "b": xp.asarray([[0.5, -1.25], [2.0, 0.75]], dtype),
    }


def product(xp: Library, sizes: list[int]) -> Any:
    """A function of one point, or of many along a leading axis, that notes how many it got."""

    def func(params: Any) -> Any:
        a, b = params["a"], params["b"]
        sizes.append(a.shape[0] if a.ndim == 2 else 1)
        return xp.sum(xp.exp(a), axis=-1) * xp.sum(xp.sum(b**2, axis=-1), axis=-1)

    return func


def gradient(xp: Library, params: Any) -> dict[str, Any]:
    a, b = params["a"], params["b"]
    return {"a": xp.exp(a) * xp.sum(b**2), "b": 2 * b * xp.sum(xp.exp(a))}


@pytest.mark.parametrize("factor", [1.0, 1.01])
@pytest.mark.parametrize("direction", ["random", TANGENTS])
def test_a_vectorized_func_gives_the_verdict_of_a_loop_in_fewer_calls(
    xp: Library, dtype: str, factor: float, direction: Any
) -> None:
    x0, sizes = tree(xp, dtype), []

    def grad(params: Any) -> Any:
        return {name: value * factor for name, value in gradient(xp, params).items()}

    options = {"direction": direction, "rng": 0, "locate": "off"}
    alone = verify_grad(product(xp, []), grad, x0, batch="loop", **options)
    together = verify_grad(product(xp, sizes), grad, x0, batch="vectorized", **options)
    assert together.verdict is alone.verdict, str(together)
    if direction == TANGENTS:
        assert max(sizes) > 2 * TANGENTS  # two steps along each, and x0
        assert len(sizes) < alone.n_func


@mapping
@pytest.mark.parametrize("factor", [1.0, 1.01])
def test_a_mapped_func_gives_the_verdict_of_a_loop(xp: Library, dtype: str, factor: float) -> None:
    x0 = tree(xp, dtype)

    def grad(params: Any) -> Any:
        return {name: value * factor for name, value in gradient(xp, params).items()}

    options = {"direction": TANGENTS, "rng": 0}
    alone = verify_grad(product(xp, []), grad, x0, batch="loop", **options)
    mapped = verify_grad(product(xp, []), grad, x0, batch="vmap", **options)
    assert mapped.verdict is alone.verdict, str(mapped)
    assert mapped.evaluated_in == alone.evaluated_in


@mapping
def test_a_mapped_func_of_one_array_and_many_outputs(xp: Library, dtype: str) -> None:
    x0 = tree(xp, dtype)["a"]

    def func(x: Any) -> Any:
        return xp.stack([xp.sum(xp.exp(x)), x[0] * x[1]])

    def jac(x: Any) -> Any:
        second = xp.concat([x[1:2], x[:1], xp.zeros_like(x[2:])])
        return xp.stack([xp.exp(x), second])

    options = {"direction": TANGENTS, "rng": 0, "batch": "vmap"}
    assert verify_jac(func, jac, x0, **options).verdict is CORRECT
    assert verify_jac(func, lambda x: jac(x) * 1.01, x0, **options).verdict is WRONG


@mapping
def test_mapped_calls_hold_the_points_that_fit(xp: Library) -> None:
    x0 = tree(xp)
    options = {"direction": TANGENTS, "rng": 0, "batch": "vmap"}
    for room in (1, 4_000, 20_000):
        report = verify_grad(
            product(xp, []), lambda p: gradient(xp, p), x0, chunk_bytes=room, **options
        )
        assert report.verdict is CORRECT, str(report)


@pytest.mark.libraries("numpy")
def test_the_edge_of_the_domain_of_one_point_is_not_that_of_all() -> None:
    x0 = np.asarray([1e-3, 1.0, 2.0])
    sizes = []

    def func(x: Any) -> Any:
        sizes.append(len(x))
        if np.any(x <= 0):
            raise ValueError("x must be positive")
        return np.sum(np.log(x), axis=1)

    tangents = [np.asarray([1.0, 0.1, 0.1]) * factor for factor in (1.0, -1.0, 0.5)]
    options = {"direction": tangents, "batch": "vectorized"}
    assert verify_grad(func, lambda x: 1 / x, x0, **options).verdict is CORRECT
    assert verify_grad(func, lambda x: 1.01 / x, x0, **options).verdict is WRONG
    assert max(sizes) > 2


def test_points_that_are_mixed_are_refused(xp: Library) -> None:
    def func(params: Any) -> Any:
        a = params["a"]
        return xp.sum((a - xp.mean(a, axis=0)) ** 2, axis=1) + xp.sum(a, axis=1)

    with pytest.raises(ValueError, match="batch='vectorized': it returns other values in a batch"):
        verify_grad(func, lambda p: p, tree(xp), direction=TANGENTS, batch="vectorized")


@mapping
def test_a_func_that_cannot_be_mapped_is_refused(xp: Library) -> None:
    def func(params: Any) -> Any:
        total = xp.sum(params["a"])
        return total if xp.sum(params["b"]) > 0 else -total

    with pytest.raises(ValueError, match=r"batch='vmap': .*; pass batch='loop'"):
        verify_grad(
            func, lambda p: p, tree(xp), direction=TANGENTS, batch="vmap", precision="native"
        )


@pytest.mark.libraries("numpy")
def test_a_func_of_two_points_at_most_is_refused() -> None:
    def func(x: Any) -> Any:
        if len(x) > 2:
            raise ValueError("no more than two rows")
        return np.sum(x**2, axis=1)

    with pytest.raises(ValueError, match=r"batch='vectorized': .*no more than two rows"):
        verify_grad(func, lambda x: 2 * x, np.ones(3), direction=TANGENTS, batch="vectorized")


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("most", range(2, 30))
def test_a_budget_is_kept_to_the_last_point(most: int) -> None:
    sizes = []

    def func(x: Any) -> Any:
        sizes.append(len(x))
        return np.sum(np.exp(x), axis=1)

    options = {"direction": TANGENTS, "batch": "vectorized", "max_evals": most, "rng": 0}
    report = verify_grad(func, np.exp, np.linspace(0, 1, 7), **options)
    assert report.n_func <= most
    assert report.verdict is (CORRECT if report.complete else INCONCLUSIVE)
