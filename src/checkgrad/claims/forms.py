"""Claims of the forms grad, jvp and vjp, as linear maps.

The claimed gradient of one output is what all forms have in common. How a claim gets there depends
on its form. `checkgrad.claims.jacobian` owns the form jac.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np

from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array, machine_epsilon
from checkgrad.claims.linear_map import GradientByLeaves, Leaves
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.coordinate_sizes import largest_size
from checkgrad.evaluate.directions import ClaimedGradient
from checkgrad.evaluate.outputs import Outputs


class Claim(Protocol):
    """A claim of some form, evaluated at x0 and at neighbours of it.

    Attributes
    ----------
    epsilon : float
        The machine epsilon of the coarsest dtype in which it returned its claim so far.
    input_epsilon : float
        The machine epsilon of the dtype in which it gets x0, where that is coarser than x0; else 0.
    """

    @property
    def epsilon(self) -> float:
        """See above."""

    @property
    def input_epsilon(self) -> float:
        """See above."""

    @property
    def n_grad(self) -> int:
        """How often the user's function was called so far."""

    def gradients(
        self, leaves: Leaves, outputs: Outputs, passing: bool = False
    ) -> Iterator[ClaimedGradient]:
        """Yield the claimed gradient of each output at a point near x0.

        If `passing`, the `leaves` may be handed to the user's function as they are, and a gradient
        holds until the next is asked for. That takes the memory of two arrays like x0 less.
        """

    def changes(
        self, tangent: Leaves, outputs: Outputs, gradients: Sequence[ClaimedGradient]
    ) -> Floats:
        """Return what the claim at x0 says of a tangent: a number for each output.

        Parameters
        ----------
        tangent : sequence of array
            Arrays like x0. Their entries may be tiny.
        outputs : Outputs
            The outputs.
        gradients : sequence of ClaimedGradient
            What `gradients` returned at x0.
        """


class FunctionClaim:
    """The part that all forms share: how the user's function is called.

    Parameters
    ----------
    function : UserFunction
        The claim, as the user wrote it.
    name : str
        What errors call it.
    point : Point
        x0.
    """

    input_epsilon = 0.0

    def __init__(self, function: UserFunction, name: str, point: Point) -> None:
        self._function = function
        self._name = name
        self._point = point
        self.epsilon = 0.0

    @property
    def n_grad(self) -> int:
        """How often the user's function was called so far."""
        return self._function.n_calls

    def _call(self, leaves: Leaves, *vectors: Any, handed: bool = False) -> Any:
        """Return what the user's function does at a point near x0, given copies of the leaves.

        If they are `handed` over, it gets them as they are.
        """
        point = self._point
        leaves = [point.whole(leaf) for leaf in leaves] if handed else point.copies(leaves)
        return self._function.with_user_errstate(point.for_claim(leaves), *vectors)

    def _note(self, epsilon: float) -> None:
        self.epsilon = max(self.epsilon, epsilon)

    def _gradient(self, claim: Any, passing: bool) -> ClaimedGradient:
        """Return a gradient that the user's function returned.

        It is in memory of its own if it is not `passing`: the function may reuse its buffer.
        """
        claims = self._point.claim_leaves(claim, name=self._name)
        self._note(max(float(machine_epsilon(part)) for part in claims))
        if not passing:
            claims = [self._point.backend.snapshot(part) for part in claims]
        return GradientByLeaves(claims, self._point)

    def changes(
        self, tangent: Leaves, outputs: Outputs, gradients: Sequence[ClaimedGradient]
    ) -> Floats:
        """See `Claim.changes`."""
        del outputs
        return np.asarray([gradient.along(tangent) for gradient in gradients])


class GradClaim(FunctionClaim):
    """``grad(x)``, of the structure of x0: the gradient of a single output."""

    def gradients(
        self, leaves: Leaves, outputs: Outputs, passing: bool = False
    ) -> Iterator[ClaimedGradient]:
        """See `Claim.gradients`."""
        del outputs
        yield self._gradient(self._call(leaves, handed=passing), passing)


class ManyOutputsClaim(FunctionClaim):
    """The part that the forms share whose ``func`` has many outputs.

    Parameters
    ----------
    function, name, point
        As in `FunctionClaim`.
    reader : OutputReader
        Knows what ``func`` returns.
    """

    def __init__(
        self, function: UserFunction, name: str, point: Point, reader: OutputReader
    ) -> None:
        super().__init__(function, name, point)
        self._reader = reader


class VjpClaim(ManyOutputsClaim):
    """``vjp(x, cotangent)``: a gradient for each cotangent."""

    def gradients(
        self, leaves: Leaves, outputs: Outputs, passing: bool = False
    ) -> Iterator[ClaimedGradient]:
        """See `Claim.gradients`."""
        spec = self._reader.spec
        for output in range(outputs.count):
            cotangent = spec.cotangent(outputs.weights_of(output, spec.size), self._point)
            yield self._gradient(self._call(leaves, cotangent), passing)


class JvpClaim(ManyOutputsClaim):
    """``jvp(x, tangent)``: a change of all outputs for each tangent."""

    def pushed(self, leaves: Leaves, tangent: Leaves) -> Floats:
        """Return what the claim at a point says of a tangent: a vector like that of func."""
        own = self._point.copies(tangent)
        value = self._call(leaves, self._point.as_tangent(own))
        self._note(self._reader.epsilon(value, self._name))
        return self._reader.vector(value, self._name)

    def gradients(
        self, leaves: Leaves, outputs: Outputs, passing: bool = False
    ) -> Iterator[ClaimedGradient]:
        """See `Claim.gradients`."""
        del passing
        columns = _Columns(self, list(leaves), outputs, self._point)
        for output in range(outputs.count):
            yield _GradientByColumns(columns, output)

    def changes(
        self, tangent: Leaves, outputs: Outputs, gradients: Sequence[ClaimedGradient]
    ) -> Floats:
        """See `Claim.changes`."""
        backend = self._point.backend
        largest = largest_size(self._point, lambda x: x, tangent)
        if not gradients or largest == 0 or not math.isfinite(largest):
            return np.zeros(outputs.count)
        # A jvp that is not linear may say anything of a tiny tangent.
        power = math.frexp(largest)[1]
        half = power // 2
        scale = partial(_scaled, half=half, power=power)
        scaled = [backend.computed(scale, part) for part in tangent]
        return np.ldexp(outputs.of(self.pushed(self._point.leaves, scaled)), power)


def _scaled(part: Array, half: int, power: int) -> Array:
    """Return a tangent divided by 2**power, in two steps: the power may overflow."""
    return part * 2.0**-half * 2.0 ** (half - power)


class _Columns:
    """What a jvp says of tangents at one point: each is asked for once, for all outputs."""

    def __init__(self, claim: JvpClaim, leaves: Leaves, outputs: Outputs, point: Point) -> None:
        self._claim = claim
        self._leaves = leaves
        self._outputs = outputs
        self._point = point
        self._known: dict[int, tuple[Leaves, Floats]] = {}

    def along(self, tangent: Leaves) -> Floats:
        """Return a number for each output."""
        if id(tangent) not in self._known:
            found = self._outputs.of(self._claim.pushed(self._leaves, tangent))
            self._known[id(tangent)] = tangent, found  # which keeps its id from being reused
        return self._known[id(tangent)][1]

    @cached_property
    def matrix(self) -> Floats:
        """Shape (coordinates, outputs)."""
        columns = []
        for coordinate in range(self._point.size):
            axis = np.zeros(self._point.size)
            axis[coordinate] = 1.0
            tangent = self._point.from_host(axis)
            columns.append(self._outputs.of(self._claim.pushed(self._leaves, tangent)))
        return np.stack(columns)


@dataclass(frozen=True)
class _GradientByColumns:
    """The gradient of one output, of a claim that is given by columns."""

    columns: _Columns
    output: int
    leaves: None = None

    def coordinates(self) -> Floats:
        """See `ClaimedGradient.coordinates`."""
        found: Floats = self.columns.matrix[:, self.output]
        return found

    def along(self, tangent: Sequence[Array]) -> float:
        """See `ClaimedGradient.along`."""
        return float(self.columns.along(tangent)[self.output])
