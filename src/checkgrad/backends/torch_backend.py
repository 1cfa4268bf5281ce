"""PyTorch: mutable arrays with a record for differentiation, on any device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import array_api_compat
import numpy as np
import torch

from checkgrad.backends.protocol import Array, HostArray
from checkgrad.backends.seeds import draw_seed


def make(array: Array) -> TorchBackend:
    """The backend of `array`."""
    return TorchBackend(array_api_compat.array_namespace(array))


class TorchBackend:
    """See `checkgrad.backends.protocol.Backend`."""

    name = "torch"

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        from checkgrad.backends import dense, portable

        if array_api_compat.is_torch_array(value):
            return dense(value.detach())

        # torch.tensor copies: torch.from_numpy would share memory, and warn of read-only arrays.
        return torch.tensor(portable(value), device=None if like is None else like.device)

    def detach(self, array: Array) -> Array:
        return array.detach()

    def fresh(self, array: Array) -> Array:
        return array.detach().clone(memory_format=torch.contiguous_format)

    def fresh_for_grad(self, array: Array, original: Array) -> Array:
        return self.fresh(array).requires_grad_(original.requires_grad)

    def settled(self, array: Array) -> Array:
        return array

    def moved(self, array: Array, entries: Sequence[int], values: Array) -> Iterator[Array]:
        for entry, value in zip(entries, values.unbind(), strict=True):
            copy = self.fresh(array)
            copy.view(-1)[entry] = value
            yield copy

    def standard_normal(self, rng: Any, like: Array) -> Array:
        generator = torch.Generator(device=like.device).manual_seed(draw_seed(rng))
        return torch.randn(like.shape, dtype=like.dtype, device=like.device, generator=generator)

    def rounded(self, numbers: HostArray, like: Array) -> Array:
        return torch.tensor(numbers, dtype=torch.float64).to(like.device, like.dtype)

    def to_host(self, array: Array) -> HostArray:
        array = array.detach().cpu().resolve_conj().resolve_neg()
        wide = torch.complex128 if array.is_complex() else torch.float64
        return np.array(array.to(wide).numpy())  # a copy: .to() shares memory where it can
