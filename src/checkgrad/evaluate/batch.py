"""``func`` at many points in one call, where the array library or ``func`` itself can do it.

This module makes the points, in chunks that fit the memory allowed. What a batch returns is not
taken on trust: `checkgrad.evaluate.control_points` compares some points with single calls.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import array_api_compat
import numpy as np

from checkgrad.arrays.arithmetic import reshaped
from checkgrad.arrays.messages import brief
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array, Entries, machine_epsilon
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.chunk_sizes import ChunkSizes
from checkgrad.evaluate.control_points import (
    DIFFERS,
    batch_matches_single,
    cannot_be_evaluated,
    farthest,
    has_few_digits,
)
from checkgrad.evaluate.entry_points import EntryPoints
from checkgrad.evaluate.known_controls import KnownControls, SinglePoints
from checkgrad.evaluate.options import Evaluation
from checkgrad.evaluate.values import values_of_batch

FEWEST = 8  # points from which on "auto" evaluates them in one call ...
_FEWEST_COMPILED = 32  # ... where that compiles something
_TRIED = 3  # points that a func of many points is tried with


class _NotTogetherError(Exception):
    """``func`` is to be evaluated at one point at a time."""


class BatchEvaluator:
    """Evaluates ``func`` at many `EntryPoints` in as few calls as memory allows.

    Attributes
    ----------
    chunk_sizes : ChunkSizes
        How many points make a call.
    obstacle : str
        Why it cannot be done; empty where it can, or was not asked for.
    controls : KnownControls
        Points whose values are known by single calls.
    """

    def __init__(self, function: UserFunction, point: Point, evaluation: Evaluation) -> None:
        self._function = function
        self._point = point
        self._batch = batch = evaluation.batch
        self._budget = evaluation.budget
        self._possible = batch == "vectorized" or (batch != "loop" and point.backend.maps)
        if batch == "auto" and any(has_few_digits(x) for x in point.leaves):
            self._possible = False
        if batch == "auto" and point.is_partitioned:  # a device has room for few points
            self._possible = False
        if evaluation.workers is not None:  # who get one point each
            self._possible = False
        self.chunk_sizes = ChunkSizes(function, point, evaluation)
        self._n_points = 0
        self.controls = KnownControls()
        self.obstacle = ""

    @property
    def n_func(self) -> int:
        """How many points it evaluated, and how often it called ``func`` to find their number."""
        return self._n_points + self.chunk_sizes.n_func

    def takes(self, count: int) -> bool:
        """Return whether so many points are to be evaluated together."""
        fewest = _FEWEST_COMPILED if self._point.backend.compiles else FEWEST
        return self._possible and count >= (fewest if self._batch == "auto" else 1)

    def host_values(
        self,
        leaf: int,
        entries: Entries,
        moved: Floats,
        at_x0: Array,
        alone: Callable[[Array], Array],
    ) -> Floats | None:
        """Do what `values` does, from numbers on the host to values on the host.

        Parameters
        ----------
        leaf : int
            Which leaf moves.
        entries : array of int, shape (n,) or (n, r)
            Which flat entries of it, for each point.
        moved : array of the same shape
            Their new values.
        at_x0, alone
            As in `values`.
        """
        backend, x = self._point.backend, self._point.like(leaf)
        value, epsilon = backend.to_host(at_x0), float(machine_epsilon(at_x0))
        known = self.controls.shown(leaf, entries.shape[1:], value, epsilon)
        if known is not None and self.chunk_sizes.most(leaf) <= len(known):
            known = None
        if known is not None:
            entries = np.concatenate([known.entries, entries])
            moved = np.concatenate([known.moved, moved])
        count = len(entries)
        more = self.chunk_sizes.filled(count, leaf) - count
        width = [(0, more), (0, 0)][: entries.ndim]
        places = np.pad(entries, width, mode="edge")
        numbers = backend.from_host(np.pad(moved, width, mode="edge"), x)
        together = self.values(EntryPoints(leaf, places, numbers), at_x0, alone, more, known)
        if together is None:
            return None
        first = 0 if known is None else len(known)
        return backend.to_host(together).astype(np.float64)[first:count]

    def values(
        self,
        points: EntryPoints,
        at_x0: Array,
        alone: Callable[[Array], Array],
        more: int = 0,
        known: SinglePoints | None = None,
    ) -> Array | None:
        """Evaluate ``func`` at some points.

        Parameters
        ----------
        points : EntryPoints
            Where; n of them.
        at_x0 : array, shape (*m)
            ``func(x0)``.
        alone : callable
            ``func`` at a single point, with an array in the place of the leaf.
        more : int
            How many of the points, the last ones, do not count.
        known : SinglePoints, optional
            The first of the points, which do not count either.

        Returns
        -------
        array, shape (n, *m), or None
            None where ``func`` cannot be evaluated at many points in one call, or says something
            else then: `obstacle` says why. It is not tried again.

        Raises
        ------
        ValueError
            If it cannot though the user asked for it.
        """
        if self._batch == "auto" and has_few_digits(at_x0):
            self._possible = False
            return None
        size = min(len(points), self.chunk_sizes.most(points.leaf))
        if self._batch == "auto" and size < min(FEWEST, len(points)):
            self._possible = False  # a few large points at a time are no faster than one
            return None
        before = self._n_points
        counted = range(0 if known is None else len(known), len(points) - more)
        chunks = self._chunks(points, at_x0, alone, size, counted, known)
        try:
            found = next(chunks)
            if len(points) > size:
                # Into one array: small ones, kept between the large ones of each call, would keep
                # the memory of those from being used again.
                every = itertools.chain([found], chunks)
                flat = (
                    reshaped(chunk, (math.prod(chunk.shape),), self._point.xp) for chunk in every
                )
                shape = (len(points), *found.shape[1:])
                found = self._point.backend.joined(flat, shape, found)
        except _NotTogetherError:
            self._budget.refund(self._n_points - before)
            self._n_points = before
            return None
        return found

    def _chunks(
        self,
        points: EntryPoints,
        at_x0: Array,
        alone: Callable[[Array], Array],
        size: int,
        counted: range,
        known: SinglePoints | None,
    ) -> Iterator[Array]:
        """Yield what `values` returns, `size` points at a time, of which the `counted` count."""
        backend, x = self._point.backend, self._point.whole(self._point.leaves[points.leaf])
        corrected = backend.compiled(without_offset)
        for start in range(0, len(points), size):
            part = points.part(start, size, self._point.xp)
            new = len(range(max(counted.start, start), min(counted.stop, start + size)))
            self._budget.spend(new)
            self._n_points += new
            together, *controls = backend.perturbed_batch(x, part.entries, part.numbers)
            try:
                found = self._evaluated(points.leaf, together, tuple(at_x0.shape))
            except MemoryError:
                raise
            except Exception as error:
                # With a func of many points it is the edge of the domain, of one of them.
                if self._batch != "vectorized" or not self.takes_many(points.leaf):
                    self.give_up(brief(error), error)
                raise _NotTogetherError from error
            if start == 0:
                self._compare(part, found, controls, at_x0, alone, known)
            taken = min(size, len(points) - start)
            yield backend.block_until_ready(corrected(found, at_x0, taken))

    def _compare(
        self,
        points: EntryPoints,
        found: Array,
        controls: list[Array],
        at_x0: Array,
        alone: Callable[[Array], Array],
        known: SinglePoints | None,
    ) -> None:
        """Give up where the batch does not match single calls at the control points.

        Points whose values are known stand for the one with every other entry changed.
        """
        backend, x = self._point.backend, self._point.whole(self._point.leaves[points.leaf])
        count, rows = 0, [0, -2, -1]
        if known is not None:
            count, controls = len(known), controls[:1]
            rows = [0, -2, *range(1, 1 + count)]
        apart = [alone(control) for control in controls]  # while the others are computed
        if known is not None:
            controls = [*controls, *backend.perturbed_copies(x, known.entries, points.numbers)]
            apart += [backend.from_host(value, at_x0) for value in known.values]
        values = backend.to_host(found)
        far = count + farthest(values[1 + count : -2])
        entry = points.entries[far : far + 1]
        controls = [*controls, *backend.perturbed_copies(x, entry, points.numbers, far)]
        apart = [at_x0, *apart, alone(controls[-1])]
        values = values[[*rows, 1 + far]]
        placed = [[control] for control in controls]
        of_leaves = lambda leaves: alone(leaves[0])  # noqa: E731
        if not batch_matches_single(values, [x], placed, apart, of_leaves, self._point):
            self.give_up(DIFFERS)
            raise _NotTogetherError

    def _evaluated(self, leaf: int, together: Array, shape: tuple[int, ...]) -> Array:
        """Evaluate ``func`` with each part of `together` in the place of a leaf."""
        point = self._point
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what there is to warn of was seen at x0
            if not point.complexes[leaf]:
                together = point.backend.laid_out(together, point.originals[leaf])
            found = self._of_many_points(leaf)(together)
        return values_of_batch(found, together.shape[0], shape, point)

    def _of_many_points(self, leaf: int) -> Callable[[Array], Any]:
        """Return ``func`` as a function of many values of one leaf, along a leading axis."""
        if self._batch == "vectorized":
            return lambda together: self._function.at_many(self._points(leaf, together))
        return self._function.mapped(self._point, leaf)

    def _points(self, leaf: int, together: Array) -> Any:
        """Return many points in the user's structure: each leaf along a leading axis."""
        point, count = self._point, together.shape[0]
        if point.is_single_real_array:
            return together
        many = [point.xp.broadcast_to(point.whole(x), (count, *x.shape)) for x in point.leaves]
        leaves = [together if k == leaf else point.backend.copy(x) for k, x in enumerate(many)]
        return point.plainly(leaves)

    def give_up(self, obstacle: str, error: Exception | None = None) -> None:
        """Leave it to one call for each point; an error where the user asked for something else."""
        if self._batch != "auto":
            raise cannot_be_evaluated(self._batch, obstacle) from error
        self._possible = False
        self.obstacle = obstacle

    def takes_many(self, leaf: int) -> bool:
        """Return whether ``func`` takes more points than one, where they are all x0."""
        x = self._point.whole(self._point.leaves[leaf])
        try:
            together = self._point.xp.broadcast_to(x, (_TRIED, *x.shape))
            found = self._of_many_points(leaf)(self._point.backend.copy(together))
        except Exception:
            return False
        return tuple(getattr(found, "shape", ()))[:1] == (_TRIED,)


def without_offset(found: Array, at_x0: Array, count: int) -> Array:
    """Return the values after the first, less what summing in another order adds to all alike."""
    xp = array_api_compat.array_namespace(found)
    offset = found[:1, ...] - at_x0[None, ...]
    # Where the value at x0 is infinite, there is none.
    return found[1 : count + 1, ...] - xp.where(xp.isfinite(offset), offset, xp.zeros_like(offset))
