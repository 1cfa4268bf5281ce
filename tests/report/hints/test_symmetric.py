"""Claims for a square array that are right for symmetric matrices only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hint_cases import array, hints_for

from checkgrad import Verdict, verify_grad, verify_jac

pytestmark = pytest.mark.numpy

E = array(4, 4)


def test_the_symmetric_part_is_explained() -> None:
    (hint,) = hints_for((E + E.T) / 2, E)
    assert hint.startswith("claim in x is the symmetric part of the estimate: ")


def test_so_is_the_derivative_by_the_entries_of_a_symmetric_matrix() -> None:
    by_entries = E + E.T - np.diag(np.diag(E))
    (hint,) = hints_for(by_entries, E)
    assert hint.startswith("claim in x is the derivative by the entries of a symmetric matrix: ")


@pytest.mark.parametrize("shape", [(4, 3), (16,), (2, 2, 4)])
def test_only_square_arrays_have_a_symmetric_part(shape: tuple[int, ...]) -> None:
    claim = ((E + E.T) / 2).ravel()[: np.prod(shape)].reshape(shape)
    found = hints_for(claim, E.ravel()[: np.prod(shape)].reshape(shape))
    assert not any("symmetric" in hint for hint in found)


def test_one_other_entry_is_enough_to_say_nothing() -> None:
    claim = (E + E.T) / 2
    claim[1, 2] *= 1.01
    assert not any("symmetric" in hint for hint in hints_for(claim, E))


def test_a_report_gives_advice_that_helps() -> None:
    def func(matrix: Any) -> Any:  # reads the lower triangle
        return np.sum(np.log(np.diag(np.linalg.cholesky(matrix))))

    def grad(matrix: Any) -> Any:
        return np.linalg.inv(matrix) / 2

    x0 = np.asarray([[2.0, 1, 0.5], [1, 3, 0.2], [0.5, 0.2, 4]])
    report = verify_grad(func, grad, x0)
    assert report.verdict is Verdict.WRONG
    assert "direction=lambda v: (v + v.T) / 2" in report.hints[0]
    followed = verify_grad(func, grad, x0, direction=lambda v: (v + v.T) / 2)
    assert followed.verdict is Verdict.CORRECT


def test_a_hessian_that_was_made_symmetric() -> None:
    matrix = E[:3, :3]
    report = verify_jac(lambda x: matrix @ x, lambda x: (matrix + matrix.T) / 2, np.ones(3))
    assert "claim in jac is the symmetric part" in str(report)
