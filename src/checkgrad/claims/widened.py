"""The claim where ``func`` is evaluated in float64: in float64 as well, or as the user wrote it.

`NativeClaim` evaluates the claim in the dtypes of the user. `PreferredClaim` prefers float64, and
falls back to the native claim where the claim cannot be evaluated in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from checkgrad.arrays.blockwise import widened
from checkgrad.arrays.messages import brief
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array, Backend, Observation
from checkgrad.claims.forms import Claim
from checkgrad.claims.linear_map import GradientByLeaves, Leaves
from checkgrad.evaluate.directions import ClaimedGradient
from checkgrad.evaluate.outputs import Outputs
from checkgrad.evaluate.whose_error import is_of_float64
from checkgrad.precision import DOUBLE

_UNSEEN = 2.0**-30  # relative to each coordinate: a change that float32 cannot hold
_SAMPLE = 2**16  # entries of a large array that tell as much as all


class NativeClaim:
    """A claim in the dtypes of the user, asked at points of float64.

    Parameters
    ----------
    claim : Claim
        The claim at x0 in the dtypes of the user.
    native, wide : Point
        x0 in the dtypes of the user, and in float64.

    Attributes
    ----------
    wide_point : Point
        x0 in float64.
    """

    def __init__(self, claim: Claim, native: Point, wide: Point) -> None:
        self._claim = claim
        self._native = native
        self.wide_point = wide

    @property
    def n_grad(self) -> int:
        """How often the user's function was called so far."""
        return self._claim.n_grad

    @property
    def epsilon(self) -> float:
        """The machine epsilon of the coarsest dtype in which it returned its claim so far."""
        return self._claim.epsilon

    @property
    def input_epsilon(self) -> float:
        """The machine epsilon in which it gets x0."""
        return max(self._native.epsilons)

    def rounded(self, leaves: Leaves) -> list[Array]:
        """Return a point of float64, rounded to the dtypes of the user."""
        narrow = self._native.narrowed(leaves)
        return [widened(self._native.backend, each) for each in narrow]

    def holds(self, leaves: Leaves) -> bool:
        """Return whether arrays like a point of float64 hold numbers of the user's dtypes only."""
        point, xp = self.wide_point, self.wide_point.xp

        def are_equal(one: Array, other: Array) -> Array:
            return xp.all(one == other)

        if not point.is_partitioned:
            samples = [_sample(part, point.backend) for part in leaves]
            pairs = zip(samples, self.rounded(samples), strict=True)
            return all(bool(point.backend.reduced(are_equal, *pair)) for pair in pairs)
        return all(point.numbers(are_equal, leaves, self.rounded(leaves)))

    def gradients(
        self, leaves: Leaves, outputs: Outputs, passing: bool = False
    ) -> Iterator[ClaimedGradient]:
        """See `Claim.gradients`."""
        backend = self._native.backend
        with backend.as_user_set():
            gradients = self._claim.gradients(self._native.narrowed(leaves), outputs, passing)
        while True:
            with backend.as_user_set():
                gradient = next(gradients, None)
            if gradient is None:
                return
            if gradient.leaves is None:
                yield _NarrowGradient(gradient, self._native)
            else:
                parts = [widened(backend, part) for part in gradient.leaves]
                yield GradientByLeaves(parts, self.wide_point)

    def changes(
        self, tangent: Leaves, outputs: Outputs, gradients: Sequence[ClaimedGradient]
    ) -> Floats:
        """See `Claim.changes`."""
        if any(gradient.leaves is None for gradient in gradients):
            tangent = self._native.narrowed(tangent)
        with self._native.backend.as_user_set():
            return self._claim.changes(tangent, outputs, gradients)


@dataclass(frozen=True)
class _NarrowGradient:
    """A gradient that is asked along tangents of float64, and evaluated in the user's dtypes."""

    gradient: ClaimedGradient
    native: Point
    leaves: None = None

    def coordinates(self) -> Floats:
        """See `ClaimedGradient.coordinates`."""
        with self.native.backend.as_user_set():
            return self.gradient.coordinates()

    def along(self, tangent: Sequence[Array]) -> float:
        """See `ClaimedGradient.along`."""
        narrow = self.native.narrowed(tangent)
        with self.native.backend.as_user_set():
            return self.gradient.along(narrow)


class PreferredClaim:
    """A claim in float64, or the native claim where that fails at x0.

    Parameters
    ----------
    wide : Claim
        The claim, evaluated in float64.
    native : NativeClaim
        The claim as the user wrote it.
    cast_epsilon : float
        The machine epsilon of the coarsest dtype that ``func`` casts to; 0 if it does not cast. A
        claim whose rounding is not seen may round as coarsely.
    observation : callable
        Returns what was met inside of the claim in float64; None if it was not observed.

    Attributes
    ----------
    obstacle : str
        Why the claim is evaluated in the dtypes of the user; empty where it is not.
    """

    def __init__(
        self,
        wide: Claim,
        native: NativeClaim,
        cast_epsilon: float = 0.0,
        observation: Callable[[], Observation | None] = lambda: None,
    ) -> None:
        self.wide = wide
        self.native = native
        self._cast_epsilon = cast_epsilon
        self._observation = observation
        self.obstacle = ""
        self._was_called = False

    @property
    def is_wide(self) -> bool:
        """Whether it is evaluated in float64."""
        return not self.obstacle

    @property
    def n_grad(self) -> int:
        """How often the user's function was called so far, either way."""
        return self.wide.n_grad + self.native.n_grad

    @property
    def epsilon(self) -> float:
        """The machine epsilon of the coarsest dtype in which it returned its claim so far."""
        return self._chosen.epsilon

    @property
    def input_epsilon(self) -> float:
        """The machine epsilon that it rounds x0 to; 0 where it keeps all digits."""
        seen = self._observation()
        if self.is_wide and not (seen is not None and seen.may_round):
            return self.wide.input_epsilon
        return max(self._chosen.input_epsilon, self._cast_epsilon)

    def gradients(
        self, leaves: Leaves, outputs: Outputs, passing: bool = False
    ) -> Iterator[ClaimedGradient]:
        """See `Claim.gradients`. The first call, at x0, chooses how the claim is evaluated."""
        if self._was_called:
            yield from self._chosen.gradients(leaves, outputs, passing)
            return
        self._was_called = True
        found: list[ClaimedGradient] = []
        point = self.native.wide_point
        try:
            found = list(self.wide.gradients(leaves, outputs))
            if outputs.count and found[0].leaves is None:  # a jvp, which is called only now
                found[0].along(point.leafwise(point.xp.ones_like))
            if self.wide.epsilon > DOUBLE or self._is_rounded(found, outputs):
                self.obstacle = "it computes in a narrower dtype whatever it gets"
        except Exception as error:
            if not is_of_float64(error):
                raise
            self.obstacle = brief(error)
        yield from found if self.is_wide else self.native.gradients(leaves, outputs)

    def _is_rounded(self, gradients: Sequence[ClaimedGradient], outputs: Outputs) -> bool:
        """Return whether the claim in float64 holds numbers of the user's dtypes only.

        A simple claim may do so at x0. It does not at a point that only float64 can hold. Where
        the dtypes of the user are float64, they hold all numbers, which tells nothing.
        """
        if self.native.input_epsilon <= DOUBLE:
            return False
        if not all(map(self._is_native, gradients)):
            return False
        point = self.native.wide_point
        moved = [point.on_demand(lambda x: x * (1 + _UNSEEN), leaf) for leaf in point.leaves]
        return all(map(self._is_native, self.wide.gradients(moved, outputs, passing=True)))

    def _is_native(self, gradient: ClaimedGradient) -> bool:
        if gradient.leaves is None:
            return False
        return self.native.holds(gradient.leaves)

    def changes(
        self, tangent: Leaves, outputs: Outputs, gradients: Sequence[ClaimedGradient]
    ) -> Floats:
        """See `Claim.changes`."""
        return self._chosen.changes(tangent, outputs, gradients)

    @property
    def _chosen(self) -> Claim:
        return self.wide if self.is_wide else self.native


def _sample(array: Array, backend: Backend) -> Array:
    """Return a small array as it is, and the first entries of a large one."""
    return array if math.prod(array.shape) <= _SAMPLE else next(backend.split(array, _SAMPLE))
