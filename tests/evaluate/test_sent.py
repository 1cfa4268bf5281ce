"""What travels to a worker and back, with a worker that is another process, or is not."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from checkgrad.evaluate.sent import Answer, SentFunction, SentPoint

pytestmark = pytest.mark.numpy
ELSEWHERE = ("another process", 0)


class OddError(Exception):
    """It cannot be unpickled: it takes two arguments, and has one."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def double(x: Any, times: float = 2.0) -> Any:
    return times * x


def raising(error: Exception) -> Any:
    def func(x: Any) -> Any:
        raise error

    return func


def sent(function: Any, *args: Any) -> Answer:
    """What a function finds at 3.0 as if in another process, and sent back from there."""
    answer = SentFunction(function, args, ELSEWHERE)(SentPoint(7, 3.0))
    found: Answer = pickle.loads(pickle.dumps(answer))
    return found


def test_func_and_its_arguments_can_be_pickled() -> None:
    function = pickle.loads(pickle.dumps(SentFunction(np.multiply, (4.0,))))
    assert function(SentPoint(0, 3.0)).opened() == (12.0, None)


def test_a_point_keeps_its_number_and_its_tree() -> None:
    x = {"a": np.arange(3.0), "b": [np.float32(1.5), 2]}
    point = pickle.loads(pickle.dumps(SentPoint(5, x)))
    assert point.number == 5
    np.testing.assert_array_equal(point.x["a"], x["a"])
    assert point.x["b"] == x["b"]


@pytest.mark.parametrize("value", [1.5, np.float32(2.0), np.arange(4.0), {"a": np.ones(2)}])
def test_a_value_comes_back_as_it_is(value: Any) -> None:
    found, error = sent(lambda x: value).opened()
    assert error is None
    assert type(found) is type(value)
    assert repr(found) == repr(value)


def test_a_value_in_the_same_process_is_a_copy() -> None:
    buffer = np.zeros(2)
    answer = SentFunction(lambda x: buffer, ())(SentPoint(0, 3.0))
    buffer[:] = 1.0  # func fills it anew at every call
    assert answer.opened()[0].tolist() == [0.0, 0.0]


def test_an_exception_keeps_its_type_text_and_traceback() -> None:
    value, error = sent(raising(ZeroDivisionError("no way"))).opened()
    assert value is None
    assert isinstance(error, ZeroDivisionError)
    assert str(error) == "no way"
    assert "in func" in str(error.__cause__)
    assert "ZeroDivisionError: no way" in str(error.__cause__)


def test_an_exception_in_the_same_process_is_itself() -> None:
    raised = KeyError("a")
    assert SentFunction(raising(raised), ())(SentPoint(0, 3.0)).opened() == (None, raised)


def unpicklable() -> Exception:
    error = ValueError("odd")
    error.kept = lambda: None  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "name", "text"),
    [(OddError("one", "two"), "OddError", "onetwo"), (unpicklable(), "ValueError", "odd")],
)
def test_an_exception_that_cannot_be_pickled_is_told_in_words(
    error: Exception, name: str, text: str
) -> None:
    found = sent(raising(error)).opened()[1]
    assert type(found).__name__ == name
    assert str(found) == text
    assert "Traceback" in str(found.__cause__)


def test_a_value_that_cannot_be_pickled_is_an_error_of_func() -> None:
    error = sent(lambda x: (i for i in range(3))).opened()[1]
    assert isinstance(error, TypeError)
    assert "func returned <generator" in str(error)
    assert "which a worker cannot pickle" in str(error)


def test_an_exit_passes() -> None:
    with pytest.raises(SystemExit):
        sent(raising(SystemExit(3)))  # type: ignore[arg-type]


def test_nothing_is_warned_of() -> None:
    assert np.isnan(
        sent(
            np.sqrt,
        ).opened()[0]
        * np.nan
    )
    assert sent(lambda x: np.float64(x) / 0).opened()[0] == np.inf
