"""What the tests of `checkgrad.evaluate` share: evaluators of small NumPy functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import make_point
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.options import Evaluation


class Recorded:
    """A func, and copies of all points at which it was evaluated."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.points: list[Any] = []

    def __call__(self, x: Any, *args: Any) -> Any:
        self.points.append(x.copy() if isinstance(x, np.ndarray) else x)
        return self.function(x, *args)


def make_evaluator(
    function: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    as_vector: bool = False,
    **evaluation: Any,
) -> tuple[Evaluator, Recorded]:
    """Return an evaluator that knows func(x0), and the func with the points it is asked for next.

    If `as_vector`, what func returns is read as one vector.
    """
    point = make_point(x0, allow_complex=True)
    func = Recorded(function)
    reader = OutputReader(point, many=evaluation.get("batch") == "vectorized")
    evaluator = Evaluator(
        func, point, args, Evaluation(**evaluation), reader if as_vector else None
    )
    if as_vector:
        evaluator.vector_at_x0()
    else:
        evaluator.at_x0()
    func.points.clear()
    return evaluator, func


@pytest.fixture(name="make_evaluator")
def make_evaluator_fixture() -> Callable[..., tuple[Evaluator, Recorded]]:
    return make_evaluator


@pytest.fixture(name="free")
def free_fixture() -> Callable[[int], tuple[Any, Any]]:
    """Return bounds on so many coordinates that allow everything."""
    return lambda size: (np.full(size, -np.inf), np.full(size, np.inf))
