"""Reports for the tests of this folder: those of real checks, and those made by hand."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad import Mismatch, Report, Verdict, verify_grad

Function = Callable[..., Any]

VALUES = np.asarray([0.5, 1.25, -2.0, 3.0])


def func(x: Any) -> Any:
    return np.sum(np.exp(x) * np.arange(1, x.size + 1))


def grad(x: Any) -> Any:
    return np.exp(x) * np.arange(1, x.size + 1)


def rough(x: Any) -> Any:
    """As good as random, though the same at every call."""
    return np.sum(np.sin(x)) + 0.01 * np.sum(np.sin(1e20 * x))


def put(entry: int, value: float) -> Function:
    def changed(x: Any) -> Any:
        claim = grad(x)
        claim[entry] = value
        return claim

    return changed


@functools.cache
def correct() -> Report:
    return verify_grad(func, grad, VALUES)


@functools.cache
def wrong() -> Report:
    return verify_grad(func, lambda x: -grad(x), VALUES)


@functools.cache
def inconclusive() -> Report:
    return verify_grad(rough, np.cos, VALUES)


@functools.cache
def undetermined() -> Report:
    rng = np.random.default_rng(0)
    return verify_grad(lambda x: rng.normal(), grad, VALUES)


@functools.cache
def not_finite() -> Report:
    return verify_grad(func, put(1, math.nan), VALUES)


@functools.cache
def incomplete() -> Report:
    return verify_grad(func, lambda x: 2 * grad(x), VALUES, max_evals=20)


VERDICTS: dict[Callable[[], Report], str] = {
    correct: "correct",
    wrong: "wrong",
    inconclusive: "inconclusive",
    undetermined: "inconclusive",
    not_finite: "wrong",
    incomplete: "inconclusive",
}
every_report = pytest.mark.parametrize("make", VERDICTS, ids=lambda make: make.__name__)


def mismatch(where: str = "x[0]", **changes: Any) -> Mismatch:
    """A wrong entry; `changes` are other values of its attributes."""
    values = {"claim": 2.0, "estimate": 4 / 3, "uncertainty": 1e-9, "wrong": True}
    return Mismatch(where=where, **{**values, **changes})


def made(verdict: Verdict, **changes: Any) -> Report:
    """A report on four coordinates; `changes` are other values of its attributes."""
    values: dict[str, Any] = {
        "error": 0.5,
        "relative_error": 0.25,
        "resolution": 1e-9,
        "rtol": 1e-5,
        "noise": 1.2e-16,
        "mismatches": (),
        "n_wrong": 0,
        "n_unresolved": 0,
        "n_checked": 4,
        "hints": (),
        "n_func": 12,
        "n_grad": 3,
        "backend": "numpy",
        "dtype": "float64",
        "device": "cpu",
        "evaluated_in": "float64",
        "digits": None,
        "direction": "all",
    }
    return Report(verdict=verdict, **{**values, **changes})
