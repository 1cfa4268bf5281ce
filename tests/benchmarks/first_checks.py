"""The first check of new shapes in JAX, which compiles: ours, and that of ``jax.test_util``.

    python tests/benchmarks/first_checks.py

``func`` is a layer, `tanh` of a product and a sum, compiled by ``jax.jit`` and called before, and
so is its gradient. Each of the checks is of other shapes than all before. The script prints the
CPU time of a check and how often XLA compiles, as medians. The very first check of the process,
which also imports, is left out.
"""

from __future__ import annotations

import argparse
import os

if __name__ == "__main__":  # before JAX is imported
    os.environ.update({"JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"})

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from checkgrad import verify_grad

compilations: list[str] = []


def listen(event: str, duration: float, **more: Any) -> None:
    del duration, more
    if event.endswith("backend_compile_duration"):
        compilations.append(event)


def theirs(func: Any, grad: Any, x0: Any) -> None:
    del grad
    tolerance = 1e-2 if x0["w"].dtype == np.float32 else 1e-6
    check_grads(func, (x0,), order=1, modes=("rev",), atol=tolerance, rtol=tolerance)


def ours(func: Any, grad: Any, x0: Any) -> None:
    assert verify_grad(func, grad, x0)


def problem(rows: int, columns: int, dtype: str) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng([rows, columns])
    weights, inputs = rng.normal(size=(rows, columns)), rng.normal(size=columns)
    x0 = {"w": jnp.asarray(weights, dtype), "b": jnp.asarray(weights[:, 0], dtype)}
    given = jnp.asarray(inputs, dtype)

    @jax.jit
    def func(x: Any) -> Any:
        return jnp.sum(jnp.tanh(x["w"] @ given + x["b"]) ** 2)

    grad = jax.jit(jax.grad(func))
    jax.block_until_ready((func(x0), grad(x0)))
    return func, grad, x0


def measured(check: Callable[..., None], dtype: str, checks: int, columns: int) -> str:
    seconds, compiled = [], []
    for number in range(checks + 1):
        made = problem(3 + number, columns, dtype)
        compilations.clear()
        start = time.process_time()
        check(*made)
        seconds.append(time.process_time() - start)
        compiled.append(len(compilations))
    return f"{statistics.median(seconds[1:]):.2f} s | {statistics.median(compiled[1:]):.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=7)
    checks = parser.parse_args().checks
    jax.monitoring.register_event_duration_secs_listener(listen)
    for columns, dtype in enumerate(("float32", "float64"), 5):
        for name, check in (("check_grads", theirs), ("verify_grad", ours)):
            shapes = columns + 10 * (check is ours)
            print(f"| {name} | {dtype} | {measured(check, dtype, checks, shapes)} |", flush=True)


if __name__ == "__main__":
    main()
