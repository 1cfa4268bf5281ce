"""``func`` at x0 and at points around it: one interface over every way to call it.

Every call gets arrays of its own: a ``func`` that writes into its argument or keeps it changes
nothing. `checkgrad.evaluate.calling` calls ``func`` at one point, `checkgrad.evaluate.batch` at
many in one call, and `checkgrad.evaluate.values` brings the values to the host.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.arithmetic import reshaped
from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.messages import quote
from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.parsing import as_float
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array, machine_epsilon, snapshot
from checkgrad.evaluate.batch import BatchEvaluator
from checkgrad.evaluate.budget import StoppableCall
from checkgrad.evaluate.calling import Failure, UserFunction
from checkgrad.evaluate.entry_points import EntryPoints, perturbed, perturbed_from_host, placing
from checkgrad.evaluate.known_controls import SinglePoints
from checkgrad.evaluate.options import DEFAULT_EVALUATION, Evaluation, of_one_point
from checkgrad.evaluate.point_batch import PointBatch
from checkgrad.evaluate.rounds import make_rounds
from checkgrad.evaluate.values import complex_numbers, joined_values, numeric_value, values_on_host

_CHUNK = 256  # values kept apart at a time: many small arrays would fragment a device's memory


class Evaluator:
    """The user's ``func`` around one point.

    Parameters
    ----------
    func, args
        As the user passed them.
    point : Point
        Where to evaluate.
    evaluation : Evaluation, optional
        How ``func`` is evaluated at many points.
    reader : OutputReader, optional
        Reads what ``func`` returns as a vector. Without it, ``func`` returns a number or an array.
    sent : callable, optional
        What workers call in place of ``func``.

    Attributes
    ----------
    point : Point
        Where to evaluate.
    value_epsilon : float
        The machine epsilon of the dtype of ``func(x0)``, known once `at_x0` was called.
    batch : BatchEvaluator
        How ``func`` is evaluated at many points in one call.
    rounds : Rounds or None
        How workers evaluate ``func`` at points around x0; None where this process does.
    shape : tuple of int
        The shape of a value on the host: of one number, unless `vector_at_x0` was called.
    budget : Budget
        How much all evaluations may cost.
    n_refused : int
        How often it was evaluated in another way, which was given up.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        point: Point,
        args: tuple[Any, ...],
        evaluation: Evaluation = DEFAULT_EVALUATION,
        reader: OutputReader | None = None,
        sent: Callable[..., Any] | None = None,
    ) -> None:
        read = reader and reader.read
        alone = partial(of_one_point, point=point, batch=evaluation.batch)
        self.budget = evaluation.budget
        self._as_returned = UserFunction(func, args, at_one_point=alone, budget=self.budget)
        self._function = self._called(func, args, read, alone)
        self.rounds = make_rounds(sent or func, args, reader, point, evaluation)
        at_many = self._called(func, args, read)
        self.batch = BatchEvaluator(at_many, point, evaluation)
        self._along = PointBatch(at_many, point, evaluation, self.batch)
        self._at_x0: Any = None
        self._large = point.size > BLOCK  # so that a point is kept in memory no longer than needed
        self._returns_scalars = False  # whether func returns Python's or NumPy's numbers
        self.point = point
        self.shape: tuple[int, ...] = ()
        self.value_epsilon: Any = 0.0
        self.n_refused = 0

    @property
    def n_func(self) -> int:
        """How often ``func`` was evaluated so far. Every point of a batch counts."""
        by_workers = 0 if self.rounds is None else self.rounds.n_calls
        alone = self._function.n_calls + self._as_returned.n_calls
        return alone + self.batch.n_func + self._along.n_func + by_workers + self.n_refused

    @property
    def failure(self) -> Failure | None:
        """The first exception that ``func`` raised away from x0."""
        return self._function.failure or (None if self.rounds is None else self.rounds.failure)

    def _called(
        self, func: Callable[..., Any], args: tuple[Any, ...], read: Any, alone: Any = None
    ) -> UserFunction:
        """Return ``func`` to be called; the arguments are those of `UserFunction`."""
        return UserFunction(func, args, read, alone, budget=self.budget)

    def at_x0(self) -> Array:
        """Return ``func(x0)`` as an array of the point's library."""
        return self._noted_at_x0()[1]

    def value_at_x0(self) -> float:
        """Return ``func(x0)`` as a number.

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
        """Return ``func(x0)``, which is a vector of real numbers, on the host."""
        kept = self._noted_at_x0()[1]
        self.shape = tuple(kept.shape)
        return self.point.backend.to_host(kept).astype(np.float64)

    def at(self, leaves: Sequence[Array]) -> Array:
        """Return ``func`` at a point given by its `leaves`, which are handed out as they are."""
        return numeric_value(self._function.once(self.point.for_func(leaves)), self.point)

    def at_complex(self, x: Any, size: int) -> npt.NDArray[np.complex128]:
        """Return all `size` numbers of ``func`` at a complex point, on the host.

        Raises
        ------
        ValueError
            If ``func`` does not take complex numbers, or returns another number of them.
        """
        try:
            with np.errstate(all="ignore"):
                value = self._evaluated(x, self._as_returned.once, reads=False)
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(
                "method is 'complex-step', but func does not take complex numbers "
                f"({type(error).__name__}: {error}); pass method='differences'"
            ) from error
        return complex_numbers(value, size, self.point)

    def at_entries(self, leaf: int, moved: Array, shape: tuple[int, ...]) -> Array:
        """Return ``func`` with one entry of one leaf replaced, for every entry of the leaf.

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
        entries, xp = np.arange(moved.shape[0]), self.point.xp
        if self._takes(len(entries)):
            at_x0 = reshaped(self._at_x0, shape, xp)
            points = EntryPoints(leaf, entries, moved)
            alone = self._alone(placing(self.point, leaf), at_x0)
            together = self.batch.values(points, at_x0, alone)
            if together is not None:
                return together
        if len(entries) == 0:
            return xp.broadcast_to(xp.reshape(self._at_x0, (1, *shape)), (1, *shape))[:0, ...]
        moving = perturbed(self.point, leaf, entries, moved)
        chunks = iter(lambda: self._function.at_each(islice(moving, _CHUNK), self._kept), [])
        return joined_values(chunks, shape, self.point)

    def at_entries_on_host(self, leaf: int, entries: npt.NDArray[np.intp], moved: Floats) -> Floats:
        """Return ``func`` with single entries of one leaf replaced, or with rows, on the host.

        `moved` are the new values, exactly representable in the dtype of the leaf. The values are
        those of `host_values`.
        """
        if self._takes(len(entries)):
            with np.errstate(all="ignore"):
                at_x0 = reshaped(self._at_x0, self.shape, self.point.xp)
                alone = self._alone(placing(self.point, leaf), at_x0, inside_domain=True)
                together = self.batch.host_values(leaf, entries, moved, at_x0, alone)
            if together is not None:
                return together
        found = self.host_values(perturbed_from_host(self.point, leaf, entries, moved))
        self.batch.controls.note(SinglePoints(leaf, entries, moved, found))
        return found

    def takes_together(self, count: int) -> bool:
        """Return whether `values_together` is to evaluate so many points along tangents."""
        return self._along.takes(count) and self._takes(count)

    def values_together(self, points: Iterable[list[Array]], count: int) -> Floats:
        """Return `host_values` at points given by their leaves, evaluated in few calls."""
        with np.errstate(all="ignore"):
            at_x0 = reshaped(self._at_x0, self.shape, self.point.xp)
            alone = self._alone(self.point.for_func, at_x0, inside_domain=True)
            return self._along.host_values(points, count, at_x0, alone)

    def host_values(self, points: Iterable[Any], function: UserFunction | None = None) -> Floats:
        """Return ``func`` at some points near x0, along the first axis, on the host.

        Off x0, where the user asked for no value, an exception or a value that is not finite marks
        the edge of the domain: NaN. `Stopped` keeps the values of the first points.
        """
        ready = self.point.backend.block_until_ready

        def kept(value: Any) -> Any:  # func may return one buffer, filled anew at every call
            return ready(snapshot(value)) if self._large else snapshot(value)

        def missing() -> Any:
            return np.full(self.shape, math.nan) if self.shape else math.nan

        chosen = function or self.rounds or self._function
        with StoppableCall() as call:
            call.found = chosen.inside_domain(points, kept, missing)
        values, failed = call.found
        found = values_on_host(values, failed, self.shape, self.point)
        if call.stop is not None:
            raise call.stop.keeping(found)
        return found

    def _noted_at_x0(self) -> tuple[Any, Array]:
        """Return ``func(x0)`` as it came and as an array, both noted for the points around it."""
        value = self._evaluated(self.point.copy(), self._function.with_user_errstate)
        kept = self._kept(value)
        self.value_epsilon = machine_epsilon(value)
        self._at_x0 = kept
        self._returns_scalars = isinstance(value, (int, float, np.generic))
        return value, kept

    def _evaluated(self, x: Any, here: Callable[[Any], Any], reads: bool = True) -> Any:
        """Return ``func`` at one point: by a worker where that was noted, or else `here`."""
        if self.rounds is not None and self.rounds.has_noted(x):
            return self.rounds.at_noted(x, reads)
        return here(x)

    def _takes(self, count: int) -> bool:
        """Return whether so many points are to be evaluated in one call."""
        takes = self.batch.takes(count)
        if takes and self._returns_scalars:  # of a precision of their own, which a batch loses
            self.batch.give_up("it returns a number, not an array")
        return takes and not self._returns_scalars

    def _alone(
        self, placed: Callable[[Any], Any], at_x0: Array, inside_domain: bool = False
    ) -> Callable[[Any], Array]:
        """Return ``func`` at what `placed` makes; an exception may mark the edge of the domain."""

        def alone(moved: Any) -> Array:
            x = placed(moved)
            if not inside_domain:
                value = self._kept(self._function.once(x))
            else:
                values, failed = self._function.inside_domain([x], self._kept, lambda: None)
                value = at_x0 * math.nan if failed else numeric_value(values[0], self.point)
            return reshaped(value, tuple(at_x0.shape), self.point.xp)

        return alone

    def _kept(self, value: Any) -> Array:
        """Return a value of ``func`` in memory of its own: ``func`` may reuse its buffer."""
        return snapshot(numeric_value(value, self.point))
