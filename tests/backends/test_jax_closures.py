"""Functions, taken apart into what is compiled and its arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

from checkgrad.backends.jax_closures import NotTakenApartError, Taken, put_together
from checkgrad.backends.partitions import Deferred

pytestmark = pytest.mark.libraries("jax")


def stepped(step: float, weights: Any) -> Callable[[Any], Any]:
    return lambda x: x + step * weights


def scaled(x: Any, factor: float, offset: float = 0.0) -> Any:
    return factor * x + offset


def test_functions_that_differ_in_numbers_and_arrays_have_one_form() -> None:
    one, other = Taken([stepped(0.5, np.ones(2))]), Taken([stepped(2.0, np.zeros(2))])
    assert one.forms == other.forms
    assert hash(one.forms) == hash(other.forms)
    assert (one.numbers, other.numbers) == ([0.5], [2.0])
    assert one.forms != Taken([partial(scaled, factor=0.5)]).forms


def test_what_is_put_together_is_the_function_with_other_numbers() -> None:
    taken = Taken([stepped(0.5, np.ones(2)), partial(scaled, factor=2.0)])
    numbers = [3.0, *taken.numbers[1:]]
    moved, doubled = put_together(taken.forms, numbers, [np.full(2, 10.0)])
    np.testing.assert_array_equal(moved(np.ones(2)), [31, 31])
    assert doubled(4.0) == 8.0


def test_an_array_is_taken_once_and_a_deferred_one_is_made() -> None:
    x = np.arange(3.0)
    made = Deferred(stepped(1.0, x), (x,), x)
    taken = Taken([x, made])
    assert len(taken.arrays) == 1
    np.testing.assert_array_equal(put_together(taken.forms, [1.0], [x])[1], 2 * x)


def test_other_objects_are_refused() -> None:
    point: dict[str, Any] = {"x": 1}
    with pytest.raises(NotTakenApartError, match="dict"):
        Taken([lambda x: x + point["x"]])
