"""The places that a report names, and the order in which it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad import verify_grad, verify_jac

pytestmark = pytest.mark.numpy


def test_at_most_a_hundred_places_are_named() -> None:
    def noisy(x: Any) -> Any:
        return np.sum(np.sin(1e20 * x))

    report = verify_grad(noisy, np.cos, np.linspace(1.0, 2.0, 101))
    assert report.n_unresolved == 101
    assert len(report.mismatches) == len(report.samples) == 100
    assert report.decisions.tolist() == ["inconclusive"] * 101


def test_the_worst_come_first_and_those_that_are_as_bad_in_the_order_of_their_places() -> None:
    def grad(x: Any) -> Any:
        return 2 * x + np.asarray([1.0, 0.0, 3.0, 1.0])

    report = verify_grad(lambda x: np.sum(x**2), grad, np.asarray([1.0, 2.0, 3.0, 4.0]))
    assert [each.where for each in report.mismatches] == ["x[2]", "x[0]", "x[3]"]


def test_outputs_of_other_units_are_compared_by_their_sizes() -> None:
    scale = np.asarray([1e6, 1.0])

    def jac(x: Any) -> Any:
        return np.diag(2 * x * scale * np.asarray([1.01, 1.5]))

    report = verify_jac(lambda x: scale * x**2, jac, np.asarray([1.0, 1.0]))
    assert report.mismatches[0].where == "d func[1] / d x[1]"


def test_a_mismatch_has_a_relative_error() -> None:
    report = verify_grad(
        lambda x: np.sum(x**2), lambda x: np.asarray([x[0], np.nan]), np.asarray([1.0, 1.0])
    )
    errors = {each.where: each.relative_error for each in report.mismatches}
    assert errors["x[0]"] == pytest.approx(0.5)
    assert errors["x[1]"] is None
