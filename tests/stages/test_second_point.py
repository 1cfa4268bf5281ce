"""Claims that are right at x0 and look at x0 instead of their argument."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sampling import draws

from checkgrad import Verdict, verify_grad, verify_jac, verify_jvp, verify_vjp

pytestmark = pytest.mark.numpy

STALE = "what was computed for x0 and never again"


def says_so(report: Any) -> bool:
    return any(STALE in hint for hint in report.hints)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", draws(20, plain=3))
def test_a_claim_that_looks_at_x0_is_wrong_in_every_form(seed: int, dtype: Any) -> None:
    rng = np.random.default_rng(seed)
    x0 = rng.normal(size=rng.integers(2, 6)).astype(dtype)
    matrix = np.diag(np.cos(x0))
    reports = [
        verify_grad(lambda x: np.sum(np.sin(x)), lambda x: np.cos(x0), x0),
        verify_jac(np.sin, lambda x: matrix, x0),
        verify_jvp(np.sin, lambda x, v: matrix @ v, x0),
        verify_vjp(np.sin, lambda x, w: w @ matrix, x0),
    ]
    for report in reports:
        assert report.verdict is Verdict.WRONG, report
        assert says_so(report), report


@pytest.mark.parametrize("seed", draws(20, plain=6))
def test_a_cache_of_a_part_that_is_never_refreshed_is_found(seed: int) -> None:
    x0 = np.random.default_rng(seed).normal(size=4)
    cache: dict[str, Any] = {}

    def grad(x: Any) -> Any:
        cache.setdefault("exp", np.exp(x))
        return 2 * x * cache["exp"] + x**2 * cache["exp"]

    report = verify_grad(lambda x: np.sum(x**2 * np.exp(x)), grad, x0)
    assert report.verdict is Verdict.WRONG, report
    assert says_so(report)


@pytest.mark.parametrize("units", [3, 50, 10**6, 10**8])
def test_a_constant_claim_is_right_on_its_side_of_a_kink(units: int) -> None:
    x0 = np.asarray([1 + units * 2.0**-40])
    report = verify_grad(lambda x: np.sum(np.maximum(x, 1)), np.ones_like, x0)
    assert report.verdict is Verdict.CORRECT, report


def test_a_claim_may_use_what_func_left_behind() -> None:
    kept: list[Any] = []

    def func(x: Any) -> Any:
        kept[:] = [np.exp(x)]
        return np.sum(kept[0])

    report = verify_grad(func, lambda x: kept[0], np.asarray([0.3, -1.2]))
    assert report.verdict is Verdict.CORRECT, report


def test_bounds_are_kept_at_the_second_point() -> None:
    seen: list[Any] = []

    def func(x: Any) -> Any:
        seen.append(x.copy())
        return np.sum(x**3)

    x0 = np.asarray([0.5, 0.9])
    assert verify_grad(func, lambda x: 3 * x**2, x0, bounds=(0.0, 1.0))
    assert np.min(seen) >= 0
    assert np.max(seen) <= 1


@pytest.mark.parametrize("saturation", [19.0, 20.0, 21.0])
def test_a_plateau_of_a_rounded_factor_is_no_kink(saturation: float) -> None:
    """Next to x0, func moves as if the gate were a constant; its noise is larger than it seems."""
    x0 = np.asarray([-0.23470137])

    def func(x: Any) -> Any:
        return np.sum((1 - 1 / (1 + np.exp(-saturation - 0.12 * x))) * np.tanh(1.7 + 1.37 * x))

    def without_the_gate(x: Any) -> Any:
        rest = 1 / (1 + np.exp(saturation + 0.12 * x))
        return rest * 1.37 * (1 - np.tanh(1.7 + 1.37 * x) ** 2)

    def right(x: Any) -> Any:
        rest = 1 / (1 + np.exp(saturation + 0.12 * x))
        return without_the_gate(x) - 0.12 * rest * (1 - rest) * np.tanh(1.7 + 1.37 * x)

    assert verify_grad(func, without_the_gate, x0).verdict is Verdict.WRONG
    assert verify_grad(func, right, x0).verdict is not Verdict.WRONG


def test_a_func_that_is_finite_at_x0_only_is_compared_there_only() -> None:
    x0 = np.asarray([1.0])

    def func(x: Any) -> Any:
        return np.sum(x**2) if abs(x[0] - 1) < 1e-2 else np.nan

    report = verify_grad(func, lambda x: 2 * x, x0)
    assert report.verdict is Verdict.CORRECT
    assert any("compared at x0 only" in hint for hint in report.hints), report


def test_a_claim_that_raises_elsewhere_is_compared_at_x0_only() -> None:
    x0 = np.asarray([1.0, 2.0])

    def grad(x: Any) -> Any:
        if np.any(np.abs(x - x0) > 1e-2):
            raise ZeroDivisionError
        return 2 * x

    report = verify_grad(lambda x: np.sum(x**2), grad, x0)
    assert report.verdict is Verdict.CORRECT
    assert any("the claim raises ZeroDivisionError there" in hint for hint in report.hints)
