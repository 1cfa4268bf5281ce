"""The part that this rank has of a DTensor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from checkgrad.backends.array_types import Array
from checkgrad.backends.seeds import DEVIATION

# Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014: SplitMix64, as
# signed integers.
_STEP = 0x9E3779B97F4A7C15 - 2**64
_FACTORS = (0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64)
_SHIFTS = (30, 27, 31)


class TorchPart:
    """The part of this rank of tensors that lie as a DTensor does.

    Parameters
    ----------
    like : DTensor
        The DTensor. Its placements are `Shard` and `Replicate`.
    """

    def __init__(self, like: Array) -> None:
        self._mesh, self._placements = like.device_mesh, like.placements
        self._stride, self._records = like.stride(), like.requires_grad
        self.shape = tuple(like.shape)
        shape, offset = compute_local_shape_and_global_offset(
            self.shape, self._mesh, self._placements
        )
        self._own_shape, self._offset = tuple(shape), tuple(offset)
        self.key = f"{self._own_shape} from {self._offset}"
        places = zip(self._mesh.get_coordinate(), self._placements, strict=True)
        self.counts = not any(place for place, each in places if isinstance(each, Replicate))

    def taken(self, array: Array) -> Array:
        """See `ArrayPart.taken`."""
        if isinstance(array, DTensor):
            if tuple(array.shape) != self.shape:
                return array.detach().full_tensor()
            return array.detach().redistribute(self._mesh, self._placements).to_local()
        if tuple(array.shape) != self.shape:
            return array
        for dimension, (start, size) in enumerate(zip(self._offset, self._own_shape, strict=True)):
            array = array.narrow(dimension, start if size else 0, size)
        return array

    def assembled(self, part: Array) -> Array:
        """See `ArrayPart.assembled`."""
        whole = DTensor.from_local(
            part.detach(),
            self._mesh,
            self._placements,
            run_check=False,
            shape=torch.Size(self.shape),
            stride=self._stride,
        )
        return whole.requires_grad_() if self._records else whole

    def whole(self, part: Array) -> Array:
        """See `ArrayPart.whole`."""
        return self.assembled(part).detach().full_tensor()

    def indices(self, start: int, stop: int) -> Array:
        """See `ArrayPart.indices`."""
        left = torch.arange(start, stop, device=self._mesh.device_type)
        found, stride = torch.zeros_like(left), 1
        sides = zip(self.shape, self._own_shape, self._offset, strict=True)
        for whole, own, offset in reversed(list(sides)):
            found += (left % own + offset) * stride
            left = left // own
            stride *= whole
        return found

    def place_of(self, entry: int) -> int:
        """See `ArrayPart.place_of`."""
        if 0 in self._own_shape:
            return -1
        if not self.shape:
            return entry
        at = np.subtract(np.unravel_index(entry, self.shape), self._offset)
        if np.any(at < 0) or np.any(at >= self._own_shape):
            return -1
        return int(np.ravel_multi_index(tuple(at), self._own_shape))

    def random_block(self, seed: int, start: int, stop: int, like: Array) -> Array:
        """See `ArrayPart.random_block`."""
        bits = self.indices(start, stop).mul_(_STEP).add_(seed)
        for shift, factor in zip(_SHIFTS, (*_FACTORS, 1), strict=True):
            # Shifts of signed integers repeat the sign.
            bits = (bits ^ ((bits >> shift) & (2 ** (64 - shift) - 1))) * factor
        numbers = (bits >> 48).to(torch.float32)  # 16 bits, from -2**15 on
        return numbers.add_(0.5).div_(DEVIATION).to(like.dtype)


def torch_part(array: Any, ranks: int) -> TorchPart | None:
    """Return the part of this rank of a DTensor; None if it cannot be worked on by itself.

    Parameters
    ----------
    array : DTensor
        The DTensor.
    ranks : int
        How many ranks check together.
    """
    kinds = {type(each) for each in array.placements}
    is_known = kinds <= {Shard, Replicate} and array.dtype.is_floating_point
    if not is_known or array.device_mesh.size() != ranks or math.prod(array.shape) == 0:
        return None
    return TorchPart(array)
