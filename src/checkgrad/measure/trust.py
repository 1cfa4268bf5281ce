"""Whether ``func``, evaluated in float64, is the same function as in the dtypes of the user.

The two may differ by rounding. They are compared at x0 and at a second point.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from checkgrad.arrays.blockwise import widened
from checkgrad.arrays.bounds import bounded, within
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array
from checkgrad.evaluate.rounds import note
from checkgrad.evaluate.wide_evaluator import WideEvaluator
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.numerics.noise_model import noise_along_line
from checkgrad.precision import DOUBLE, SINGLE

_UNITS_OF_VALUE = 16.0  # machine epsilons of the coarsest dtype inside of func, times its value
_SPREADS = 16.0  # times the largest change of func by random rounding errors ...
_RUNS = 3  # ... in so many runs
_UNITS_OF_NOISE = 32.0  # times the measured noise, where nobody sees inside of func
# Machine epsilons, times the largest number inside of func. 174 right functions of the corpora
# differ by less than 1.2 of these units, and misleading ones by more than 7000. The largest number
# counts up to a multiple of the value only: that of a mask would allow everything.
_UNITS_OF_LARGEST = 64.0
_LARGEST_OVER_VALUE = 64.0
_DISTANCE = 2.0**-6  # of the second point from x0, relative to each coordinate
# Two steps, relative to each coordinate: one that float32 cannot hold, and one of some units in the
# last place of the user's dtype. Over such steps the slope of a smooth func changes by less than a
# tenth, even if the func varies fast.
_UNSEEN = 2.0**-30
_UNITS_SEEN, _MOST_SEEN = 16.0, 2.0**-6
_SLOPES_DIFFER = 0.1


@dataclass(frozen=True)
class Agreement:
    """How ``func`` in the dtypes of the user compares with ``func`` in float64.

    Attributes
    ----------
    disagreement : str
        Where they differ by more than rounding explains; empty if they do not.
    units : float
        How many machine epsilons of its value rounding changes ``func`` by, at most; 0 if it may
        be more, as where large terms cancel.
    """

    disagreement: str
    units: float = 0.0


def compare_in_float64(near: Neighbourhood, wide: WideEvaluator, value: Floats) -> Agreement:
    """Compare ``func`` in float64 with ``func`` in the dtypes of the user.

    Parameters
    ----------
    near : Neighbourhood
        The surroundings of x0 in the dtypes of the user, with all numbers of ``func``.
    wide : WideEvaluator
        ``func`` in float64.
    value : array, shape (numbers,)
        Its value at x0.
    """
    here = _Comparison(near, wide, wide.observation.epsilon, list(near.point.leaves))
    if not here.agree(near.value, value):
        return Agreement(_sentence("at x0", near.value, value))
    there = replace(here, leaves=_another_point(near))
    note(near.evaluator.rounds, there.native_values)
    note(wide.rounds, partial(_ask_in_float64, near, wide, value, there))
    native = there.native_values()
    found = there.values(wide.host_values)
    if not np.all(np.isfinite(native)):
        return Agreement("")
    if not there.agree(native, found):
        return Agreement(_sentence("near x0", native, found))
    are_close = here.are_close(near.value, value) and there.are_close(native, found)
    return Agreement("", _UNITS_OF_VALUE if are_close else 0.0)


def follows_float64(near: Neighbourhood, wide: WideEvaluator, value: Floats) -> bool:
    """Return whether ``func`` follows digits that only float64 has as it follows larger steps.

    A func that rounds something of its input to float32 inside stands still over a step of such
    digits, or moves by a part of what it should.

    Parameters
    ----------
    near, wide, value
        As in `compare_in_float64`.
    """
    point, xp, backend = wide.point, wide.point.xp, wide.point.backend
    with backend.with_float64():
        signs = [widened(backend, each) for each in near.line_signs()]

        def moved(step: float) -> list[Array]:
            return point.leafwise(lambda x, sign: x + step * sign * x, signs)

        def values(*steps: float) -> Floats:  # each point handed over before the next is made
            return wide.host_values(point.for_func(moved(h)) for h in steps).reshape(len(steps), -1)

        if bounded(near.bounds):  # no step leads to both sides
            inside = within(point, moved(_UNSEEN), near.bounds)
            if not any(point.numbers(lambda x, y: xp.any(x != y), point.leaves, inside)):
                return True  # no coordinate has room
            found = wide.host_values(iter([point.for_func(inside)])).reshape(-1)
            return bool(np.any(found != value))
        native = max(SINGLE, *near.point.epsilons)
        near_step, far_step = _UNSEEN, min(_UNITS_SEEN * native, _MOST_SEEN)
        found = values(near_step, -near_step, far_step, -far_step)
        small = (found[0] - found[1]) / (2 * near_step)
        large = (found[2] - found[3]) / (2 * far_step)
    noise = _UNITS_OF_VALUE * DOUBLE * np.abs(value) / _UNSEEN
    allowed = _SLOPES_DIFFER * np.fmax(np.abs(small), np.abs(large)) + noise
    return bool(np.all(np.abs(small - large) <= allowed))


def _ask_in_float64(
    near: Neighbourhood, wide: WideEvaluator, value: Floats, there: _Comparison
) -> None:
    """Ask for the values in float64 that a comparison, and steps in float64, ask for next."""
    there.values(wide.host_values)
    follows_float64(replace(near, rng=copy.deepcopy(near.rng)), wide, value)


@dataclass(frozen=True)
class _Comparison:
    """Compares ``func`` in both dtypes at one point."""

    near: Neighbourhood
    wide: WideEvaluator
    epsilon: float
    leaves: list[Array]  # of the point, in the dtypes of the user

    def agree(self, native: Floats, wide: Floats) -> bool:
        """Return whether values differ by no more than rounding explains."""
        if native.shape != wide.shape:
            return False
        if self.are_close(native, wide):
            return True
        # A small value may be a sum of large terms.
        off = np.abs(wide - native)
        allowed = _UNITS_OF_VALUE * self.epsilon * np.abs(native) + self._rounding(wide)
        return bool(np.all(off <= allowed)) or bool(np.all(off <= self._units_of_largest(native)))

    def are_close(self, native: Floats, wide: Floats) -> bool:
        """Return whether values differ by a few machine epsilons of their own."""
        allowed = _UNITS_OF_VALUE * self.epsilon * np.abs(native) + self._underflow
        return bool(np.all(np.abs(wide - native) <= allowed))

    @property
    def _underflow(self) -> float:
        """The largest number that is 0 in the dtypes of the user."""
        point = self.near.point
        return max(float(point.xp.finfo(leaf.dtype).smallest_normal) for leaf in point.leaves)

    def native_values(self) -> Floats:
        """Return what ``func`` says at this point, in the dtypes of the user."""
        point = self.near.point
        copies = [point.backend.copy(leaf) for leaf in self.leaves]  # func may write to them
        values: Floats = self.near.values(iter([point.for_func(copies)]))[0]
        return values

    def values(self, values_at: Callable[[Iterator[Any]], Floats]) -> Floats:
        """Return what a function of points in float64 says at this point."""
        with self.near.point.backend.with_float64():
            return values_at(iter([self._wide_point()])).reshape(-1)

    def _wide_point(self) -> Any:
        """Return this point in float64, in the structure of the user."""
        backend = self.near.point.backend
        return self.wide.point.for_func([backend.widened(leaf) for leaf in self.leaves])

    def _rounding(self, wide: Floats) -> Floats:
        """Return how far rounding may move values, by random errors or by the noise of func."""
        runs = [
            self.values(partial(self.wide.perturbed_values, seed=seed)) for seed in range(_RUNS)
        ]
        spread = np.max([np.abs(run - wide) for run in runs], axis=0)
        if np.all(np.isfinite(spread)):
            found: Floats = _SPREADS * spread
            return found
        # Next to x0 the rounding of large terms that cancel may not show: nothing moves there.
        spacings = (self.epsilon, math.sqrt(self.epsilon))
        lines = [self.near.along_line(spacing) for spacing in spacings]
        noise = [[noise_along_line(column) for column in line.T] for line in lines]
        of_noise: Floats = _UNITS_OF_NOISE * np.max(noise, axis=0)
        return of_noise

    def _units_of_largest(self, native: Floats) -> float:
        """Return by how much values may differ, for the largest number inside of func."""
        with self.near.point.backend.with_float64():
            largest = self.wide.largest_at(self._wide_point())
        most = _LARGEST_OVER_VALUE * float(np.max(np.abs(native)))
        return _UNITS_OF_LARGEST * self.epsilon * min(largest, most)


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
