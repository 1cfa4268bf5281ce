"""Taylor's remainder, and the rate at which it falls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad import verify_grad
from checkgrad.report.sampled import DirectionSamples
from checkgrad.report.taylor import remainder, taylor_rate

pytestmark = pytest.mark.numpy


def line(
    claim: float, noise: float = 0.0, steps: Any = None, func: Any = np.exp
) -> DirectionSamples:
    """``func`` at 0, sampled to both sides."""
    lengths = np.exp2(-np.arange(2.0, 12.0)) if steps is None else np.asarray(steps)
    signed = np.sort(np.concatenate([lengths, -lengths]))
    values = func(signed)
    at = float(func(np.zeros(1))[0])
    return DirectionSamples("x[0]", signed, values, at, noise, claim, 1.0, 1e-9, 0.1, "correct")


@pytest.mark.parametrize(("claim", "rate"), [(1.0, 2), (1.1, 1), (0.0, 1)])
def test_a_right_claim_has_rate_two_and_a_wrong_one_rate_one(claim: float, rate: int) -> None:
    found = remainder(line(claim))
    assert found.rate == pytest.approx(rate, abs=0.03)
    assert np.all(np.diff(found.step) > 0)
    assert found.step.size == 10


def test_the_larger_side_counts() -> None:
    found = remainder(line(1.0, steps=[0.5]))
    assert found.size.tolist() == [np.exp(0.5) - 1 - 0.5]


def test_steps_that_differ_by_rounding_are_one() -> None:
    samples = line(1.0, steps=[0.5, 0.25])
    samples.steps[0] *= 1 + 1e-12
    assert remainder(samples).step.tolist() == [0.25, 0.5]


def test_a_function_of_higher_order_has_a_higher_rate() -> None:
    assert remainder(line(0.0, func=lambda x: x**3)).rate == pytest.approx(3)


def test_noise_hides_the_rate() -> None:
    assert remainder(line(1.0, noise=1.0)).rate is None
    assert remainder(line(1.0, noise=1e-6)).rate == pytest.approx(2, abs=0.05)
    assert remainder(line(0.0, func=np.zeros_like)).rate is None


def test_the_lowest_of_several_counts() -> None:
    assert taylor_rate([line(1.0), line(1.1), line(1.0, noise=1.0)]) == remainder(line(1.1)).rate
    assert taylor_rate([]) is None


def test_a_report_has_the_rate() -> None:
    x0 = np.asarray([0.3, 1.0])
    func = lambda x: np.sum(np.exp(x))  # noqa: E731
    assert verify_grad(func, np.exp, x0).rate is None
    assert verify_grad(func, np.exp, x0, keep_samples=True).rate == pytest.approx(2, abs=0.01)
    assert verify_grad(func, lambda x: 1.5 * np.exp(x), x0).rate == pytest.approx(1, abs=0.01)
