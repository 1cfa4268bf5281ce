"""Seeds for the random generators of libraries that have their own."""

from __future__ import annotations

from typing import Any

import numpy as np

_SEED_LIMIT = 2**31  # every library's generator takes seeds below this


def draw_seed(rng: Any) -> int:
    """Return an integer seed drawn from `rng`, a NumPy ``Generator`` or ``RandomState``."""
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(_SEED_LIMIT))
    return int(rng.randint(_SEED_LIMIT))
