"""Seeds for the random generators of libraries, and what their numbers have in common."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_SEED_LIMIT = 2**31  # every library's generator takes seeds below this
DEVIATION = math.sqrt((2**32 - 1) / 12)  # the standard deviation of 2**16 equally spaced numbers


def draw_seed(rng: Any) -> int:
    """Return an integer seed drawn from `rng`, a NumPy ``Generator`` or ``RandomState``."""
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(_SEED_LIMIT))
    return int(rng.randint(_SEED_LIMIT))
