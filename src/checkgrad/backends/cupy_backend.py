"""CuPy: mutable arrays on a CUDA device, which only explicit calls copy to the host.

All work goes to the current stream of the current device. Copies to the host wait for it. A
function that uses a stream of its own must order it after the current stream, and the current
stream after it, as everywhere in CuPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from checkgrad.backends.array_types import Array, HostArray
from checkgrad.backends.base import Backend
from checkgrad.backends.seeds import draw_seed

cupy: Any = import_module("cupy")  # not an import statement: types are checked without CuPy


class CupyBackend(Backend):
    """CuPy, on the current CUDA device."""

    name = "cupy"

    def host(self, array: Array) -> HostArray:
        numbers: HostArray = cupy.asnumpy(array)
        return numbers

    def obstacle(self, array: Array) -> str:
        place, current = array.device.id, cupy.cuda.Device().id
        if place == current:
            return ""
        return (
            f"on CUDA device {place}, but CuPy computes on the current device, which is {current}; "
            f"call checkgrad inside of `with cupy.cuda.Device({place}):`"
        )

    def copy(self, array: Array) -> Array:
        return self.xp.asarray(array, copy=True, device=array.device)

    def on_host(self, array: Array) -> bool:
        return False

    def free_memory(self, array: Array) -> float:
        with array.device:
            kept = cupy.get_default_memory_pool().free_bytes()  # CuPy keeps what it freed
        return float(array.device.mem_info[0] + kept)

    def random_tangent(self, rng: Any, like: Array) -> Array:
        # CuPy makes normal numbers of these two dtypes only.
        dtype = like.dtype if like.dtype.char in "fd" else np.dtype(np.float32)
        with like.device:
            numbers = cupy.random.default_rng(draw_seed(rng)).standard_normal(like.shape, dtype)
            return numbers.astype(like.dtype, copy=False)

    def random_signs(self, rng: Any, like: Array) -> Array:
        with like.device:
            uniform = cupy.random.default_rng(draw_seed(rng)).random(like.shape, np.float32)
            return (uniform < np.float32(0.5)).astype(like.dtype) * 2 - 1

    def complexed(self, pairs: Array) -> Array:
        wide = np.result_type(pairs.dtype, np.complex64)
        real = np.finfo(wide).dtype
        return cupy.ascontiguousarray(pairs, real).view(wide)[..., 0]
