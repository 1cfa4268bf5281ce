"""Sparse inputs: their values are what is differentiated, at places that stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from checkgrad.backends import Array

_COMPRESSED = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)


def is_sparse(tensor: Array) -> bool:
    """Return whether a tensor has one of the sparse layouts."""
    return tensor.layout is torch.sparse_coo or tensor.layout in _COMPRESSED


def sparse_parts(tensor: Array, masked: bool) -> tuple[Array, Callable[[Array], Array]]:
    """Return the values of a sparse tensor, and a function from values to such a tensor.

    Parameters
    ----------
    tensor : tensor
        The sparse tensor.
    masked : bool
        If not, entries that the tensor does not specify are specified, as zeros: they are
        differentiated too.
    """
    specified = tensor.detach() if masked else _all_specified(tensor.detach())
    if specified.layout is torch.sparse_coo:
        specified = specified.coalesce()
        indices = specified.indices()

        def build_coo(values: Array) -> Array:
            return torch.sparse_coo_tensor(
                indices, values, specified.shape, is_coalesced=True, check_invariants=False
            )

        return specified.values(), build_coo
    by_row = specified.layout in (torch.sparse_csr, torch.sparse_bsr)
    outer = specified.crow_indices() if by_row else specified.ccol_indices()
    inner = specified.col_indices() if by_row else specified.row_indices()

    def build_compressed(values: Array) -> Array:
        return torch.sparse_compressed_tensor(
            outer,
            inner,
            values,
            specified.shape,
            layout=specified.layout,
            check_invariants=False,
        )

    return specified.values(), build_compressed


def _all_specified(tensor: Array) -> Array:
    """Return the same tensor with all of its entries specified."""
    dense, options = tensor.to_dense(), _options(tensor)
    shape = tensor.shape[: tensor.sparse_dim()] if "sparse_dim" in options else tensor.shape
    # Sparse layouts leave zeros out. Numbers from 1 show which entry ends up in which place.
    count = int(torch.tensor(shape).prod())
    numbers = torch.arange(1, count + 1, device=tensor.device).reshape(shape)
    if "sparse_dim" in options:
        places = numbers.to_sparse(options["sparse_dim"]).coalesce()
        values = dense.reshape(count, *tensor.shape[tensor.sparse_dim() :])
        return torch.sparse_coo_tensor(
            places.indices(),
            values[places.values() - 1],
            tensor.shape,
            is_coalesced=True,
            check_invariants=False,
        )
    places = numbers.to_sparse(**options)
    values = dense.reshape(-1)[places.values() - 1]
    by_row = places.layout in (torch.sparse_csr, torch.sparse_bsr)
    outer = places.crow_indices() if by_row else places.ccol_indices()
    inner = places.col_indices() if by_row else places.row_indices()
    return torch.sparse_compressed_tensor(
        outer, inner, values, tensor.shape, layout=places.layout, check_invariants=False
    )


def _options(tensor: Array) -> dict[str, Any]:
    """Return the arguments of ``to_sparse`` that make a tensor of the same layout."""
    if tensor.layout is torch.sparse_coo:
        return {"sparse_dim": tensor.sparse_dim()}
    if tensor.layout in (torch.sparse_bsr, torch.sparse_bsc):
        batch = tensor.dim() - 2 - tensor.dense_dim()
        block = tuple(tensor.values().shape[batch + 1 : batch + 3])
        return {"layout": tensor.layout, "blocksize": block}
    return {"layout": tensor.layout}
