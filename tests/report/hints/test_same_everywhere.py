"""Claims that are not zero where func does not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad import verify_grad, verify_jac, verify_vjp

pytestmark = pytest.mark.numpy

X0 = np.asarray([1.2, 2.2, 3.2])
SAME = "func has the same value all around x0"


@pytest.mark.parametrize("direction", ["all", 3, "random"])
@pytest.mark.parametrize(
    "func",
    [
        lambda x: 5.0,
        lambda x: np.sum(np.sin(x) ** 2 + np.cos(x) ** 2),
        lambda x: np.sum(np.sign(x)),
        lambda x: np.sum(np.sin(X0)),
    ],
    ids=["constant", "up to rounding", "sign", "of a captured array"],
)
def test_a_func_that_does_not_depend_on_x(func: Any, direction: Any) -> None:
    (hint,) = verify_grad(func, np.cos, X0, direction=direction).hints
    assert hint.startswith(SAME)


def test_a_straight_through_rule() -> None:
    for report in (
        verify_jac(np.round, lambda x: np.eye(3), X0),
        verify_vjp(np.round, lambda x, w: w, X0),
    ):
        assert "whatever a straight-through rule says" in str(report)


def test_coordinates_that_are_unused_are_named() -> None:
    (hint,) = verify_grad(lambda x: np.sin(x[0]), np.cos, X0).hints
    assert hint.startswith("func does not change around x0 at x[1] and x[2], and the claim is not")


def test_a_stationary_point_is_not_constant() -> None:
    for func in (lambda x: np.sum(x**2), lambda x: np.sum(x**4), lambda x: np.prod(x)):
        report = verify_grad(func, lambda x: 1 + 0 * x, np.zeros(3))
        assert "does not change" not in str(report)
        assert SAME not in str(report) or func(np.full(3, 1.0)) == 1.0


def test_a_minority_of_the_wrong_entries_is_not_named() -> None:
    def func(x: Any) -> Any:
        return np.sum(np.sin(x[:2])) + 0 * x[2]

    report = verify_grad(func, lambda x: np.cos(x) * [1.5, 0.3, 1], X0)
    assert "does not change" not in str(report)
