"""What a wrong claim costs, in evaluations of func, where a right one takes 1. A table of ratios.

Run it with the libraries to measure::

    python tests/benchmarks/wrong_claims.py numpy torch --above 4

Each row is the worst of several seeds: of x0, and of what the check draws. The claims are right but
for one of three breakages. JAX has float64 if JAX_ENABLE_X64 is set.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from scipy import linalg

from checkgrad import Verdict, verify_grad, verify_jac

Array = Any
HIDDEN = 32
SIZES = (200, 1000, 5000)
DIRECTIONS = ("all", 10, "random", "auto")
OUTPUTS = 75


@dataclass(frozen=True)
class Problem:
    """A func, its derivative and x0, of some library and dtype."""

    func: Callable[[Array], Array]
    claim: Callable[[Array], Array]
    x0: Array


def sines(n: int, seed: int, array: Callable[..., Array]) -> Problem:
    x0 = array(np.random.default_rng([n, seed]).normal(size=n))
    xp = array_namespace(x0)
    return Problem(lambda x: xp.sum(xp.sin(x)), xp.cos, x0)


def logsumexp(n: int, seed: int, array: Callable[..., Array]) -> Problem:
    x0 = array(np.random.default_rng([n, seed]).normal(size=n))
    xp = array_namespace(x0)

    def claim(x: Array) -> Array:
        exponentials = xp.exp(x)
        return exponentials / xp.sum(exponentials)

    return Problem(lambda x: xp.log(xp.sum(xp.exp(x))), claim, x0)


def network(n: int, seed: int, array: Callable[..., Array]) -> Problem:
    rng = np.random.default_rng([n, seed])
    x0, weights = array(rng.normal(size=n)), array(rng.normal(size=(HIDDEN, n)) / np.sqrt(n))
    xp = array_namespace(x0)

    def like(x: Array) -> Array:  # where x is wider than the weights
        return xp.astype(weights, x.dtype)

    return Problem(
        lambda x: xp.sum(xp.tanh(like(x) @ x)),
        lambda x: like(x).T @ (1 - xp.tanh(like(x) @ x) ** 2),
        x0,
    )


def heat(n: int, seed: int, array: Callable[..., Array]) -> Problem:
    """Return the energy of a field behind a solver, whose conductivity is exp(x / 10)."""

    def field(x: Array, source: Array) -> Array:
        bands = np.zeros((3, x.size), dtype=x.dtype)
        bands[1] = 2 * np.exp(x / 10) + 1
        bands[0, 1:] = bands[2, :-1] = -1
        return linalg.solve_banded((1, 1), bands, source)

    def claim(x: Array) -> Array:
        here = field(x, np.ones_like(x))
        return -np.exp(x / 10) / 5 * here * field(x, 2 * here)

    x0 = array(np.random.default_rng([n, seed]).normal(size=n))
    return Problem(lambda x: np.sum(field(x, np.ones_like(x)) ** 2), claim, x0)


def jacobian(n: int, seed: int, array: Callable[..., Array]) -> Problem:
    rng = np.random.default_rng([n, seed])
    matrix, x0 = array(rng.normal(size=(OUTPUTS, n))), array(rng.normal(size=n))
    xp = array_namespace(x0)

    def like(x: Array) -> Array:
        return xp.astype(matrix, x.dtype)

    return Problem(
        lambda x: xp.sin(like(x) @ x),
        lambda x: xp.cos(like(x) @ x)[:, None] * like(x),
        x0,
    )


def double(size: int) -> np.ndarray:
    return np.full(size, 2.0)


def one_sign(size: int) -> np.ndarray:
    factors = np.ones(size)
    factors[size // 3] = -1
    return factors


def a_tenth_by_1_percent(size: int) -> np.ndarray:
    factors = np.ones(size)
    factors[::10] = 1.01
    return factors


FUNCTIONS = {"sines": sines, "heat": heat, "logsumexp": logsumexp, "network": network}
BREAKAGES = {
    "factor 2": double,
    "one sign": one_sign,
    "a tenth by 1%": a_tenth_by_1_percent,
}


def broken(
    problem: Problem, factors: np.ndarray, array: Callable[..., Array]
) -> Callable[..., Any]:
    xp = array_namespace(problem.x0)
    by = array(factors)

    def claim(x: Array) -> Array:
        right = problem.claim(x)
        return right * xp.astype(xp.reshape(by, right.shape), right.dtype)

    return claim


def array_of(library: str, dtype: str) -> Callable[..., Array]:
    if library == "torch":
        import torch

        return lambda values: torch.asarray(values, dtype=getattr(torch, dtype))
    if library == "jax":
        import jax.numpy as jnp

        return lambda values: jnp.asarray(values, dtype=dtype)
    return lambda values: np.asarray(values, dtype=dtype)


def has_float64(library: str) -> bool:
    return library != "jax" or os.environ.get("JAX_ENABLE_X64", "") == "1"


@dataclass(frozen=True)
class Row:
    """The worst of some seeds."""

    name: str
    right: int
    wrong: int
    seed: int
    fewest_named: int
    remark: str

    @property
    def ratio(self) -> float:
        return self.wrong / self.right

    def __str__(self) -> str:
        return (
            f"{self.name:56} {self.right:6} {self.wrong:6} {self.ratio:6.2f}   seed {self.seed}, "
            f"named {self.fewest_named} {self.remark}"
        )


def rows(library: str, chosen: argparse.Namespace) -> Iterator[Row]:
    for dtype in ("float64", "float32") if has_float64(library) else ("float32",):
        if dtype not in chosen.dtypes:
            continue
        array = array_of(library, dtype)
        for name in chosen.functions:
            if name == "heat" and library != "numpy":
                continue
            for n in chosen.sizes:
                for direction in chosen.directions:
                    label = f"{library} {dtype} {name} {n} {direction!r}"
                    yield from worst(label, FUNCTIONS[name], n, array, chosen.seeds, direction)
        if chosen.jacobian:
            label = f"{library} {dtype} jacobian {OUTPUTS} x 75"
            yield from worst(label, jacobian, 75, array, chosen.seeds, None)


def worst(
    label: str,
    make: Callable[..., Problem],
    n: int,
    array: Callable[..., Array],
    seeds: int,
    direction: Any,
) -> Iterator[Row]:
    """Yield the worst row of each breakage."""
    found: dict[str, list[Row]] = {name: [] for name in BREAKAGES}
    verify = verify_grad if direction is not None else verify_jac
    options = {} if direction is None else {"direction": direction}
    for seed in range(seeds):
        problem = make(n, seed, array)
        right = verify(problem.func, problem.claim, problem.x0, rng=seed, **options)
        shape = problem.claim(problem.x0).shape
        for name, breakage in BREAKAGES.items():
            claim = broken(problem, breakage(int(np.prod(shape))), array)
            wrong = verify(problem.func, claim, problem.x0, rng=seed, **options)
            verdicts = right.verdict, wrong.verdict
            remark = "" if verdicts == (Verdict.CORRECT, Verdict.WRONG) else f"{verdicts}"
            named = sum(each.wrong for each in wrong.mismatches)
            row = Row(f"{label}, {name}", right.n_func, wrong.n_func, seed, named, remark)
            found[name].append(row)
    for each in found.values():
        worst_row = max(each, key=lambda row: row.ratio)
        fewest, remarks = min(row.fewest_named for row in each), {row.remark for row in each}
        yield Row(
            worst_row.name,
            worst_row.right,
            worst_row.wrong,
            worst_row.seed,
            fewest,
            " ".join(sorted(remarks)),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("libraries", nargs="+", choices=("numpy", "jax", "torch"))
    parser.add_argument("--dtypes", nargs="+", default=("float64", "float32"))
    parser.add_argument("--functions", nargs="+", default=tuple(FUNCTIONS))
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--directions", nargs="*", default=DIRECTIONS)
    parser.add_argument("--jacobian", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--above", type=float, default=0.0, help="show rows above this ratio")
    chosen = parser.parse_args()
    chosen.directions = [int(d) if str(d).isdigit() else d for d in chosen.directions]
    print(f"{'library dtype func n direction, breakage':56} {'right':>6} {'wrong':>6} {'ratio':>6}")
    for library in chosen.libraries:
        for row in rows(library, chosen):
            if row.ratio > chosen.above:
                print(row, flush=True)


if __name__ == "__main__":
    main()
