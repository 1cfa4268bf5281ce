"""The complex step: derivatives to the last digit, of a ``func`` that takes complex numbers.

The imaginary part of ``func(x + i h v)``, divided by h, is the derivative along v, up to a
truncation error of h**2, and no difference is taken that could cancel [1]_. That holds of analytic
functions only; those that take a modulus, a real part or a conjugate on the way give another number
without an error. So the complex steps are themselves compared with differences, along a random
tangent, and so is every claim that differs from them.

.. [1] W. Squire, G. Trapp, "Using complex variables to estimate derivatives of real functions",
   SIAM Review 40, 1998.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.arrays.outputs import numbers_of
from checkgrad.arrays.point import Point
from checkgrad.backends import Array
from checkgrad.claims.forms import Rows
from checkgrad.evaluate.evaluator import Sampler
from checkgrad.evaluate.samples import Places
from checkgrad.numerics.decide import SAFETY, assess, scale_of
from checkgrad.numerics.estimate import Estimate, Floats
from checkgrad.refine.loop import Evidence, Task, digits_of, gather

_ROUNDING = 32.0  # machine epsilons of the derivative that its evaluation may be off by
_NEIGHBOURS = (1, -1, 2)  # units in the last place away, where the noise of it is measured
_OF_NOISE = 3.0  # times what it varies by there
_FINER = -20  # the power of 2 by which a second step is shorter, to see what truncation is left
_OF_TRUNCATION = 2.0  # times what that changes, which is all but the truncation that it leaves


class ComplexSteps:
    """The derivatives of all rows along some lines, by complex steps."""

    def __init__(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        sampler: Sampler,
        rows: Rows,
        size: int,
        tangents: Sequence[Sequence[Array]] | None,
    ) -> None:
        self._func = func
        self._args = args
        self._sampler = sampler
        self._point: Point = sampler.point
        self._rows = rows
        self._size = size  # of what func returns
        self._tangents = tangents  # None for the coordinate axes
        self._at: dict[tuple[int, int], Floats] = {}

    def derivative(self, row: int) -> Floats:
        """That of a row along every line."""
        return self._of_neighbour(0)[:, row]

    def truncation(self, row: int, which: Places) -> Floats:
        """What is left of it in that of a row, along some lines: none where func is analytic.

        At a branch point, as that of ``x**1.5`` at 0, it falls like the square root of the step.
        """
        with np.errstate(invalid="ignore"):
            change = self._of_neighbour(0, _FINER)[which, row] - self.derivative(row)[which]
            found: Floats = _OF_TRUNCATION * np.abs(change)
        return found

    def noise(self, row: int, which: Places) -> Floats:
        """How much that of a row varies near x0, along some lines."""
        at_x0 = self.derivative(row)[which]
        varied = [self._of_neighbour(count)[which, row] - at_x0 for count in _NEIGHBOURS]
        with np.errstate(invalid="ignore"):
            found: Floats = np.max(np.abs(varied), axis=0, initial=0.0)
        return _OF_NOISE * found

    def _of_neighbour(self, count: int, power: int = 0) -> Floats:
        key = count, power
        if key not in self._at:
            point = self._point
            leaves = list(point.leaves)
            if count:
                ones = [point.xp.ones_like(leaf) for leaf in leaves]
                leaves = point.neighbour(ones, count)
            self._at[key] = np.asarray(
                [self._evaluated(leaves, v, power) for v in self._directions()]
            )
        return self._at[key]

    def _directions(self) -> Iterator[Sequence[Array]]:
        """Every line, as a tangent."""
        if self._tangents is not None:
            yield from self._tangents
            return
        point = self._point
        sizes = np.abs(point.on_host(point.leaves))
        sizes[sizes == 0] = 1.0
        for coordinate in range(point.size):
            axis = np.zeros(point.size)
            axis[coordinate] = np.exp2(np.floor(np.log2(sizes[coordinate])))
            yield point.from_host(axis)

    def _evaluated(self, leaves: Sequence[Array], tangent: Sequence[Array], power: int) -> Floats:
        """The derivative of every row along a tangent; along an axis, by its coordinate.

        The step is 2 to the `power` times the usual one.
        """
        point, xp = self._point, self._point.xp
        epsilon = max(float(xp.finfo(leaf.dtype).eps) for leaf in leaves)
        step = 2.0 ** (power - 2 * digits_of(epsilon))
        wholes = map(point.whole, tangent)
        pairs = (xp.stack([x, step * v], axis=-1) for x, v in zip(leaves, wholes, strict=True))
        moved = point.rebuilt([point.backend.complexed(pair) for pair in pairs])
        self._sampler.n_func += 1
        try:
            with np.errstate(all="ignore"):
                value = self._func(moved, *self._args)
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(
                "method is 'complex-step', but func does not take complex numbers "
                f"({type(error).__name__}: {error}); pass method='differences'"
            ) from error
        numbers = numbers_of(value, point)
        if numbers.size != self._size:
            raise ValueError(
                f"func returned {quote(value)} for complex numbers: {numbers.size} of them, and "
                f"{self._size} for real ones; pass method='differences'"
            )
        length = step
        if self._tangents is None:
            host = point.on_host(list(tangent))
            length = step * float(host[np.flatnonzero(host)[0]])
        with np.errstate(all="ignore"):
            found: Floats = self._rows.of(np.imag(numbers) / length)
        return found


def gather_by_complex_steps(task: Task, steps: ComplexSteps, row: int, thorough: bool) -> Evidence:
    """Compare claims with complex steps, and where they differ with differences as well.

    Where these two contradict each other, the differences count.
    """
    exact = steps.derivative(row)
    rounding = _ROUNDING * task.precision * np.abs(exact)
    first = Estimate.plain(exact, rounding, rounding)
    none = np.zeros(task.claim.size)
    scale = scale_of(task.claim, first)
    assessment = assess(
        task.claim, first, none, task.rtol, scale, whole=task.whole, single=task.single
    )
    left = np.flatnonzero(~assessment.resolved)
    if left.size == 0:
        return Evidence(task.claim, none, first, assessment)
    evidence = gather(task.part(left), thorough)
    by_differences = evidence.estimate
    uncertainty = np.fmax(rounding[left], steps.noise(row, left)) + steps.truncation(row, left)
    better = Estimate.plain(exact[left], uncertainty, uncertainty)
    with np.errstate(invalid="ignore"):
        off = np.abs(by_differences.value - exact[left])
        agree = off <= SAFETY * (by_differences.uncertainty + uncertainty)
        agree |= off <= task.rtol * np.abs(exact[left])
    agree &= np.isfinite(exact[left]) & ~(by_differences.lower < by_differences.upper)
    agree &= ~by_differences.jump & np.isfinite(uncertainty)
    merged, noise = {}, none.copy()
    noise[left] = evidence.claim_noise
    for field in dataclasses.fields(Estimate):
        whole = getattr(first, field.name).copy()
        of_both = (getattr(better, field.name), getattr(by_differences, field.name))
        whole[left] = np.where(agree, *of_both)
        merged[field.name] = whole
    estimate = Estimate(**merged)
    scale = scale_of(task.claim, estimate)
    assessment = assess(
        task.claim, estimate, noise, task.rtol, scale, whole=task.whole, single=task.single
    )
    return Evidence(task.claim, noise, estimate, assessment)
