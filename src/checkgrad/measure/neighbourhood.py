"""Points next to x0, and the values of all outputs there.

All measurements take their points from here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from checkgrad.arrays.bounds import bounded, within
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array
from checkgrad.evaluate.coordinate_sizes import coordinate_sizes, largest_size
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.outputs import Outputs
from checkgrad.numerics.thresholds import thresholds

_TINY = 0.75  # a part of the digits of 1


@dataclass(frozen=True)
class Neighbourhood:
    """The surroundings of x0.

    Attributes
    ----------
    evaluator : Evaluator
        Evaluates ``func``.
    outputs : Outputs
        The outputs.
    value : array, shape (outputs,)
        The outputs at x0.
    bounds : tuple of array
        The bounds.
    rng : numpy.random.Generator
        Where random signs come from.
    """

    evaluator: Evaluator
    outputs: Outputs
    value: Floats
    bounds: tuple[Floats, Floats]
    rng: np.random.Generator

    @property
    def point(self) -> Point:
        """x0."""
        return self.evaluator.point

    @property
    def points_before(self) -> int:
        """The index of x0 in what `along_line` returns: in the middle, or first within bounds."""
        return 0 if bounded(self.bounds) else thresholds().noise_points

    def random_signs(self) -> list[Array]:
        """Return a random 1 or -1 for every coordinate."""
        return self.point.random_signs(self.rng)

    def assembled(self, leaves: list[Array]) -> Any:
        """Return a point in the user's structure, moved to within the bounds."""
        return self.point.for_func(self.inside(leaves))

    def inside(self, leaves: list[Array]) -> list[Array]:
        """Return a point moved to within the bounds."""
        return within(self.point, leaves, self.bounds)

    def values(self, points: Iterator[Any]) -> Floats:
        """Return the outputs at some points, shape (points, outputs)."""
        found = self.evaluator.host_values(points)
        return self.outputs.of(found.reshape(found.shape[0], -1))

    def line_signs(self) -> list[Array]:
        """Return the signs of a random line through x0: where bounds leave more room."""
        signs = self.random_signs()
        return _roomier(self.point, signs, self.bounds) if bounded(self.bounds) else signs

    def line_multiples(self, most: int) -> list[Array]:
        """Return a random line through x0 along which coordinates move at different rates.

        If all move at one rate, two rows of a matrix may stay in proportion, and its determinant 0.
        The rates are whole numbers up to `most`, so that points are equally spaced to all digits.
        """
        xp = self.point.xp

        def multiple(sign: Array, number: Array) -> Array:
            size = xp.abs(number)
            return sign * xp.ceil(most * size / (1 + size))

        leaves = range(len(self.point.leaves))
        numbers = [self.point.random_numbers(self.rng, leaf) for leaf in leaves]
        return [
            self.point.on_demand(multiple, sign, number)
            for sign, number in zip(self.line_signs(), numbers, strict=True)
        ]

    def along_line(
        self, epsilon: float, signs: list[Array] | None = None, zeros_move: bool = False
    ) -> Floats:
        """Return the outputs on a line through x0, shape (points, outputs).

        The points are equally spaced, some units in the last place of a dtype of machine `epsilon`
        apart. x0 is one of them.

        Parameters
        ----------
        epsilon : float
            The machine epsilon.
        signs : list of array, optional
            Which way each coordinate moves. By default the line is a random one.
        zeros_move : bool
            Whether coordinates that are 0 move as well, as those of mean size do. A 0 has no unit
            in the last place, and rounds nothing. Where all are 0, they move in any case.
        """
        return self.along_lines([epsilon], signs, zeros_move)[0]

    def along_lines(
        self,
        epsilons: Sequence[float],
        signs: list[Array] | None = None,
        zeros_move: bool = False,
        times: int = 1,
    ) -> list[Floats]:
        """Return the outputs on several lines, as `along_line` does for each, in one go.

        There are `times` as many points, equally far apart, so that the lines are longer.
        """
        before, after = times * self.points_before, times * self._points_after
        numbers = [*range(-before, 0), *range(1, after + 1)]
        lines = self._values_along(epsilons, signs, numbers, zeros_move)
        return [np.insert(line, before, self.value, axis=0) for line in lines]

    def beyond_lines(
        self, epsilons: Sequence[float], signs: list[Array], times: int
    ) -> list[tuple[Floats, Floats]]:
        """Return the outputs where lines of `times` as many points go on, at either end."""
        before, after = self.points_before, self._points_after
        earlier = range(-times * before, -before)
        numbers = [*earlier, *range(after + 1, times * after + 1)]
        found = self._values_along(epsilons, signs, numbers)
        return [(values[: len(earlier)], values[len(earlier) :]) for values in found]

    @property
    def _points_after(self) -> int:
        return 2 * thresholds().noise_points - self.points_before

    def _values_along(
        self,
        epsilons: Sequence[float],
        signs: list[Array] | None,
        numbers: Sequence[int],
        zeros_move: bool = False,
    ) -> list[Floats]:
        """Return the outputs at the points of some `numbers` on several lines."""
        moves = zeros_move or self.is_zero
        sizes = coordinate_sizes(self.point, None, 0.0) if moves else None

        def points() -> Iterator[Any]:  # each handed over before the next is made
            for epsilon in epsilons:
                way = self.line_signs() if signs is None else signs
                for number in numbers:
                    count = thresholds().noise_spacing * number
                    yield self.assembled(self._moved(way, count, epsilon, sizes))

        return np.split(self.values(points()), len(epsilons))

    def line_from_0(self, distance: float, signs: list[Array]) -> Floats:
        """Return the outputs on a line through x0 whose coordinates move as zeros do.

        The points are as far apart as those of `along_line` are where x0 is 0.
        """
        xp, before = self.point.xp, self.points_before

        def points() -> Iterator[Any]:
            for number in (*range(-before, 0), *range(1, self._points_after + 1)):
                step = thresholds().noise_spacing * number * distance
                yield self.assembled(
                    self.point.leafwise(
                        lambda x, sign, step=step: x + step * xp.where(x < 0, -sign, sign), signs
                    )
                )

        return np.insert(self.values(points()), before, self.value, axis=0)

    def _moved(
        self, signs: list[Array], count: int, epsilon: float, sizes: list[Array] | None
    ) -> list[Array]:
        """Return x0 moved by so many units; where it is 0, as far as coordinates of its `sizes`."""
        leaves = self.point.neighbour(signs, count, epsilon)
        if sizes is None:
            return leaves

        xp, distance = self.point.xp, count * epsilon

        def move_zeros(x: Array, moved: Array, sign: Array, size: Array) -> Array:
            return xp.where(x == 0, distance * sign * size, moved)

        return self.point.leafwise(move_zeros, leaves, signs, sizes)

    def has_zeros(self) -> bool:
        """Return whether some coordinates are 0."""
        xp = self.point.xp
        return any(self.point.numbers(lambda x: xp.any(x == 0), self.point.leaves))

    @cached_property
    def is_zero(self) -> bool:
        """Whether all coordinates are 0."""
        return self._largest_coordinate == 0

    def is_tiny(self, epsilon: float) -> bool:
        """Return whether x0 is not 0, but so small that ``1 + x0`` rounds most of it away."""
        return 0 < self._largest_coordinate < math.pow(epsilon, _TINY)

    @cached_property
    def _largest_coordinate(self) -> float:
        return largest_size(self.point, lambda x: x, self.point.leaves)

    def has_room(self, epsilon: float) -> bool:
        """Return whether all points of `along_line` are within the bounds.

        Others would be moved to the bounds, where the line has a bend. A coordinate with no room at
        all stays as it is.
        """
        if not bounded(self.bounds):
            return True
        limits, x0 = thresholds(), self.point.on_host(self.point.leaves)
        low, high = self.bounds
        room = np.fmax(high - x0, x0 - low)
        farthest = 2 * limits.noise_spacing * limits.noise_points * epsilon * np.abs(x0)
        return bool(np.all((room >= farthest) | (room == 0)))


def _roomier(point: Point, signs: list[Array], bounds: tuple[Floats, Floats]) -> list[Array]:
    """Return signs turned to the side where a coordinate has more room, if the sides differ."""
    x0, chosen = point.on_host(point.leaves), point.on_host(signs)
    above, below = bounds[1] - x0, x0 - bounds[0]
    chosen = np.where(above == below, chosen, np.where(above > below, 1.0, -1.0))
    # The neighbours of a negative number move away from zero with a positive sign.
    return point.from_host(np.where(x0 < 0, -chosen, chosen))
