"""Checks whose func is evaluated by workers: the same reports, in few rounds, at every door."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import checkgrad
from checkgrad import GradientError, Report, Verdict

if TYPE_CHECKING:
    from conftest import Library

N = 64
X0 = np.random.default_rng(0).standard_normal(N)
TREE = {"a": X0[:20], "b": {"c": X0[20:40], "d": X0[40:]}}


@pytest.fixture(scope="module")
def threads() -> Iterator[Callable[..., Any]]:
    with ThreadPoolExecutor(4) as executor:
        yield executor.map


def func(x: Any) -> Any:
    return np.sum(np.sin(x) * x)


def grad(x: Any) -> Any:
    return np.sin(x) + x * np.cos(x)


def func_of_tree(tree: Any) -> Any:
    return func(np.concatenate([tree["a"], tree["b"]["c"], tree["b"]["d"]]))


def grad_of_tree(tree: Any) -> Any:
    return {"a": grad(tree["a"]), "b": {key: grad(each) for key, each in tree["b"].items()}}


def vector(x: Any) -> Any:
    return np.sin(x[:8]) * x[8:16]


def jac(x: Any) -> Any:
    found = np.zeros((8, x.size))
    found[range(8), range(8)] = np.cos(x[:8]) * x[8:16]
    found[range(8), range(8, 16)] = np.sin(x[:8])
    return found


def noisy(x: Any) -> Any:
    return func(x) + 1e-8 * np.sin(1e9 * np.sum(x))


def rounded(x: Any) -> Any:
    return np.float64(func(x.astype(np.float32)))


def kinked(x: Any) -> Any:
    return np.sum(np.maximum(x, 0))


def at_edge(x: Any) -> Any:
    if np.any(x < 0):
        raise ValueError("negative")
    return np.sum(x**2)


@dataclass
class Case:
    name: str
    door: str
    func: Any
    claim: Any
    x0: Any
    options: dict[str, Any] = field(default_factory=dict)

    def check(self, func: Any = None, **options: Any) -> Report:
        door = getattr(checkgrad, self.door)
        report: Report = door(func or self.func, self.claim, self.x0, **self.options, **options)
        return report


CASES = [
    Case("right", "verify_grad", func, grad, X0),
    Case("few coordinates", "verify_grad", func, grad, X0[:3]),
    Case("random tangents", "verify_grad", func, grad, X0, {"direction": 10}),
    Case("wrong", "verify_grad", func, lambda x: 1.01 * grad(x), X0),
    Case("one entry wrong", "verify_grad", func, lambda x: grad(x) * (1 + (x == x[5])), X0),
    Case("tree", "verify_grad", func_of_tree, grad_of_tree, TREE),
    Case("float32", "verify_grad", func, grad, X0.astype(np.float32)),
    Case("native", "verify_grad", func, grad, X0.astype(np.float32), {"precision": "native"}),
    Case("noisy", "verify_grad", noisy, grad, X0[:20]),
    Case("rounded inside", "verify_grad", rounded, grad, X0[:20]),
    Case("kinks", "verify_grad", kinked, lambda x: (x > 0) * 1.0, np.where(X0 < -1, 0, X0)),
    Case("zeros", "verify_grad", func, grad, np.where(X0 < 0, 0, X0)),
    Case("edge", "verify_grad", at_edge, lambda x: 2 * x, np.array([0.0, 1.0, 2.0])),
    Case("bounds", "verify_grad", at_edge, lambda x: 2 * x, np.arange(3.0), {"bounds": (0, 9)}),
    Case("complex step", "verify_grad", func, grad, X0, {"method": "complex-step"}),
    Case("pair", "verify_grad", lambda x: (func(x), grad(x)), True, X0),
    Case("stale", "verify_grad", func, lambda x: grad(X0), X0),
    Case("jac", "verify_jac", vector, jac, X0[:16]),
    Case("jvp", "verify_jvp", vector, lambda x, v: jac(x) @ v, X0[:16]),
    Case("vjp", "verify_vjp", vector, lambda x, v: v @ jac(x), X0[:16]),
    Case("wrong vjp", "verify_vjp", vector, lambda x, v: v @ jac(x) + 0.1, X0[:16]),
]


def said(report: Report) -> dict[str, Any]:
    """Everything that a report says, and its text."""
    return {**report.to_dict(), "text": str(report), "elapsed": None}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_report_is_that_without_workers_bit_for_bit(
    case: Case, threads: Callable[..., Any]
) -> None:
    found, expected = said(case.check(workers=threads)), said(case.check())
    if case.name == "stale":  # func and the claim are called again in this process
        for each in (found, expected):
            del each["n_func"], each["n_grad"], each["text"]
    assert found == expected


@pytest.mark.parametrize("most", [1, 2, 5, 20, 36, 37, 60, 200])
@pytest.mark.parametrize("number", [0, 4, 5])
def test_so_is_it_within_a_number_of_evaluations(
    number: int, most: int, threads: Callable[..., Any]
) -> None:
    case, calls, lock = CASES[number], [], threading.Lock()

    def counted(x: Any) -> Any:
        with lock:
            calls.append(x)
        return case.func(x)

    functools.update_wrapper(counted, case.func)  # a report says what func calls x0
    report = case.check(counted, workers=threads, max_evals=most)
    assert said(report) == said(case.check(max_evals=most))
    assert len(calls) == report.n_func <= most


@pytest.mark.parametrize("number", [0, 2, 5, 17, 18, 19])
def test_a_right_claim_costs_as_many_evaluations(number: int, threads: Callable[..., Any]) -> None:
    case, calls, lock = CASES[number], [], threading.Lock()

    def counted(x: Any) -> Any:
        with lock:
            calls.append(x)
        return case.func(x)

    assert case.check(counted, workers=threads).n_func == len(calls) == case.check().n_func


def test_who_is_told_hears_the_same(threads: Callable[..., Any]) -> None:
    told: list[list[Any]] = [[], []]
    CASES[5].check(progress=lambda *each: told[0].append(each))
    CASES[5].check(progress=lambda *each: told[1].append(each), workers=threads)
    assert told[0] == told[1]


def rounds_of(case: Case) -> list[int]:
    rounds = []

    def engine(function: Any, points: Any) -> Any:
        rounds.append(len(points))
        return map(function, points)

    assert case.check(workers=engine).verdict is Verdict.CORRECT
    return rounds


@pytest.mark.parametrize(
    ("name", "rounds"),
    [
        ("right", [32, 4]),  # all groups; x0 again and a second point
        ("few coordinates", [6, 4]),
        ("random tangents", [20, 4]),
        ("tree", [32, 4]),  # of all leaves together
        ("jac", [32, 4]),
        ("vjp", [32, 4]),
        ("complex step", [64, 2, 4]),
        ("float32", [6, 32, 3]),  # a point in both dtypes and steps in float64
    ],
)
def test_a_right_claim_takes_few_rounds(name: str, rounds: list[int]) -> None:
    (case,) = [case for case in CASES if case.name == name]
    assert rounds_of(case) == rounds


def test_func_may_write_to_its_argument(threads: Callable[..., Any]) -> None:
    def writing(x: Any) -> Any:
        value = func(x)
        x[:] = 7.0
        return value

    assert said(CASES[0].check(writing, workers=threads)) == said(CASES[0].check())


def test_a_claim_may_use_what_func_left_in_this_process() -> None:
    left = {}

    def leaving(x: Any) -> Any:
        left["x"] = x.copy()
        return func(x)

    def elsewhere(function: Any, points: Any) -> Any:
        here = dict(left)
        found = [function(point) for point in points]
        left.clear()
        left.update(here)
        return found

    report = checkgrad.verify_grad(leaving, lambda x: grad(left["x"]), X0, workers=elsewhere)
    assert report.verdict is Verdict.CORRECT


def test_a_failing_engine_is_no_edge_of_the_domain() -> None:
    def engine(function: Any, points: Any) -> Any:
        raise ConnectionError("gone")

    with pytest.raises(RuntimeError, match="the engine behind workers failed, not func") as caught:
        CASES[0].check(workers=engine)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_what_func_raises_at_a_point_is_said_with_workers(threads: Callable[..., Any]) -> None:
    def raising(x: Any) -> Any:
        if np.any(x != X0):
            raise ZeroDivisionError("not here")
        return func(x)

    report = CASES[0].check(raising, workers=threads)
    assert "func raised ZeroDivisionError: not here" in str(report)


def test_a_timeout_ends_it(threads: Callable[..., Any]) -> None:
    def slow(x: Any) -> Any:
        threading.Event().wait(0.02)
        return func(x)

    report = CASES[3].check(slow, workers=threads, timeout=0.2)
    assert not report.complete
    assert "timeout of 0.2 s" in report.stopped


@pytest.mark.parametrize("door", ["grad", "jac", "jvp", "vjp"])
def test_every_door_takes_workers(door: str, threads: Callable[..., Any]) -> None:
    claims = {
        "grad": (func, grad),
        "jac": (vector, jac),
        "jvp": (vector, lambda x, v: jac(x) @ v),
        "vjp": (vector, lambda x, v: v @ jac(x)),
    }
    right, claim = claims[door]
    x0 = X0[:16]
    assert getattr(checkgrad, f"verify_{door}")(right, claim, x0, workers=threads)
    getattr(checkgrad, f"assert_{door}")(right, claim, x0, workers=threads)
    with pytest.raises(GradientError):
        getattr(checkgrad, f"assert_{door}")(lambda x: 2 * right(x), claim, x0, workers=threads)


@pytest.mark.libraries("jax", "torch")
@pytest.mark.one_setting
def test_so_does_automatic_differentiation(xp: Library, threads: Callable[..., Any]) -> None:
    def cubes(x: Any) -> Any:
        return xp.sum(x**3)

    x0 = xp.asarray([0.5, 1.5, -0.7])
    expected = checkgrad.verify_autodiff(cubes, x0)
    assert said(checkgrad.verify_autodiff(cubes, x0, workers=threads)) == said(expected)
    checkgrad.assert_autodiff(cubes, x0, workers=threads)


def test_it_may_be_libraries_other_than_numpy(xp: Library, threads: Callable[..., Any]) -> None:
    x0 = xp.asarray([0.5, 1.5, -0.7])

    def cubes(x: Any) -> Any:
        return xp.sum(x**3)

    report = checkgrad.verify_grad(cubes, lambda x: 3 * x**2, x0, workers=threads, batch="loop")
    expected = checkgrad.verify_grad(cubes, lambda x: 3 * x**2, x0, batch="loop")
    assert said(report) == said(expected)
