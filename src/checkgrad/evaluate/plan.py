"""The plan of a check: which outputs are looked at, and along which directions.

Cotangents of the user's are read here, tangents in `checkgrad.evaluate.given_tangents`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from checkgrad.arrays.outputs import OutputReader, few_digits
from checkgrad.arrays.point import Floats, Point
from checkgrad.evaluate.given_tangents import is_projection, projected
from checkgrad.evaluate.outputs import Outputs

ALL_UP_TO = 1000  # coordinates: a few seconds at most where a call of func takes a millisecond
ENTRIES_UP_TO = 100_000  # of a Jacobian: each is judged by itself
TANGENTS = 10  # random tangents that "auto" checks beyond
# The largest weight of a sum, at least: a vjp that clips its cotangent clips it to about 1. Larger
# values of func would overflow.
_LARGE, _LARGEST_VALUE = 8.0, 2.0**900


@dataclass(frozen=True)
class DirectionPlan:
    """All axes, or random tangents, or both; or a tangent of the user's.

    Attributes
    ----------
    axes : bool
        Whether to look along all axes.
    tangents : int
        Along how many random tangents. Along with axes they only show whether a claim is linear.
    given : Any
        The tangents of the user's, or one; None if there is none.
    """

    axes: bool
    tangents: int = 0
    given: Any = None

    @classmethod
    def of(cls, direction: Any) -> DirectionPlan:
        """Return that of "all", a number of random tangents, or a given one."""
        if isinstance(direction, str):
            return cls(axes=True)
        if isinstance(direction, int):
            return cls(axes=False, tangents=direction)
        return cls(axes=False, given=direction)


def plan_directions(
    form: str,
    direction: Any,
    point: Point,
    reader: OutputReader | None,
    vector: Floats,
    rng: np.random.Generator,
) -> tuple[Outputs, DirectionPlan]:
    """Return what to look at.

    Parameters
    ----------
    form : {"grad", "jac", "jvp", "vjp"}
        The form of the claim.
    direction : Any
        As the user passed it.
    point : Point
        x0.
    reader : OutputReader or None
        Knows what ``func`` returns; None where that is a number.
    vector : array, shape (entries,)
        ``func(x0)``.
    rng : numpy.random.Generator
        Where the weights of sums come from.

    Raises
    ------
    ValueError
        If `direction` has no meaning.
    """
    count = vector.size
    direction = _parsed(direction, point, form == "vjp")
    every = Outputs(np.arange(count), np.empty((0, count)))
    if isinstance(direction, str) and direction == "auto":
        few = point.size <= ALL_UP_TO and point.size * count <= ENTRIES_UP_TO
        direction = "all" if few else TANGENTS
    is_random = isinstance(direction, int)
    if is_projection(direction):
        direction, is_random = projected(point, direction, TANGENTS, rng), True
    if reader is None:
        return every, DirectionPlan.of(direction)
    if isinstance(direction, str):
        if form == "vjp":  # an error that no single output shows: it is not linear
            every = _with_sums(every, reader, vector, 1, rng)
        return every, DirectionPlan(axes=True, tangents=int(form == "jvp"))
    if form == "vjp" and not is_random:
        if isinstance(direction, (float, np.floating)) and count > 1:
            raise _meaningless(direction)
        weights = _given_weights(direction, point, reader)
        axes = point.size <= ALL_UP_TO
        given = Outputs(np.arange(0), weights)
        return given, DirectionPlan(axes=axes, tangents=0 if axes else TANGENTS)
    number = direction if isinstance(direction, int) else TANGENTS
    if count > (TANGENTS if is_random else ALL_UP_TO):
        none = Outputs(np.arange(0), np.empty((0, count)))
        every = _with_sums(none, reader, vector, number, rng)
    elif form == "vjp":
        every = _with_sums(every, reader, vector, 1, rng)
    return every, DirectionPlan.of(direction)


def _with_sums(
    outputs: Outputs, reader: OutputReader, vector: Floats, number: int, rng: np.random.Generator
) -> Outputs:
    """Return `outputs`, and sums of all entries with random weights, by the size of each part."""
    spec = reader.spec
    size = np.ones(spec.size)
    for part, start in zip(spec.parts, spec.offsets, strict=True):
        if part.size == 0:
            continue
        here = slice(start, start + part.size)
        largest = np.max(np.abs(vector[here]), initial=0.0) or 1.0
        size[here] = largest * np.sqrt(np.mean((vector[here] / largest) ** 2)) or 1.0
    size = np.exp2(np.round(np.log2(size)))
    weights = rng.standard_normal((number, spec.size)) / size
    largest = np.max(np.abs(weights), axis=1, keepdims=True)
    if np.max(size) < _LARGEST_VALUE:
        weights *= np.exp2(np.maximum(np.ceil(np.log2(_LARGE / largest)), 0.0))
    # A claim that takes the absolute value of its cotangent is right for positive weights.
    weights[np.all(weights >= 0, axis=1)] *= -1
    return Outputs(outputs.entries, np.concatenate([outputs.weights, few_digits(weights)]))


def _given_weights(direction: Any, point: Point, reader: OutputReader) -> Floats:
    """Return the weights of the cotangents that the user gave: a row for each."""
    try:
        return _weights(direction, point, reader)[None]
    except (TypeError, ValueError):
        if not isinstance(direction, (list, tuple)) or not direction:
            raise
        try:
            return np.stack([_weights(each, point, reader) for each in direction])
        except (TypeError, ValueError):
            pass
        raise


def _weights(direction: Any, point: Point, reader: OutputReader) -> Floats:
    """Return the weights of one cotangent."""
    weights = reader.vector(direction, "direction", said="is")
    if not np.all(np.isfinite(weights)) or not np.any(weights):
        problem = "not finite" if np.any(weights) else "zero everywhere"
        raise ValueError(f"direction is {problem}; pass a finite cotangent that is not zero")
    if point.conj_convention:
        for part, start in zip(reader.spec.parts, reader.spec.offsets, strict=True):
            if part.paired:
                weights[start + 1 : start + part.size : 2] *= -1
    return weights


def _parsed(direction: Any, point: Point, of_output: bool) -> Any:
    """Return "auto", "all", a number of random tangents, or a tangent of the user's."""
    if isinstance(direction, str):
        if direction == "random":
            return 1
        if direction not in ("auto", "all"):
            raise _meaningless(direction)
        return direction
    scalar = point.structure is None and point.leaves[0].shape == ()
    number = isinstance(direction, (float, np.floating))  # a tangent of a number
    if direction is None or isinstance(direction, bool) or (number and not scalar | of_output):
        raise _meaningless(direction)
    if isinstance(direction, (int, np.integer)):
        if direction < 1:
            raise ValueError(f"direction is {direction}; at least one tangent is needed")
        return int(direction)
    return direction


def _meaningless(direction: Any) -> ValueError:
    return ValueError(
        f"direction is {direction!r}; pass 'auto', 'all', 'random', a number of random tangents, "
        "a tangent shaped like x0, a list of such, or a function that makes an allowed one of a "
        "random one"
    )
