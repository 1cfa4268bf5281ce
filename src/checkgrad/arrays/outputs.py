"""What ``func`` returns, as one flat vector of real numbers: the counterpart of `checkgrad.point`.

This room owns the way from the user's value (an array of any shape, a tree of arrays, complex or
not) to that vector, and from weights of its entries to a cotangent of the user's.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.arrays.parsing import as_numeric, flatten_floating
from checkgrad.arrays.point import Floats, Point, entry_text
from checkgrad.backends import Array, Structure, is_array, machine_epsilon


@dataclass(frozen=True)
class OutputLeaf:
    """One array of what ``func`` returns.

    Attributes
    ----------
    like : array
        Its value at x0, in the user's shape.
    path : str
        Its place in the user's structure; empty for a single array.
    paired : bool
        Whether it is complex: each entry is two numbers of the vector.
    epsilon : float
        The machine epsilon of its dtype.
    """

    like: Array
    path: str
    paired: bool
    epsilon: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, with real and imaginary parts along the last axis if `paired`."""
        return (*self.like.shape, 2) if self.paired else tuple(self.like.shape)

    @property
    def size(self) -> int:
        """How many numbers of the vector it is."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class OutputSpec:
    """The space of the vector: its parts in order, and how they make up what ``func`` returns."""

    parts: tuple[OutputLeaf, ...]
    structure: Structure | None

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """The first entry of each part."""
        return tuple(itertools.accumulate((part.size for part in self.parts), initial=0))[:-1]

    @cached_property
    def size(self) -> int:
        """The number of entries."""
        return sum(part.size for part in self.parts)

    def part_of(self, entry: int) -> int:
        """The part that an entry is in."""
        place = bisect.bisect_right(self.offsets, entry) - 1
        while self.parts[place].size == 0:
            place -= 1
        return place

    def place(self, entry: int) -> str:
        """Where an entry is in what ``func`` returns, e.g. ``['loss'][2]``."""
        k = self.part_of(entry)
        part = self.parts[k]
        return part.path + entry_text(part.shape, entry - self.offsets[k], part.paired)

    def cotangent(self, weights: Floats, point: Point) -> Any:
        """`weights` of all entries, in the structure, dtypes and convention of the user's.

        A complex cotangent w weighs a change dy of the value by the real part of ``w dy`` where the
        convention has a minus, and else of ``conj(w) dy``.
        """
        leaves = []
        for part, start in zip(self.parts, self.offsets, strict=True):
            # The user's code may write into it.
            numbers = weights[start : start + part.size].reshape(part.shape).copy()
            if not part.paired:
                array = point.backend.from_host(numbers, part.like)
            else:
                flip = np.asarray([1.0, -1.0 if point.conj_convention else 1.0])
                real = point.xp.real(part.like)
                array = point.backend.complexed(point.backend.from_host(numbers * flip, real))
            leaves.append(point.xp.reshape(array, part.like.shape))
        if point.backend.name == "numpy":
            leaves = [np.asarray(leaf) for leaf in leaves]
        return leaves[0] if self.structure is None else self.structure.unflatten_tangent(leaves)


class OutputReader:
    """Reads what ``func`` returns as one vector of the library of x0.

    The first value that it reads, that at x0, makes its `spec`.

    Parameters
    ----------
    point : Point
        x0.
    many : bool
        Whether values are those of many points, along a leading axis.
    """

    def __init__(self, point: Point, many: bool) -> None:
        self._point = point
        self._many = many
        self._spec: OutputSpec | None = None

    @property
    def spec(self) -> OutputSpec:
        """That of what func returned first."""
        assert self._spec is not None
        return self._spec

    def read(self, value: Any) -> Array:
        """Return what func returned as one vector."""
        leaves, paths, structure = _parts(value, self._point, "func")
        if self._many:
            _require_many(leaves, paths)
        if self._spec is None:
            self._spec = self._spec_of(leaves, paths, structure)
        return self._vector(leaves, paths, "func", self._many)

    def vector(self, value: Any, name: str, said: str = "returned") -> Floats:
        """What another function of the user's returned in the same space, on the host.

        `said` is "is" for a value that the user passed.

        Raises
        ------
        ValueError
            If it has another structure or shape than what func returns.
        TypeError
            If it is not numeric, or complex where func is real.
        """
        leaves, paths, _ = _parts(value, self._point, name, said)
        fixed = () if self.spec.structure is None else self.spec.structure.fixed
        known = {part.path for part in self.spec.parts}
        if known.issubset(paths) and known.union(fixed).issuperset(paths):
            # A derivative of integers, say 0.0, says nothing.
            kept = [k for k, path in enumerate(paths) if path in known]
            leaves, paths = [leaves[k] for k in kept], [paths[k] for k in kept]
        vector = self._vector(leaves, paths, name, False)
        return self._point.backend.to_host(vector).astype(np.float64)

    def epsilon(self, value: Any, name: str) -> float:
        """The machine epsilon of the coarsest part of `value`."""
        leaves, _, _ = _parts(value, self._point, name)
        return max(float(machine_epsilon(leaf)) for leaf in leaves)

    def _spec_of(
        self, leaves: Sequence[Array], paths: Sequence[str], structure: Structure | None
    ) -> OutputSpec:
        xp = self._point.xp
        parts = []
        for leaf, path in zip(leaves, paths, strict=True):
            like = self._point.backend.gather_detached(leaf[0, ...] if self._many else leaf)
            paired = bool(xp.isdtype(like.dtype, "complex floating"))
            parts.append(OutputLeaf(like, path, paired, float(machine_epsilon(like))))
        return OutputSpec(tuple(parts), structure)

    def _vector(
        self, leaves: Sequence[Array], paths: Sequence[str], name: str, many: bool
    ) -> Array:
        xp, spec = self._point.xp, self.spec
        wanted = [part.path for part in spec.parts]
        if list(paths) != wanted:
            raise ValueError(f"{name} is {_listed(paths)}, but func(x0) is {_listed(wanted)}")
        flat = [
            self._flat(leaf, part, name, many)
            for leaf, part in zip(leaves, spec.parts, strict=True)
        ]
        if len(flat) == 1:
            return flat[0]
        widest = max((leaf.dtype for leaf in flat), key=lambda dtype: xp.finfo(dtype).bits)
        joined: Array = xp.concat([xp.astype(leaf, widest, copy=False) for leaf in flat], axis=-1)
        return joined

    def _flat(self, leaf: Array, part: OutputLeaf, name: str, many: bool) -> Array:
        xp = self._point.xp
        shape = tuple(leaf.shape[1:] if many else leaf.shape)
        if shape != tuple(part.like.shape) and not math.prod(shape) == 1 == math.prod(
            part.like.shape
        ):
            raise ValueError(
                f"{name}{part.path} has shape {shape}, but func{part.path} has shape "
                f"{tuple(part.like.shape)} at x0"
            )
        complex_ = xp.isdtype(leaf.dtype, "complex floating")
        if complex_ and not part.paired:
            raise TypeError(
                f"{name}{part.path} is complex (dtype {leaf.dtype}), but func{part.path} is real "
                "at x0"
            )
        if part.paired:
            imaginary = xp.imag(leaf) if complex_ else xp.zeros_like(leaf)
            leaf = xp.stack([xp.real(leaf) if complex_ else leaf, imaginary], axis=-1)
        return xp.reshape(leaf, (leaf.shape[0], -1) if many else (-1,))


def _parts(
    value: Any, point: Point, name: str, said: str = "returned"
) -> tuple[list[Array], list[str], Structure | None]:
    """The arrays that make up a value, in the library of x0, and their paths."""
    if value is None:
        raise TypeError(f"{name} returned None; it must return numbers (is a return missing?)")
    like = point.leaves[0]
    if is_array(value) or is_one_array(value):
        return [as_numeric(value, point.backend, like, name, said)], [""], None
    leaves, structure = flatten_floating(value)
    if not leaves:
        remedy = "it must return numbers" if said == "returned" else "pass numbers"
        raise TypeError(f"{name} {said} {quote(value)}; {remedy}")
    arrays = [
        as_numeric(leaf, point.backend, like, f"{name}{path}", said)
        for leaf, path in zip(leaves, structure.paths, strict=True)
    ]
    return arrays, list(structure.paths), structure


def _require_many(leaves: Sequence[Array], paths: Sequence[str]) -> None:
    """Raise unless all leaves have a leading axis of one length."""
    lengths = {tuple(leaf.shape[:1]) for leaf in leaves}
    if len(lengths) > 1 or () in lengths:
        shapes = ", ".join(
            f"func{path} {tuple(leaf.shape)}" for leaf, path in zip(leaves, paths, strict=True)
        )
        raise ValueError(
            f"func returned shapes {shapes} for many points along a leading axis; with "
            "batch='vectorized' it must return one value for each point: shape (k, ...)"
        )


def numbers_of(value: Any, point: Point) -> np.ndarray[Any, np.dtype[np.complex128]]:
    """All numbers in a value, as they are, on the host."""
    leaves, _, _ = _parts(value, point, "func")
    flat = [point.backend.to_host(leaf).reshape(-1) for leaf in leaves]
    return np.concatenate(flat).astype(np.complex128)


def is_one_array(value: Any) -> bool:
    """Whether a value is a number, or (nested) lists of numbers and arrays of no dimension."""
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return bool(value) and all(is_one_array(item) for item in value)
    if is_array(value):
        return len(value.shape) == 0
    return isinstance(value, (int, float, complex, np.generic, str, bytes))


def _listed(paths: Sequence[str]) -> str:
    if not any(paths):
        return "one array" if paths else "nothing"
    return f"a tree of {', '.join(paths)}"


def few_digits(weights: Floats) -> Floats:
    """`weights` that every dtype holds exactly: of eight binary digits."""
    mantissa, exponent = np.frexp(weights)
    few: Floats = np.ldexp(np.round(mantissa * 2**8), exponent - 8)
    return few
