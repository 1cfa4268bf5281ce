"""How much faster a slow func is checked by eight workers of each engine.

    python tests/benchmarks/engines_of_workers.py threads processes int loky dask ray
    mpiexec -n 9 python -m mpi4py.futures tests/benchmarks/engines_of_workers.py mpi

The func takes 0.2 s at each point, in which it sleeps, so that few cores will do. The script prints
the wall time without workers, by eight at the first check and at the second, and how often faster
the second is. At the first check a worker imports checkgrad, which takes a core half a second.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from checkgrad import verify_grad

SECONDS, SIZE, WORKERS = 0.2, 64, 8


def func(x):
    time.sleep(SECONDS)
    return np.sum(np.sin(x) * x)


def grad(x):
    return np.sin(x) + x * np.cos(x)


@contextmanager
def threads() -> Iterator[Any]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(WORKERS) as executor:
        yield executor.map


@contextmanager
def processes() -> Iterator[Any]:
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(WORKERS) as executor:
        yield executor.map


@contextmanager
def number() -> Iterator[Any]:
    yield WORKERS


@contextmanager
def loky() -> Iterator[Any]:
    from loky import get_reusable_executor

    executor = get_reusable_executor(WORKERS)
    yield executor.map
    executor.shutdown()


@contextmanager
def dask() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor(pure=False).map


@contextmanager
def mpi() -> Iterator[Any]:
    from mpi4py.futures import MPIPoolExecutor

    with MPIPoolExecutor(WORKERS) as executor:
        yield executor.map


@contextmanager
def ray() -> Iterator[Any]:
    import ray

    ray.init(num_cpus=WORKERS, include_dashboard=False)

    @ray.remote
    def at(function: Callable[..., Any], point: Any) -> Any:
        return function(point)

    def by_ray(function: Callable[..., Any], points: Any) -> Any:
        sent = ray.put(function)
        return ray.get([at.remote(sent, point) for point in points])

    yield by_ray
    ray.shutdown()


ENGINES = {
    "threads": threads,
    "processes": processes,
    "int": number,
    "loky": loky,
    "dask": dask,
    "mpi": mpi,
    "ray": ray,
}


def seconds(**options: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    report = verify_grad(func, grad, x0, **options)
    return time.perf_counter() - start, report


if __name__ == "__main__":
    x0 = np.random.default_rng(0).standard_normal(SIZE)
    alone, expected = seconds()
    for name in sys.argv[1:]:
        with ENGINES[name]() as workers:
            first, _ = seconds(workers=workers)
            taken, report = seconds(workers=workers)
        same = str(report) == str(expected)
        print(
            f"{name:10} {report.verdict}, {report.n_func} evaluations: {alone:.2f} s, by {WORKERS} "
            f"{first:.2f} s and {taken:.2f} s: {alone / taken:.2f} times; same report: {same}",
            flush=True,
        )
