"""What a claim of a JAX function says, and what differences say, along the same tangents.

The function and its claim are traced once each. Both are evaluated in float64 at all points that
a look at a small function needs, in one call. Nothing is judged here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import numpy as np

from checkgrad.backends.array_types import Array
from checkgrad.backends.jax_eager import values_of_many
from checkgrad.backends.jax_flat import FlatLayout, Floats
from checkgrad.backends.jax_wide_dtypes import epsilon_of
from checkgrad.backends.jax_wide_operations import inner_jaxprs

FlatFunction: TypeAlias = Callable[..., tuple[Array, ...]]
# Takes the primals and as many tangents (or cotangents) like the inputs (or outputs). Returns the
# value and the derivative.
FlatClaim: TypeAlias = Callable[[list[Array], list[Array]], tuple[Sequence[Array], Sequence[Array]]]

# Up to so many numbers, every axis is a tangent of its own, or every output a cotangent.
_AXES, _OUTPUTS = 32, 16
_TANGENTS = 4  # of each larger input ...
_COTANGENTS = 3  # ... and of more outputs: two would do, if no error hid from one by chance
_STEP = 2.0**-17  # near the cube root of the machine epsilon, where central differences are best
_PROBE = 10.0  # the length of a mix: a rule that clips its tangents shows there
_POWERS = 12  # of two by which cotangents may differ: half precision overflows soon
_MOST_NUMBERS = 2**22  # in all points together: for more, the thorough check needs less memory


class CannotSampleError(Exception):
    """A look is not possible: something is not finite, or there are too many numbers."""


@dataclass(frozen=True)
class ClaimSamples:
    """Derivatives along some tangents, weighted by some cotangents.

    Attributes
    ----------
    claim : array, shape (tangents, outputs)
        What the claim in float64 says. In reverse mode, the second axis is that of the cotangents.
    differences : array, shape (2, tangents, outputs)
        What central differences say, at steps as long as x0 suggests, and at longer ones if x0 is
        small.
    has_axes : bool
        Whether each number is one entry of the Jacobian. Otherwise it is a random sum of many.
    native, wide : array
        The claim along one tangent or cotangent, as the user evaluates it, and in float64.
    native_epsilons : array
        The machine epsilons of the entries of `native`.
    native_scale : array
        The largest entry of the array that each entry of `wide` lies in.
    value_error : float
        By how many machine epsilons of the largest entry the value of the function differs at
        most from the one that comes with the claim.
    nonlinearity : float
        How far what the claim says of a mix of tangents (cotangents) is from the same mix of what
        it says of each: at most, in parts of the largest sum of magnitudes in an array.
    arguments : array, shape (tangents,)
        Which input each tangent moves.
    """

    claim: Floats
    differences: Floats
    has_axes: bool
    native: Floats
    wide: Floats
    native_epsilons: Floats
    native_scale: Floats
    value_error: float
    nonlinearity: float
    arguments: Floats


class FunctionSamples:
    """Samples of one function around one point.

    Parameters
    ----------
    function : callable
        Takes and returns floating arrays of JAX.
    primals : list of array
        The point.
    rng : numpy.random.Generator
        Where tangents and cotangents come from.

    Raises
    ------
    CannotSampleError
        If x0 or the value is not finite, or there are too many numbers.
    Exception
        What the function raises where JAX traces or calls it.
    """

    def __init__(
        self, function: FlatFunction, primals: list[Array], rng: np.random.Generator
    ) -> None:
        self.function, self.primals, self._rng = function, primals, rng
        # A new function: JAX would return the jaxpr of an earlier look, and what the function
        # closes over may have changed.
        self._jaxpr = jax.make_jaxpr(lambda *parts: list(function(*parts)))(*primals)
        self.inputs = FlatLayout(primals)
        self.outputs = FlatLayout(self._jaxpr.out_avals)
        self.value = self.outputs.rows(function(*primals))
        self._x0 = self.inputs.rows(primals)
        if not (np.all(np.isfinite(self._x0)) and np.all(np.isfinite(self.value))):
            raise CannotSampleError("x0 or the value is not finite")
        self._tangents, self._steps, self._arguments = self._chosen_tangents()
        points = 2 * self._steps.size + 1
        if points * (self.inputs.size + self.outputs.size) > _MOST_NUMBERS:
            raise CannotSampleError("there are too many numbers")
        self.differences, self.wide_value = self._central_differences()
        self._scale = np.max(np.abs(self.differences), axis=(0, 1), initial=0.0)

    @property
    def epsilons(self) -> Floats:
        """The machine epsilons of the dtypes of all outputs."""
        return self.outputs.of_each([epsilon_of(dtype) for dtype in self.outputs.dtypes])

    @property
    def input_epsilons(self) -> Floats:
        """The machine epsilons of the dtypes of all inputs."""
        return self.inputs.of_each([epsilon_of(dtype) for dtype in self.inputs.dtypes])

    @property
    def has_custom_rules(self) -> bool:
        """Whether somebody wrote rules for a part of the function."""
        return _has_custom_rules(self._jaxpr)

    def along(self, claim: FlatClaim, is_forward: bool) -> ClaimSamples:
        """Sample a jvp along tangents, or a vjp along cotangents."""
        return self.along_tangents(claim) if is_forward else self.along_cotangents(claim)

    def along_tangents(self, claim: FlatClaim) -> ClaimSamples:
        """Return what a claim in forward mode says."""
        mixed = self._rng.standard_normal(self.inputs.size) * self._lengths()
        tangent = self.inputs.arrays(mixed)
        value, change = claim(self.primals, tangent)
        native = self.outputs.rows(change)
        rows = np.vstack([self._tangents, self.inputs.rows(tangent)])
        said, nonlinearity = self._claimed(claim, tangent, rows, self.inputs, self.outputs)
        return ClaimSamples(
            claim=said[:-1],
            differences=self.differences,
            has_axes=self._along_axes,
            native=native,
            wide=said[-1],
            native_epsilons=self.epsilons,
            native_scale=self.outputs.largest(said[-1]),
            value_error=self._value_error(value),
            nonlinearity=nonlinearity,
            arguments=self._arguments,
        )

    def along_cotangents(self, claim: FlatClaim) -> ClaimSamples:
        """Return what a claim in reverse mode says."""
        weights = self._chosen_cotangents()
        cotangent = self.outputs.arrays(weights[-1], conjugate=True)
        value, gradient = claim(self.primals, cotangent)
        native = self.inputs.rows(gradient, conjugate=True)
        weights[-1] = self.outputs.rows(cotangent, conjugate=True)
        said, nonlinearity = self._claimed(
            claim, cotangent, weights, self.outputs, self.inputs, conjugate=True
        )
        return ClaimSamples(
            claim=self._tangents @ said.T,
            differences=self.differences @ weights.T,
            has_axes=self._along_axes and self.outputs.size <= _OUTPUTS,
            native=native,
            wide=said[-1],
            native_epsilons=self.input_epsilons,
            native_scale=self.inputs.largest(said[-1]),
            value_error=self._value_error(value),
            nonlinearity=nonlinearity,
            arguments=self._arguments,
        )

    @property
    def _along_axes(self) -> bool:
        return bool(self.inputs.size <= _AXES)

    def _claimed(
        self,
        claim: FlatClaim,
        vector: list[Any],
        rows: Floats,
        given: FlatLayout,
        returned: FlatLayout,
        conjugate: bool = False,
    ) -> tuple[Floats, float]:
        """Return what the claim in float64 says of each row, and how nonlinear it is in them."""
        mixes, count = self._mixes(rows), len(self.primals)
        mixed_rows = np.vstack([rows, mixes @ rows])
        traced = jax.make_jaxpr(
            lambda *parts: list(claim(list(parts[:count]), list(parts[count:]))[1])
        )(*self.primals, *vector)
        wide = [
            *self.inputs.wide_arrays(np.repeat(self._x0[None], len(mixed_rows), axis=0)),
            *given.wide_arrays(mixed_rows, conjugate),
        ]
        said, mixed = np.split(returned.rows(values_of_many(traced, wide), conjugate), [len(rows)])
        with np.errstate(all="ignore"):
            apart = np.abs(mixed - mixes @ said)
            parts = apart / returned.largest(np.abs(mixes[0]) @ np.abs(said))
        return said, float(np.max(np.where(apart == 0, 0.0, parts), initial=0.0))

    def _mixes(self, rows: Floats) -> Floats:
        """Return how to mix rows to a vector near `_PROBE`, and to its negative.

        Along an axis, a rule sees the positive sign alone. Random rows have both signs.
        """
        longest = np.max(np.abs(rows), axis=1, initial=0.0)
        mix = _PROBE * self._numbers(len(rows)) / np.where(longest > 0, longest, 1.0)
        return np.stack([mix, -mix]) if np.all(rows[:-1] >= 0) else mix[None]

    def _lengths(self) -> Floats:
        """Return the scale of each coordinate."""
        sizes = np.abs(self._x0)
        typical = []
        for part in self.inputs.slices:
            largest = float(np.max(sizes[part], initial=0.0))
            if largest == 0:
                typical.append(1.0)
                continue
            typical.append(largest * math.sqrt(float(np.mean((sizes[part] / largest) ** 2))))
        return np.maximum(sizes, self.inputs.of_each(typical) / 2)

    def _chosen_tangents(self) -> tuple[Floats, Floats, Floats]:
        """Return the tangents, two steps along each, (2, tangents), and which input each moves."""
        lengths = self._lengths()
        if self._along_axes:
            steps = _STEP * np.stack([lengths, np.maximum(lengths, 1)])
            arguments = self.inputs.of_each(range(len(self.primals)))
            return np.eye(self.inputs.size), steps, arguments
        rows, moved = [], []
        for place, part in enumerate(self.inputs.slices):
            for _ in range(min(_TANGENTS, part.stop - part.start)):
                row = np.zeros(self.inputs.size)
                row[part] = lengths[part] * self._numbers(part.stop - part.start)
                rows.append(row)
                moved.append(place)
        tangents = np.asarray(rows)
        longest = np.max(np.abs(tangents), axis=1)
        steps = _STEP * np.stack([np.ones(len(rows)), np.maximum(1 / longest, 1)])
        return tangents, steps, np.asarray(moved, float)

    def _chosen_cotangents(self) -> Floats:
        """Return the cotangents; the last one weighs all outputs, each by what it changes."""
        size = self.outputs.size
        rows = [self._numbers(size) for _ in range(_COTANGENTS)]
        with np.errstate(divide="ignore"):
            powers = np.where(self._scale > 0, np.round(-np.log2(self._scale)), 0.0)
        weighted = np.asarray(rows) * 2.0 ** np.clip(powers, -_POWERS, _POWERS)
        return np.vstack([np.eye(size), weighted[-1:]]) if size <= _OUTPUTS else weighted

    def _numbers(self, size: int) -> Floats:
        """Return random numbers, none of which is near 0."""
        signs = self._rng.integers(2, size=size) * 2.0 - 1.0
        found: Floats = signs * self._rng.uniform(0.5, 1.0, size)
        return found

    def _central_differences(self) -> tuple[Floats, Floats]:
        moves = (self._tangents * self._steps[..., None]).reshape(-1, self.inputs.size)
        points = np.vstack([self._x0 + moves, self._x0 - moves, self._x0[None]])
        wide = self.inputs.wide_arrays(points)
        values = self.outputs.rows(values_of_many(self._jaxpr, wide))
        ahead, behind = np.split(values[:-1], 2)
        with np.errstate(all="ignore"):
            found: Floats = (ahead - behind) / (2 * self._steps.reshape(-1, 1))
        return found.reshape(2, len(self._tangents), self.outputs.size), values[-1]

    def _value_error(self, value: Sequence[Any]) -> float:
        return value_error(self.outputs.rows(value), self.value, self.outputs, self.epsilons)


def value_error(value: Floats, other: Floats, layout: FlatLayout, epsilons: Floats) -> float:
    """Return by how many machine epsilons of the largest entry two values differ at most."""
    with np.errstate(all="ignore"):
        apart = np.where(value == other, 0.0, np.abs(value - other))
        units = apart / (epsilons * layout.largest(other))
    return float(np.max(np.where(apart == 0, 0.0, units), initial=0.0))


def _has_custom_rules(jaxpr: Any) -> bool:
    return any(
        str(equation.primitive.name).startswith(("custom_jvp", "custom_vjp"))
        or any(_has_custom_rules(inner) for inner in inner_jaxprs(equation))
        for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns
    )
