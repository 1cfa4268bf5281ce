"""What the tests of `checkgrad.refine` share: lines that sample a Python function of the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.refine.spec import CheckSpec


class Lines:
    """Directions along which a function of the direction and the step is sampled.

    Attributes
    ----------
    asked : list of pair of array
        The directions and the signed steps of each call of `sample`.
    """

    def __init__(
        self,
        function: Callable[[int, float], float],
        scale: Any = 1.0,
        lower: float = -np.inf,
        upper: float = np.inf,
    ) -> None:
        self.function = function
        self.scale = np.atleast_1d(np.asarray(scale, dtype=float))
        self.lower, self.upper = lower, upper
        self.asked: list[tuple[np.ndarray, np.ndarray]] = []

    @property
    def count(self) -> int:
        return self.scale.size

    @property
    def evaluations(self) -> int:
        """How many values were asked for."""
        return sum(int(np.isfinite(steps).sum()) for _, steps in self.asked)

    def steps_of(self, direction: int) -> list[list[float]]:
        """Return the forward steps along a direction, call by call; calls without any left out."""
        found = []
        for which, steps in self.asked:
            forward = slice(0, steps.size // 2)  # the backward steps follow
            here = (which[forward] == direction) & np.isfinite(steps[forward])
            if here.any():
                found.append(steps[forward][here].tolist())
        return found

    def powers_of(self, direction: int) -> list[list[float]]:
        """Return log2 of `steps_of`."""
        return [np.log2(steps).tolist() for steps in self.steps_of(direction)]

    def sample(self, which: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append((which.copy(), steps.copy()))
        inside = np.isfinite(steps) & (steps >= self.lower) & (steps <= self.upper)
        values = np.full(steps.shape, np.nan)
        for i in np.flatnonzero(inside).tolist():
            values[i] = self.function(int(which[i]), float(steps[i]))
        values[~np.isfinite(values)] = np.nan
        return np.where(inside, np.abs(steps), np.nan), values


def make_spec(lines: Any, claim: Any, **values: Any) -> CheckSpec:
    """Return a spec for float64, with no noise but rounding."""
    claim = np.broadcast_to(np.asarray(claim, dtype=float), (lines.count,)).copy()
    defaults: dict[str, Any] = {
        "smoothness_length": lines.scale,
        "scale_is_guess": np.zeros(lines.count, dtype=bool),
        "value": lines.function(0, 0.0),
        "sigma": 0.0,
        "epsilon": 2.0**-52,
        "rtol": 1e-5,
        "terms": 0.0,
        "slope_noise": 0.0,
        "coefficient_epsilon": 0.0,
        "tangent_scale": 0.0,
        "sibling_scale": 0.0,
        "kink_is_isolated": True,
        "hides_x0": False,
        "claim_noise": lambda: np.zeros(lines.count),
    }
    unknown = set(values) - set(defaults)
    assert not unknown
    return CheckSpec(directions=lines, claim=claim, **(defaults | values))


@pytest.fixture(name="lines")
def lines_fixture() -> type[Lines]:
    return Lines


@pytest.fixture(name="make_spec")
def make_spec_fixture() -> Callable[..., CheckSpec]:
    return make_spec
