"""Sparse matrices and linear operators as what they are in full."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad.backends import densified, densified_tree

MATRIX = np.asarray([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])


class Operator:
    """A linear operator that is known by its products only."""

    shape = MATRIX.shape

    def matmat(self, columns: Any) -> Any:
        return MATRIX @ columns


@pytest.mark.numpy
@pytest.mark.parametrize("value", [MATRIX, 1.0, [1.0], (2.0,), {"a": 1.0}, None, "text"], ids=str)
def test_what_is_dense_stays_as_it_is(value: Any) -> None:
    assert densified(value) is value


@pytest.mark.numpy
def test_an_operator_is_known_by_its_products() -> None:
    np.testing.assert_array_equal(densified(Operator()), MATRIX)


@pytest.mark.parametrize("form", ["csr_array", "coo_matrix"])
def test_matrices_of_scipy(form: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    dense = densified(getattr(sparse, form)(MATRIX))
    assert type(dense) is np.ndarray
    np.testing.assert_array_equal(dense, MATRIX)


def test_tensors_keep_their_layout_if_they_are_dense() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.as_tensor(MATRIX)
    assert densified(tensor) is tensor
    assert densified(tensor.to_sparse()).layout is torch.strided


def test_trees_are_dense_in_every_place() -> None:
    sparse = pytest.importorskip("jax.experimental.sparse")
    matrix = sparse.BCOO.fromdense(MATRIX)
    tree = densified_tree({"a": [matrix, (Operator(), 1.0)]})
    assert tree["a"][0].shape == MATRIX.shape
    np.testing.assert_array_equal(tree["a"][1][0], MATRIX)
    assert tree["a"][1][1] == 1.0
