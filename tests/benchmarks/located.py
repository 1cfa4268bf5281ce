"""How many evaluations it takes to find the wrong entries of a claim among a million.

    python tests/benchmarks/located.py numpy jax torch
    python tests/benchmarks/located.py torch --dtypes float32 --size 1e6 --problems 10

``func`` is a mean of products, of which every entry of the gradient knows all coordinates. One
entry of the claim is wrong, or five are, of those that are no smaller than typical. The script
prints how often exactly these were named, and the evaluations of the whole check: lowest, median
and highest over the problems.
"""

from __future__ import annotations

import argparse
import os

if __name__ == "__main__":  # before any array library is imported
    os.environ.update({"JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"})

from typing import Any

import numpy as np
from array_api_compat import array_namespace

from checkgrad import Report, Verdict, verify_grad

# How many entries are wrong, and by which factor.
SLIPS = {"one, twice its value": (1, 2.0), "one, off by 0.1%": (1, 1.001), "five, twice": (5, 2.0)}


def library_array(library: str, values: np.ndarray) -> Any:
    if library == "numpy":
        return values
    if library == "jax":
        import jax.numpy as jnp

        return jnp.asarray(values)
    import torch

    return torch.asarray(values)


def right_gradient(x: Any, weights: Any) -> Any:
    xp = array_namespace(x)
    u = xp.sin(weights * x)
    return (u + 2 * xp.mean(u)) * weights * xp.cos(weights * x) / x.shape[0]


def problem(
    library: str, size: int, seed: int, dtype: str, count: int, factor: float
) -> tuple[Any, Any, Any, list[int]]:
    """Return func, a claim that is wrong at some entries, x0 and these entries."""
    rng = np.random.default_rng([seed, 5])
    host, host_weights = rng.standard_normal((2, size)).astype(dtype)
    changes = np.abs(right_gradient(host, host_weights) * host)
    pool = np.flatnonzero(changes > np.median(changes))
    wrong = sorted(rng.choice(pool, count, replace=False).tolist())
    host_scale = np.ones(size, dtype=dtype)
    host_scale[wrong] = factor
    x0, weights, scale = (library_array(library, each) for each in (host, host_weights, host_scale))

    def func(x: Any) -> Any:
        xp = array_namespace(x)
        u = xp.sin(xp.astype(weights, x.dtype) * x)
        return 0.5 * xp.mean(u * u) + xp.mean(u) ** 2

    def grad(x: Any) -> Any:
        xp = array_namespace(x)
        return right_gradient(x, xp.astype(weights, x.dtype)) * xp.astype(scale, x.dtype)

    if library == "jax":
        import jax

        return jax.jit(func), jax.jit(grad), x0, wrong
    return func, grad, x0, wrong


def places(report: Report) -> list[int]:
    return sorted(int(each.where.split("[")[1].rstrip("]")) for each in report.mismatches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("libraries", nargs="+", choices=["numpy", "jax", "torch"])
    parser.add_argument("--dtypes", nargs="+", default=["float64", "float32"])
    parser.add_argument("--size", type=float, default=1e6)
    parser.add_argument("--problems", type=int, default=10)
    given = parser.parse_args()
    print("| wrong entries | library | dtype | found | evaluations |\n|---|---|---|---|---|")
    for text, (count, factor) in SLIPS.items():
        for library in given.libraries:
            for dtype in given.dtypes:
                found, evaluations = 0, []
                for seed in range(given.problems):
                    func, grad, x0, wrong = problem(
                        library, int(given.size), seed, dtype, count, factor
                    )
                    # float32 allows an error of 0.1% by default
                    report = verify_grad(func, grad, x0, rtol=1e-4 if factor < 2 else None)
                    found += report.verdict is Verdict.WRONG and places(report) == wrong
                    evaluations.append(report.n_func)
                lowest, middle, highest = np.percentile(evaluations, [0, 50, 100])
                cells = f"{lowest:.0f}, {middle:.0f}, {highest:.0f}"
                row = [text, library, dtype, f"{found} of {given.problems}", cells]
                print("|", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
