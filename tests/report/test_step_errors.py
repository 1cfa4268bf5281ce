"""The errors of difference quotients against the step."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from checkgrad.report.sampled import DirectionSamples
from checkgrad.report.step_errors import step_errors

pytestmark = pytest.mark.numpy

SIGMA = 1e-10


def line(func: Any = np.exp, noise: float = SIGMA, estimate: float = 1.0) -> DirectionSamples:
    lengths = np.exp2(-np.arange(1.0, 30.0))
    steps = np.sort(np.concatenate([lengths, -lengths]))
    value = float(func(np.zeros(1))[0])
    return DirectionSamples(
        "x[0]", steps, func(steps), value, noise, 1.25, estimate, 1e-7, 0.25, "wrong"
    )


def test_errors_are_those_of_the_quotients() -> None:
    found = step_errors(line())
    assert found.step.size == 29
    assert np.all(np.diff(found.step) > 0)
    h = found.step[-1]
    assert found.central[-1] == pytest.approx(np.sinh(h) / h - 1)
    assert found.one_sided_step[-1] == h
    assert found.one_sided[-1] == pytest.approx((np.exp(h) - 1) / h - 1)
    assert found.claim_error == 0.25
    assert (found.reference, found.fitted_step, found.uncertainty) == (1.0, 0.25, 1e-7)


def test_the_floor_of_noise_falls_like_the_step() -> None:
    found = step_errors(line())
    assert found.floor_step.tolist() == [found.step[0], found.step[-1]]
    products = found.floor * found.floor_step
    assert products[0] == pytest.approx(products[1]) == 3 * SIGMA / math.sqrt(2)


def test_truncation_is_a_sixth_of_the_third_derivative() -> None:
    assert step_errors(line()).truncation == pytest.approx(1 / 6, rel=0.02)


@pytest.mark.parametrize("func", [np.abs, lambda x: x, lambda x: x**2])
def test_without_curvature_of_odd_order_there_is_no_truncation(func: Any) -> None:
    assert step_errors(line(func)).truncation is None


def test_noise_hides_truncation() -> None:
    assert step_errors(line(noise=1.0)).truncation is None


def test_without_an_estimate_errors_are_counted_from_the_claim() -> None:
    found = step_errors(line(estimate=math.nan))
    assert found.reference == 1.25
    assert found.claim_error == 0.0


def test_steps_to_one_side_make_no_central_quotient() -> None:
    both = line()
    right = both.steps > 0
    found = step_errors(replace(both, steps=both.steps[right], values=both.values[right]))
    assert found.step.size == found.central.size == 0
    assert found.one_sided.size == 29
    assert found.truncation is None


def test_nothing_that_was_sampled_makes_no_errors() -> None:
    empty = replace(line(), steps=np.empty(0), values=np.empty(0))
    assert step_errors(empty).floor.size == 0
