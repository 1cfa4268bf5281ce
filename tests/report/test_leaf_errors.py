"""The relative errors of arrays of two dimensions, as images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad import verify_grad, verify_jac
from checkgrad.report.leaf_errors import images

pytestmark = pytest.mark.numpy

X0 = {
    "p": np.linspace(1.0, 2.0, 6).reshape(2, 3),
    "q": np.linspace(1.0, 2.0, 4).reshape(2, 2),
    "r": np.ones(3),
}


def func(x: Any) -> Any:
    return sum(np.sum(part**2) for part in x.values())


def test_arrays_with_wrong_entries_come_first_and_others_are_left_out() -> None:
    def grad(x: Any) -> Any:
        claim = {key: 2 * part for key, part in x.items()}
        claim["q"][1, 0] *= 2
        claim["r"][0] = 0
        return claim

    found = images(verify_grad(func, grad, X0).comparisons)
    assert [each.name for each in found] == ["['q']", "['p']"]
    assert found[0].wrong.tolist() == [[False, False], [True, False]]
    assert found[0].relative_error[1, 0] == pytest.approx(0.5)
    assert found[0].relative_error[0, 0] < 1e-5


def test_an_error_of_zero_is_as_far_from_a_wrong_one_as_colours_are() -> None:
    def jac(x: Any) -> Any:
        return np.diag(x)

    (found,) = images(verify_jac(lambda x: x**2, jac, np.asarray([1.0, 3.0])).comparisons)
    assert found.relative_error[0, 1] == found.low <= 1e-6
    assert found.relative_error[0, 0] == pytest.approx(0.5)
    assert found.high == 1.0
    assert found.name == "func by x0"


def test_what_is_not_finite_is_a_gap() -> None:
    def grad(x: Any) -> Any:
        claim = 2 * x
        claim[0, 1] = np.nan
        return claim

    (found,) = images(verify_grad(lambda x: np.sum(x**2), grad, X0["p"]).comparisons)
    assert np.isnan(found.relative_error[0, 1])
    assert found.wrong[0, 1]
    assert np.sum(np.isnan(found.relative_error)) == 1


def test_complex_entries_have_the_larger_error_of_their_parts() -> None:
    x0 = np.asarray([[1.0 + 1.0j, 2.0 - 1.0j]])

    def grad(z: Any) -> Any:
        return 2 * np.conj(z) + np.asarray([[0.0, 0.5j]])

    (found,) = images(verify_grad(lambda z: np.sum(np.abs(z) ** 2), grad, x0).comparisons)
    assert found.relative_error.shape == (1, 2)
    assert found.wrong.tolist() == [[False, True]]


def test_along_tangents_there_are_none() -> None:
    report = verify_grad(lambda x: np.sum(x**2), lambda x: 2 * x, X0["p"], direction=2)
    assert images(report.comparisons) == []
