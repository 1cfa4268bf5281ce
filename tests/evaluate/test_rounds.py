"""Rounds: what is asked of workers at a time, and that it gives what func gives in this process."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.budget import Budget, Stopped
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.options import Evaluation
from checkgrad.evaluate.rounds import note
from checkgrad.evaluate.workers import Workers

pytestmark = pytest.mark.numpy


class Engine:
    """A map that notes how many points it gets at a time."""

    def __init__(self) -> None:
        self.rounds: list[int] = []

    def __call__(self, function: Any, points: Any) -> Any:
        self.rounds.append(len(points))
        return map(function, points)


def make(func: Any, x0: Any, **evaluation: Any) -> tuple[Evaluator, Engine]:
    engine = Engine()
    chosen = Evaluation(workers=Workers(engine), **evaluation)
    evaluator = Evaluator(func, make_point(x0), (), chosen)
    evaluator.at_x0()
    return evaluator, engine


def points(*numbers: float) -> Any:
    return iter([np.array([float(number)]) for number in numbers])


def first(x: Any) -> float:
    return float(x[0])


def test_all_points_make_one_round() -> None:
    evaluator, engine = make(first, np.ones(1))
    assert evaluator.host_values(points(1, 2, 3)).tolist() == [1, 2, 3]
    assert (engine.rounds, evaluator.n_func) == ([3], 4)


def test_a_round_fits_into_the_memory_allowed() -> None:
    evaluator, engine = make(first, np.ones(1), chunk_bytes=16)
    assert evaluator.host_values(points(1, 2, 3)).tolist() == [1, 2, 3]
    assert engine.rounds == [2, 1]


def test_noted_points_are_evaluated_with_the_next_round_once() -> None:
    evaluator, engine = make(first, np.ones(1))
    note(evaluator.rounds, lambda: evaluator.host_values(points(5, 6, 7)))
    assert engine.rounds == []
    assert evaluator.host_values(points(1, 5)).tolist() == [1, 5]
    assert evaluator.host_values(points(6)).tolist() == [6]
    assert engine.rounds == [4]  # all four different points
    assert evaluator.n_func == 1 + 3  # nobody asked for 7


def test_a_noted_point_is_forgotten_once_it_was_asked_for() -> None:
    evaluator, engine = make(first, np.ones(1))
    note(evaluator.rounds, lambda: evaluator.host_values(points(5)))
    evaluator.host_values(points(5))
    evaluator.host_values(points(5))
    assert engine.rounds == [1, 1]


def test_a_noted_point_that_is_asked_for_twice_is_evaluated_twice() -> None:
    evaluator, engine = make(first, np.ones(1))
    note(evaluator.rounds, lambda: evaluator.host_values(points(5)))
    assert evaluator.host_values(points(1)).tolist() == [1]
    assert evaluator.host_values(points(5, 2, 5)).tolist() == [5, 2, 5]
    assert engine.rounds == [2, 2]


def test_x0_is_called_here_and_again_by_a_worker_if_it_was_noted() -> None:
    evaluator, engine = make(first, np.ones(1))
    evaluator.at_x0()
    assert engine.rounds == []
    note(evaluator.rounds, lambda: evaluator.host_values(points(1, 3)))
    assert evaluator.value_at_x0() == 1
    assert engine.rounds == [2]
    assert evaluator.n_func == 3


def test_what_func_raises_at_x0_again_passes() -> None:
    calls = []

    def func(x: Any) -> float:
        calls.append(x)
        if len(calls) > 1:
            raise ZeroDivisionError
        return 1.0

    evaluator, _ = make(func, np.ones(1))
    note(evaluator.rounds, lambda: evaluator.host_values(points(1)))
    with pytest.raises(ZeroDivisionError):
        evaluator.at_x0()


def test_nothing_is_noted_without_workers() -> None:
    note(None, lambda: pytest.fail("asked"))


def test_what_may_not_be_needed_is_not_noted_within_a_number_of_evaluations() -> None:
    evaluator, engine = make(first, np.ones(1), budget=Budget(max_evals=5))
    note(evaluator.rounds, lambda: evaluator.host_values(points(5)))
    note(evaluator.rounds, lambda: evaluator.host_values(points(2, 3)), is_certain=True)
    evaluator.host_values(points(1, 2))
    assert engine.rounds == [3]


def test_no_more_than_the_budget_are_sent() -> None:
    evaluator, engine = make(first, np.ones(1), budget=Budget(max_evals=4))
    with pytest.raises(Stopped) as caught:
        evaluator.host_values(points(1, 2, 3, 4, 5))
    assert caught.value.kept.tolist() == [1, 2, 3]
    assert (engine.rounds, evaluator.n_func) == ([3], 4)


def test_noted_points_fit_into_the_budget() -> None:
    evaluator, engine = make(first, np.ones(1), budget=Budget(max_evals=4))
    note(evaluator.rounds, lambda: evaluator.host_values(points(5, 6, 7)), is_certain=True)
    assert evaluator.host_values(points(1)).tolist() == [1]
    with pytest.raises(Stopped) as caught:
        evaluator.host_values(points(5, 6, 7))
    assert caught.value.kept.tolist() == [5, 6]
    assert (engine.rounds, evaluator.n_func) == ([3], 4)


def test_an_exception_of_func_is_the_edge_of_its_domain() -> None:
    def func(x: Any) -> float:
        if x[0] == 2:
            raise ValueError("two")
        return first(x)

    evaluator, _ = make(func, np.ones(1))
    np.testing.assert_array_equal(evaluator.host_values(points(1, 2, 3)), [1, math.nan, 3])
    assert evaluator.failure is not None
    assert str(evaluator.failure.error) == "two"
    assert evaluator.failure.x.tolist() == [2]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: no memory")])
def test_a_memory_error_of_func_passes(error: Exception) -> None:
    def func(x: Any) -> float:
        if x[0] == 2:
            raise error
        return first(x)

    evaluator, _ = make(func, np.ones(1))
    with pytest.raises(type(error)):
        evaluator.host_values(points(1, 2, 3))


def test_ctrl_c_keeps_what_is_known() -> None:
    def engine(function: Any, sent: Any) -> Any:
        yield function(sent[0])
        raise KeyboardInterrupt

    chosen = Evaluation(workers=Workers(engine), budget=Budget())
    evaluator = Evaluator(first, make_point(np.ones(1)), (), chosen)
    evaluator.at_x0()
    with pytest.raises(Stopped) as caught:
        evaluator.host_values(points(1, 2))
    assert caught.value.kept.tolist() == [1]


@pytest.mark.parametrize("batch", ["vmap", "vectorized"])
def test_a_worker_gets_one_point_at_a_time(batch: str) -> None:
    with pytest.raises(ValueError, match=f"batch is '{batch}' and workers is given"):
        Evaluation(batch=batch, workers=Workers(map))
