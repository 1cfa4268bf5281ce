"""What a guard costs a solver, and when it finds a slip that starts at iteration 100.

    python tests/benchmarks/guards.py            # L-BFGS-B of SciPy, on Rosenbrock's function
    python tests/benchmarks/guards.py optax      # Adam of optax, on a network of one hidden layer

The script prints the CPU time of an iteration, what a guard with ``every=50`` adds to it, as the
median over pairs of runs, one after the other, and what part of the evaluations it makes.
"""

from __future__ import annotations

import argparse
import os

if __name__ == "__main__":  # before any array library is imported
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    os.environ.update({"JAX_PLATFORMS": "cpu"})

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from checkgrad import Verdict, guard

PAIRS, STEPS, SLIP = 15, 2000, 100

Solve = Callable[[Any, Any], int]  # takes func and grad, and returns how many iterations it took


def added(func: Any, grad: Any, solve: Solve) -> tuple[float, float, float]:
    """Return the time of an iteration, and the parts that a guard adds, of time and evaluations."""

    def timed(is_guarded: bool) -> tuple[float, int, int]:
        pair = guard(func, grad, every=50, on_wrong="record") if is_guarded else (func, grad)
        start = time.process_time()
        iterations = solve(*pair)
        seconds = time.process_time() - start
        return seconds, iterations, pair.n_func if is_guarded else 0

    timed(True), timed(False)
    ratios, each, share = [], [], 0.0
    for _ in range(PAIRS):
        bare, iterations, _ = timed(False)
        guarded, _, extra = timed(True)
        ratios.append(guarded / bare - 1)
        each.append(bare / iterations)
        share = extra / (2 * iterations)
    return statistics.median(each), statistics.median(ratios), share


def found_at(func: Any, grad: Any, solve: Solve) -> int:
    """Return the call at which a gradient is found whose sign is wrong from SLIP on, or -1."""
    calls = 0

    def slipped(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return -grad(x) if calls > SLIP else grad(x)

    guarded = guard(func, slipped, every=50, on_wrong="record")
    solve(*guarded)
    wrong = (each.call for each in guarded.checks if each.verdict is Verdict.WRONG)
    return next(wrong, -1)


def rosenbrock(n: int) -> tuple[Any, Any, Solve]:
    from scipy.optimize import minimize, rosen, rosen_der

    x0 = np.random.default_rng(0).uniform(-2, 2, n)

    def solve(func: Any, grad: Any) -> int:
        done = 0
        while done < STEPS:
            done += minimize(func, x0, jac=grad, method="L-BFGS-B", options={"maxiter": 400}).nfev
        return done

    return rosen, rosen_der, solve


def network(hidden: int) -> tuple[Any, Any, Solve]:
    import jax
    import jax.numpy as jnp
    import optax

    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.normal(size=(64, 8)), jnp.float32)
    wanted = jnp.sin(inputs[:, 0])

    @jax.jit
    def func(x: Any) -> Any:
        weights, last = x[: 8 * hidden].reshape(8, hidden), x[8 * hidden :]
        return jnp.mean((jnp.tanh(inputs @ weights) @ last - wanted) ** 2)

    rule = optax.adam(1e-3)
    update = jax.jit(rule.update)
    start = jnp.asarray(0.3 * rng.normal(size=9 * hidden), jnp.float32)

    def solve(func: Any, grad: Any) -> int:
        x, state = start, rule.init(start)
        for _ in range(STEPS):
            func(x)
            change, state = update(grad(x), state)
            x = optax.apply_updates(x, change)
        return STEPS

    return func, jax.jit(jax.grad(func)), solve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("solver", nargs="?", default="scipy", choices=["scipy", "optax"])
    is_scipy = parser.parse_args().solver == "scipy"
    for size in (2, 20, 100, 1000) if is_scipy else (8, 64, 512):
        made = rosenbrock(size) if is_scipy else network(size)
        seconds, ratio, share = added(*made)
        cost = f"{1e6 * seconds:.0f} us | {100 * ratio:.0f}% | {100 * share:.1f}%"
        print(f"| {size} | {cost} | slip found at call {found_at(*made)} |", flush=True)


if __name__ == "__main__":
    main()
