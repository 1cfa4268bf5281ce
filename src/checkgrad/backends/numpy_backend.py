"""NumPy: mutable arrays on the host, so every array that the user's code gets is a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from checkgrad.backends.array_types import Array, Entries, HostArray
from checkgrad.backends.base import Backend
from checkgrad.backends.blocks import fill_in_blocks
from checkgrad.backends.host_arrays import as_numpy
from checkgrad.backends.seeds import DEVIATION


class NumPyBackend(Backend):
    """NumPy. It overrides much for speed: plain NumPy is faster than the compatible namespace."""

    name = "numpy"

    def host(self, array: Array) -> HostArray:
        return as_numpy(array)

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        from checkgrad.backends.dispatch import host

        return host(value)

    def copy(self, array: Array) -> Array:
        return np.array(array)

    def complexed(self, pairs: Array) -> Array:
        width = np.result_type(pairs.dtype, np.complex64)
        return np.ascontiguousarray(pairs, width.type(0).real.dtype).view(width)[..., 0]

    def joined(self, blocks: Iterator[Array], shape: tuple[int, ...], like: Array) -> Array:
        return fill_in_blocks(blocks, lambda dtype: np.empty(shape, dtype))

    def perturbed_copies(
        self, array: Array, entries: Entries, values: Array, first: int = 0
    ) -> Iterator[Array]:
        flat = array.ndim == 1
        each = values[first : first + len(entries)]
        for entry, value in zip(entries.tolist(), each, strict=True):
            copy = array.copy()
            (copy if flat else copy.reshape(-1))[entry] = value
            yield copy
            del copy  # before the next is made

    def perturbed_batch(
        self, array: Array, entries: Entries, values: Array
    ) -> tuple[Array, Array, Array]:
        count = len(entries)
        batch = np.repeat(array[None, ...], count + 3, axis=0)
        flat = batch.reshape(count + 3, -1)
        rows = np.reshape(entries, (count, -1))
        flat[np.arange(1, count + 1)[:, None], rows] = values.reshape(count, -1)
        flat[-2, entries] = values
        flat[-1, entries[::2]] = values[::2]
        return batch, batch[-2].copy(), batch[-1].copy()

    def random_tangent(self, rng: Any, like: Array) -> Array:
        return np.asarray(rng.standard_normal(size=like.shape)).astype(like.dtype, copy=False)

    def random_block(self, rng: np.random.Generator, like: Array) -> Array:
        # Normal numbers take ten times as long. One draw of 64 bits gives four uniform ones.
        draws = rng.integers(2**64, size=-(-like.size // 4), dtype=np.uint64)
        numbers = draws.view(np.int16)[: like.size].astype(like.dtype).reshape(like.shape)
        numbers += 0.5
        numbers *= 1 / DEVIATION
        return numbers

    def random_signs(self, rng: Any, like: Array) -> Array:
        return rng.integers(2, size=like.shape, dtype=np.int8).astype(like.dtype) * 2 - 1

    def from_host(self, numbers: HostArray, like: Array) -> Array:
        return numbers.astype(like.dtype)

    def to_host(self, array: Array) -> HostArray:
        wide = np.complex128 if np.iscomplexobj(array) else np.float64
        return np.asarray(array).astype(wide)
