"""What a check costs on a GPU: a table of ratios. ``run.sh`` beside this file prints it.

A ratio compares a check of n coordinates with n + 1 bare evaluations of func, each of whose values
the host waits for. This module owns the loss, the table and the search for GPUs. What a check
costs on a CPU is measured in tests/benchmarks.

Usage: ``python tests/cuda/ratios.py [--device cpu] [--list]``
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

PARAMETERS, SAMPLES = 200, 100
ROUNDS = 5
DTYPES = ("float32", "float64")
WIDTHS = (20, 9, 19, 20, 14, 12, 10)
HEADER = (
    "library",
    "dtype",
    "check_grad / bare",
    "verify_grad / bare",
    "verdict",
    "evaluations",
    "bare, ms",
)

# How a narrow func is judged in float64, where this version of checkgrad can.
IN_FLOAT64 = {"precision": "float64"}


class OnDevice:
    """An array library on one device: its functions, and arrays from NumPy's."""

    def __init__(self, name: str, device: str) -> None:
        self.name, self.device = name, device
        self.xp = importlib.import_module("jax.numpy" if name == "jax" else name)

    def asarray(self, values: Any, dtype: str) -> Any:
        """Copy a NumPy array to the device."""
        if self.name == "jax":
            jax = importlib.import_module("jax")
            return jax.device_put(values.astype(dtype), jax.devices(self.device)[0])
        if self.name == "torch":
            return self.xp.asarray(values, dtype=getattr(self.xp, dtype), device=self.device)
        return self.xp.asarray(values, dtype=dtype)

    def compiled(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Compile a function where users do."""
        return importlib.import_module("jax").jit(function) if self.name == "jax" else function


def sees(name: str, device: str) -> bool:
    """Tell whether a library is installed and has such a device."""
    try:
        library = importlib.import_module(name)
        if name == "torch":
            return device == "cpu" or bool(library.cuda.is_available())
        if name == "jax":
            return bool(library.devices(device))
        return device == "cuda" and library.cuda.runtime.getDeviceCount() > 0
    except (ImportError, RuntimeError):  # what JAX and CuPy raise without a GPU is the latter
        return False


def libraries(device: str) -> list[str]:
    return [name for name in ("torch", "jax", "cupy") if sees(name, device)]


def logistic_loss(
    where: OnDevice, dtype: str
) -> tuple[Callable[..., Any], Callable[..., Any], Any]:
    """Give a loss with data of this dtype, its gradient, and a point."""
    rng = np.random.default_rng(0)
    scaled = rng.normal(size=(SAMPLES, PARAMETERS)) / PARAMETERS**0.5
    features = where.asarray(scaled, dtype)
    labels = where.asarray(np.sign(rng.normal(size=SAMPLES)), dtype)
    xp = where.xp

    def loss(w: Any) -> Any:
        margins = -labels * (features @ w)
        larger = xp.where(margins > 0, margins, 0 * margins)
        return xp.sum(larger + xp.log1p(xp.exp(-xp.abs(margins)))) + xp.sum(w * w) / 2

    def grad(w: Any) -> Any:
        return w - features.T @ (labels / (1 + xp.exp(labels * (features @ w))))

    x0 = where.asarray(rng.normal(size=PARAMETERS), dtype)
    return where.compiled(loss), where.compiled(grad), x0


def ratio(check: Callable[[], Any], bare: Callable[[], Any]) -> tuple[float, float]:
    """Give the median ratio of neighbouring runs, and the median seconds of the bare one."""
    pairs = []
    for _ in range(ROUNDS + 1):
        seconds = []
        for run in (check, bare):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        pairs.append(seconds)
    measured = pairs[1:]  # the first run compiles
    return (
        statistics.median(one / other for one, other in measured),
        statistics.median(other for _, other in measured),
    )


def row(where: OnDevice, dtype: str, **options: Any) -> list[str]:
    """Measure one line of the table."""
    from checkgrad import check_grad, verify_grad

    func, grad, x0 = logistic_loss(where, dtype)

    def bare() -> None:
        for _ in range(PARAMETERS + 1):
            float(func(x0))

    def verdict() -> Any:
        return verify_grad(func, grad, x0, direction="all", **options)

    verified, seconds = ratio(verdict, bare)
    checked = "" if options else f"{ratio(lambda: check_grad(func, grad, x0), bare)[0]:.2f}"
    report = verdict()
    counted = str(report.n_func)
    return [checked, f"{verified:.2f}", report.verdict.value, counted, f"{1000 * seconds:.1f}"]


def show(cells: list[str] | tuple[str, ...]) -> None:
    line = "".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))
    print(line.rstrip(), flush=True)


def table(device: str) -> None:
    from checkgrad import verify_grad

    has_precision = "precision" in inspect.signature(verify_grad).parameters
    print(f"Logistic loss of {PARAMETERS} parameters on the device {device!r}:")
    print(f"bare = {PARAMETERS + 1} evaluations of func, the host waits for each", flush=True)
    show(HEADER)
    for name in libraries(device):
        where = OnDevice(name, device)
        for dtype in DTYPES:
            show([name, dtype, *row(where, dtype)])
        if has_precision:
            show([f"{name}, in float64", "float32", *row(where, "float32", **IN_FLOAT64)])
    if not has_precision:
        print("This version of checkgrad does not evaluate a float32 func in float64.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Print what a check costs on a GPU.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--list", action="store_true", help="name the libraries that see a device")
    options = parser.parse_args()
    if options.list:
        print(*libraries(options.device))
    else:
        table(options.device)


if __name__ == "__main__":
    main()
