"""Claims of every form, as one thing: a linear map from changes of x0 to changes of ``func``.

A row of that map is the claimed gradient of one output, or of a weighted sum of all. What a claim
is asked for is its rows, and what it says of a tangent; how it gets there depends on its form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np

from checkgrad.arrays.arithmetic import at_least_single, dot
from checkgrad.arrays.outputs import OutputSpec, VectorFunction
from checkgrad.arrays.parsing import as_numeric
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array, flatten_tree, machine_epsilon, snapshot

Leaves: TypeAlias = Sequence[Array]


class Slope(Protocol):
    """One row of a claim: the claimed gradient of one number."""

    @property
    def leaves(self) -> list[Array] | None:
        """Arrays like the leaves of x0; None where each coordinate takes an evaluation."""

    def coordinates(self) -> Floats:
        """The entry of every coordinate, on the host."""

    def along(self, tangent: Leaves) -> float:
        """What it says of a tangent."""


@dataclass(frozen=True)
class Rows:
    """The numbers that are made of what ``func`` returns: single entries, or weighted sums.

    Attributes
    ----------
    entries : array of int, shape (e,)
        The entries; the rows come first.
    weights : array, shape (w, outputs)
        The weights of the sums that follow.
    """

    entries: np.ndarray[Any, np.dtype[np.intp]]
    weights: Floats

    @property
    def count(self) -> int:
        """How many."""
        return len(self.entries) + len(self.weights)

    def chosen(self, rows: Sequence[int]) -> Rows:
        """Some of them, in order."""
        single = [row for row in rows if row < len(self.entries)]
        sums = [row - len(self.entries) for row in rows if row >= len(self.entries)]
        return Rows(self.entries[single], self.weights[sums])

    def of(self, vectors: Floats) -> Floats:
        """The rows of some vectors, which lie along the last axis; so do the rows."""
        single = vectors[..., self.entries]
        if not len(self.weights):
            return single
        # No matrix product: how it rounds depends on how many vectors there are.
        with np.errstate(all="ignore"):
            sums = [np.sum(vectors * weights, axis=-1) for weights in self.weights]
        return np.concatenate([single, np.stack(sums, axis=-1)], axis=-1)

    def weights_of(self, row: int, size: int) -> Floats:
        """The weights of all outputs in a row."""
        if row < len(self.entries):
            weights = np.zeros(size)
            weights[self.entries[row]] = 1.0
            return weights
        found: Floats = self.weights[row - len(self.entries)]
        return found


@dataclass(frozen=True)
class LeavesSlope:
    """A row given by all its entries."""

    leaves: list[Array]
    point: Point

    def coordinates(self) -> Floats:
        """See `Slope.coordinates`."""
        return self.point.on_host(self.leaves)

    def along(self, tangent: Leaves) -> float:
        """See `Slope.along`."""
        return product(self.leaves, tangent, self.point)


def product(claims: Leaves, tangent: Leaves, point: Point) -> float:
    """What a claim says of a tangent: the sum of the products of all entries, on the host."""
    with np.errstate(invalid="ignore", over="ignore"):  # a claim may not be finite
        blocks = point.blockwise(lambda c, v: dot(c, v, point.xp), claims, tangent)
        return sum(float(block) for block in blocks)


class Claim(Protocol):
    """A claim of some form, evaluated at x0 and at neighbours of it.

    Attributes
    ----------
    n_grad : int
        How often the user's function was called so far.
    epsilon : float
        The machine epsilon of the coarsest dtype in which it returned its claim.
    """

    n_grad: int
    epsilon: float

    def slopes(self, leaves: Leaves, rows: Rows, passing: bool = False) -> Iterator[Slope]:
        """The rows of the claim at a point near x0, one after the other.

        If `passing`, the `leaves` may be handed to the user's function as they are, and a row holds
        until the next is asked for: that takes the memory of two arrays like x0 less.
        """

    def changes(self, tangent: Leaves, rows: Rows, slopes: Sequence[Slope]) -> Floats:
        """What the claim at x0, of these `slopes`, says of a tangent: a number for each row."""


class _Called:
    """The part that all forms share: calling the user's function, and counting."""

    def __init__(
        self, function: Callable[..., Any], name: str, point: Point, args: tuple[Any, ...]
    ) -> None:
        self._function = function
        self._args = args
        self._name = name
        self._point = point
        self._users = np.geterr()  # under which the user's function runs
        self.n_grad = 0
        self.epsilon = 0.0

    def _call(self, leaves: Leaves, *vectors: Any, handed: bool = False) -> Any:
        """What the user's function returns at a point near x0, of whose leaves it gets copies.

        If they are `handed` over, it gets them as they are.
        """
        self.n_grad += 1
        if not handed:
            leaves = [self._point.backend.copy(leaf) for leaf in leaves]
        x = self._point.for_claim(leaves)
        with np.errstate(**self._users):
            return self._function(x, *vectors, *self._args)

    def _note(self, epsilon: float) -> None:
        self.epsilon = max(self.epsilon, epsilon)

    def _slope(self, claim: Any, passing: bool) -> Slope:
        """A row that the user's function returned, in memory of its own if it is not `passing`.

        The function may reuse its buffer.
        """
        claims = self._point.claim_leaves(claim, name=self._name)
        self._note(max(float(machine_epsilon(part)) for part in claims))
        if not passing:
            claims = [self._point.backend.copy(part) for part in claims]
        return LeavesSlope(claims, self._point)

    def changes(self, tangent: Leaves, rows: Rows, slopes: Sequence[Slope]) -> Floats:
        """See `Claim.changes`."""
        del rows
        return np.asarray([slope.along(tangent) for slope in slopes])


class GradClaim(_Called):
    """``grad(x)``, of the structure of x0: a single row."""

    def slopes(self, leaves: Leaves, rows: Rows, passing: bool = False) -> Iterator[Slope]:
        """See `Claim.slopes`."""
        del rows
        yield self._slope(self._call(leaves, handed=passing), passing)


class _OfOutputs(_Called):
    """The part that the forms share whose ``func`` has many outputs."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        point: Point,
        args: tuple[Any, ...],
        outputs: VectorFunction,
    ) -> None:
        super().__init__(function, name, point, args)
        self._outputs = outputs


class VjpClaim(_OfOutputs):
    """``vjp(x, cotangent)``: a row for each cotangent."""

    def slopes(self, leaves: Leaves, rows: Rows, passing: bool = False) -> Iterator[Slope]:
        """See `Claim.slopes`."""
        spec = self._outputs.spec
        for row in range(rows.count):
            cotangent = spec.cotangent(rows.weights_of(row, spec.size), self._point)
            yield self._slope(self._call(leaves, cotangent), passing)


class JvpClaim(_OfOutputs):
    """``jvp(x, tangent)``: a column for each tangent."""

    def pushed(self, leaves: Leaves, tangent: Leaves) -> Floats:
        """What the claim at a point says of a tangent: a vector like that of func."""
        own = [self._point.backend.copy(self._point.whole(part)) for part in tangent]
        value = self._call(leaves, self._point.as_tangent(own))
        self._note(self._outputs.epsilon(value, self._name))
        return self._outputs.vector(value, self._name)

    def slopes(self, leaves: Leaves, rows: Rows, passing: bool = False) -> Iterator[Slope]:
        """See `Claim.slopes`."""
        del passing
        columns = _Columns(self, list(leaves), rows, self._point)
        for row in range(rows.count):
            yield _ColumnsSlope(columns, row)

    def changes(self, tangent: Leaves, rows: Rows, slopes: Sequence[Slope]) -> Floats:
        """See `Claim.changes`."""
        xp = self._point.xp
        sizes = [float(xp.max(xp.abs(part))) for part in tangent if 0 not in part.shape]
        largest = max(sizes, default=0.0)
        if not slopes or largest == 0 or not math.isfinite(largest):
            return np.zeros(rows.count)
        # The tangent is tiny: of one, a jvp that is not linear may say anything.
        power = math.frexp(largest)[1]
        half = power // 2  # 2.0 ** -power may overflow
        scaled = [part * 2.0**-half * 2.0 ** (half - power) for part in tangent]
        return np.ldexp(rows.of(self.pushed(self._point.leaves, scaled)), power)


class _Columns:
    """What a jvp says of tangents, at one point: each is asked for once, for all rows."""

    def __init__(self, claim: JvpClaim, leaves: Leaves, rows: Rows, point: Point) -> None:
        self._claim = claim
        self._leaves = leaves
        self._rows = rows
        self._point = point
        self._known: dict[int, tuple[Leaves, Floats]] = {}

    def along(self, tangent: Leaves) -> Floats:
        """A number for each row."""
        if id(tangent) not in self._known:
            found = self._rows.of(self._claim.pushed(self._leaves, tangent))
            self._known[id(tangent)] = tangent, found  # which keeps its id from being reused
        return self._known[id(tangent)][1]

    @cached_property
    def matrix(self) -> Floats:
        """Shape (coordinates, rows)."""
        columns = []
        for coordinate in range(self._point.size):
            axis = np.zeros(self._point.size)
            axis[coordinate] = 1.0
            tangent = self._point.from_host(axis)
            columns.append(self._rows.of(self._claim.pushed(self._leaves, tangent)))
        return np.stack(columns)


@dataclass(frozen=True)
class _ColumnsSlope:
    """A row of a claim that is given by columns."""

    columns: _Columns
    row: int
    leaves: None = None

    def coordinates(self) -> Floats:
        """See `Slope.coordinates`."""
        found: Floats = self.columns.matrix[:, self.row]
        return found

    def along(self, tangent: Leaves) -> float:
        """See `Slope.along`."""
        return float(self.columns.along(tangent)[self.row])


class JacClaim(_OfOutputs):
    """``jac(x)``: an array of shape output + input for each pair of an output and an input."""

    def slopes(self, leaves: Leaves, rows: Rows, passing: bool = False) -> Iterator[Slope]:
        """See `Claim.slopes`."""
        del passing
        spec, point = self._outputs.spec, self._point
        blocks = self._blocks(snapshot(self._call(leaves)), spec)
        self._note(max(float(machine_epsilon(b)) for row in blocks for b in row))
        for row in range(rows.count):
            if row < len(rows.entries):
                entry = int(rows.entries[row])
                k = spec.part_of(entry)
                claims = [block[entry - spec.offsets[k], ...] for block in blocks[k]]
            else:
                claims = self._weighted(blocks, rows.weights_of(row, spec.size))
            yield LeavesSlope(claims, point)

    def _weighted(self, blocks: list[list[Array]], weights: Floats) -> list[Array]:
        """The weighted sum of all rows."""
        spec, xp = self._outputs.spec, self._point.xp
        sums: list[Any] = [0.0] * len(self._point.leaves)
        for part, start, row in zip(spec.parts, spec.offsets, blocks, strict=True):
            for leaf, block in enumerate(row):
                if 0 in block.shape:
                    continue
                wide = at_least_single(block, xp)
                numbers = weights[start : start + part.size]
                column = self._point.backend.from_host(numbers, wide)
                column = xp.reshape(column, (-1,) + (1,) * (len(wide.shape) - 1))
                sums[leaf] = sums[leaf] + xp.sum(column * wide, axis=0)
        return sums

    def _blocks(self, claim: Any, spec: OutputSpec) -> list[list[Array]]:
        """For each output and each leaf, an array of shape (numbers of output,) + leaf."""
        point = self._point
        if claim is None:
            raise TypeError(
                f"{self._name} returned None; it must return numbers (is a return missing?)"
            )
        if spec.structure is None:
            asked = f"{self._name} returned"
            grid = [point.parts(claim, asked, "one part is needed for each array of x0")]
        else:
            leaves, structure = flatten_tree(claim)
            at = dict(zip(structure.paths, leaves, strict=True))
            paths = [point.leaf_path(leaf) for leaf in range(len(point.leaves))]
            wanted = [[part.path + path for path in paths] for part in spec.parts]
            missing = [path for row in wanted for path in row if path not in at]
            if missing:
                raise ValueError(
                    f"{self._name} returned a tree without {missing[0]}: it must have the "
                    "structure of what func returns, with that of x0 in every leaf; it has "
                    f"{', '.join(structure.paths) or 'no leaves'}"
                )
            known = {path for row in wanted for path in row}
            inputs = point.structure.fixed if point.structure else ()
            extra = [
                path
                for path in structure.paths
                if path not in known
                and not path.startswith(spec.structure.fixed)
                and not path.endswith(inputs)
            ]
            if extra:
                raise ValueError(
                    f"{self._name} returned a tree with {extra[0]}, which belongs to nothing: it "
                    "must have the structure of what func returns, with that of x0 in every leaf"
                )
            grid = [[at[path] for path in row] for row in wanted]
        return [
            [self._block(block, spec, k, leaf) for leaf, block in enumerate(row)]
            for k, row in enumerate(grid)
        ]

    def _block(self, claim: Any, spec: OutputSpec, k: int, leaf: int) -> Array:
        point, part = self._point, spec.parts[k]
        xp, x = point.xp, point.leaves[leaf]
        name = f"{self._name}{part.path}{point.leaf_path(leaf)}"
        array = as_numeric(claim, point.backend, x, name)
        inner, outer = point.user_shape(leaf), tuple(part.like.shape)
        if tuple(array.shape) != outer + inner:
            flat = outer in ((), (1,)) and tuple(array.shape) in (inner, outer + inner, (1, *inner))
            if not flat:
                turned = tuple(array.shape) == inner + outer
                raise ValueError(
                    f"{name} has shape {tuple(array.shape)}, but func{part.path} has shape {outer} "
                    f"and x0{point.leaf_path(leaf)} has shape {inner}; return the Jacobian of "
                    f"shape {outer + inner}{' (it looks transposed)' if turned else ''}"
                )
        array = xp.reshape(array, (math.prod(outer), *inner))
        return self._real(array, part.paired, point.complexes[leaf], name)

    def _real(self, array: Array, paired: bool, by_complex: bool, name: str) -> Array:
        """A block in real numbers: ``dy = J dx``, or the real part of it where func is real."""
        xp = self._point.xp
        if not xp.isdtype(array.dtype, "complex floating"):
            if not paired and not by_complex:
                return array
            real, imaginary = array, xp.zeros_like(array)
        elif not paired and not by_complex:
            raise TypeError(
                f"{name} is complex (dtype {array.dtype}), but neither x0 nor func(x0) is"
            )
        else:
            real, imaginary = xp.real(array), xp.imag(array)
        if not paired:
            flip = -1 if self._point.conj_convention else 1
            return xp.stack([real, flip * imaginary], axis=-1)
        if by_complex:
            upper = xp.stack([real, -imaginary], axis=-1)
            lower = xp.stack([imaginary, real], axis=-1)
        else:
            upper, lower = real, imaginary
        both = xp.stack([upper, lower], axis=1)
        return xp.reshape(both, (-1, *upper.shape[1:]))
