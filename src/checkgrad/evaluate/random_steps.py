"""Steps of a random direction, as vectors on the host: normal numbers times the sizes of x0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from checkgrad.arrays.arithmetic import norm_in_range
from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.point import Floats

_FEW = 64  # normal numbers that are drawn anew each time, in some microseconds
_LEAST_PART = 1e-3  # of the mean size of its leaf that a coordinate moves by at least


class NormalNumbers:
    """Normal numbers for one direction after the other: many at a time are drawn only once.

    To draw them takes longer than all else that is done with them. Each direction gets a random
    part of twice as many, so that two directions differ in every coordinate.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where random numbers come from.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._drawn = np.empty(0)

    def standard_normal(self, size: int) -> Floats:
        """Return normal numbers. Nobody may write to them."""
        if not _FEW < size <= BLOCK:
            return self._rng.standard_normal(size)
        if self._drawn.size != 2 * size:
            self._drawn = self._rng.standard_normal(2 * size)
        start = int(self._rng.random() * (size + 1))
        return self._drawn[start : start + size]


def sum_and_norm(terms: Floats) -> tuple[float, float]:
    """Return the sum of some terms, and their 2-norm."""
    return float(np.add.reduce(terms)), norm_in_range(terms)


def numbers_along(gradient: Floats, rng: NormalNumbers | np.random.Generator) -> Floats:
    """Return normal numbers that have the signs of a gradient; their own where it has none."""
    numbers = rng.standard_normal(gradient.size)
    signed: Floats = np.copysign(numbers, gradient)
    if np.count_nonzero(gradient) == gradient.size:
        return signed
    return np.where(gradient != 0, signed, numbers)


def sizes_of_arrays(x: Floats, counts: Sequence[int]) -> Floats:
    """Return the size of every coordinate of some arrays, whose coordinates follow each other."""
    if len(counts) == 1:
        return sizes_of_array(x)
    sizes = np.abs(x)
    overall = _mean(sizes)
    counted = np.asarray([count for count in counts if count], dtype=np.intp)
    starts = np.cumsum(counted) - counted
    means = np.add.reduceat(sizes / x.size, starts) * (x.size / counted)
    means[means == 0.0] = overall
    return _filled(sizes, np.repeat(means, counted))


def sizes_of_array(x: Floats) -> Floats:
    """Return the size of every coordinate of one array, see `_filled`."""
    sizes = np.abs(x)
    return _filled(sizes, _mean(sizes))


def _mean(sizes: Floats) -> float:
    """Return the mean of some sizes, and 1 if all are 0; a ValueError if one is not finite."""
    mean = float(np.add.reduce(sizes)) / max(sizes.size, 1)
    if not math.isfinite(mean):  # the sum may overflow
        mean = min(float(np.add.reduce(sizes / sizes.size)), float(sizes.max()))
        if not math.isfinite(mean):
            raise ValueError("x is not finite")
    return mean or 1.0


def _filled(sizes: Floats, mean: Floats | float) -> Floats:
    """Return sizes, of which those that are 0 become the mean, and none is far below it."""
    at_least: Floats = np.maximum(sizes, _LEAST_PART * mean)
    if np.count_nonzero(sizes) == sizes.size:
        return at_least
    return np.where(sizes > 0, at_least, mean)
