"""Engines: what the user may pass, what is asked of them, and what is said where they fail."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np
import pytest

from checkgrad.evaluate import workers as module
from checkgrad.evaluate.sent import SentFunction, SentPoint
from checkgrad.evaluate.workers import Workers, WorkersError, make_workers

pytestmark = pytest.mark.numpy
POINTS = [SentPoint(number, float(number)) for number in range(5)]
FUNCTION = SentFunction(np.negative, ())


def values(engine: Any) -> list[Any]:
    return [answer.opened()[0] for answer in Workers(engine).answers(FUNCTION, POINTS)]


@pytest.mark.parametrize("engine", [map, lambda f, points: [f(x) for x in points]])
def test_any_map_will_do(engine: Callable[..., Any]) -> None:
    assert values(engine) == [0.0, -1.0, -2.0, -3.0, -4.0]


def test_threads_will_do() -> None:
    with ThreadPoolExecutor(2) as executor:
        assert values(executor.map) == [0.0, -1.0, -2.0, -3.0, -4.0]


@pytest.mark.parametrize("workers", [None, 1, np.int64(1)])
def test_one_worker_is_this_process(workers: Any) -> None:
    assert make_workers(workers) is None


def test_minus_one_is_one_for_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(module, "ProcessPool", lambda count: asked.append(count))
    monkeypatch.setattr(module, "count_cores", lambda: 6)
    make_workers(-1)
    make_workers(np.int32(3))
    assert asked == [6, 3]
    assert module.count_cores() == 6


@pytest.mark.parametrize("workers", [0, -2, 2.0, "4", True, [map]])
def test_what_has_no_meaning_is_refused(workers: Any) -> None:
    with pytest.raises(ValueError, match=r"workers is .*; pass a number of processes, -1 for"):
        make_workers(workers)


def test_an_executor_is_not_its_map() -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match=r"workers\.map"):
        make_workers(executor)


def broken(error: Exception) -> Callable[..., Any]:
    def engine(function: Any, points: Any) -> Any:
        raise error

    return engine


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (pickle.PicklingError("Can't pickle <lambda>"), "define func and what it uses at the top"),
        (AttributeError("Can't pickle local object 'f'"), r"loky\.get_reusable_executor\(\)\.map"),
        (TypeError("cannot pickle '_thread.lock' object"), "cannot be sent to another process"),
        (BrokenProcessPool("terminated abruptly"), r"a worker died .*__name__ == '__main__'"),
        (ConnectionError("no route to host"), r"the engine behind workers failed, not func"),
    ],
)
def test_an_error_of_the_engine_says_what_to_do(error: Exception, said: str) -> None:
    with pytest.raises(WorkersError, match=said) as caught:
        values(broken(error))
    assert caught.value.__cause__ is error
    assert str(error) in str(caught.value)


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt(), SystemExit()])
def test_what_is_no_error_of_the_engine_passes(error: Any) -> None:
    with pytest.raises(type(error)):
        values(broken(error))


def test_what_is_no_map_is_an_error_of_the_engine() -> None:
    with pytest.raises(WorkersError, match=r"must return one result for each point, as map does"):
        values(lambda function: None)


@pytest.mark.parametrize("count", [0, 4])
def test_a_result_for_each_point_is_needed(count: int) -> None:
    with pytest.raises(WorkersError, match="one result for each point"):
        values(lambda function, points: [function(x) for x in points[:count]])


def test_results_are_those_of_the_function() -> None:
    with pytest.raises(WorkersError, match=r"workers returned 3.0 .* for a point"):
        values(lambda function, points: [3.0 for _ in points])


def test_the_order_is_that_of_the_points() -> None:
    with pytest.raises(WorkersError, match="another order"):
        values(lambda function, points: [function(x) for x in reversed(points)])


def test_points_that_wait_are_given_up_with_the_rest() -> None:
    ended = []

    def engine(function: Any, points: Any) -> Any:
        try:
            for x in points:
                yield function(x)
        finally:
            ended.append(x.number)

    answers = Workers(engine).answers(FUNCTION, POINTS)
    next(answers)
    answers.close()
    assert ended == [0]


def test_cores_are_those_of_this_process() -> None:
    assert 1 <= module.count_cores() <= (os.cpu_count() or 1)


def test_a_function_is_one_errand_as_long_as_it_is_the_same() -> None:
    workers, args = Workers(map), (np.ones(2), 3.0)
    errand = workers.errand(np.negative, args)
    assert workers.errand(np.negative, (args[0], args[1])) is errand
    for other in ((np.negative, (np.ones(2), 3.0)), (np.positive, args), (np.negative, ())):
        assert workers.errand(*other) is not errand
