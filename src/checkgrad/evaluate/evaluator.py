"""``func`` at x0 and at points around it: calling, copying, counting; never judging.

Every call gets arrays of its own, so that a ``func`` that writes into its argument or keeps it
changes nothing of the user's and nothing of ours.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.arithmetic import reshaped
from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.messages import quote
from checkgrad.arrays.parsing import as_float, as_numeric
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array, is_array, machine_epsilon, snapshot
from checkgrad.backends.protocol import Entries
from checkgrad.evaluate.batch import CHUNK_BYTES, BatchEvaluator, for_one_point

_IMMUTABLE = frozenset({float, int, complex, np.float64, np.float32})  # values that need no copy
_FLOATS = frozenset({float, np.float64, np.float32})
_CHUNK = 256  # values kept apart at a time: many small arrays would fragment a device's memory


class Sampler:
    """The user's ``func`` around one point.

    Attributes
    ----------
    point : Point
        Where to evaluate.
    n_func : int
        How often ``func`` was called so far.
    value_epsilon : float
        The machine epsilon of the dtype in which ``func`` returned its value at x0, known once
        `at_x0` was called.
    failure : Exception or None
        The first exception that ``func`` raised away from x0.
    batch : BatchEvaluator
        How ``func`` is evaluated at many points in one call.
    shape : tuple of int
        The shape of a value on the host: of one number, unless `vector_at_x0` was called.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        point: Point,
        args: tuple[Any, ...],
        batch: str = "auto",
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        alone = for_one_point(func, point, batch)
        # Without arguments no call is put around the user's, which is most of what a point costs.
        self._func: Callable[[Any], Any] = (lambda x: alone(x, *args)) if args else alone
        self.batch = BatchEvaluator(func, point, args, batch, chunk_bytes)
        self._users = np.geterr()  # under which func runs at x0
        self._at_x0: Any = None
        self._large = point.size > BLOCK  # so that a point is kept in memory no longer than needed
        self._plain = False  # whether func returns Python's or NumPy's numbers
        self.point = point
        self.shape: tuple[int, ...] = ()
        self.n_func = 0
        self.value_epsilon: Any = 0.0
        self.failure: Exception | None = None

    def at_x0(self) -> Array:
        """``func(x0)`` as an array of the point's library."""
        return self._noted_at_x0()[1]

    def at(self, leaves: Sequence[Array]) -> Array:
        """``func`` at a point given by its `leaves`, which are handed out as they are."""
        return self._numeric(self._call(self.point.assemble(leaves)))

    def at_entries(self, leaf: int, moved: Array, shape: tuple[int, ...]) -> Array:
        """``func`` with one entry of one leaf replaced, for every entry of the leaf.

        Parameters
        ----------
        leaf : int
            Which leaf moves.
        moved : array, shape (n,)
            The new value of each entry of the leaf, flattened.
        shape : tuple of int
            The shape that ``func`` returned at x0.

        Returns
        -------
        array, shape (n, *shape)
            The values, in the library and dtype in which ``func`` returned them.
        """
        entries = np.arange(moved.shape[0])
        if self._takes(len(entries)):
            together = self._together(leaf, entries, moved, shape)
            if together is not None:
                return together
        func, kept, xp = self._func, self._kept, self.point.xp
        x = self.point.leaves[leaf]
        if moved.shape[0] == 0:
            return xp.broadcast_to(xp.reshape(self._at_x0, (1, *shape)), (1, *shape))[:0, ...]
        copies = self.point.backend.perturbed_copies(x, entries, moved)
        points = self._in_place_of(leaf, copies)
        chunks = []
        while values := [
            value if type(value := func(x)) in _IMMUTABLE else kept(value)
            for x in itertools.islice(points, _CHUNK)
        ]:
            self.n_func += len(values)
            chunks.append(self.point.backend.block_until_ready(self._stack(values, shape)))
        if len(chunks) == 1:
            return chunks[0]
        dtype = xp.result_type(*chunks)
        return xp.concat([xp.astype(chunk, dtype, copy=False) for chunk in chunks])

    def at_entries_on_host(self, leaf: int, entries: npt.NDArray[np.intp], moved: Floats) -> Floats:
        """``func`` with single entries of one leaf replaced, or with rows of them, on the host.

        `moved` are the new values, exactly representable in the dtype of the leaf. The values are
        those of `host_values`.
        """
        x, backend = self.point.leaves[leaf], self.point.backend
        count = len(entries)
        if self._takes(count):
            more = self.batch.filled(count, leaf) - count
            width = [(0, more), (0, 0)][: entries.ndim]
            places = np.pad(entries, width, mode="edge")
            numbers = np.pad(moved, width, mode="edge")
            with np.errstate(all="ignore"):
                together = self._together(
                    leaf, places, backend.from_host(numbers, x), self.shape, quiet=True
                )
            if together is not None:
                self.n_func -= more
                return backend.to_host(together).astype(np.float64)[:count]
        copies = backend.perturbed_copies(x, entries, backend.from_host(moved, x))
        return self.host_values(self._in_place_of(leaf, copies))

    def value_at_x0(self) -> float:
        """``func(x0)`` as a number.

        Raises
        ------
        TypeError
            If it is complex.
        ValueError
            If it is not one finite number.
        """
        value, kept = self._noted_at_x0()
        array = self.point.backend.to_host(kept)
        if np.iscomplexobj(array):
            raise TypeError(f"func returned the complex number {quote(value)}; it must be real")
        if array.size != 1:
            raise ValueError(
                f"func returned shape {tuple(array.shape)}; verify_grad takes a func that "
                "returns one number"
            )
        # A Python number keeps its own precision, whatever the library of x0.
        number = as_float(value) if isinstance(value, (int, float)) else float(array.reshape(()))
        if not math.isfinite(number):
            raise ValueError(
                f"func(x0) is {number}; a derivative can be checked where func is finite only"
            )
        return number

    def vector_at_x0(self) -> Floats:
        """``func(x0)``, which is a vector of real numbers, on the host."""
        kept = self._noted_at_x0()[1]
        self.shape = tuple(kept.shape)
        return self.point.backend.to_host(kept).astype(np.float64)

    def _noted_at_x0(self) -> tuple[Any, Array]:
        """``func(x0)`` as it came and as an array, both noted for the points around it."""
        with np.errstate(**self._users):
            value = self._call(self.point.copy())
        kept = self._kept(value)
        self.value_epsilon = machine_epsilon(value)
        self._at_x0, self._plain = kept, isinstance(value, (int, float, np.generic))
        return value, kept

    def host_values(self, points: Iterable[Any]) -> Floats:
        """``func`` at some points near x0, on the host; NaN where it raises an exception.

        They are along the first axis, before those of `shape`.

        Off x0, where the user did not ask for a value, an exception or a value that is not
        finite marks the edge of the domain. The first exception is kept in `failure`.
        """
        values: list[Any] = []
        failed: list[int] = []
        with np.errstate(all="ignore"):
            for x in points:
                try:
                    value = self._func(x)
                    # func may return one buffer, filled anew at every call.
                    kept = value if type(value) in _IMMUTABLE else snapshot(value)
                    values.append(
                        self.point.backend.block_until_ready(kept) if self._large else kept
                    )
                except MemoryError:
                    raise
                except Exception as error:
                    self.failure = self.failure or error
                    failed.append(len(values))
                    values.append(np.full(self.shape, math.nan) if self.shape else math.nan)
                del x  # before the next is made
        self.n_func += len(values)
        return self._to_host(values, failed)

    def _to_host(self, values: list[Any], failed: list[int]) -> Floats:
        if not values:
            return np.empty((0, *self.shape))
        on_host = not any(is_array(value) and not isinstance(value, np.ndarray) for value in values)
        if on_host:
            try:
                numbers = np.asarray(values, dtype=np.float64)
            except (TypeError, ValueError, OverflowError):
                numbers = np.empty(0)
            if numbers.size == len(values) * math.prod(self.shape):
                return numbers.reshape(-1, *self.shape)
        elif failed:
            # One library, and so one transfer, for all of them.
            whole = next(value for i, value in enumerate(values) if i not in set(failed))
            values = [whole if i in set(failed) else value for i, value in enumerate(values)]
        stacked = self.point.backend.to_host(self._stack(values, self.shape))
        # Where func is real, a complex value, as of a power of a negative number, is none.
        numbers = np.where(np.isreal(stacked), stacked.real, math.nan).astype(np.float64)
        numbers[failed] = math.nan
        return numbers

    def _takes(self, count: int) -> bool:
        """Whether so many points are to be evaluated in one call."""
        if not self.batch.takes(count):
            return False
        if self._plain:  # it keeps its own precision, which a batch would not
            self.batch.give_up("it returns a number, not an array")
        return not self._plain

    def _together(
        self,
        leaf: int,
        entries: Entries,
        numbers: Array,
        shape: tuple[int, ...],
        quiet: bool = False,
    ) -> Array | None:
        """``func`` with single entries of one leaf replaced, in few calls; None where that fails.

        Every point counts as an evaluation of ``func``. Its exceptions at one point alone are not
        let through if `quiet`.
        """
        xp = self.point.xp

        def alone(moved: Array) -> Array:
            try:
                value = self._kept(self._call(next(self._in_place_of(leaf, iter([moved])))))
            except Exception as error:
                if not quiet or isinstance(error, MemoryError):
                    raise
                self.failure = self.failure or error
                return at_x0 * math.nan
            return reshaped(value, shape, xp)

        at_x0 = reshaped(self._at_x0, shape, xp)
        before = self.batch.n_func
        found = self.batch.values(leaf, entries, numbers, at_x0, alone)
        self.n_func += self.batch.n_func - before
        self.n_func += 0 if found is None else len(entries)
        return found

    def _in_place_of(self, leaf: int, copies: Iterator[Array]) -> Iterator[Any]:
        """x0 with each of `copies` in the place of `leaf`, in the user's structure."""
        if self.point.is_single_real_array:
            return copies
        leaves, copy = self.point.leaves, self.point.backend.copy
        return (
            self.point.assemble(
                [moved if other == leaf else copy(x) for other, x in enumerate(leaves)]
            )
            for moved in copies
        )

    def _call(self, x: Any) -> Any:
        self.n_func += 1
        return self._func(x)

    def _kept(self, value: Any) -> Array:
        """A value of ``func`` in memory of its own: ``func`` may reuse its buffer."""
        return snapshot(self._numeric(value))

    def _numeric(self, value: Any) -> Array:
        if value is None:
            raise TypeError("func returned None; it must return a number (is a return missing?)")
        return as_numeric(value, self.point.backend, self.point.leaves[0], "func")

    def _stack(self, values: list[Any], shape: tuple[int, ...]) -> Array:
        """The values of many calls as one array, refusing values of another shape than at x0."""
        if _FLOATS.issuperset(map(type, values)) and shape == ():
            return self._numeric(np.asarray(values))
        if all(
            type(value) in _IMMUTABLE or isinstance(value, np.ndarray) or not is_array(value)
            for value in values
        ):
            try:
                stacked = self._numeric(values)
            except (TypeError, ValueError):
                stacked = None
            if stacked is not None and stacked.shape == (len(values), *shape):
                return stacked
        arrays = [self._numeric(value) for value in values]
        for value, array in zip(values, arrays, strict=True):
            if array.shape != shape and not (shape == () and math.prod(array.shape) == 1):
                raise ValueError(
                    f"func returned shape {tuple(array.shape)} near x0 but shape {shape} at x0: "
                    f"{quote(value)}"
                )
        xp = self.point.xp
        dtypes = {str(a.dtype): a.dtype for a in arrays}
        dtype = xp.result_type(*dtypes.values()) if len(dtypes) > 1 else arrays[0].dtype
        return xp.stack([xp.astype(xp.reshape(a, shape), dtype, copy=False) for a in arrays])
