"""What the tests of `checkgrad.claims` share: a claim at a NumPy x0, and the outputs of func."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import Point, make_point
from checkgrad.claims.forms import Claim
from checkgrad.claims.make import make_claim
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.outputs import Outputs


@dataclass(frozen=True)
class Made:
    """A claim, x0, and the outputs: all entries, and sums of them."""

    claim: Claim
    point: Point
    outputs: Outputs

    def gradients(self, leaves: Any = None, passing: bool = False) -> list[Any]:
        leaves = self.point.leaves if leaves is None else leaves
        return list(self.claim.gradients(leaves, self.outputs, passing))

    def coordinates(self) -> list[list[float]]:
        """Return the claimed gradient of each output at x0, as lists."""
        found = self.claim.gradients(self.point.leaves, self.outputs)
        return [gradient.coordinates().tolist() for gradient in found]


def make(
    form: str,
    function: Callable[..., Any],
    x0: Any,
    value: Any = None,
    weights: Any = None,
    args: tuple[Any, ...] = (),
    convention: str | None = None,
) -> Made:
    """Return a claim of a form; `value` is what func returns at x0, None if it is a number."""
    point = make_point(x0, allow_complex=True, convention=convention)
    reader, count = None, 1
    if value is not None:
        reader = OutputReader(point, many=False)
        count = reader.read(value).size
    sums = np.empty((0, count)) if weights is None else np.asarray(weights, dtype=float)
    outputs = Outputs(np.arange(count), sums)
    return Made(make_claim(form, UserFunction(function, args), point, reader), point, outputs)


@pytest.fixture(name="make")
def make_fixture() -> Callable[..., Made]:
    return make
