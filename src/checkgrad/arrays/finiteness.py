"""Whether all coordinates of x0 are finite: a derivative can be checked at such an x0 only."""

from __future__ import annotations

import math

import numpy as np

from checkgrad.arrays.blockwise import partitions_of
from checkgrad.arrays.layout import Layout
from checkgrad.backends import Array, Backend, Partitions


def require_finite(layout: Layout) -> None:
    """Raise a `ValueError` that names the first coordinate that is not finite."""
    found = [_first_not_finite(layout, leaf) for leaf in range(len(layout.leaves))]
    for leaf, entries in enumerate(layout.shared(found)):
        if entries:
            entry, value = min(entries)
            place = f"x0{layout.place(layout.offsets[leaf] + entry)}"
            raise ValueError(f"{place} is {value}; a derivative can be checked at finite x0 only")


def _first_not_finite(layout: Layout, leaf: int) -> list[tuple[int, float]]:
    """Return the first entry of a leaf that is not finite, and its value, if there is one."""
    array, part = layout.leaves[leaf], layout.part(leaf)
    if (partitions := partitions_of(layout.backend, array)) is not None:
        return _first_where_it_lies(layout.backend, partitions, array)
    with np.errstate(over="ignore", invalid="ignore"):
        total = layout.backend.reduced(layout.xp.sum, array)  # one pass, which makes no array
        if math.isfinite(float(total)):
            return []
    if bool(layout.xp.all(layout.xp.isfinite(array))):
        return []
    values = layout.backend.to_host(array).ravel()
    entry = int(np.flatnonzero(~np.isfinite(values))[0])
    place = entry if part is None else int(part.indices(entry, entry + 1)[0])
    return [(place, float(values[entry]))]


def _first_where_it_lies(
    backend: Backend, partitions: Partitions, array: Array
) -> list[tuple[int, float]]:
    """Return what `_first_not_finite` does, of a partitioned leaf."""
    xp, positions, end = backend.xp, partitions.positions, math.prod(array.shape)
    if math.isfinite(float(partitions.reduced(xp.sum, array))):
        return []

    def first(x: Array) -> Array:
        place = xp.min(xp.where(xp.isfinite(x), end, positions(x)))
        value = xp.sum(xp.where(positions(x) == place, x, xp.zeros_like(x)))
        return xp.stack([xp.astype(place, xp.float64), xp.astype(value, xp.float64)])

    place, value = backend.to_host(partitions.reduced(first, array)).tolist()
    return [(int(place), value)] if place < end else []
