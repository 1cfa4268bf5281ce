"""Notes on exceptions whose cause is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad.evaluate.error_notes import add_cause, causes_added

pytestmark = pytest.mark.numpy

X = np.ones(2)


def notes(function: Any, x: Any, *further: Any, name: str = "func") -> list[str]:
    try:
        function(x, *further)
    except Exception as error:
        add_cause(error, function, name, x, further)
        add_cause(error, function, name, x, further)
        return list(getattr(error, "__notes__", []))
    raise AssertionError("nothing was raised")


def two(a: Any, b: Any) -> Any:
    return a + b


def fails(x: Any) -> Any:
    raise TypeError("inside")


@pytest.mark.parametrize(
    ("function", "x", "further", "words"),
    [
        (two, (X, X), (), "x0 is a tuple of 2, and func gets it as one argument"),
        (lambda a, b, c: a, [X, X], (1.0,), "write lambda x, *others: func(*x, *others)"),
        (two, X, (), "here with 1 argument, and takes (a: 'Any', b: 'Any')"),
        (lambda x: x, X, (1.0,), "here with 2 arguments, and takes (x); write one"),
        (lambda p: p["b"], {"a": X}, (), "x0 has no key 'b'; its keys are 'a'"),
        (lambda p: p.sum(), [X], (), "x0 is a list, and func gets it as it is"),
    ],
)
def test_the_cause_is_noted_once(function: Any, x: Any, further: Any, words: str) -> None:
    (note,) = notes(function, x, *further)
    assert words in note


def test_what_a_function_raises_inside_is_not_its_number_of_arguments() -> None:
    assert notes(fails, X) == []
    assert notes(lambda p: {}["a"], {"a": X}) == []


@pytest.mark.parametrize("name", ["jvp", "vjp"])
def test_a_point_in_the_second_place(name: str) -> None:
    def swapped(v: Any, x: Any) -> Any:
        return v @ np.ones(3) + x

    (note,) = notes(swapped, X, np.ones(3), name=name)
    assert "its second parameter is x" in note
    assert notes(swapped, X, np.ones(3)) == []


def test_a_context_notes_and_lets_pass() -> None:
    with pytest.raises(TypeError) as caught, causes_added(two, "func", (X, X), ()):
        two((X, X))  # type: ignore[call-arg]
    assert len(caught.value.__notes__) == 1
