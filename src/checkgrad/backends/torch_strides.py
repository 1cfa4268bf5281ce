"""Copies of tensors that lie in memory as the user's tensors do.

A kernel may be right for contiguous tensors only. So what the user's code gets must have the
strides of what the user passed. This module owns copies with given strides, and copies that are
not contiguous.
"""

from __future__ import annotations

import torch

from checkgrad.backends.array_types import Array

_MOST_GAPS = 16  # how many times the memory of its entries a strided copy may take


def is_plain(tensor: Array) -> bool:
    """Return whether a tensor is contiguous and requires no gradient."""
    return not tensor.requires_grad and bool(tensor.is_contiguous())


def with_strides_of(tensor: Array, like: Array) -> Array:
    """Return a tensor that has the strides of `like`: itself, or a copy.

    If entries of `like` overlap in memory, or lie very far apart, the tensor is returned as it is.
    """
    strides = like.stride()
    if tensor.stride() == strides or tensor.shape != like.shape or tensor.numel() < 2:
        return tensor
    sides = [(stride, size) for stride, size in zip(strides, like.shape, strict=True) if size > 1]
    sides.sort()
    reach = 1  # entries of memory that the sides so far span
    for stride, size in sides:
        if stride < reach:
            return tensor  # entries overlap
        reach += stride * (size - 1)
    if reach > _MOST_GAPS * tensor.numel():
        return tensor
    room = torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device=tensor.device)
    return room.copy_(tensor)


def strided_copy(tensor: Array) -> Array:
    """Return a copy with the same strides, which records nothing for differentiation."""
    alone = tensor.detach()
    return with_strides_of(alone.clone(), alone)


def with_gaps(tensor: Array) -> Array:
    """Return a copy with a gap after each entry. A single number has no strides to change."""
    if tensor.dim() == 0:
        return tensor.clone()
    gaps = torch.empty((*tensor.shape, 2), dtype=tensor.dtype, device=tensor.device)
    return gaps[..., 0].copy_(tensor)
