"""Points next to x0: some units in the last place away, or rounded to a coarser dtype.

These points show how much func changes where nothing but rounding differs. This module works on
single arrays. It does not know how they make up x0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checkgrad.arrays.blockwise import is_large, partitions_of, random
from checkgrad.backends import Array, Backend


def moved_by_units(x: Array, signs: Array, unit: float, count: float) -> Array:
    """Return `x` with every entry moved by some units in the last place.

    Parameters
    ----------
    x : array
        Real floating numbers. An entry that is 0 stays: it has no such unit.
    signs : array
        1 for an entry that grows in magnitude, -1 for one that shrinks.
    unit : float
        1 plus the machine epsilon whose units these are.
    count : float
        How many units.
    """
    with np.errstate(all="ignore"):
        return x + count * ((x * unit - x) * signs)


def coarsened(x: Array, precision: float, xp: Any) -> Array:
    """Return `x` rounded to a coarser dtype, one of machine epsilon `precision`.

    A sum followed by a difference rounds the numbers [1]_.

    References
    ----------
    .. [1] Dekker, T. J., "A floating-point technique for extending the available precision",
       Numer. Math. 18, 1971, after G. W. Veltkamp.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        large = x * (precision / float(xp.finfo(x.dtype).eps) + 1)
        return large - (large - x)


def random_signs(x: Array, rng: np.random.Generator, backend: Backend) -> Array:
    """Return a random 1 or -1 for every entry of `x`, in its dtype and on its device.

    The signs of a large array are lazy, and those of a partitioned array are deferred.
    """
    if (partitions := partitions_of(backend, x)) is not None:
        return partitions.random_signs(rng, x)
    if is_large(x):
        return random(backend, backend.random_signs, rng, x)
    xp, numbers = backend.xp, backend.random_tangent(rng, x)
    return backend.computed(lambda each: xp.astype(each > 0, each.dtype) * 2 - 1, numbers)
