"""Random numbers for the drop-ins: the same in every check, and made once.

A check of a small function takes less than a millisecond. Making a generator takes as long as
calling the function.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch

from checkgrad.backends import Array

_VECTORS, _COTANGENTS = 0, 1  # seeds: a cotangent that is the tangent hides what is antisymmetric
_LARGE = 8.0  # a rule that clips its cotangent clips it to about 1
_MADE = 2**12  # numbers that are made at once


@functools.cache
def _numbers(count: int, seed: int) -> Array:
    """Return random numbers of absolute value 1/2 to 1, of both signs; the first is negative."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], count)
    signs[0] = -1.0  # or a rule that takes the absolute value is right where there is one number
    return torch.from_numpy(rng.uniform(0.5, 1.0, count) * signs)


def random_cotangents(tensors: Sequence[Array]) -> list[Array]:
    """Return other random numbers like some tensors, of absolute value 4 to 8."""
    return [_LARGE * each for each in random_like(tensors, _COTANGENTS)]


def random_like(tensors: Sequence[Array], seed: int = _VECTORS) -> list[Array]:
    """Return random numbers like some tensors: each of absolute value 1/2 to 1, of both signs.

    The real and the imaginary parts of complex numbers are.
    """
    sizes = [part.numel() * (2 if part.is_complex() else 1) for part in tensors]
    made = _numbers(max(_MADE, 2 ** max(sum(sizes) - 1, 0).bit_length()), seed)
    found, start = [], 0
    for part, size in zip(tensors, sizes, strict=True):
        numbers = made[start : start + size].clone()
        start += size
        if part.is_complex():
            like = torch.view_as_complex(numbers.view(-1, 2)).view(part.shape)
        else:
            like = numbers.view(part.shape)
        found.append(like.to(part.device, part.dtype))
    return found


def as_real(tensor: Array) -> Array:
    """Return real and imaginary parts along a new last axis; a real tensor as it is."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def flat(tensors: Sequence[Array]) -> Array:
    """Return all real numbers in some tensors as one vector, detached."""
    return torch.cat([as_real(each.detach()).reshape(-1) for each in tensors])
