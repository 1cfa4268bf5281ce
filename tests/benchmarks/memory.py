"""The memory and the time of a check along random tangents, where x0 is large.

    python tests/benchmarks/memory.py 1e7 torch numpy jax
    python tests/benchmarks/memory.py 1e8 torch --direction random --precision auto native
    python tests/benchmarks/memory.py 1e8 numpy --func fraction

``func`` is ``sum(sin(x) * x)`` at normal float32 numbers, or ``sum(x / (1 + x * x))``: NumPy's sine
takes twelve times as long in float64 as in float32, and a fraction two times. Every check runs in a
process of its own.
The script prints the peak of the resident memory, less that before x0 was made, in units of x0: of
one call of func, of one call of grad, and of the check. x0 itself is the first unit of each. The
processor time of the check is in units of two calls of func and one of grad.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from checkgrad import verify_grad

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
HEADER = (
    "| library | function | n | direction | precision | claim | func | grad | check | time "
    "| evaluations |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def peak() -> int:
    """Return the largest resident memory since the last call, in bytes."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    CLEAR.write_text("5")
    return int(lines["VmHWM"].split()[0]) * 1024


def sine(x: Any) -> Any:
    xp = array_namespace(x)
    return xp.sum(xp.sin(x) * x)


def sine_gradient(x: Any) -> Any:
    xp = array_namespace(x)
    return xp.sin(x) + x * xp.cos(x)


def fraction(x: Any) -> Any:
    return array_namespace(x).sum(x / (1 + x * x))


def fraction_gradient(x: Any) -> Any:
    return (1 - x * x) / (1 + x * x) ** 2


FUNCTIONS = {"sine": (sine, sine_gradient), "fraction": (fraction, fraction_gradient)}


def numpy_case(func: Any, grad: Any) -> tuple[Any, Any, Any]:
    return func, grad, lambda n: np.random.default_rng(0).standard_normal(n, np.float32)


def torch_case(func: Any, grad: Any) -> tuple[Any, Any, Any]:
    import torch

    return func, grad, lambda n: torch.randn(n, generator=torch.Generator().manual_seed(0))


def jax_case(func: Any, grad: Any) -> tuple[Any, Any, Any]:
    import jax
    import jax.numpy as jnp

    def make(n: int) -> Any:
        return jax.random.normal(jax.random.key(0), (n,), jnp.float32)

    return jax.jit(func), jax.jit(grad), make


CASES = {"numpy": numpy_case, "torch": torch_case, "jax": jax_case}


def ready(value: Any) -> Any:
    return value.block_until_ready() if hasattr(value, "block_until_ready") else value


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the shorter of the times of two calls, and the last value."""
    times, value = [], None
    for _ in range(2):
        del value
        start = time.process_time()
        value = ready(call())
        times.append(time.process_time() - start)
    return min(times), value


def measure(
    library: str, name: str, n: int, direction: Any, precision: str, factor: float
) -> dict[str, Any]:
    func, grad, make = CASES[library](*FUNCTIONS[name])

    def claim(x: Any) -> Any:
        result = grad(x)
        if factor != 1:
            result *= factor
        return result

    small = make(100)
    options = {"direction": direction, "precision": precision, "rng": 0}
    verify_grad(func, claim, small, **options)  # what is imported when used
    peak()
    before, unit = peak(), 4 * n
    x0 = ready(make(n))
    peak()
    of_func, _ = timed(lambda: func(x0))
    func_peak = peak()
    of_grad, value = timed(lambda: grad(x0))
    del value
    grad_peak = peak()
    start = time.process_time()
    report = verify_grad(func, claim, x0, **options)
    seconds, check_peak = time.process_time() - start, peak()
    return {
        "verdict": report.verdict.value,
        "func": (func_peak - before) / unit,
        "grad": (grad_peak - before) / unit,
        "check": (check_peak - before) / unit,
        "time": seconds / (2 * of_func + of_grad),
        "seconds": seconds,
        "calls": (of_func, of_grad),
        "evaluations": f"{report.n_func} + {report.n_grad}",
        "evaluated_in": report.evaluated_in,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=float)
    parser.add_argument("libraries", nargs="+", choices=list(CASES))
    parser.add_argument("--func", choices=list(FUNCTIONS), default="sine")
    parser.add_argument("--direction", nargs="+", default=["random"])
    parser.add_argument("--precision", nargs="+", default=["auto", "native"])
    parser.add_argument("--factor", nargs="+", type=float, default=[1.0])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    print(HEADER)
    context = multiprocessing.get_context("spawn")
    for library in given.libraries:
        for name in given.direction:
            direction = int(name) if name.isdecimal() else name
            for precision in given.precision:
                for factor in given.factor:
                    with context.Pool(1) as pool:
                        asked = library, given.func, int(given.n), direction, precision, factor
                        found = pool.apply(measure, asked)
                    cells = [f"{found[k]:.1f}" for k in ("func", "grad", "check", "time")]
                    cells.append(found["evaluations"])
                    row = [
                        library,
                        given.func,
                        f"{given.n:.0e}",
                        name,
                        precision,
                        found["verdict"],
                        *cells,
                    ]
                    print("|", " | ".join(row), "|", flush=True)
                    if given.json:
                        print(json.dumps(found), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
