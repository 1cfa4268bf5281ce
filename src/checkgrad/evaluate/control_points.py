"""Whether a batch can be trusted: its values at some points against those of single calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from checkgrad.arrays.point import Point
from checkgrad.backends import Array, HostArray, machine_epsilon
from checkgrad.precision import HALF

SAME = 64.0  # machine epsilons of the largest value at a point that others may be off by there
_HARMLESS = 1e-8  # ... or this part of what the steps change: no difference shows that ...
_NOISY = 8.0  # ... or times what it varies by at so many points ...
_NEIGHBOURS = 3  # ... that are units in the last place apart
DIFFERS = "it returns other values in a batch than alone"


def cannot_be_evaluated(batch: str, obstacle: str) -> ValueError:
    """Return the error where the user asked for a `batch` that cannot be had."""
    return ValueError(
        f"func cannot be evaluated with batch={batch!r}: {obstacle}; pass batch='loop', with a "
        "func of one point"
    )


def batch_matches_single(
    batch: HostArray,
    x0: Sequence[Array],
    control_points: Sequence[Sequence[Array]],
    apart: Sequence[Array],
    alone: Callable[[list[Array]], Array],
    point: Point,
) -> bool:
    """Return whether the values of a `batch` are those that ``func`` returns alone.

    One step may change ``func`` by no more than its rounding error. With all entries moved at once,
    and with every other one, it changes by more.

    Parameters
    ----------
    batch : array, shape (1 + points, *m)
        The value of the batch at x0, then those at the control points.
    x0 : sequence of array
        The leaves that move.
    control_points : sequence of sequence of array
        What stands in their place.
    apart : sequence of array
        ``func`` at x0 and at the control points, by single calls.
    alone : callable
        Makes a single call.
    point : Point
        x0.
    """
    to_host = point.backend.to_host
    single = np.stack([to_host(value) for value in apart])
    epsilon = float(machine_epsilon(apart[0]))
    # Small values, too, are sums of terms as large as others, and round in another order.
    size = np.where(np.isfinite(single), np.abs(single), 0.0)
    size = size.max(axis=tuple(range(1, single.ndim)), keepdims=True, initial=0.0)
    with np.errstate(invalid="ignore"):
        off = np.abs(single - batch)
        same = off <= SAME * epsilon * size
        same |= (single == batch) | (np.isnan(single) & np.isnan(batch))
        change = np.abs(single - single[:1]).max(axis=0)
        same |= np.isfinite(change) & (off <= _HARMLESS * change)
        if np.all(same):
            return True
        # Where terms cancel, the rounding error is larger than that of the value.
        noise = []
        for leaves, value in zip(control_points, single[1:], strict=True):
            around = zip(leaves, x0, control_points[0], strict=True)
            points = zip(*(_near(*each, point.xp) for each in around), strict=True)
            near = [to_host(alone(list(each))) for each in points]
            noise.append(np.abs(np.stack(near) - value).max(initial=0.0))
        at_most = np.reshape([min(noise), *noise], (-1,) + (1,) * (single.ndim - 1))
        return bool(np.all(same | (off <= _NOISY * at_most)))


def has_few_digits(array: Array) -> bool:
    """Return whether a step changes values of this dtype too little for a batch to be trusted."""
    return float(machine_epsilon(array)) >= HALF


def farthest(values: HostArray) -> int:
    """Return the point whose value is farthest from that of the first."""
    flat = values.reshape(values.shape[0], -1)
    with np.errstate(invalid="ignore"):
        away = np.abs(flat - flat[:1]).max(axis=1, initial=0.0)
    return int(np.argmax(np.where(np.isfinite(away), away, -1.0)).item())


def _near(x: Array, x0: Array, moved: Array, xp: Any) -> Iterator[Array]:
    """Yield points some units in the last place from `x`, between `x0` and `moved` as it is."""
    way = xp.where(x == x0, moved, x0) - x
    unit = xp.abs(x * (1 + float(xp.finfo(x.dtype).eps)) - x) * xp.sign(way)
    for count in range(1, _NEIGHBOURS + 1):
        yield x + xp.where(xp.abs(count * unit) < xp.abs(way), count * unit, way)
