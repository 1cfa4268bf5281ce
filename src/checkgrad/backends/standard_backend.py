"""Any other library of the array API standard (array-api-strict among them)."""

from __future__ import annotations

from typing import Any

import array_api_compat

from checkgrad.backends.array_types import Array, HostArray
from checkgrad.backends.base import Backend
from checkgrad.backends.host_arrays import as_numpy


class StandardBackend(Backend):
    """A library that is known by its namespace alone, and whose arrays NumPy can read."""

    def __init__(self, xp: Any) -> None:
        super().__init__(xp)
        self.name = xp.__name__

    def host(self, array: Array) -> HostArray:
        device = self.xp.__array_namespace_info__().default_device()
        return as_numpy(array_api_compat.to_device(array, device))
