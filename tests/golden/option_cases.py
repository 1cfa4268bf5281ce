"""Golden cases of the options of every door, on NumPy arrays, and of SciPy's two functions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
from breakages import broken
from cases import Case, case
from numpy_cases import point

X0 = np.array([0.7, -1.3, 2.1, 0.4])
LONG = np.linspace(0.3, 1.7, 1200)


def cubes(x: Any) -> Any:
    return np.sum(x**3)


def cubes_grad(x: Any) -> Any:
    return 3 * x**2


def chain(x: Any) -> Any:
    return np.sum(np.exp(x)) + np.sum(x[1:] * x[:-1])


def chain_grad(x: Any) -> Any:
    pad = 0 * x[:1]
    return np.exp(x) + np.concatenate([x[1:], pad]) + np.concatenate([pad, x[:-1]])


def chain_of_many(x: Any) -> Any:
    return np.sum(np.exp(x), axis=-1) + np.sum(x[..., 1:] * x[..., :-1], axis=-1)


def cubes_of_many(x: Any) -> Any:
    return np.sum(x**3, axis=-1)


def shuffled_of_many(x: Any) -> Any:
    return cubes_of_many(x)[..., ::-1]


def steep(x: Any) -> Any:
    return np.sum(np.exp(4 * np.sin(x)) / (1 + x**2))


def steep_grad(x: Any) -> Any:
    e = np.exp(4 * np.sin(x)) / (1 + x**2)
    return e * (4 * np.cos(x) - 2 * x / (1 + x**2))


def clipped(x: Any) -> Any:
    return np.sum(np.abs(x) ** 2)


def _grad(name: str, func: Any, grad: Any, x0: Any = X0, *args: Any, **options: Any) -> Case:
    return case(f"numpy-option-{name}", "verify_grad", func, grad, x0, *args, **options)


def _directions() -> Iterator[Case]:
    tangent = np.array([1.0, 0.0, -2.0, 0.5])
    for kind in ("right", "negated", "percent"):
        claim = cubes_grad if kind == "right" else broken(kind, cubes_grad, X0)
        for direction in ("all", "random", 3):
            yield _grad(f"{direction}-{kind}", cubes, claim, direction=direction)
        yield _grad(f"tangent-{kind}", cubes, claim, direction=tangent)
        yield _grad(f"rng-{kind}", cubes, claim, direction="random", rng=7)
    for kind in ("right", "double", "percent"):
        claim = chain_grad if kind == "right" else broken(kind, chain_grad, LONG)
        yield _grad(f"long-{kind}", chain, claim, LONG)
    yield _grad("long-random-float32", chain, chain_grad, LONG.astype(np.float32))
    yield _grad("long-bounds", chain, chain_grad, LONG, bounds=(0.3, 1.7))
    yield _grad("zero-tangent", cubes, cubes_grad, direction=np.zeros(4))
    yield _grad("unknown-direction", cubes, cubes_grad, direction="some")


def _bounds_and_rtol() -> Iterator[Case]:
    for kind in ("right", "percent"):
        claim = cubes_grad if kind == "right" else broken(kind, cubes_grad, X0)
        yield _grad(f"bounds-one-sided-{kind}", cubes, claim, bounds=(X0, None))
        yield _grad(f"bounds-narrow-{kind}", cubes, claim, bounds=(X0 - 1e-6, X0 + 1e-6))
        yield _grad(f"bounds-number-{kind}", cubes, claim, bounds=(-1.3, math.inf))
        yield _grad(f"rtol-loose-{kind}", cubes, claim, rtol=0.1)
        yield _grad(f"rtol-tight-{kind}", cubes, claim, rtol=1e-8)
    yield _grad("bounds-fixed", cubes, cubes_grad, bounds=(X0, X0))
    yield _grad("bounds-outside", cubes, cubes_grad, bounds=(0, 1))
    yield _grad("rtol-too-tight", cubes, cubes_grad, rtol=1e-15)
    args = (lambda x, a, b: a * np.sum(x**2) + b, lambda x, a, b: 2 * a * x)
    yield _grad("args-right", *args, X0, 3.0, 1.0)
    yield _grad("args-missing", *args, X0)


def _batches() -> Iterator[Case]:
    middle = LONG[::20]
    for kind in ("right", "zero"):
        claim = chain_grad if kind == "right" else broken(kind, chain_grad, middle)
        yield _grad(f"loop-{kind}", chain, claim, middle, batch="loop")
        yield _grad(f"vectorized-{kind}", chain_of_many, claim, middle, batch="vectorized")
    yield _grad("vectorized-shuffled", shuffled_of_many, cubes_grad, batch="vectorized")
    yield _grad(
        "vectorized-small-chunks",
        chain_of_many,
        chain_grad,
        middle,
        batch="vectorized",
        chunk_bytes=2000,
    )
    yield _grad("vmap-refused", cubes, cubes_grad, batch="vmap")
    for door, claim in (
        ("jac", lambda x: np.diag(3 * x**2)),
        ("jvp", lambda x, t: 3 * x**2 * t),
        ("vjp", lambda x, c: 3 * x**2 * c),
    ):
        name = f"numpy-option-vectorized-{door}"
        yield case(name, f"verify_{door}", lambda x: x**3, claim, X0, batch="vectorized")
    cubed = (lambda x: x**3, lambda x, c: 3 * x**2 * c, LONG)
    yield case("numpy-option-long-vjp", "verify_vjp", *cubed)
    wrong = (lambda x: x**3, lambda x, t: 3.03 * x**2 * t, LONG)
    yield case("numpy-option-long-jvp", "verify_jvp", *wrong)


def _complex_steps() -> Iterator[Case]:
    options = {"method": "complex-step"}
    for kind in ("right", "percent", "subtle", "sign"):
        claim = steep_grad if kind == "right" else broken(kind, steep_grad, X0)
        yield _grad(f"complex-step-{kind}", steep, claim, **options)
    yield _grad("complex-step-tight", steep, steep_grad, rtol=1e-12, **options)
    slightly = lambda x: steep_grad(x) * (1 + 1e-10)  # noqa: E731
    yield _grad("complex-step-1e-10", steep, slightly, rtol=1e-12, **options)
    yield _grad("complex-step-not-analytic", clipped, lambda x: 2 * x, **options)
    yield _grad("complex-step-float32", steep, steep_grad, X0.astype(np.float32), **options)
    yield _grad("complex-step-random", steep, steep_grad, direction=2, **options)
    name = "numpy-option-complex-step-jac"
    jacobian = lambda x: np.diag(np.cos(x))  # noqa: E731
    yield case(name, "verify_jac", np.sin, jacobian, X0, **options)
    yield _grad("complex-step-float16", cubes, cubes_grad, X0.astype(np.float16), **options)


def _half_precision() -> Iterator[Case]:
    if find_spec("ml_dtypes") is not None:  # it comes with JAX
        yield _grad("bfloat16-refused", cubes, lambda x: 3 * x**2, point(np, X0, "bfloat16"))
    wide = lambda x: np.sum(x.astype(np.float64) ** 3)  # noqa: E731
    yield _grad("float16-wide-func", wide, cubes_grad, X0.astype(np.float16))
    narrow = lambda x: cubes_grad(x).astype(np.float32)  # noqa: E731
    yield _grad("float32-claim", cubes, narrow)


def _scipy_functions() -> Iterator[Case]:
    def of(name: str, door: str, *inputs: Any, **options: Any) -> Case:
        return case(f"numpy-scipy-{name}", door, *inputs, **options)

    matrix_func = lambda x: np.stack([np.sum(x**2), np.prod(x)])  # noqa: E731
    wrong = broken("percent", cubes_grad, X0)
    narrow = X0.astype(np.float32)
    yield of("check_grad-right", "check_grad", cubes, cubes_grad, X0)
    yield of("check_grad-wrong", "check_grad", cubes, wrong, X0)
    yield of("check_grad-epsilon", "check_grad", cubes, cubes_grad, X0, epsilon=1e-4)
    random = {"direction": "random"}
    yield of("check_grad-random", "check_grad", cubes, cubes_grad, X0, rng=0, **random)
    yield of("check_grad-seed", "check_grad", cubes, cubes_grad, X0, seed=1, **random)
    yield of("check_grad-float32", "check_grad", cubes, cubes_grad, narrow)
    yield of("check_grad-list", "check_grad", cubes, cubes_grad, [1.0, 2.0])
    yield of("check_grad-shape", "check_grad", cubes, lambda x: x[:2], X0)
    yield of(
        "check_grad-vectorized", "check_grad", cubes_of_many, cubes_grad, X0, batch="vectorized"
    )
    rows = lambda x: np.stack([2 * x, np.prod(x) / x])  # noqa: E731
    yield of("check_grad-vector", "check_grad", matrix_func, rows, X0)
    yield of("approx_fprime", "approx_fprime", X0, cubes)
    yield of("approx_fprime-epsilon", "approx_fprime", X0, cubes, np.array([1e-3, 1e-5, 1e-7, 1]))
    yield of("approx_fprime-vector", "approx_fprime", X0, matrix_func)
    yield of("approx_fprime-float32", "approx_fprime", narrow, cubes)
    yield of("approx_fprime-scalar", "approx_fprime", 0.7, np.exp)
    tree = {"a": X0, "b": np.array(2.0)}
    of_tree = lambda p: cubes(p["a"]) * p["b"]  # noqa: E731
    claim = lambda p: {"a": cubes_grad(p["a"]) * p["b"], "b": cubes(p["a"])}  # noqa: E731
    yield of("check_grad-tree", "check_grad", of_tree, claim, tree)


def cases(library: str) -> Iterator[Case]:
    """Yield the cases."""
    yield from _directions()
    yield from _bounds_and_rtol()
    yield from _batches()
    yield from _complex_steps()
    yield from _half_precision()
    yield from _scipy_functions()
