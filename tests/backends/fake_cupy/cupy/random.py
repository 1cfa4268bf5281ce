"""Random numbers, made on the device that was current when the generator was made."""

import numpy as np

from cupy._core import wrapped
from cupy.cuda.device import Device


def default_rng(seed=None):
    """Make a generator for the current device."""
    return Generator(seed)


class Generator:
    """A generator, whose state is on one device."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)
        self._device = Device()

    def _made(self, numbers):
        if Device() != self._device:
            raise RuntimeError("This Generator state is allocated in a different device")
        return wrapped(np.asarray(numbers))

    def standard_normal(self, size=None, dtype=np.float64):
        """Draw normal numbers of float32 or float64."""
        if np.dtype(dtype).char not in "fd":
            raise TypeError(f"Unsupported dtype {np.dtype(dtype).name} for standard_normal")
        return self._made(self._rng.standard_normal(size, np.dtype(dtype)))

    def random(self, size=None, dtype=np.float64):
        """Draw numbers from 0 to 1."""
        return self._made(self._rng.random(size, np.dtype(dtype)))
