"""What the tests of `checkgrad.measure` share: the surroundings of x0 for a small NumPy func."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.arrays.bounds import make_bounds
from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import make_point
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.options import Evaluation
from checkgrad.evaluate.outputs import Outputs
from checkgrad.evaluate.workers import make_workers
from checkgrad.measure.neighbourhood import Neighbourhood


class Recorded:
    """A func, and all points at which it was evaluated."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.points: list[Any] = []

    def __call__(self, x: Any) -> Any:
        self.points.append(np.array(x))
        return self.function(x)


def make_near(
    function: Callable[[Any], Any],
    x0: Any,
    bounds: Any = None,
    seed: int = 0,
    weights: Any = None,
    workers: Any = None,
) -> tuple[Neighbourhood, Recorded]:
    """Return the surroundings of x0, and the func with the points near x0 that it is asked for.

    If `function` returns an array, its entries are outputs; so are sums of them with `weights`.
    """
    point = make_point(x0)
    func = Recorded(function)
    many = np.ndim(function(point.copy())) > 0
    evaluation = Evaluation(workers=make_workers(workers))
    reader = OutputReader(point, many=False) if many else None
    evaluator = Evaluator(func, point, (), evaluation, reader)
    vector = evaluator.vector_at_x0() if many else np.asarray([evaluator.value_at_x0()])
    sums = np.empty((0, vector.size)) if weights is None else np.asarray(weights, dtype=float)
    outputs = Outputs(np.arange(vector.size), sums)
    limits = make_bounds(bounds, point, "x")
    rng = np.random.default_rng(seed)
    func.points.clear()
    return Neighbourhood(evaluator, outputs, outputs.of(vector), limits, rng), func


@pytest.fixture(name="make_near")
def make_near_fixture() -> Callable[..., tuple[Neighbourhood, Recorded]]:
    return make_near
