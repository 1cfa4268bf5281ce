"""Sparse matrices and linear operators, as what they are in full.

A claimed Jacobian may be one: a matrix of ``scipy.sparse``, ``torch.sparse`` or
``jax.experimental.sparse``, or a ``scipy.sparse.linalg.LinearOperator``. No library is imported:
each is known by its methods.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def densified(value: Any) -> Any:
    """Return a sparse array or a linear operator as a dense array; anything else as it is.

    Examples
    --------
    >>> densified([1.0, 2.0])
    [1.0, 2.0]
    """
    if isinstance(value, (np.ndarray, np.generic, float, int, list, tuple)):
        return value
    if callable(getattr(value, "toarray", None)):  # scipy.sparse
        return value.toarray()
    if callable(getattr(value, "todense", None)):  # jax.experimental.sparse
        return value.todense()
    layout = getattr(value, "layout", None)
    if layout is not None and str(layout).startswith("torch.sparse"):
        return value.to_dense()
    if callable(getattr(value, "matmat", None)) and len(getattr(value, "shape", ())) > 1:
        return np.asarray(value.matmat(np.eye(value.shape[1])))
    return value


def densified_tree(tree: Any) -> Any:
    """Return a tree of containers with every sparse array in it dense.

    A sparse array of JAX is a tree itself, which nobody must take apart.
    """
    if type(tree) is dict:
        return {key: densified_tree(part) for key, part in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(densified_tree(part) for part in tree)
    return densified(tree)
