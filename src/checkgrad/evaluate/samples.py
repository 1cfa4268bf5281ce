"""Probes: the lines through x0 along which ``func`` is sampled, coordinate axes or tangents.

A probe turns a signed step into a point that is exactly representable, has ``func`` evaluated
there, and says how far the step really went. One evaluation serves all rows, that is all numbers
made of what ``func`` returns. Part of the sampling room: nothing is judged here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.arithmetic import dot
from checkgrad.backends import Array
from checkgrad.claims.forms import Claim, Rows, Slope
from checkgrad.evaluate.evaluator import Sampler
from checkgrad.numerics.estimate import Flags, Floats

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


class Samples(Protocol):
    """``func`` along some lines, for all rows at once."""

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """As `Probes.sample`, with a value for each row along the last axis."""


class RowProbes:
    """The probes of one row. `scale` is as in `Probes`."""

    def __init__(self, samples: Samples, row: int, scale: Floats) -> None:
        self._samples = samples
        self._row = row
        self.count = scale.size
        self.scale = scale

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """See `Probes.sample`."""
        lengths, values = self._samples.sample(which, steps)
        return lengths, values[:, self._row]


class _Known:
    """Values that are evaluated once, and asked for by every row."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows.count
        self._values: dict[tuple[int, float], Floats] = {}

    def values(self, which: Places, where: Floats, evaluate: Callable[[Places], Floats]) -> Floats:
        """What `evaluate` gives of the places that are not known yet, and what is known."""
        if self._rows == 1:
            return evaluate(np.arange(which.size))
        keys = list(zip(which.tolist(), where.tolist(), strict=True))
        first = {key: i for i, key in reversed(list(enumerate(keys)))}
        new = sorted(i for key, i in first.items() if key not in self._values)
        if new:
            found = evaluate(np.asarray(new))
            self._values.update({keys[i]: found[k] for k, i in enumerate(new)})
        return np.asarray([self._values[key] for key in keys]).reshape(-1, self._rows)


class CoordinateSamples:
    """``func`` along the coordinate axes through x0."""

    def __init__(
        self,
        sampler: Sampler,
        rows: Rows,
        x0: Floats,
        bounds: tuple[Floats, Floats],
        rng: np.random.Generator,
    ) -> None:
        self._sampler = sampler
        self._rows = rows
        self._x0 = x0
        self._bounds = bounds
        self.rng = rng
        self._known = _Known(rows)

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """See `Samples.sample`."""
        moved, taken, usable = self._moved(which, steps)
        values = np.full((which.size, self._rows.count), np.nan)
        leaf_of = self._leaf_of(which)
        for leaf in np.unique(leaf_of[usable]).tolist():
            here = np.flatnonzero(usable & (leaf_of == leaf))
            values[here] = self._evaluated(leaf, which[here], moved[here])
        values[~np.isfinite(values)] = np.nan
        return np.where(usable, np.abs(taken), np.nan), values

    def groups(self, chosen: Places, size: int) -> Places:
        """`chosen` coordinates in random groups of up to `size`, each of one leaf.

        Shape (groups, size); a smaller group holds its first coordinate more than once. One that
        is alone in its leaf is in no group.
        """
        found: list[Places] = []
        leaf_of = self._leaf_of(chosen)
        for leaf in np.unique(leaf_of).tolist():
            members = self.rng.permutation(chosen[leaf_of == leaf])
            if members.size > 1:
                found += np.array_split(members, -(-members.size // size))
        filled = [np.append(group, np.repeat(group[0], size - group.size)) for group in found]
        return np.asarray(filled, np.intp).reshape(-1, size)

    def sample_groups(self, groups: Places, steps: Floats) -> tuple[Floats, Floats]:
        """``func`` where all coordinates of a group are moved at once, by signed `steps`.

        Both are of shape (groups, size). Returns the steps really taken, likewise, and the values,
        shape (groups, rows); NaN where there is nothing to evaluate, or no finite value.
        """
        moved, taken, usable = self._moved(groups, steps)
        usable = np.all(usable, axis=1)
        values = np.full((len(groups), self._rows.count), np.nan)
        leaf_of = self._leaf_of(groups[:, 0])
        for leaf in np.unique(leaf_of[usable]).tolist():
            here = np.flatnonzero(usable & (leaf_of == leaf))
            entries = groups[here] - self._sampler.point.offsets[leaf]
            found = self._sampler.at_entries_on_host(leaf, entries, moved[here])
            values[here] = self._rows.of(found.reshape(here.size, -1))
        values[~np.isfinite(values)] = np.nan
        return np.where(usable[:, None], taken, np.nan), values

    def _leaf_of(self, coordinates: Places) -> Places:
        offsets = np.asarray(self._sampler.point.offsets)
        return np.searchsorted(offsets, coordinates, side="right") - 1

    def _moved(self, which: Places, steps: Floats) -> tuple[Floats, Floats, Flags]:
        """Where signed `steps` lead, how far that is, and whether it is somewhere else ...

        ... and within the bounds.
        """
        point = self._sampler.point
        x0, lower, upper = (part[which] for part in (self._x0, *self._bounds))
        moved, leaf_of = np.empty(which.shape), self._leaf_of(which)
        with np.errstate(over="ignore", invalid="ignore"):
            wanted = x0 + steps
            for leaf in np.unique(leaf_of).tolist():
                here = leaf_of == leaf
                rounded = point.backend.from_host(wanted[here], point.leaves[leaf])
                moved[here] = point.backend.to_host(rounded)
            taken = moved - x0
        usable = (moved >= lower) & (moved <= upper)
        usable &= np.isfinite(moved) & (np.sign(taken) == np.sign(steps)) & (taken != 0)
        return moved, taken, usable

    def _evaluated(self, leaf: int, coordinates: Places, moved: Floats) -> Floats:
        entries = coordinates - self._sampler.point.offsets[leaf]

        def evaluate(new: Places) -> Floats:
            found = self._sampler.at_entries_on_host(leaf, entries[new], moved[new])
            return self._rows.of(found.reshape(new.size, -1))

        return self._known.values(coordinates, moved, evaluate)


class TangentSamples:
    """``func`` along tangents, which have the tree, dtypes and device of x0.

    ``x0 + t * v`` rounds, so that the step is not quite along ``v``. What the claim says of the
    difference is taken out of the value: right to first order if the claim is about right, and
    far too little to matter if it is not.
    """

    def __init__(
        self,
        sampler: Sampler,
        rows: Rows,
        tangents: Sequence[Sequence[Array]],
        claim: Claim,
        slopes: Sequence[Slope],
        room: tuple[Floats, Floats],
    ) -> None:
        self._sampler = sampler
        self._rows = rows
        self._tangents = tangents
        self._claim = claim
        self._slopes = slopes
        self._room = room
        self._known = _Known(rows)

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """See `Samples.sample`."""
        usable = np.where(steps > 0, steps <= self._room[0][which], -steps <= self._room[1][which])
        usable &= np.isfinite(steps) & (steps != 0)
        here = np.flatnonzero(usable)
        lengths = np.full(which.size, np.nan)
        values = np.full((which.size, self._rows.count), np.nan)

        def evaluate(new: Places) -> Floats:
            corrections: list[Floats] = []
            points = self._points(which[here[new]], steps[here[new]], corrections)
            found = self._sampler.host_values(points)
            known = np.reshape(corrections, (new.size, self._rows.count))
            return self._rows.of(found.reshape(new.size, -1)) - known

        if here.size:
            values[here] = self._known.values(which[here], steps[here], evaluate)
        lengths[here] = np.abs(steps[here])
        values[~np.isfinite(values)] = np.nan
        return lengths, values

    def _points(self, which: Places, steps: Floats, corrections: list[Floats]) -> Iterator[Any]:
        point = self._sampler.point
        for probe, step in zip(which.tolist(), steps.tolist(), strict=True):
            moved, missed = self._moved(self._tangents[probe], step)
            corrections.append(np.where(np.isfinite(missed), missed, 0.0))
            yield point.assemble(moved)
            del moved  # before the next is made

    def _moved(self, tangent: Sequence[Array], step: float) -> tuple[list[Array], Floats]:
        """A point along a tangent, and what the claim says of how far it lies off, by row."""
        point = self._sampler.point
        rows = [slope.leaves for slope in self._slopes if slope.leaves is not None]
        with np.errstate(invalid="ignore", over="ignore"):  # a claim may not be finite
            if len(rows) < self._rows.count:
                moved = point.leafwise(lambda x, v: x + step * v, tangent)
                off = point.leafwise(lambda x, v, y: (y - x) - step * v, tangent, moved)
                return moved, self._claim.changes(off, self._rows, self._slopes)
            missed: list[list[float]] = []

            def move(x: Array, v: Array, *claims: Array) -> Array:
                y = x + step * v
                missed.append([float(dot(c, (y - x) - step * v, point.xp)) for c in claims])
                return y

            moved = point.leafwise(move, tangent, *rows)
            return moved, np.asarray([math.fsum(parts) for parts in zip(*missed, strict=True)])
