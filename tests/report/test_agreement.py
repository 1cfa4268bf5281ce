"""The numbers of a picture of claim against estimate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from report_cases import VALUES, func, grad, mismatch, not_finite

from checkgrad import verify_grad
from checkgrad.report.agreement import agreement_points

pytestmark = pytest.mark.numpy


def points(claim: Any, of: Any = func, x0: Any = VALUES) -> Any:
    report = verify_grad(of, claim, x0)
    return agreement_points(report.comparisons, report.mismatches)


def test_all_that_was_compared_is_there() -> None:
    found = points(lambda x: grad(x) * [1.0, 1.0, 2.0, 1.0])
    np.testing.assert_array_equal(found.claim, grad(VALUES) * [1.0, 1.0, 2.0, 1.0])
    assert found.decision.tolist() == ["correct", "correct", "wrong", "correct"]
    assert found.named == [("x[2]", found.estimate[2], found.claim[2])]
    assert np.all(np.isfinite(found.uncertainty))
    assert found.missing == 0


def test_limits_hold_all_points() -> None:
    found = points(grad)
    low, high = found.limits
    assert low < min(found.claim.min(), found.estimate.min())
    assert high > max(found.claim.max(), found.estimate.max())


def test_what_is_not_finite_is_counted() -> None:
    report = not_finite()
    found = agreement_points(report.comparisons, report.mismatches)
    assert found.claim.size == 3
    assert found.missing == 1
    assert found.named == []


def test_sizes_far_apart_have_axes_with_powers_of_ten() -> None:
    weights = np.asarray([1e-3, 1.0, 1.0, 1e6])
    found = points(lambda x: weights, lambda x: np.sum(weights * x))
    assert found.linear_up_to == 1.0  # a millionth of the largest
    assert points(lambda x: 0 * x + 2, lambda x: 2 * np.sum(x)).linear_up_to is None


def test_nothing_finite_makes_an_empty_picture() -> None:
    found = points(lambda x: np.full(4, np.nan))
    assert found.limits == (-1.0, 1.0)
    assert found.linear_up_to is None
    assert (
        agreement_points(
            verify_grad(func, grad, VALUES).comparisons, [mismatch(estimate=math.nan)]
        ).named
        == []
    )
