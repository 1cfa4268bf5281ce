"""Engines beyond the standard library, each of which runs where it is installed.

``nox -s engines`` installs them all.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import checkgrad
from checkgrad import Report, Verdict, verify_grad

pytestmark = [pytest.mark.numpy, pytest.mark.filterwarnings("ignore")]
X0 = np.linspace(0.5, 2.0, 12)
SOURCE = str(Path(checkgrad.__file__).parents[1])


def threads() -> Iterator[Any]:
    with ThreadPoolExecutor(2) as executor:
        yield executor.map


def loky() -> Iterator[Any]:
    engine = pytest.importorskip("loky")
    executor = engine.get_reusable_executor(2)
    yield executor.map
    executor.shutdown(kill_workers=True)


def joblib() -> Iterator[Any]:
    engine = pytest.importorskip("joblib")
    yield lambda function, points: engine.Parallel(n_jobs=2)(
        engine.delayed(function)(x) for x in points
    )


def dask() -> Iterator[Any]:
    engine = pytest.importorskip("distributed")
    options: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": None}
    with engine.LocalCluster(n_workers=2, **options) as cluster, engine.Client(cluster) as client:
        yield client.get_executor(pure=False).map


def ray() -> Iterator[Any]:
    engine = pytest.importorskip("ray")
    engine.init(num_cpus=2, include_dashboard=False, log_to_driver=False)

    @engine.remote(max_retries=0)
    def at(function: Any, point: Any) -> Any:
        return function(point)

    def by_ray(function: Any, points: Any) -> Any:
        sent = engine.put(function)
        return engine.get([at.remote(sent, point) for point in points])

    yield by_ray
    engine.shutdown()


ENGINES = [threads, loky, joblib, dask, ray]


@pytest.fixture(scope="module", params=ENGINES, ids=lambda engine: engine.__name__)
def engine(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = SOURCE  # a worker must find checkgrad
    os.environ["RAY_AUTH_MODE"] = "disabled"
    yield from request.param()
    os.environ["PYTHONPATH"] = before or ""


def said(report: Report) -> dict[str, Any]:
    return {**report.to_dict(), "text": str(report), "elapsed": None}


def test_the_report_is_that_without_workers(engine: Callable[..., Any]) -> None:
    scale = 3.0  # a closure

    def func(x: Any) -> Any:
        value = scale * np.sum(np.sin(x) * x)
        x[:] = 0.0  # also where an engine shares the memory of arrays
        return value

    def grad(x: Any) -> Any:
        return scale * (np.sin(x) + x * np.cos(x))

    for factor in (1.0, 1.01):

        def claim(x: Any, factor: float = factor) -> Any:
            return factor * grad(x)

        found = verify_grad(func, claim, X0, workers=engine)
        assert said(found) == said(verify_grad(func, claim, X0))
        assert found.verdict is (Verdict.CORRECT if factor == 1 else Verdict.WRONG)


def test_what_func_raises_is_the_edge_of_its_domain(engine: Callable[..., Any]) -> None:
    def func(x: Any) -> Any:
        if np.any(x < X0):
            raise ZeroDivisionError("below")
        return np.sum(x**2)

    report = verify_grad(func, lambda x: 2 * x, X0, workers=engine)
    assert "func raised ZeroDivisionError: below" in str(report)
    assert said(report) == said(verify_grad(func, lambda x: 2 * x, X0))


def test_the_same_point_is_evaluated_anew(engine: Callable[..., Any]) -> None:
    def func(x: Any) -> Any:
        return np.sum(x**2) * (1 + np.random.default_rng().uniform())

    report = verify_grad(func, lambda x: 2 * x, X0, workers=engine, max_evals=300)
    assert report.verdict is not Verdict.CORRECT


def test_what_cannot_be_pickled_is_an_error(
    engine: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    lock = threading.Lock()

    def func(x: Any) -> Any:
        with lock:
            return np.sum(x**2)

    if "threads" in request.node.name:
        assert verify_grad(func, lambda x: 2 * x, X0, workers=engine)
    else:
        with pytest.raises(RuntimeError, match="func cannot be sent to another process"):
            verify_grad(func, lambda x: 2 * x, X0, workers=engine)


def test_a_worker_that_dies_is_an_error(
    engine: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    if "threads" in request.node.name:
        pytest.skip("a thread does not die")
    here = os.getpid()

    def func(x: Any) -> Any:
        if os.getpid() != here:
            os._exit(1)
        return np.sum(x**2)

    with pytest.raises(RuntimeError, match="a worker died while it evaluated func"):
        verify_grad(func, lambda x: 2 * x, X0, workers=engine)


def test_a_closure_is_no_function_of_a_module() -> None:
    sent = pytest.raises(RuntimeError, match="func cannot be sent to another process")
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawned) as executor, sent as caught:
        verify_grad(lambda x: np.sum(x**2), lambda x: 2 * x, X0, workers=executor.map)
    assert "loky.get_reusable_executor().map" in str(caught.value)


MPI = """
import numpy as np
from checkgrad import verify_grad

X0 = np.linspace(0.5, 2.0, 12)

def func(x):
    if np.any(x < X0 - 1e-3):
        raise ZeroDivisionError("below")
    return np.sum(x**3)

if __name__ == "__main__":
    from mpi4py.futures import MPIPoolExecutor
    with MPIPoolExecutor() as executor:
        for factor in (3, 3.1):
            claim = lambda x: factor * x**2
            found = verify_grad(func, claim, X0, workers=executor.map)
            print(found.verdict.value, str(found) == str(verify_grad(func, claim, X0)))
        try:
            verify_grad(lambda x: np.sum(x**3), lambda x: 3 * x**2, X0, workers=executor.map)
        except RuntimeError as error:
            print(error)
"""


def test_mpi_evaluates_func_on_all_ranks(tmp_path: Path) -> None:
    beside_python = str(Path(sys.executable).parent)
    path = f"{beside_python}{os.pathsep}{os.environ.get('PATH', '')}"
    mpiexec = shutil.which("mpiexec", path=path)
    if mpiexec is None or importlib.util.find_spec("mpi4py") is None:
        pytest.skip("MPI is not installed")
    script = tmp_path / "script.py"
    script.write_text(MPI)
    open_mpi = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    open_mpi |= {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
    outcome = subprocess.run(
        [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **open_mpi, "PATH": path, "PYTHONPATH": SOURCE},
    )
    assert outcome.returncode == 0, outcome.stderr
    right, wrong, refused, *_ = outcome.stdout.split("\n")
    assert (right, wrong) == ("correct True", "wrong True")
    assert refused.startswith("func cannot be sent to another process")
