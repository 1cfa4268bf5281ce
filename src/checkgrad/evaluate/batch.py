"""``func`` at many points in one call, where the array library or ``func`` itself can do it.

What a batch returns is not taken on trust: x0 is one of its points, and some of them are evaluated
alone as well.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import array_api_compat
import numpy as np

from checkgrad.arrays.arithmetic import reshaped
from checkgrad.arrays.messages import brief, quote
from checkgrad.arrays.parsing import as_numeric
from checkgrad.arrays.point import Point
from checkgrad.backends import Array, machine_epsilon
from checkgrad.backends.protocol import Entries, HostArray

BATCHES = ("auto", "vmap", "vectorized", "loop")
CHUNK_BYTES = 2**28  # 256 MiB
_COPIES = 4  # of the points in a call: what func computes from them takes memory too
_COMPANIONS = 3  # of the points in a call: x0 and two control_points
_MOST = 2**12  # points in one call: more are no faster
_ON_HOST = 2**25  # bytes on a CPU: for more, the system makes new pages in every call ...
_MANY = 64  # ... which costs less than more calls where a call has fewer points than this
_FEWEST = 8  # points from which on "auto" evaluates them in one call ...
_FEWEST_COMPILED = 32  # ... where that compiles something
_ROUND = 256  # numbers of points are multiples of this, or powers of two: each is compiled anew
_SAME = 64.0  # machine epsilons of the largest value at a point that others may be off by there
_NOISY = 8.0  # ... or times what it varies by at so many points ...
_NEIGHBOURS = 3  # ... that are units in the last place apart
_FEW_DIGITS = 2.0**-10  # the machine epsilon of float16
_SOME = 3  # points that a func of many points is tried with


def for_one_point(func: Callable[..., Any], point: Point, batch: Any) -> Callable[..., Any]:
    """`func` as a function of a single point, whatever it takes.

    Raises
    ------
    ValueError
        If `batch` is unknown, or the array library of x0 cannot do it.
    """
    if not isinstance(batch, str) or batch not in BATCHES:
        raise ValueError(f"batch is {quote(batch)}; pass 'auto', 'vmap', 'vectorized' or 'loop'")
    if batch == "vmap" and not point.backend.maps:
        raise ValueError(
            f"batch is 'vmap', which {point.backend.name} does not have; pass 'vectorized', with "
            "a func that takes many points along a leading axis, or 'loop'"
        )
    if batch != "vectorized":
        return func

    def alone(x: Any, *args: Any) -> Any:
        leaves = point.parts(x, "x is", "pass a point")
        value = func(point.rebuilt([leaf[None, ...] for leaf in leaves]), *args)
        shape = tuple(getattr(value, "shape", ()))
        if not shape or shape[0] != 1:
            raise ValueError(
                f"func returned shape {shape} for one point along a leading axis; with "
                "batch='vectorized' it must return one value for each point: shape (1, ...)"
            )
        return value[0, ...]

    return alone


class _NotTogetherError(Exception):
    """``func`` is to be evaluated at one point at a time."""


class BatchEvaluator:
    """Points around x0, of which one entry of one leaf is moved, in as few calls as memory allows.

    Attributes
    ----------
    n_func : int
        How often ``func`` was called to find out what it does and takes.
    obstacle : str
        Why it cannot be done; empty where it can, or was not asked for.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        point: Point,
        args: tuple[Any, ...],
        batch: str,
        chunk_bytes: Any,
    ) -> None:
        whole = isinstance(chunk_bytes, (int, np.integer)) and not isinstance(chunk_bytes, bool)
        if not whole or chunk_bytes < 1:
            raise ValueError(
                f"chunk_bytes is {quote(chunk_bytes)}; pass a number of bytes, at least 1"
            )
        self._func = func
        self._point = point
        self._args = args
        self._batch = batch
        self._memory = int(chunk_bytes)
        self._possible = batch == "vectorized" or (batch != "loop" and point.backend.maps)
        if batch == "auto" and any(_too_few_digits(x) for x in point.leaves):
            self._possible = False
        self._footprint = 0  # bytes; not known yet
        self.n_func = 0
        self.obstacle = ""

    def takes(self, count: int) -> bool:
        """Whether so many points are to be evaluated together."""
        fewest = _FEWEST_COMPILED if self._point.backend.compiles else _FEWEST
        return self._possible and count >= (fewest if self._batch == "auto" else 1)

    def values(
        self,
        leaf: int,
        entries: Entries,
        numbers: Array,
        at_x0: Array,
        alone: Callable[[Array], Array],
    ) -> Array | None:
        """``func`` with each of the `numbers` in the place of an entry of a leaf.

        Parameters
        ----------
        leaf : int
            Which leaf moves.
        entries : array of int, shape (n,) or (n, r)
            Which flat entry of it, or which of them, for each point.
        numbers : array, shape (n,) or (n, r)
            The new values.
        at_x0 : array, shape (*m)
            ``func(x0)``.
        alone : callable
            ``func`` at a single point, with an array in the place of the leaf.

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
        if self._batch == "auto" and _too_few_digits(at_x0):
            self._possible = False
            return None
        size = min(len(entries), self._points_per_call(leaf))
        if self._batch == "auto" and size < min(_FEWEST, len(entries)):
            self._possible = False  # a few large points at a time are no faster than one
            return None
        chunks = self._chunks(leaf, entries, numbers, at_x0, alone, size)
        try:
            first = next(chunks)
            if len(entries) <= size:
                return first
            # Into one array: small ones, kept between the large ones of each call, would keep the
            # memory of those from being used again.
            every = itertools.chain([first], chunks)
            flat = (reshaped(chunk, (math.prod(chunk.shape),), self._point.xp) for chunk in every)
            return self._point.backend.joined(flat, (len(entries), *first.shape[1:]), first)
        except _NotTogetherError:
            return None

    def _chunks(
        self,
        leaf: int,
        entries: Entries,
        numbers: Array,
        at_x0: Array,
        alone: Callable[[Array], Array],
        size: int,
    ) -> Iterator[Array]:
        """What `values` returns, `size` points at a time; a `_NotTogetherError` where it cannot."""
        backend, xp = self._point.backend, self._point.xp
        without_offset = backend.compiled(_without_offset)
        x, shape = self._point.leaves[leaf], tuple(at_x0.shape)
        for start in range(0, len(entries), size):
            part = slice(start, min(start + size, len(entries)))
            places, moved = entries[part], numbers[part, ...]
            taken = len(places)
            if taken < size:  # as many as before, for which code is compiled already
                places = np.concatenate([places, *[places[-1:]] * (size - taken)])
                moved = xp.concat([moved, *[moved[-1:, ...]] * (size - taken)])
            together, *control_points = backend.perturbed_batch(x, places, moved)
            found = self._tried(leaf, partial(self._evaluated, leaf, together, shape))
            if start == 0:
                apart = [
                    alone(control_point) for control_point in control_points
                ]  # while the others are computed
                values = backend.to_host(found)
                farthest = _farthest(values[1:-2])
                control_points += backend.perturbed_copies(
                    x, places[farthest : farthest + 1], moved, farthest
                )
                apart = [at_x0, *apart, alone(control_points[-1])]
                values = values[[0, -2, -1, 1 + farthest]]
                if not self._batch_matches_single(values, x, control_points, apart, alone):
                    self.give_up("it returns other values in a batch than alone")
                    raise _NotTogetherError
            yield backend.block_until_ready(without_offset(found, at_x0, taken))

    def filled(self, count: int, leaf: int) -> int:
        """How many points to make of `count` ones that move a leaf, so that code is compiled once.

        Once or twice as many as it has entries is the most common number.
        """
        if not self._point.backend.compiles:
            return count
        size = self._point.sizes[leaf]
        return min(padded(count), -(-count // size) * size)

    def _tried(self, leaf: int, call: Callable[[], Any]) -> Any:
        """What `call` returns; `_NotTogetherError` where it raises an exception."""
        try:
            return call()
        except MemoryError:
            raise
        except Exception as error:
            # With a func of many points it is the edge of the domain, of one of them.
            if self._batch != "vectorized" or not self._takes_many(leaf):
                self.give_up(brief(error), error)
            raise _NotTogetherError from error

    def _points_per_call(self, leaf: int) -> int:
        """How many points fit into the memory allowed, with what ``func`` makes of them."""
        point = self._point
        if self._footprint == 0:
            self._footprint = sum(
                size * max(1, point.xp.finfo(x.dtype).bits // 8)
                for size, x in zip(point.sizes, point.leaves, strict=True)
            )
            if self._batch != "vectorized":
                self.n_func += 1
                made = point.backend.footprint(self._moved(leaf), point.leaves[leaf])
                self._footprint = max(self._footprint, made)
        each = _COPIES * self._footprint
        most = _MOST
        if point.backend.on_host(point.leaves[leaf]):
            most = min(most, max(_MANY, _ON_HOST // each - _COMPANIONS))
        return min(most, max(1, self._memory // each - _COMPANIONS))

    def _evaluated(self, leaf: int, together: Array, shape: tuple[int, ...]) -> Array:
        """``func`` with each part of `together` in the place of a leaf."""
        point, backend = self._point, self._point.backend
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what there is to warn of was seen at x0
            found = self._called(leaf, together)
        values = as_numeric(found, backend, point.leaves[0], "func")
        count = together.shape[0]
        if math.prod(values.shape) != count * math.prod(shape):
            raise ValueError(f"func returned shape {tuple(values.shape)} for {count} points")
        values = reshaped(values, (count, *shape), point.xp)
        return backend.copy(values)  # func may return a buffer of its own

    def _called(self, leaf: int, together: Array) -> Any:
        if self._batch == "vectorized":
            return self._moved(leaf, together.shape[0])(together)
        return self._point.backend.mapped(self._moved(leaf))(together)

    def _moved(self, leaf: int, count: int = 0) -> Callable[[Array], Any]:
        """``func`` of one leaf, or of `count` of them along a leading axis."""
        point, func, args = self._point, self._func, self._args
        if point.is_single_real_array and not args:
            return func  # itself, of which the library may know the trace
        others = {k: point.backend.copy(x) for k, x in enumerate(point.leaves) if k != leaf}
        if count:
            for k, x in others.items():
                others[k] = point.backend.copy(point.xp.broadcast_to(x, (count, *x.shape)))
        return lambda x: func(point.assemble(_leaves(others, leaf, x)), *args)

    def _batch_matches_single(
        self,
        batch: HostArray,
        x0: Array,
        control_points: list[Array],
        apart: list[Array],
        alone: Callable[[Array], Array],
    ) -> bool:
        """Whether the values of a `batch` are those that ``func`` returns alone.

        Its first value is that at x0, the others are those at the control points, and so are those
        that it returned `apart`. One step may change ``func`` by no more than its rounding error;
        with all entries moved at once, and with every other one, it changes by more.
        """
        to_host = self._point.backend.to_host
        single = np.stack([to_host(value) for value in apart])
        epsilon = float(machine_epsilon(apart[0]))
        # Small values, too, are sums of terms as large as others, and round in another order.
        size = np.where(np.isfinite(single), np.abs(single), 0.0)
        size = size.max(axis=tuple(range(1, single.ndim)), keepdims=True, initial=0.0)
        with np.errstate(invalid="ignore"):
            off = np.abs(single - batch)
            same = off <= _SAME * epsilon * size
            same |= (single == batch) | (np.isnan(single) & np.isnan(batch))
            if np.all(same):
                return True
            # Where terms cancel, the rounding error is larger than that of the value.
            noise = []
            for x, value in zip(control_points, single[1:], strict=True):
                near = [to_host(alone(y)) for y in _near(x, x0, control_points[0], self._point.xp)]
                noise.append(np.abs(np.stack(near) - value).max(initial=0.0))
            at_most = np.reshape([min(noise), *noise], (-1,) + (1,) * (single.ndim - 1))
            return bool(np.all(same | (off <= _NOISY * at_most)))

    def give_up(self, obstacle: str, error: Exception | None = None) -> None:
        """Leave it to one call for each point; an error where the user asked for something else."""
        if self._batch != "auto":
            raise ValueError(
                f"func cannot be evaluated with batch={self._batch!r}: {obstacle}; pass "
                "batch='loop', with a func of one point"
            ) from error
        self._possible = False
        self.obstacle = obstacle

    def _takes_many(self, leaf: int) -> bool:
        """Whether ``func`` takes more points than one, where they are all x0."""
        x = self._point.leaves[leaf]
        try:
            together = self._point.xp.broadcast_to(x, (_SOME, *x.shape))
            found = self._called(leaf, self._point.backend.copy(together))
        except Exception:
            return False
        return tuple(getattr(found, "shape", ()))[:1] == (_SOME,)


def _leaves(others: dict[int, Array], leaf: int, x: Array) -> list[Array]:
    """All leaves, with `x` in its place among the others."""
    return [x if k == leaf else others[k] for k in range(len(others) + 1)]


def _too_few_digits(array: Array) -> bool:
    """Whether a step changes values of this dtype by so little that no batch can be trusted."""
    return float(machine_epsilon(array)) >= _FEW_DIGITS


def _near(x: Array, x0: Array, moved: Array, xp: Any) -> Iterator[Array]:
    """Points some units in the last place from `x`, between `x0` and `moved` as it is itself."""
    way = xp.where(x == x0, moved, x0) - x
    unit = xp.abs(x * (1 + float(xp.finfo(x.dtype).eps)) - x) * xp.sign(way)
    for count in range(1, _NEIGHBOURS + 1):
        yield x + xp.where(xp.abs(count * unit) < xp.abs(way), count * unit, way)


def _without_offset(found: Array, at_x0: Array, count: int) -> Array:
    """The values after the first, without what summing in another order adds to all alike."""
    xp = array_api_compat.array_namespace(found)
    offset = found[:1, ...] - at_x0[None, ...]
    # Where the value at x0 is infinite, there is none.
    return found[1 : count + 1, ...] - xp.where(xp.isfinite(offset), offset, xp.zeros_like(offset))


def _farthest(values: HostArray) -> int:
    """The point whose value is farthest from that of the first."""
    flat = values.reshape(values.shape[0], -1)
    with np.errstate(invalid="ignore"):
        away = np.abs(flat - flat[:1]).max(axis=1, initial=0.0)
    return int(np.argmax(np.where(np.isfinite(away), away, -1.0)).item())


def padded(count: int) -> int:
    """A number of points not below `count`, one of few: code is compiled for each.

    Examples
    --------
    >>> [padded(count) for count in (3, 100, 300)]
    [4, 128, 512]
    """
    if count > _ROUND:
        return -(-count // _ROUND) * _ROUND
    return 1 << max(0, count - 1).bit_length()
