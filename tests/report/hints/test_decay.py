"""Claims that differ from the right derivative by a multiple of x0."""

from __future__ import annotations

import numpy as np
import pytest
from hint_cases import D, hints_for

from checkgrad import verify_grad

pytestmark = pytest.mark.numpy

X0 = np.linspace(-2, 3, 30)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (-0.1, "claim is 1/10 times x0 less than the estimate at every coordinate: weight decay"),
        (2.0, "claim is 2 times x0 more than the estimate at every coordinate: weight decay"),
    ],
)
def test_a_multiple_of_x0_is_explained(factor: float, words: str) -> None:
    (hint,) = hints_for(D + factor * X0, D, x0=X0)
    assert hint.startswith(words)
    assert ("forgotten?" in hint) == (factor < 0)


def test_a_multiple_of_x0_in_one_array_is_named() -> None:
    estimate = {"w": D, "b": D[:10]}
    x0 = np.concatenate([X0, X0[:10]])
    (hint,) = hints_for({"w": D + 0.3 * X0, "b": D[:10]}, estimate, x0=x0)
    assert "everywhere in w" in hint


def test_of_equal_coordinates_the_difference_is_a_constant() -> None:
    (hint,) = hints_for(D + 0.3, D, x0=np.ones(30))
    assert "a constant added" in hint


def test_a_factor_is_simpler() -> None:
    (hint,) = hints_for(1.3 * X0, X0, x0=X0)
    assert "times the estimate" in hint


def test_two_entries_may_differ_by_a_multiple_by_accident() -> None:
    changed = np.where(np.arange(30) < 2, 0.3 * X0, 0.0)
    assert hints_for(D + changed, D, x0=X0) == []


def test_a_report_says_so() -> None:
    report = verify_grad(lambda w: np.sum(np.sin(w)) + 0.05 * w @ w, np.cos, X0)
    assert "claim is 1/10 times x0 less" in str(report)
