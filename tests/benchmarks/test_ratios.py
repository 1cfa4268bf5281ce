"""What a check costs beside the ideal and beside other checkers: ratios, measured in one run.

The contestants of a row are timed in turn, many times over, and the medians of the ratios of
neighbouring runs are compared with the bound of the row: a machine that slows down slows down all
of them. ``nox -s bench`` prints the table.
"""

from __future__ import annotations

import gc
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from bare import STEP, bare_loop

from checkgrad import check_grad, verify_grad
from checkgrad.evaluate.plan import ALL_UP_TO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

pytest.importorskip("pytest_benchmark")
optimize = pytest.importorskip("scipy.optimize")

PARAMETERS, DATA = 1000, 500
ROUNDS = 21

Contestant = Callable[[], Any]


class Row(NamedTuple):
    """A line of the table: how many times as long the one takes as the other."""

    what: str
    one: Contestant
    other: Contestant
    bound: float | None = None
    at_least: bool = False  # the bound is a lower one

    @property
    def wanted(self) -> str:
        if self.bound is None:
            return "(for comparison)"
        return f"({'>=' if self.at_least else '<='} {self.bound:g})"

    def holds(self, ratio: float) -> bool:
        if self.bound is None:
            return True
        return ratio >= self.bound if self.at_least else ratio <= self.bound


def in_turn(row: Row, rounds: int) -> list[float]:
    """The ratios of neighbouring runs, in which either goes first."""
    pair = [row.one, row.other]
    ratios = []
    gc.disable()
    try:
        for turn in range(rounds + 1):
            seconds = {}
            for contestant in pair if turn % 2 else pair[::-1]:
                start = time.perf_counter()
                contestant()
                seconds[contestant] = time.perf_counter() - start
            ratios.append(seconds[row.one] / seconds[row.other])
    finally:
        gc.enable()
    return ratios[1:]  # the first run compiles


def logistic_data() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(DATA, PARAMETERS)) / math.sqrt(PARAMETERS)
    return features, np.sign(rng.normal(size=DATA)), rng.normal(size=PARAMETERS)


def numpy_rows() -> Iterator[Row]:
    rosen, slope = optimize.rosen, optimize.rosen_der
    x0 = np.linspace(-1.0, 1.5, PARAMETERS)

    def ours() -> float:
        return check_grad(rosen, slope, x0)

    yield Row("NumPy, Rosenbrock: check_grad / bare loop", ours, lambda: bare_loop(rosen, x0), 1.15)
    yield Row(
        "NumPy, Rosenbrock: SciPy / check_grad",
        lambda: optimize.check_grad(rosen, slope, x0),
        ours,
        1.3,
        at_least=True,
    )
    features, labels, weights = logistic_data()

    def loss(w: Any) -> Any:
        return np.sum(np.logaddexp(0, -labels * (features @ w))) + np.sum(w**2) / 2

    def grad(w: Any) -> Any:
        return -features.T @ (labels / (1 + np.exp(labels * (features @ w)))) + w

    yield Row(
        "NumPy, logistic: verify_grad / bare loop",
        lambda: verify_grad(loss, grad, weights, direction="all"),
        lambda: bare_loop(loss, weights),
        4.0,
    )


def jax_rows() -> Iterator[Row]:
    jax = pytest.importorskip("jax")
    jax_test_util = pytest.importorskip("jax.test_util")
    jnp = jax.numpy
    features, labels, weights = (jnp.asarray(part) for part in logistic_data())

    def loss(w: Any) -> Any:
        return jnp.sum(jax.nn.softplus(-labels * (features @ w))) + jnp.sum(w**2) / 2

    def grad(w: Any) -> Any:
        return -features.T @ (labels * jax.nn.sigmoid(-labels * (features @ w))) + w

    @jax.jit
    def kernel(w: Any) -> Any:
        moved = w + STEP * jnp.eye(PARAMETERS)
        return (jax.vmap(loss)(moved) - loss(w)) / STEP

    def ideal() -> None:
        kernel(weights).block_until_ready()

    compiled, slope, x0 = jax.jit(loss), jax.jit(grad), np.asarray(weights)

    def ours() -> float:
        return check_grad(compiled, slope, weights)

    yield Row("JAX, logistic: check_grad / ideal kernel", ours, ideal, 1.5)
    yield Row(
        "JAX, logistic: SciPy / check_grad",
        lambda: optimize.check_grad(
            lambda w: float(compiled(w)), lambda w: np.asarray(slope(w)), x0
        ),
        ours,
        10.0,
        at_least=True,
    )
    yield Row(
        "JAX, logistic: verify_grad / ideal kernel",
        lambda: verify_grad(compiled, slope, weights, direction="all"),
        ideal,
        4.0,
    )

    @jax.custom_vjp
    def by_hand(w: Any) -> Any:
        return compiled(w)

    by_hand.defvjp(lambda w: (compiled(w), w), lambda w, upstream: (upstream * slope(w),))

    def one_tangent() -> None:
        jax_test_util.check_grads(by_hand, (weights,), order=1, modes=["rev"])

    for name, check in (("check_grad", check_grad), ("verify_grad", verify_grad)):
        yield Row(
            f"JAX, logistic, random: check_grads / {name}",
            one_tangent,
            lambda check=check: check(compiled, slope, weights, direction="random", rng=0),
        )


def torch_rows() -> Iterator[Row]:
    torch = pytest.importorskip("torch")
    features, labels, weights = (torch.tensor(part) for part in logistic_data())

    def loss(w: Any) -> Any:
        margins = -labels * (features @ w)
        return torch.nn.functional.softplus(margins).sum() + (w * w).sum() / 2

    def grad(w: Any) -> Any:
        return -features.T @ (labels * torch.sigmoid(-labels * (features @ w))) + w

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, w: Any) -> Any:
            ctx.save_for_backward(w)
            return loss(w)

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:
            return upstream * grad(*ctx.saved_tensors)

    def ideal() -> Any:
        moved = weights + STEP * torch.eye(PARAMETERS, dtype=torch.float64)
        return (torch.func.vmap(loss)(moved) - loss(weights)) / STEP

    recording = weights.clone().requires_grad_()

    def slow() -> None:
        torch.autograd.gradcheck(Loss.apply, (recording,))

    def ours() -> float:
        return check_grad(loss, grad, weights)

    def verdict() -> Any:
        return verify_grad(loss, grad, weights, direction="all")

    yield Row("PyTorch, logistic: check_grad / ideal kernel", ours, ideal, 1.5)
    yield Row("PyTorch, logistic: gradcheck / check_grad", slow, ours, 20.0, at_least=True)
    yield Row("PyTorch, logistic: verify_grad / ideal kernel", verdict, ideal, 4.0)
    yield Row("PyTorch, logistic: gradcheck / verify_grad", slow, verdict, 8.0, at_least=True)
    x0 = weights.numpy()
    yield Row(
        "PyTorch, logistic: SciPy / check_grad",
        lambda: optimize.check_grad(
            lambda w: float(loss(torch.from_numpy(w))),
            lambda w: grad(torch.from_numpy(w)).numpy(),
            x0,
        ),
        ours,
    )
    for name, check in (("check_grad", check_grad), ("verify_grad", verify_grad)):
        yield Row(
            f"PyTorch, logistic, random: gradcheck, fast mode / {name}",
            lambda: torch.autograd.gradcheck(Loss.apply, (recording,), fast_mode=True),
            lambda check=check: check(loss, grad, weights, direction="random", rng=0),
        )


def large_rows() -> Iterator[Row]:
    torch = pytest.importorskip("torch")
    size = 10**7
    large = {"weight": torch.randn(size // 10, 10), "bias": torch.randn(10)}

    def energy(p: Any) -> Any:
        return (p["weight"] ** 2).sum() + (p["bias"] ** 2).sum()

    def slopes(p: Any) -> Any:
        return {"weight": 2 * p["weight"], "bias": 2 * p["bias"]}

    yield Row(
        "PyTorch, 10^7 float32, random: check_grad / (2 func + 1 grad)",
        lambda: check_grad(energy, slopes, large, direction="random", rng=0),
        lambda: (energy(large), energy(large), slopes(large)),
        3.0,
    )


# The high-water mark of the process itself: that of `resource` begins with its parent's.
PEAK = """
import functools, pathlib, re, torch
from checkgrad import check_grad, verify_grad

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024

# What the libraries load and keep when they are first used is no part of a check.
small = torch.ones(50, dtype=torch.float64)
for direction in ("all", "random"):
    for check in (check_grad, verify_grad):
        check(lambda x: (x**2).sum(), lambda x: 2 * x, small, direction=direction, rng=0)
"""
MANY_COORDINATES = """
before = peak()
x0 = torch.linspace(0.5, 2, 20_000, dtype=torch.float64)
report = verify_grad(lambda x: (x**3).sum(), lambda x: 3 * x**2, x0, direction="all")
assert report, report
print((peak() - before) / 1e6)
"""
TEN_MILLION = """
torch.manual_seed(0)
x0 = {"weight": torch.randn(10**6, 10), "bias": torch.randn(10)}
square = lambda x: sum((part**2).sum() for part in x.split(10**4))  # which makes little itself
func = lambda p: square(p["weight"]) + square(p["bias"])
grad = lambda p: {"weight": 2 * p["weight"], "bias": 2 * p["bias"]}
before = peak()
check(func, grad, x0, direction="random", rng=0)
print((peak() - before) / (4 * 10**7))
"""
MEGABYTES = 600
TIMES_X0 = 4


@pytest.mark.benchmark(group="ratios")
@pytest.mark.parametrize("rows", [numpy_rows, jax_rows, torch_rows, large_rows])
def test_the_ratios_of_the_table(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], rows: Any
) -> None:
    found: list[tuple[Row, float]] = []

    def all_rows() -> None:
        found.extend((row, statistics.median(in_turn(row, ROUNDS))) for row in rows())

    benchmark.pedantic(all_rows, rounds=1)
    benchmark.extra_info.update({row.what: ratio for row, ratio in found})
    with capsys.disabled():
        sys.stdout.write("\n")
        for row, ratio in found:
            sys.stdout.write(f"{row.what:65} {ratio:6.2f}  {row.wanted}\n")
    assert [row.what for row, ratio in found if not row.holds(ratio)] == []


def measured(*parts: str) -> float:
    """What a Python process of its own prints."""
    ran = subprocess.run(
        [sys.executable, "-c", "".join(parts)], check=True, capture_output=True, text=True
    )
    return float(ran.stdout)


@pytest.mark.benchmark(group="memory")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("what", "script", "bound"),
    [
        ("verify_grad, n = 20,000: MB over the libraries", MANY_COORDINATES, MEGABYTES),
        (
            "check_grad, random, 10^7 float32: times x0, over it",
            "check = check_grad" + TEN_MILLION,
            TIMES_X0,
        ),
        (
            "verify_grad, native, random, 10^7 float32: times x0, over it",
            "check = functools.partial(verify_grad, precision='native')" + TEN_MILLION,
            TIMES_X0,
        ),
    ],
)
def test_the_memory_that_a_check_needs(
    benchmark: BenchmarkFixture,
    capsys: pytest.CaptureFixture[str],
    what: str,
    script: str,
    bound: float,
) -> None:
    pytest.importorskip("torch")
    found: list[float] = []
    benchmark.pedantic(lambda: found.append(measured(PEAK, script)), rounds=1)
    with capsys.disabled():
        sys.stdout.write(f"\n{what:65} {found[0]:6.1f}  (<= {bound:g})\n")
    assert found[0] <= bound


def x0_of(library: str, size: int) -> Any:
    numbers = np.linspace(0.5, 2, size)
    if library == "JAX":
        return pytest.importorskip("jax").numpy.asarray(numbers)
    return numbers if library == "NumPy" else pytest.importorskip("torch").tensor(numbers)


@pytest.mark.benchmark(group="growth")
@pytest.mark.parametrize("library", ["NumPy", "JAX", "PyTorch"])
def test_the_cost_against_the_number_of_coordinates(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], library: str
) -> None:
    """In calls of func: beyond where "auto" takes random tangents it grows no more."""
    lines: list[str] = []
    evaluations: list[int] = []

    def func(x: Any) -> Any:
        return (x**3).sum()

    def all_sizes() -> None:
        for size in (10, 100, 1000, 10**4, 10**5):
            x0 = x0_of(library, size)
            times: dict[str, list[float]] = {"verify": [], "check": [], "func": []}
            calls: dict[str, Contestant] = {
                "verify": lambda x=x0: verify_grad(func, lambda x: 3 * x**2, x),
                "func": lambda x=x0: [float(func(x)) for _ in range(20)],
            }
            if size < 10**5:  # minutes: as many evaluations, of so many numbers each
                calls["check"] = lambda x=x0: check_grad(func, lambda x: 3 * x**2, x)
            for name, call in calls.items():
                for _ in range(2 if name == "check" and size > ALL_UP_TO else 6):
                    start = time.perf_counter()
                    call()
                    times[name].append(time.perf_counter() - start)
            evaluations.append(verify_grad(func, lambda x: 3 * x**2, x0).n_func)
            one = statistics.median(times["func"][1:]) / 20
            worth = [
                f"{statistics.median(times[name][1:]) / one:8.0f}" if times[name] else " " * 8
                for name in ("check", "verify")
            ]
            lines.append(f"{library:8} {size:7}  {'  '.join(worth)}  {evaluations[-1]:8}")

    benchmark.pedantic(all_sizes, rounds=1)
    with capsys.disabled():
        heading = "check_grad and verify_grad, in calls of func; evaluations of verify_grad"
        sys.stdout.write("\n" + "\n".join([heading, *lines]) + "\n")
    assert evaluations[-1] <= 2 * evaluations[-2] < 10**4
