"""Claims that are the right derivative times x0, exp(x0) or an inverse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hint_cases import D, hints_for

from checkgrad import verify_grad

pytestmark = pytest.mark.numpy

X0 = np.linspace(0.5, 3, 30)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (np.exp(-X0), "the estimate times exp(-x0) at every coordinate: the factor exp(x0)"),
        (np.exp(X0), "the estimate times exp(x0) at every coordinate: the factor exp(x0)"),
        (X0, "the estimate times x0 at every coordinate: the derivative by log(x0)?"),
        (1 / X0, "the estimate divided by x0 at every coordinate: a factor x0 forgotten"),
    ],
)
def test_a_factor_of_x0_is_explained(factor: Any, words: str) -> None:
    (hint,) = hints_for(D * factor, D, x0=X0)
    assert words in hint


def test_one_entry_is_enough_if_it_is_near() -> None:
    x0 = np.asarray([0.3, 0.7, 1.1, 0.9])
    estimate = np.asarray([1.0, -2.0, 3.0, 4.0])
    exact = estimate * np.where(np.arange(4) == 1, np.exp(-0.7), 1.0)
    (hint,) = hints_for(exact, estimate, x0=x0)
    assert "times exp(-x0) at x[1]" in hint
    assert hints_for(exact * np.asarray([1, 1.0005, 1, 1]), estimate, x0=x0) == []


def test_of_equal_coordinates_it_is_a_constant_factor() -> None:
    (hint,) = hints_for(D * np.exp(0.7), D, x0=np.full(30, 0.7))
    assert "times the estimate" in hint


def test_a_report_says_so() -> None:
    def func(p: Any) -> Any:
        return np.sum(np.sin(p["mean"])) * np.exp(p["log_scale"])

    def grad(p: Any) -> Any:
        scale = np.exp(p["log_scale"])
        return {"mean": np.cos(p["mean"]) * scale, "log_scale": np.sum(np.sin(p["mean"]))}

    x0 = {"mean": np.asarray([1.0, 2.0, 0.5]), "log_scale": np.asarray(0.7)}
    assert "times exp(-x0) at p['log_scale']" in str(verify_grad(func, grad, x0))
