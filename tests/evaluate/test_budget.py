"""The budget by itself: what it refuses, when it ends a check, and what it says."""

from __future__ import annotations

import gc
import itertools
import math
import weakref
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from checkgrad.evaluate import budget as module
from checkgrad.evaluate.budget import NO_BUDGET, Budget, Stopped, make_budget
from checkgrad.evaluate.progress_meter import ProgressMeter


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as the only entry of a list that a test changes."""
    now = [100.0]
    monkeypatch.setattr(module, "clock", lambda: now[0])
    return now


# What the user may ask for


@pytest.mark.parametrize("max_evals", [0, -3, 1.5, "100", True, math.nan, [3]])
def test_a_number_of_evaluations_is_whole_and_positive(max_evals: Any) -> None:
    with pytest.raises(
        ValueError, match=r"max_evals is .*; pass a number of evaluations"
    ) as caught:
        make_budget(max_evals, None, False, "raise")
    assert repr(max_evals) in str(caught.value)


@pytest.mark.parametrize("timeout", [0, -1, -0.5, math.nan, "5", True, [1.0]])
def test_a_timeout_is_a_positive_number_of_seconds(timeout: Any) -> None:
    with pytest.raises(ValueError, match=r"timeout is .*; pass a number of seconds") as caught:
        make_budget(None, timeout, False, "raise")
    assert repr(timeout) in str(caught.value)


@pytest.mark.parametrize("progress", ["yes", 1, 0, [print]])
def test_progress_is_true_false_or_a_function(progress: Any) -> None:
    with pytest.raises(ValueError, match=r"progress is .*; pass True for a bar, False, or a func"):
        make_budget(None, None, progress, "raise")


@pytest.mark.parametrize("on_interrupt", ["stop", None, True])
def test_an_interrupt_raises_or_reports(on_interrupt: Any) -> None:
    with pytest.raises(ValueError, match=r"on_interrupt is .*; pass 'raise' or 'report'"):
        make_budget(None, None, False, on_interrupt)


def test_numbers_of_numpy_are_numbers() -> None:
    budget = make_budget(np.int64(3), np.float32(2.0), False, "raise")
    assert budget.left == 3


# Evaluations


def test_a_budget_is_spent_to_the_last_evaluation() -> None:
    budget = Budget(max_evals=3)
    budget.spend(2)
    budget.spend()
    assert (budget.n_func, budget.left) == (3, 0)
    with pytest.raises(Stopped):
        budget.spend()
    assert budget.n_func == 3
    assert budget.reason == "the budget of 3 evaluations was spent"


def test_evaluations_that_are_too_many_together_are_not_begun() -> None:
    budget = Budget(max_evals=3)
    with pytest.raises(Stopped):
        budget.spend(4)
    assert budget.n_func == 0


def test_nothing_follows_once_a_check_is_stopped() -> None:
    budget = Budget(max_evals=2)
    with pytest.raises(Stopped):
        budget.spend(3)
    for ask in (budget.spend, budget.check, budget.require_running):
        with pytest.raises(Stopped):
            ask()


def test_evaluations_that_were_not_made_are_given_back() -> None:
    budget = Budget(max_evals=3)
    budget.spend(3)
    budget.refund(2)
    budget.spend(2)
    assert budget.left == 0


def test_each_point_is_spent_before_it_is_handed_over() -> None:
    budget, seen = Budget(max_evals=2), []
    with pytest.raises(Stopped):
        seen.extend(budget.metered("abc"))
    assert list(itertools.islice(Budget(max_evals=2).metered("abc"), 2)) == ["a", "b"]


def test_no_point_is_kept_alive() -> None:
    class Point:
        pass

    references = []
    for point in Budget(max_evals=3).metered(Point() for _ in range(3)):
        references.append(weakref.ref(point))
        del point
        gc.collect()
        assert references[-1]() is None


def test_without_limits_points_are_not_touched() -> None:
    points = iter("abc")
    assert NO_BUDGET.metered(points) is points
    NO_BUDGET.spend(1000)
    assert NO_BUDGET.n_func == 0
    assert NO_BUDGET.left == math.inf


# Time


def test_a_check_ends_at_the_first_call_after_its_time(seconds: list[float]) -> None:
    budget = Budget(timeout=5.0)
    budget.spend(100)
    seconds[0] += 4.9
    budget.spend(100)
    seconds[0] += 0.1
    with pytest.raises(Stopped):
        budget.check()
    assert budget.reason == "the timeout of 5 s was over"


def test_the_first_reason_stays(seconds: list[float]) -> None:
    budget = Budget(max_evals=1, timeout=5.0)
    seconds[0] += 6
    with pytest.raises(Stopped):
        budget.spend()
    with pytest.raises(Stopped):
        raise budget.exhausted()
    assert budget.reason == "the timeout of 5 s was over"


# Interrupts


def test_an_interrupt_passes_where_nobody_makes_a_report() -> None:
    interrupt = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt) as caught:
        NO_BUDGET.stopped_by(interrupt)
    assert caught.value is interrupt
    assert not NO_BUDGET.reason


def test_an_interrupt_is_raised_again_with_the_report() -> None:
    budget, interrupt = Budget(), KeyboardInterrupt("mine")
    assert isinstance(budget.stopped_by(interrupt), Stopped)
    assert budget.active
    with pytest.raises(KeyboardInterrupt, match="mine") as caught:
        budget.outcome("what is known")
    assert caught.value is interrupt
    assert caught.value.report == "what is known"  # type: ignore[attr-defined]
    assert "what is known" in caught.value.__notes__[0]


def test_an_interrupt_gives_a_report_where_the_user_asks_for_it() -> None:
    budget = Budget(on_interrupt="report")
    budget.stopped_by(KeyboardInterrupt())
    assert budget.outcome("what is known") == "what is known"
    assert budget.reason == "the check was interrupted"


def test_what_was_spent_is_no_interrupt() -> None:
    budget = Budget(max_evals=1)
    budget.stopped_by(budget.exhausted())
    assert budget.outcome("what is known") == "what is known"


# Who is told


def test_an_error_of_who_is_told_passes_as_it_came() -> None:
    def told(*_: Any) -> None:
        raise ValueError("mine")

    def checked() -> None:
        with suppress(Exception):  # as around func, which may raise off x0
            budget.spend()

    budget = Budget(meter=ProgressMeter(told))
    with pytest.raises(ValueError, match="mine"), budget.watched():
        checked()


def test_the_bar_is_closed_whatever_happens() -> None:
    closed = []
    budget = Budget(meter=ProgressMeter(lambda *_: None, lambda: closed.append(1)))
    with pytest.raises(RuntimeError), budget.watched():
        raise RuntimeError
    assert closed == [1]
