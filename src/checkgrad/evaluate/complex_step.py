"""The complex step: derivatives to the last digit, of a ``func`` that takes complex numbers.

The imaginary part of ``func(x + i h v)``, divided by h, is the derivative along v, up to a
truncation error of h**2. No difference is taken that could cancel [1]_. That holds of analytic
functions only. Those that take a modulus, a real part or a conjugate on the way give another number
without an error, so `checkgrad.refine.complex_step` compares complex steps with differences.

.. [1] Squire, W., Trapp, G., "Using complex variables to estimate derivatives of real functions",
   SIAM Review 40, 1998.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.known_values import Places
from checkgrad.evaluate.outputs import Outputs
from checkgrad.precision import digits_of

_NEIGHBOURS = (1, -1, 2)  # units in the last place away, where the noise of it is measured
_OF_NOISE = 3.0  # times what it varies by there
_FINER = -20  # the power of 2 by which a second step is shorter, to see what truncation is left
_OF_TRUNCATION = 2.0  # times what that changes, which is all but the truncation that it leaves


class ComplexSteps:
    """The derivatives of all outputs along some lines, by complex steps.

    Parameters
    ----------
    evaluator : Evaluator
        Evaluates ``func``.
    outputs : Outputs
        The outputs.
    size : int
        How many numbers ``func`` returns.
    tangents : sequence of sequence of array, or None
        The lines; None for the coordinate axes.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        outputs: Outputs,
        size: int,
        tangents: Sequence[Sequence[Array]] | None,
    ) -> None:
        self._evaluator = evaluator
        self._point: Point = evaluator.point
        self._outputs = outputs
        self._size = size
        self._tangents = tangents
        self._at: dict[tuple[int, int], Floats] = {}

    def derivative(self, output: int) -> Floats:
        """Return that of an output along every line."""
        return self._at_neighbour(0)[:, output]

    def truncation(self, output: int, which: Places) -> Floats:
        """Return the truncation error that is left along some lines: 0 where func is analytic.

        At a branch point, as that of ``x**1.5`` at 0, it falls like the square root of the step.
        """
        with np.errstate(invalid="ignore"):
            finer = self._at_neighbour(0, _FINER)[which, output]
            found: Floats = _OF_TRUNCATION * np.abs(finer - self.derivative(output)[which])
        return found

    def noise(self, output: int, which: Places) -> Floats:
        """Return how much that of an output varies near x0, along some lines."""
        at_x0 = self.derivative(output)[which]
        varied = [self._at_neighbour(count)[which, output] - at_x0 for count in _NEIGHBOURS]
        with np.errstate(invalid="ignore"):
            found: Floats = np.max(np.abs(varied), axis=0, initial=0.0)
        return _OF_NOISE * found

    def _at_neighbour(self, count: int, power: int = 0) -> Floats:
        key = count, power
        if key not in self._at:
            point = self._point
            leaves = list(point.leaves)
            if count:
                ones = [point.xp.ones_like(leaf) for leaf in leaves]
                leaves = point.neighbour(ones, count)
            rounds = self._evaluator.rounds
            if rounds is not None:
                for v in self._directions():
                    rounds.note(self._moved(leaves, v, power)[0])
            self._at[key] = np.asarray(
                [self._evaluated(leaves, v, power) for v in self._directions()]
            )
        return self._at[key]

    def _directions(self) -> Iterator[Sequence[Array]]:
        """Yield every line, as a tangent."""
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

    def _moved(
        self, leaves: Sequence[Array], tangent: Sequence[Array], power: int
    ) -> tuple[Any, float]:
        """Return the complex point along a tangent, and its step."""
        point, xp = self._point, self._point.xp
        epsilon = max(float(xp.finfo(leaf.dtype).eps) for leaf in leaves)
        step = 2.0 ** (power - 2 * digits_of(epsilon))
        wholes = map(point.whole, tangent)
        pairs = (xp.stack([x, step * v], axis=-1) for x, v in zip(leaves, wholes, strict=True))
        moved = point.rebuilt([point.backend.complexed(pair) for pair in pairs])
        return moved, step

    def _evaluated(self, leaves: Sequence[Array], tangent: Sequence[Array], power: int) -> Floats:
        """Return the derivative of every output along a tangent; along an axis, by its coordinate.

        The step is 2 to the `power` times the usual one.
        """
        moved, step = self._moved(leaves, tangent, power)
        numbers = self._evaluator.at_complex(moved, self._size)
        length = step
        if self._tangents is None:
            host = self._point.on_host(list(tangent))
            length = step * float(host[np.flatnonzero(host)[0]])
        with np.errstate(all="ignore"):
            found: Floats = self._outputs.of(np.imag(numbers) / length)
        return found
