"""Whether ``func`` rounds its input to a coarser dtype before it computes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.evaluate.rounds import note
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.numerics.samples import Flags
from checkgrad.numerics.thresholds import thresholds


def rounds_input(near: Neighbourhood, coarser: float, epsilon: float, asked: Flags) -> Flags:
    """Return which outputs round their input to a dtype of machine epsilon `coarser`.

    A ``func`` that casts to a coarser dtype first does not change at all between a number of that
    dtype and others a part of a unit in the last place away, at x0 and on the way to others. Over
    one unit it changes, and over several in proportion, by more than a slope could hide in the
    rounding of its value. Around x0 large terms that cancel may round like that. Units of a dtype
    are longer where x0 is larger, and those of the terms are not.

    Parameters
    ----------
    near : Neighbourhood
        The surroundings of x0.
    coarser, epsilon : float
        The machine epsilons of the coarser dtype, and of the dtypes of x0 and func(x0).
    asked : array of bool, shape (outputs,)
        The outputs to look at.
    """
    limits = thresholds()
    line = _CoarserNumbers(near, coarser)
    note(near.evaluator.rounds, line.ask_near_x0)
    start = near.value if line.holds_x0() else line.values(0.0)
    rounds: Flags = asked.copy()
    part, many = limits.rounded_away, limits.units_seen
    for offset in (part, -part):
        rounds &= line.values(offset) == start
        if not np.any(rounds):
            return rounds
    far = np.abs(line.values(many) - start)
    rounds &= far > limits.rounding_epsilons * epsilon * np.abs(near.value)
    if not np.any(rounds):
        return rounds
    rounds &= np.abs(line.values(1.0) - start) > far / many / limits.disproportion
    note(near.evaluator.rounds, line.ask_farther)
    seen = [start]
    for count in _numbers_seen():
        if not np.any(rounds):
            return rounds
        there, is_flat = line.around(count)
        rounds &= is_flat
        seen.append(there)
    # A func that is flat but for a few jumps does not move between most of them.
    rounds &= np.mean(np.diff(np.stack(seen), axis=0) != 0, axis=0) > limits.mostly_unchanged
    if not np.any(rounds):
        return rounds
    another = _CoarserNumbers(near, coarser)
    rounds &= another.values(part) == start
    if not np.any(rounds):
        return rounds
    # There, the part of a unit that rounding removes is a unit at x0 or more.
    larger = _CoarserNumbers(near, coarser, 2.0 ** math.ceil(-math.log2(part)))
    note(near.evaluator.rounds, larger.around)
    there, is_flat = larger.around()
    rounds &= is_flat | ~np.isfinite(there)
    return rounds


def _numbers_seen() -> range:
    """Return how far the numbers are away, between which a func moves that rounds its input."""
    limits = thresholds()
    return range(
        limits.units_seen, limits.units_seen * limits.coarser_numbers + 1, limits.units_seen
    )


class _CoarserNumbers:
    """Numbers of a coarser dtype along a random line through x0, or through so many times x0."""

    def __init__(self, near: Neighbourhood, coarser: float, times: float = 1.0) -> None:
        self._near = near
        self._coarser = coarser
        self._times = times
        self._signs = near.random_signs()

    def holds_x0(self) -> bool:
        """Return whether x0 is one of them."""
        point, coarser = self._near.point, self._coarser
        xp = point.xp
        return all(
            point.numbers(
                lambda x: xp.all(point.coarsened(x, coarser) == x), point.leaves, exactly=True
            )
        )

    def ask_near_x0(self) -> None:
        """Ask for all values around x0 that `rounds_input` may ask for."""
        limits = thresholds()
        for part in (0.0, limits.rounded_away, -limits.rounded_away, limits.units_seen, 1.0):
            self.values(part)

    def ask_farther(self) -> None:
        """Ask for all values around other numbers that `rounds_input` may ask for."""
        for count in _numbers_seen():
            self.around(count)

    def around(self, count: int = 0) -> tuple[Floats, Flags]:
        """Return the outputs at a number, and whether they are the same on both sides of it.

        The sides are as near to it as rounding removes.
        """
        offset = thresholds().rounded_away
        there = self.values(0.0, count)
        return there, (self.values(offset, count) == there) & (self.values(-offset, count) == there)

    def values(self, part: float, count: int = 0) -> Floats:
        """Return the outputs at `part` of a unit off the number that is `count` of them away."""
        near, point = self._near, self._near.point
        coarser, times = self._coarser, self._times

        def moved(x: Any, sign: Any) -> Any:
            base = point.coarsened(x * times, coarser)
            base = point.coarsened(base + count * coarser * base * sign, coarser)
            return base + part * coarser * base * sign

        leaves = point.leafwise(moved, self._signs, exactly=True)
        found: Floats = near.values(iter([near.assembled(leaves)]))[0]
        return found
