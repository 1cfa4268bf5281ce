"""Directions: the lines through x0 that one output is sampled along, and what a claim says of them.

This module makes the coordinate axes. `checkgrad.evaluate.tangent_choice` makes tangents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array
from checkgrad.evaluate.axes import Axes
from checkgrad.evaluate.budget import StoppableCall
from checkgrad.evaluate.coordinate_sizes import left_by_cancelling
from checkgrad.evaluate.known_values import Places

_REACH_TRIES = 12  # pairs of steps tried to find the scale of a coordinate that is 0
_DISCREPANT = 1024.0  # binary digits: all that float64 has room for
_NEARER = 2.0**-1, 2.0**-3, 2.0**-7, 2.0**-15, 2.0**-31  # parts of a step that shows nothing
_ABOUT_LINEAR = 2.0  # binary digits that func and its claim may differ by at that scale


class ClaimedGradient(Protocol):
    """The claimed gradient of one output."""

    @property
    def leaves(self) -> list[Array] | None:
        """Arrays like the leaves of x0; None where each coordinate takes an evaluation."""

    def coordinates(self) -> Floats:
        """Return the entry of every coordinate, on the host."""

    def along(self, tangent: Sequence[Array]) -> float:
        """Return what it says of a tangent."""


class SampledLines(Protocol):
    """Lines through x0 that ``func`` is sampled along, for all outputs at once."""

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """See `checkgrad.evaluate.axes.Axes.sample`."""

    def known(self, chosen: Collection[int], output: int) -> dict[int, tuple[Floats, Floats]]:
        """See `checkgrad.evaluate.axes.Axes.known`."""


@dataclass(frozen=True)
class Directions:
    """The directions of one output, and what a claim says of each.

    Attributes
    ----------
    point : Point
        Where they cross.
    lines : SampledLines
        To sample all outputs along.
    output : int
        Which output.
    scale : array, shape (directions,)
        The step along each that changes x0 by about itself, a power of two.
    claim : array, shape (directions,)
        The claimed derivative along each.
    claimed_by : callable
        The same for another gradient: that of the claim at a neighbour of x0.
    smoothness_length : array, shape (directions,)
        A length over which ``func`` may be expected to be smooth: that of x0, its other
        coordinates included.
    scale_is_guess : array of bool, shape (directions,)
        Where nothing but a guess shows the scale: along coordinates that are 0.
    words : str
        What they are.
    tangent_scale : float
        What the claim typically says of a random tangent: that of one tangent may be far smaller by
        chance, when its terms cancel. 0 for axes.
    tangents : sequence of sequence of array, or None
        The directions as arrays like x0; None for axes.
    coordinates : array of int, or None
        Which axes they are; None for all of them, and for tangents.
    """

    point: Point
    lines: SampledLines
    output: int
    scale: Floats
    claim: Floats
    claimed_by: Callable[[ClaimedGradient], Floats]
    smoothness_length: Floats
    scale_is_guess: npt.NDArray[np.bool_]
    words: str
    tangent_scale: float
    tangents: Sequence[Sequence[Array]] | None
    coordinates: Places | None = None

    @property
    def are_axes(self) -> bool:
        """Whether they are all coordinate axes, in order."""
        return self.tangents is None and self.coordinates is None

    @property
    def count(self) -> int:
        """How many there are."""
        return self.scale.size

    def known(self, chosen: Sequence[int]) -> list[tuple[Floats, Floats]]:
        """Return the signed steps along each direction in `chosen` that were sampled, and values.

        The steps are in order. Only values that are finite are there.
        """
        lines = [
            each if self.coordinates is None else int(self.coordinates[each]) for each in chosen
        ]
        found = self.lines.known(set(lines), self.output)
        return [found[line] for line in lines]

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """Evaluate the output at signed `steps` along the directions `which`.

        Returns the lengths of the steps really taken, positive, and the values. NaN stands where
        there is nothing to evaluate (out of bounds, a step that vanishes) or no finite value.
        `Stopped` keeps the same: NaN stands along the directions that were not sampled at all of
        their steps.
        """
        which = which if self.coordinates is None else self.coordinates[which]
        with StoppableCall() as call:
            call.found = self.lines.sample(which, steps)
        lengths, values = call.found
        found = lengths, values[:, self.output]
        if call.stop is not None:
            raise call.stop.keeping(found)
        return found


def coordinate_directions(
    axes: Axes,
    output: int,
    gradient: ClaimedGradient,
    point: Point,
    bounds: tuple[Floats, Floats],
    value: float,
) -> Directions:
    """Return all coordinate axes, for one output.

    The scale of a coordinate is its own size. A coordinate that is zero has none. There, the step
    stands in that the claim needs to change ``func`` by all of its value, or else the typical size
    of the other coordinates.

    Parameters
    ----------
    axes : Axes
        To sample all outputs along.
    output : int
        Which output.
    gradient : ClaimedGradient
        Its claimed gradient.
    point : Point
        x0.
    bounds : tuple of array
        The bounds.
    value : float
        The output at x0.
    """
    x0, claim = point.on_host(point.leaves), gradient.coordinates()
    sizes = np.abs(x0)
    with np.errstate(all="ignore"):
        needed = np.abs(value / claim)
    if abs(value) <= _rounding_of_terms(claim, sizes, point):  # 0, but for rounding
        needed = _linear_reach(axes, output, claim, sizes, value, bounds)
    usable = np.isfinite(needed) & (needed > 0)
    typical = _typical(sizes[sizes > 0] if np.any(sizes > 0) else needed[usable])
    scale = np.where(sizes > 0, sizes, np.where(usable, needed, typical))
    scale = scale_within(scale, bounds)
    return Directions(
        point=point,
        lines=axes,
        output=output,
        scale=scale,
        claim=claim,
        claimed_by=lambda gradient: gradient.coordinates(),
        smoothness_length=np.where(sizes > 0, np.fmax(scale, typical), typical),
        scale_is_guess=sizes == 0,
        words="all",
        tangent_scale=0.0,
        tangents=None,
    )


def scale_within(sizes: Floats, bounds: tuple[Floats, Floats]) -> Floats:
    """Return scales of coordinates by their sizes: powers of two that the bounds leave room for.

    Parameters
    ----------
    sizes : array
        How far each coordinate may move.
    bounds : tuple of array
        The bounds of the same coordinates.
    """
    with np.errstate(over="ignore"):
        width = bounds[1] - bounds[0]
    return power_of_two(np.where((width > 0) & (width < sizes), width, sizes))


def _rounding_of_terms(claim: Floats, sizes: Floats, point: Point) -> float:
    """Return how large rounding may make ``func(x0)`` where the terms of the claim cancel."""
    with np.errstate(all="ignore"):
        terms = np.abs(claim) * sizes
    largest = float(np.max(terms[np.isfinite(terms)], initial=0.0))
    return left_by_cancelling(point) * largest


def _linear_reach(
    axes: Axes,
    output: int,
    claim: Floats,
    sizes: Floats,
    value: float,
    bounds: tuple[Floats, Floats],
) -> Floats:
    """Return about how far ``func`` changes as its claim says, in coordinates that are 0; else NaN.

    Where x0 and ``func(x0)`` are both zero, nothing else shows the scale of a coordinate. If
    ``func`` changes by another amount than the claim says at some step, being curved, the two agree
    about as much nearer to x0.
    """
    reach = np.where((sizes == 0) & np.isfinite(claim) & (claim != 0), 1.0, np.nan)
    if np.any(sizes > 0):
        reach *= _typical(sizes[sizes > 0])
    below, above = (np.broadcast_to(each, reach.shape) for each in (-bounds[0], bounds[1]))
    side = np.where(above >= below, 1.0, -1.0)
    room = np.fmax(above, below)
    reach = np.where(room < reach, power_of_two(room), reach)
    reach[room <= 0] = np.nan

    def discrepancy(which: Places, steps: Floats) -> Floats:
        """Return log2 of the change of ``func`` to the claimed one; huge where it does not move."""
        lengths, values = axes.sample(which, side[which] * steps)
        with np.errstate(all="ignore"):
            ratio = np.log2(np.abs((values[:, output] - value) / (claim[which] * lengths)))
        digits: Floats = np.minimum(np.nan_to_num(np.abs(ratio), nan=np.inf), _DISCREPANT)
        return digits

    which = np.flatnonzero(np.isfinite(reach))
    off = discrepancy(which, reach[which])
    for nearer in _NEARER:  # func may be outside of its domain, or have the same value
        lost = np.flatnonzero(off == _DISCREPANT)
        if lost.size == 0:
            break
        steps = reach[which[lost]] * nearer
        off[lost] = discrepancy(which[lost], steps)
        found = off[lost] < _DISCREPANT
        reach[which[lost[found]]] = steps[found]
    for _ in range(_REACH_TRIES):
        left = off > _ABOUT_LINEAR
        which, off = which[left], off[left]
        if which.size == 0:
            break
        before = off
        # Half way, in powers of two, whatever the power of h that the two differ by; up or down.
        for factor in (np.exp2(-off / 2), np.exp2(off / 2)):
            steps = reach[which] * factor
            there = discrepancy(which, steps)
            better = there < off
            reach[which] = np.where(better, steps, reach[which])
            off = np.where(better, there, off)
        which, off = which[off < before], off[off < before]
    return reach


def _typical(sizes: Floats) -> float:
    """Return the median of some sizes; of two in the middle, the geometric mean; 1 of none.

    It is free of scale: powers of two pass through it exactly.
    """
    if not sizes.size:
        return 1.0
    ranked = np.sort(sizes)
    middle = ranked[(sizes.size - 1) // 2], ranked[sizes.size // 2]
    (low, power), (high, another) = map(math.frexp, middle)  # their product may overflow
    odd = (power + another) % 2
    return math.ldexp(math.sqrt(low * high * 2**odd), (power + another - odd) // 2)


def power_of_two(lengths: Floats) -> Floats:
    """Return the largest powers of two not above `lengths`, which are positive and finite.

    Examples
    --------
    >>> power_of_two(np.array([0.3, 1.0, 7.0])).tolist()
    [0.25, 1.0, 4.0]
    """
    powers: Floats = np.ldexp(1.0, np.frexp(lengths)[1] - 1)
    return powers
