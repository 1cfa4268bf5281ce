"""Any other library of the array API standard (array-api-strict among them)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import array_api_compat
import array_api_extra as xpx
import numpy as np

from checkgrad.backends.blocks import filled
from checkgrad.backends.eager import Eager
from checkgrad.backends.protocol import Array, Entries, HostArray


def make(array: Array) -> StandardBackend:
    """The backend of `array`."""
    return StandardBackend(array_api_compat.array_namespace(array))


class StandardBackend(Eager):
    """See `checkgrad.backends.protocol.Backend`."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.name = xp.__name__

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        foreign = isinstance(value, np.generic | np.ndarray)
        foreign |= not array_api_compat.is_array_api_obj(value)
        if not foreign and array_api_compat.array_namespace(value) is self.xp:
            return value
        from checkgrad.backends import portable

        device = None if like is None else array_api_compat.device(like)
        return self.xp.asarray(portable(value), device=device)

    def gather_detached(self, array: Array) -> Array:
        return array

    def copy(self, array: Array) -> Array:
        return self.xp.asarray(array, copy=True)

    def complexed(self, pairs: Array) -> Array:
        wide = self.xp.result_type(pairs.dtype, self.xp.complex64)
        return self.xp.astype(pairs[..., 0], wide) + 1j * self.xp.astype(pairs[..., 1], wide)

    def joined(self, blocks: Iterator[Array], shape: tuple[int, ...], like: Array) -> Array:
        device = array_api_compat.device(like)
        return filled(blocks, lambda dtype: self.xp.empty(shape, dtype=dtype, device=device))

    def perturbed_copies(
        self, array: Array, entries: Entries, values: Array, first: int = 0
    ) -> Iterator[Array]:
        flat = self.xp.reshape(array, (-1,))
        for place, entry in enumerate(entries.tolist(), first):
            copy = self._replaced(flat, entry, values[place, ...])
            yield self.xp.reshape(copy, array.shape)

    def _replaced(self, flat: Array, entry: int | list[int], value: Array) -> Array:
        """A copy of `flat` with one entry replaced, or several."""
        if isinstance(entry, int):
            return xpx.at(flat)[entry].set(value, copy=True, xp=self.xp)
        for place, each in enumerate(entry):
            flat = self._replaced(flat, each, value[place])
        return flat

    def perturbed_batch(
        self, array: Array, entries: Entries, values: Array
    ) -> tuple[Array, Array, Array]:
        control_points = []
        for every in (1, 2):
            flat = self.xp.reshape(array, (-1,))
            for place in range(0, len(entries), every):
                flat = self._replaced(flat, entries[place].tolist(), values[place, ...])
            control_points.append(self.xp.reshape(flat, array.shape))
        together = self.xp.stack(
            [array, *self.perturbed_copies(array, entries, values), *control_points]
        )
        return together, control_points[0], control_points[1]

    def random_tangent(self, rng: Any, like: Array) -> Array:
        numbers = np.asarray(rng.standard_normal(size=like.shape))
        return self.from_host(numbers, like)  # cast here: the device may lack float64

    def random_signs(self, rng: Any, like: Array) -> Array:
        return self.from_host(rng.integers(2, size=like.shape) * 2.0 - 1.0, like)

    def from_host(self, numbers: HostArray, like: Array) -> Array:
        device = array_api_compat.device(like)
        return self.xp.asarray(numbers, dtype=like.dtype, device=device)

    def to_host(self, array: Array) -> HostArray:
        wide = np.complex128 if self.xp.isdtype(array.dtype, "complex floating") else np.float64
        host = self.xp.__array_namespace_info__().default_device()
        return np.asarray(array_api_compat.to_device(array, host)).astype(wide)
