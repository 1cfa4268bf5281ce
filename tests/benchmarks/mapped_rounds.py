"""One mapped call at all points of a round along tangents, against single calls.

    python tests/benchmarks/mapped_rounds.py jax torch

A check along ten random tangents asks for ``func`` at 20 points at once. A mapped call needs two
single calls besides, at control points. ``func`` is the loss of a perceptron with one hidden layer,
of 64 samples of 50 numbers. The script prints the median time of 20 single calls, of a mapped call
and two single ones, the ratio of the two, and the time of the first mapped call, which compiles.
"""

from __future__ import annotations

import argparse
import os

if __name__ == "__main__":  # before any array library is imported
    os.environ.update({"JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"})

import time
from collections.abc import Callable
from typing import Any

import numpy as np

POINTS, CONTROLS, RUNS = 20, 2, 15
SAMPLES, INPUTS = 64, 50


def loss_of(xp: Any, inputs: Any, wanted: Any, hidden: int) -> Callable[[Any], Any]:
    def func(x: Any) -> Any:
        end = INPUTS * hidden
        weights, bias = xp.reshape(x[:end], (INPUTS, hidden)), x[end : end + hidden]
        found = xp.tanh(inputs @ weights + bias) @ x[end + hidden : end + 2 * hidden] + x[-1]
        return xp.mean((found - wanted) ** 2)

    return func


def measure(library: str, size: int, dtype: str, is_compiled: bool) -> list[str]:
    rng = np.random.default_rng(0)
    hidden = (size - 1) // (INPUTS + 2)
    inputs = rng.standard_normal((SAMPLES, INPUTS)).astype(dtype)
    wanted = rng.standard_normal(SAMPLES).astype(dtype)
    points = rng.standard_normal((POINTS, hidden * (INPUTS + 2) + 1)).astype(dtype) / 10
    if library == "jax":
        import jax

        func = loss_of(jax.numpy, *map(jax.numpy.asarray, (inputs, wanted)), hidden)
        func = jax.jit(func) if is_compiled else func
        mapped, every = jax.vmap(func), jax.numpy.asarray(points)
        mapped = jax.jit(mapped) if is_compiled else mapped
    else:
        import torch

        torch.set_num_threads(1)
        func = loss_of(torch, *map(torch.asarray, (inputs, wanted)), hidden)
        mapped, every = torch.func.vmap(func), torch.asarray(points)
    separate = list(every)

    def singly(count: int = POINTS) -> Any:
        return np.asarray([float(func(x)) for x in separate[:count]])

    def together() -> Any:
        found = np.asarray(mapped(every))
        singly(CONTROLS)
        return found

    def timed(call: Callable[[], Any]) -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    singly()
    first = timed(together)
    assert np.allclose(singly(), together(), rtol=1e-4)
    times = np.asarray([(timed(singly), timed(together)) for _ in range(RUNS)])
    alone, at_once = np.median(times, axis=0)
    ratio = np.median(times[:, 1] / times[:, 0])
    cells = f"{1e3 * alone:.1f}", f"{1e3 * at_once:.1f}", f"{ratio:.2f}", f"{1e3 * first:.0f}"
    name = f"{library}{', compiled' if is_compiled else ''}"
    return [name, str(points.shape[1]), dtype, *cells]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("libraries", nargs="+", choices=["jax", "torch"])
    given = parser.parse_args()
    print("| library | n | dtype | 20 single, ms | mapped, ms | ratio | first mapped, ms |")
    print("|---|---|---|---|---|---|---|")
    for library in given.libraries:
        for is_compiled in (True, False) if library == "jax" else (False,):
            for size in (2000, 20_000):
                for dtype in ("float32", "float64"):
                    row = measure(library, size, dtype, is_compiled)
                    print("|", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
