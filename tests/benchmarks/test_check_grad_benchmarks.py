"""What `check_grad` costs beside SciPy's and beside the calls of ``func`` that no one can save.

The three are timed in turn, many times over, and the medians are compared: a machine that slows
down slows down all of them. No absolute time is asserted. Run with ``pytest tests/benchmarks``
or ``nox -s bench``.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from bare import bare_loop

import checkgrad

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

pytest.importorskip("pytest_benchmark")
optimize = pytest.importorskip("scipy.optimize")

COORDINATES = 1000

# Timed in turn this often: the median of so many holds still where single runs vary by half.
ROUNDS = 41

# "No slower than SciPy": what two timings of the same code differ by here is no slowness.
SLOWER_THAN_SCIPY = 1.0
SLOWER_THAN_BARE_LOOP = 1.25

Contestant = Callable[[], Any]


def contestants(func: Callable[[Any], Any], grad: Callable[[Any], Any]) -> dict[str, Contestant]:
    x0 = np.linspace(-1.0, 1.5, COORDINATES)
    return {
        "checkgrad": lambda: checkgrad.check_grad(func, grad, x0),
        "scipy": lambda: optimize.check_grad(func, grad, x0),
        "bare loop": lambda: bare_loop(func, x0),
    }


ROSENBROCK = contestants(optimize.rosen, optimize.rosen_der)


@pytest.mark.benchmark(group=f"Rosenbrock, n = {COORDINATES}")
@pytest.mark.parametrize("name", ROSENBROCK)
def test_a_check_of_rosenbrock(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark(ROSENBROCK[name])


@pytest.mark.benchmark(group="ratios")
def test_a_check_of_rosenbrock_costs_no_more_than_scipys_and_little_beside_func(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    times: dict[str, list[float]] = {name: [] for name in ROSENBROCK}
    names = [*ROSENBROCK]

    def in_turn() -> None:
        # Another goes first each time, so that none always inherits the same cache.
        names.append(names.pop(0))
        for name in names:
            start = time.perf_counter()
            ROSENBROCK[name]()
            times[name].append(time.perf_counter() - start)

    gc.disable()
    try:
        benchmark.pedantic(in_turn, rounds=ROUNDS, warmup_rounds=2)
    finally:
        gc.enable()

    def ratio(other: str) -> float:
        pairs = zip(times["checkgrad"], times[other], strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    to_scipy, to_bare_loop = ratio("scipy"), ratio("bare loop")
    benchmark.extra_info.update(to_scipy=to_scipy, to_bare_loop=to_bare_loop)
    with capsys.disabled():
        sys.stdout.write(
            f"\nRosenbrock, n = {COORDINATES}: checkgrad takes {to_scipy:.2f} times as long as "
            f"SciPy, {to_bare_loop:.2f} times as long as a bare loop of the calls of func\n"
        )
    assert to_scipy <= SLOWER_THAN_SCIPY
    assert to_bare_loop <= SLOWER_THAN_BARE_LOOP
