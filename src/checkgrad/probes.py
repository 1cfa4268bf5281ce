"""Probes: the lines through x0 along which ``func`` is sampled, coordinate axes or tangents.

A probe turns a signed step into a point that is exactly representable, has ``func`` evaluated
there, and says how far the step really went. Part of the sampling room: nothing is judged here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from checkgrad.backends import Array
from checkgrad.differences import Floats, dot
from checkgrad.point import Point
from checkgrad.sampling import Sampler

Places = npt.NDArray[np.intp]


class Probes(Protocol):
    """Lines through x0.

    Attributes
    ----------
    count : int
        How many.
    scale : array, shape (count,)
        The step along each that changes x0 by about itself, a power of two.
    """

    count: int
    scale: Floats

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """``func`` at signed `steps` along the probes `which`.

        Returns the lengths of the steps really taken, positive, and the values; NaN where there
        is nothing to evaluate (out of bounds, a step that vanishes) or no finite value.
        """


def power_of_two(lengths: Floats) -> Floats:
    """The largest powers of two not above `lengths`, which are positive and finite."""
    powers: Floats = np.ldexp(1.0, np.frexp(lengths)[1] - 1)
    return powers


class CoordinateProbes:
    """The coordinate axes through x0."""

    def __init__(
        self, sampler: Sampler, x0: Floats, scale: Floats, bounds: tuple[Floats, Floats]
    ) -> None:
        self._sampler = sampler
        self._x0 = x0
        self._bounds = bounds
        self.count = x0.size
        self.scale = scale

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """See `Probes.sample`."""
        point = self._sampler.point
        lengths, values = np.full(which.size, np.nan), np.full(which.size, np.nan)
        lower, upper = self._bounds
        leaf_of = np.searchsorted(np.asarray(point.offsets), which, side="right") - 1
        for leaf in np.unique(leaf_of):
            here = np.flatnonzero(leaf_of == leaf)
            coordinates = which[here]
            with np.errstate(over="ignore", invalid="ignore"):
                wanted = self._x0[coordinates] + steps[here]
                moved = point.backend.to_host(
                    point.backend.rounded(wanted, point.leaves[leaf])
                ).astype(np.float64)
                taken = moved - self._x0[coordinates]
            usable = (moved >= lower[coordinates]) & (moved <= upper[coordinates])
            usable &= np.isfinite(moved) & (np.sign(taken) == np.sign(steps[here])) & (taken != 0)
            here, coordinates = here[usable], coordinates[usable]
            values[here] = self._sampler.at_entries_on_host(
                int(leaf), coordinates - point.offsets[leaf], moved[usable]
            )
            lengths[here] = np.abs(taken[usable])
        values[~np.isfinite(values)] = np.nan
        return lengths, values


class TangentProbes:
    """Lines through x0 along tangents, which have the tree, dtypes and device of x0.

    ``x0 + t * v`` rounds, so that the step is not quite along ``v``. What the claim says of the
    difference is taken out of the value: right to first order if the claim is about right, and
    far too little to matter if it is not.
    """

    def __init__(
        self,
        sampler: Sampler,
        tangents: Sequence[Sequence[Array]],
        claims: Sequence[Array],
        scale: Floats,
        room: tuple[Floats, Floats],
    ) -> None:
        self._sampler = sampler
        self._tangents = tangents
        self._claims = claims
        self.count = len(tangents)
        self.scale = scale
        self._room = room

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """See `Probes.sample`."""
        usable = np.where(steps > 0, steps <= self._room[0][which], -steps <= self._room[1][which])
        usable &= np.isfinite(steps) & (steps != 0)
        here = np.flatnonzero(usable)
        corrections: list[float] = []
        lengths, values = np.full(which.size, np.nan), np.full(which.size, np.nan)
        points = self._points(which[here], steps[here], corrections)
        values[here] = self._sampler.host_values(points) - np.asarray(corrections)
        lengths[here] = np.abs(steps[here])
        values[~np.isfinite(values)] = np.nan
        return lengths, values

    def _points(self, which: Places, steps: Floats, corrections: list[float]) -> Iterator[Any]:
        point = self._sampler.point
        for probe, step in zip(which.tolist(), steps.tolist(), strict=True):
            tangent = self._tangents[probe]
            missed: list[float] = []

            def move(
                x: Array,
                v: Array,
                claim: Array,
                step: float = step,
                missed: list[float] = missed,
            ) -> Array:
                moved = x + step * v
                missed.append(float(dot(claim, (moved - x) - step * v, point.xp)))
                return moved

            with np.errstate(invalid="ignore", over="ignore"):  # a claim may not be finite
                moved = point.leafwise(move, tangent, self._claims)
            rounding = math.fsum(missed)
            corrections.append(rounding if math.isfinite(rounding) else 0.0)
            yield point.assemble(moved)
            del moved  # before the next is made


def product(claims: Sequence[Array], tangent: Sequence[Array], point: Point) -> float:
    """What a claim says of a tangent: the sum of the products of all entries, on the host."""
    with np.errstate(invalid="ignore", over="ignore"):  # a claim may not be finite
        blocks = point.blockwise(lambda c, v: dot(c, v, point.xp), claims, tangent)
        return sum(float(block) for block in blocks)
