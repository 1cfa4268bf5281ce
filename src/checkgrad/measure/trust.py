"""Whether ``func``, evaluated in float64, is the same function as in the dtypes of the user.

The two may differ by rounding. They are compared at x0 and at a second point.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array, Observation
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.numerics.noise_model import noise_along_line

# How far the two may differ, in machine epsilons of the coarsest dtype inside of func, times the
# largest number inside. 174 functions of the corpora differ by less than 1.2 of these, and
# misleading ones by more than 7000. Relative to the value of func, the two kinds overlap.
_UNITS = 64.0
# The same where nobody sees inside of func: times its value, or times its noise.
_UNITS_OF_VALUE = 16.0
_UNITS_OF_NOISE = 32.0
_DISTANCE = 2.0**-6  # of the second point from x0, relative to each coordinate


def first_disagreement(
    near: Neighbourhood, wide: Evaluator, value: Floats, observation: Observation
) -> str:
    """Return where ``func`` differs in float64 by more than rounding explains; else nothing.

    Parameters
    ----------
    near : Neighbourhood
        The surroundings of x0 in the dtypes of the user, with all numbers of ``func``.
    wide : Evaluator
        ``func`` in float64.
    value : array, shape (numbers,)
        Its value at x0.
    observation : Observation
        What was met inside.
    """
    allowed = _allowed(near, observation)
    if not _agree(near.value, value, allowed):
        return _sentence("at x0", near.value, value)
    leaves = _another_point(near)
    native = near.values(iter([near.point.for_func(leaves)]))[0]
    with near.point.backend.with_float64():
        moved = [near.point.backend.widened(leaf) for leaf in leaves]
        found = wide.host_values(iter([wide.point.for_func(moved)])).reshape(-1)
    if np.all(np.isfinite(native)) and not _agree(native, found, allowed):
        return _sentence("near x0", native, found)
    return ""


def _allowed(near: Neighbourhood, observation: Observation) -> Callable[[Floats], Floats]:
    """Return a function of values that returns by how much each may differ."""
    epsilon, largest = observation.epsilon, observation.largest
    if np.isfinite(largest):
        return lambda values: np.maximum(largest, np.abs(values)) * _UNITS * epsilon
    noise: list[Floats] = []

    def allowed(values: Floats) -> Floats:
        if not noise:
            # Next to x0 the rounding of large terms that cancel may not show: nothing moves there.
            lines = [near.along_line(spacing) for spacing in (epsilon, math.sqrt(epsilon))]
            seen = [[noise_along_line(column) for column in line.T] for line in lines]
            noise.append(np.max(seen, axis=0))
        return np.fmax(_UNITS_OF_NOISE * noise[0], _UNITS_OF_VALUE * epsilon * np.abs(values))

    return allowed


def _agree(native: Floats, wide: Floats, allowed: Callable[[Floats], Floats]) -> bool:
    if native.shape != wide.shape:
        return False
    off = np.abs(wide - native)
    return bool(np.all(off == 0)) or bool(np.all(off <= allowed(native)))


def _another_point(near: Neighbourhood) -> list[Array]:
    """Return a point, in the dtypes of the user, that differs from x0 in every coordinate."""
    point: Point = near.point
    xp = point.xp

    def moved(x: Array, sign: Array) -> Array:
        return x + _DISTANCE * sign * xp.where(x == 0, xp.ones_like(x), x)

    return near.inside(point.leafwise(moved, near.random_signs()))


def _sentence(where: str, native: Floats, wide: Floats) -> str:
    if native.shape != wide.shape:
        return f"it returns {native.size} numbers {where}, and {wide.size} in float64"
    with np.errstate(invalid="ignore"):
        off = np.nan_to_num(np.abs(wide - native), nan=np.inf)
    worst = int(np.argmax(off))
    return (
        f"it returns {native[worst]:.9g} {where}, and {wide[worst]:.9g} in float64, which rounding "
        "does not explain"
    )
