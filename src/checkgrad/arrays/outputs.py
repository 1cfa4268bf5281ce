"""What ``func`` returns, as one flat vector of real numbers: the counterpart of a `Point`.

The module owns the way from the user's value (an array of any shape, a tree of arrays, real or
complex) to that vector, and the way from weights of its entries to a cotangent of the user's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from checkgrad.arrays.output_arrays import listed, output_arrays, require_leading_axis
from checkgrad.arrays.places import array_of, entry_text, offsets_of
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array, Structure, machine_epsilon


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
        """How many numbers of the vector it takes."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class OutputSpec:
    """The layout of the vector: its parts in order, and how they make up what ``func`` returns.

    Attributes
    ----------
    parts : tuple of OutputLeaf
        The arrays that ``func`` returns.
    structure : Structure or None
        How they make up the user's tree; None for a single array.
    """

    parts: tuple[OutputLeaf, ...]
    structure: Structure | None

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """The first entry of each part."""
        return offsets_of(part.size for part in self.parts)

    @cached_property
    def size(self) -> int:
        """The number of entries."""
        return sum(part.size for part in self.parts)

    def part_of(self, entry: int) -> int:
        """Return which part an entry lies in."""
        return array_of(entry, self.offsets)

    def place(self, entry: int) -> str:
        """Return where an entry is in what ``func`` returns, e.g. ``['loss'][2]``."""
        k = self.part_of(entry)
        part = self.parts[k]
        return part.path + entry_text(part.shape, entry - self.offsets[k], part.paired)

    def cotangent(self, weights: Floats, point: Point) -> Any:
        """Return `weights` of all entries in the user's structure, dtypes and convention.

        A complex cotangent w weighs a change dy of the value. The weighted change is the real part
        of ``w dy`` where `point` has the conj convention, and of ``conj(w) dy`` elsewhere.
        """
        leaves = []
        for part, start in zip(self.parts, self.offsets, strict=True):
            # A copy, because the user's code may write into it.
            numbers = weights[start : start + part.size].reshape(part.shape).copy()
            if not part.paired:
                array = point.backend.from_host(numbers, part.like)
            else:
                signs = np.asarray([1.0, -1.0 if point.conj_convention else 1.0])
                real = point.xp.real(part.like)
                array = point.backend.complexed(point.backend.from_host(numbers * signs, real))
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
        """The layout of the first value."""
        assert self._spec is not None
        return self._spec

    def read(self, value: Any) -> Array:
        """Return what func returned as one vector."""
        leaves, paths, structure = output_arrays(value, self._point, "func")
        if self._many:
            require_leading_axis(leaves, paths)
        if self._spec is None:
            self._spec = self._spec_of(leaves, paths, structure)
        return self._vector(leaves, paths, "func", self._many)

    def vector(self, value: Any, name: str, said: str = "returned") -> Floats:
        """Return a value of the structure of ``func(x0)`` as a vector on the host.

        Parameters
        ----------
        value : Any
            What another function of the user returned, or what the user passed.
        name, said : str
            The name of the value and the verb after it in error messages; `said` is "is" for a
            value that the user passed.

        Raises
        ------
        ValueError
            If it has another structure or shape than ``func(x0)``.
        TypeError
            If it is not numeric, or complex where func is real.
        """
        leaves, paths, _ = output_arrays(value, self._point, name, said)
        fixed = () if self.spec.structure is None else self.spec.structure.fixed
        known = {part.path for part in self.spec.parts}
        if known.issubset(paths) and known.union(fixed).issuperset(paths):
            # The derivative of an integer, 0.0 for example, carries no information.
            kept = [k for k, path in enumerate(paths) if path in known]
            leaves, paths = [leaves[k] for k in kept], [paths[k] for k in kept]
        vector = self._vector(leaves, paths, name, False)
        return self._point.backend.to_host(vector).astype(np.float64)

    def epsilon(self, value: Any, name: str) -> float:
        """Return the machine epsilon of the coarsest array in `value`."""
        leaves, _, _ = output_arrays(value, self._point, name)
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
        """Return the leaves flat and joined, in the widest of their dtypes."""
        xp, spec = self._point.xp, self.spec
        wanted = [part.path for part in spec.parts]
        if list(paths) != wanted:
            raise ValueError(f"{name} is {listed(paths)}, but func(x0) is {listed(wanted)}")
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
        """Return one leaf flat, with real and imaginary parts as two numbers."""
        xp = self._point.xp
        shape = tuple(leaf.shape[1:] if many else leaf.shape)
        wanted = tuple(part.like.shape)
        if shape != wanted and not math.prod(shape) == 1 == math.prod(wanted):
            raise ValueError(
                f"{name}{part.path} has shape {shape}, but func{part.path} has shape {wanted} at x0"
            )
        is_complex = xp.isdtype(leaf.dtype, "complex floating")
        if is_complex and not part.paired:
            raise TypeError(
                f"{name}{part.path} is complex (dtype {leaf.dtype}), but func{part.path} is real "
                "at x0"
            )
        if part.paired:
            imaginary = xp.imag(leaf) if is_complex else xp.zeros_like(leaf)
            leaf = xp.stack([xp.real(leaf) if is_complex else leaf, imaginary], axis=-1)
        return xp.reshape(leaf, (leaf.shape[0], -1) if many else (-1,))


def numbers_of(value: Any, point: Point) -> np.ndarray[Any, np.dtype[np.complex128]]:
    """Return all numbers in a value of ``func`` on the host, flat and complex."""
    leaves, _, _ = output_arrays(value, point, "func")
    flat = [point.backend.to_host(leaf).reshape(-1) for leaf in leaves]
    return np.concatenate(flat).astype(np.complex128)


def few_digits(weights: Floats) -> Floats:
    """Return `weights` rounded to eight binary digits, which every floating dtype holds exactly."""
    mantissa, exponent = np.frexp(weights)
    few: Floats = np.ldexp(np.round(mantissa * 2**8), exponent - 8)
    return few
