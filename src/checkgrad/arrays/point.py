"""`x0` as one flat vector of real coordinates, whatever its shape, tree, dtype or library.

This room owns the way from the user's structure to coordinates and back, the validation of `x0`
and of claims against it, and steps that are exactly representable. It never calls ``func``.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.blocks import BLOCK, Halved, Lazy, RandomSigns, upper_half
from checkgrad.arrays.messages import quote
from checkgrad.arrays.parsing import (
    as_numeric,
    as_real_floating,
    backend_array,
    copy_for_claim,
    flatten_x0,
    is_host_part,
    plain_array,
    real_pairs,
)
from checkgrad.backends import (
    CONVENTIONS,
    Array,
    Backend,
    Structure,
    find_backend,
    is_array,
    is_conj_convention,
    is_number,
    require_values,
)

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """`x0`, and what is needed to hand it out and to read claims of its structure.

    Attributes
    ----------
    backend : Backend
        The array library of the leaves.
    leaves : tuple of array
        The real floating leaves of `x0`, as the library's own arrays, without gradient records.
        A copy made at entry, for ``func`` may write into the user's: never written to, never
        handed out.
    originals : tuple of array
        The same copy as the user passed it (integers not converted, requiring a gradient or not).
    structure : Structure or None
        How the leaves make up the tree; None where `x0` is a single array.
    complexes : tuple of bool
        Which leaves are complex: as one of `leaves` such a leaf has real and imaginary parts
        along its last axis.
    conj_convention : bool
        Whether claims at complex leaves are the derivatives by the real less i times those by the
        imaginary parts, see `checkgrad.backends.conventions`; else plus.
    """

    backend: Backend
    leaves: tuple[Array, ...]
    originals: tuple[Array, ...]
    structure: Structure | None
    complexes: tuple[bool, ...]
    conj_convention: bool

    @property
    def xp(self) -> Any:
        """The array API namespace of the leaves."""
        return self.backend.xp

    @property
    def is_single_real_array(self) -> bool:
        """Whether `x0` is a single array of real numbers: a leaf is handed out as it is then."""
        return self.structure is None and not self.complexes[0]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The number of coordinates of each leaf."""
        return tuple(math.prod(leaf.shape) for leaf in self.leaves)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """The first coordinate of each leaf."""
        return tuple(itertools.accumulate(self.sizes, initial=0))[:-1]

    @cached_property
    def size(self) -> int:
        """The number of coordinates."""
        return sum(self.sizes)

    def locate(self, coordinate: int) -> tuple[int, int]:
        """The leaf that `coordinate` lies in, and its flat entry there."""
        leaf = bisect.bisect_right(self.offsets, coordinate) - 1
        while self.sizes[leaf] == 0:
            leaf -= 1
        return leaf, coordinate - self.offsets[leaf]

    def place(self, coordinate: int) -> str:
        """Where `coordinate` is in the user's structure, e.g. ``['bias'][3]``."""
        leaf, entry = self.locate(coordinate)
        shape = tuple(self.leaves[leaf].shape)
        return self.leaf_path(leaf) + entry_text(shape, entry, self.complexes[leaf])

    def user_shape(self, leaf: int) -> tuple[int, ...]:
        """The shape of a leaf as the user passed it."""
        shape = tuple(self.leaves[leaf].shape)
        return shape[:-1] if self.complexes[leaf] else shape

    def leaf_path(self, leaf: int) -> str:
        """The path of a leaf in the user's tree; empty where `x0` is a single array."""
        return "" if self.structure is None else self.structure.paths[leaf]

    def assemble(self, leaves: Sequence[Array]) -> Any:
        """The user's structure around `leaves`."""
        return self.rebuilt(self._as_passed(leaves))

    def rebuilt(self, parts: Sequence[Array]) -> Any:
        """The user's structure around its parts as the user passed them: complex ones, say."""
        return parts[0] if self.structure is None else self.structure.unflatten(list(parts))

    def as_tangent(self, leaves: Sequence[Array]) -> Any:
        """A tangent in the user's structure; 0 for what is not differentiated."""
        parts = self._as_passed(leaves)
        return parts[0] if self.structure is None else self.structure.unflatten_tangent(parts)

    def _as_passed(self, leaves: Sequence[Array]) -> list[Array]:
        if self.backend.name == "numpy":  # whose arithmetic turns 0-d arrays into scalars
            leaves = [np.asarray(leaf) for leaf in leaves]
        return [
            self.backend.complexed(leaf) if paired else leaf
            for leaf, paired in zip(leaves, self.complexes, strict=True)
        ]

    def copy(self) -> Any:
        """`x0` for ``func``, in memory of its own."""
        return self.assemble([self.backend.copy(leaf) for leaf in self.leaves])

    def copy_for_claim(self) -> Any:
        """`x0` for ``grad``: as the user passed it, in memory of its own."""
        return self.rebuilt([copy_for_claim(original, self.backend) for original in self.originals])

    def for_claim(self, leaves: Sequence[Array]) -> Any:
        """A point near x0 for the user's claim, recording for differentiation where x0 does."""
        parts = zip(self._as_passed(leaves), self.originals, strict=True)
        return self.rebuilt([self.backend.recording(part, like) for part, like in parts])

    def on_host(self, leaves: Sequence[Array]) -> Floats:
        """All coordinates of `leaves` on the host, flat."""
        parts = [self.backend.to_host(self.whole(leaf)).reshape(-1) for leaf in leaves]
        return np.concatenate(parts)

    def from_host(self, coordinates: Floats) -> list[Array]:
        """Leaves from flat coordinates on the host, in the dtypes and on the devices of x0."""
        bounds = zip(self.offsets, self.sizes, self.leaves, strict=True)
        return [
            self.xp.reshape(
                self.backend.from_host(coordinates[start : start + size], leaf), leaf.shape
            )
            for start, size, leaf in bounds
        ]

    def neighbour(self, signs: Sequence[Array], count: int, precision: float = 0.0) -> list[Array]:
        """x0 with every coordinate moved by some units in the last place, up or down.

        A unit is that of the dtype, or of machine epsilon `precision` where that is coarser; 0
        where a coordinate is 0, which has no such unit.
        """

        def moved(x: Array, sign: Array) -> Array:
            with np.errstate(all="ignore"):
                unit = x * (1 + max(float(self.xp.finfo(x.dtype).eps), precision)) - x
                return x + count * (unit * sign)

        return self.leafwise(moved, signs)

    def coarsened(self, x: Array, precision: float) -> Array:
        """Entries of x0 rounded to a coarser dtype, of machine epsilon `precision`.

        The sum and difference round it (T. Dekker, Numer. Math. 18, 1971, after G. Veltkamp).
        """
        with np.errstate(over="ignore", invalid="ignore"):
            large = x * (precision / float(self.xp.finfo(x.dtype).eps) + 1)
            return large - (large - x)

    def random_signs(self, rng: np.random.Generator) -> list[Array]:
        """A random 1 or -1 for every coordinate, in the dtypes and on the devices of x0.

        Those of large leaves take no memory; the methods of this class take them for arrays.
        """
        found: list[Any] = []
        for x in self.leaves:
            if _is_large(x):
                found.append(RandomSigns(x, self.backend, int(rng.integers(2**63))))
                continue
            numbers = self.backend.random_tangent(rng, x)
            found.append(self.xp.astype(numbers > 0, x.dtype) * 2 - 1)
        return found

    def leafwise(self, function: Callable[..., Array], *others: Sequence[Array]) -> list[Array]:
        """`function` of each leaf of x0, and of each of `others` beside it: arrays like the leaves.

        It works entry by entry, and gets large leaves block by block: what it makes on the way
        takes little memory, and little time.
        """
        beside = zip(self.leaves, *others, strict=True)
        return [self.in_blocks(function, *arrays) for arrays in beside]

    def blockwise(self, function: Callable[..., Array], *parts: Sequence[Array]) -> Iterator[Array]:
        """`function` of every block of some `parts`, each of them arrays like the leaves."""
        for arrays in zip(*parts, strict=True):
            if math.prod(arrays[0].shape):
                yield from self.blocks(function, *arrays)

    def in_blocks(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """`function` of arrays of one shape, block by block, joined to an array like the first."""
        if not _is_large(arrays[0]):
            return function(*arrays)
        return self.backend.joined(self.blocks(function, *arrays), arrays[0].shape, arrays[0])

    def blocks(self, function: Callable[..., Array], *arrays: Array) -> Iterator[Array]:
        """`function` of every block of some arrays of one shape; of small ones as they are."""
        if not _is_large(arrays[0]):
            yield function(*arrays)
            return
        for blocks in zip(*map(self._split, arrays), strict=True):
            # Before the next: what a library computes later takes the memory of all at once.
            yield self.backend.block_until_ready(function(*blocks))

    def _split(self, array: Array) -> Iterator[Array]:
        if isinstance(array, Lazy):
            return array.blocks()
        return self.backend.split(array, BLOCK)

    def halved(self, function: Callable[..., Array], *others: Sequence[Array]) -> list[Array]:
        """`leafwise` with half of the digits of large leaves, which take half of the memory.

        The methods of this class take them for arrays.
        """
        return [
            self._halved(function, *arrays) for arrays in zip(self.leaves, *others, strict=True)
        ]

    def _halved(self, function: Callable[..., Array], x: Array, *others: Array) -> Array:
        if not _is_large(x) or self.xp.finfo(x.dtype).bits not in self.backend.bitcasts:
            return self.in_blocks(function, x, *others)

        def upper(*blocks: Array) -> Array:
            return upper_half(function(*blocks), self.backend)

        return Halved(self.in_blocks(upper, x, *others), self.backend, x.dtype)

    def whole(self, array: Array) -> Array:
        """`array` itself, or all of what is made block by block."""
        if not isinstance(array, Lazy):
            return array
        return self.backend.joined(array.blocks(), array.shape, array.held)

    def parts(self, tree: Any, subject: str, remedy: str) -> list[Any]:
        """The parts of a `tree` like x0, one for each leaf; errors name it by `subject`.

        Lists and tuples, named or not, are alike, and so are dictionaries of any class: automatic
        differentiation returns tuples for lists.

        Raises
        ------
        ValueError
            If it has another structure than x0.
        """
        if self.structure is None:
            return [tree]
        parts, paths, description = self.structure.flatten_like(tree)
        if sorted(paths) == sorted(self.structure.paths):
            at = dict(zip(paths, parts, strict=True))
            return [at[path] for path in self.structure.paths]
        if description != self.structure.description:
            raise ValueError(
                f"{subject} a tree of another structure than x0: {description} instead of "
                f"{self.structure.description}; {remedy}"
            )
        return parts

    def claim_leaves(
        self,
        claim: Any,
        value_shape: tuple[int, ...] = (),
        name: str = "grad",
        said: str = "returned",
        tangent: bool = False,
        allow_complex: bool = False,
    ) -> list[Array]:
        """The arrays of a claim, or of a `tangent`, each of shape ``value_shape + leaf.shape``.

        A `value_shape` of (1,) counts as scalar: the claims are of shape ``leaf.shape`` then.
        `said` is "is" for a `name` that the user passed. Complex numbers where `x0` is real are
        an error unless `allow_complex`, as SciPy allows them.

        Raises
        ------
        ValueError
            If the claim's tree or one of its shapes is not that of `x0`.
        TypeError
            If the claim is not numeric, or complex where it must not be.
        """
        if claim is None:
            raise TypeError(f"{name} returned None; it must return numbers (is a return missing?)")
        parts = self.parts(claim, f"{name} {said}", "one part is needed for each array of x0")
        arrays = [
            self._claim_leaf(part, leaf, value_shape, f"{name}{self.leaf_path(leaf)}", said)
            for leaf, part in enumerate(parts)
        ]
        if not allow_complex:
            self._require_real_where_x0_is(arrays, name, said)
        flip = -1 if self.conj_convention and not tangent else 1
        return [
            self._paired(array, flip) if paired else array
            for array, paired in zip(arrays, self.complexes, strict=True)
        ]

    def _require_real_where_x0_is(self, arrays: list[Array], name: str, said: str) -> None:
        for leaf, (array, paired) in enumerate(zip(arrays, self.complexes, strict=True)):
            if self.xp.isdtype(array.dtype, "complex floating") and not paired:
                path = self.leaf_path(leaf)
                has, remedy = "has", "pass real ones"
                if said == "returned":
                    has, remedy = said, "its real part is the derivative"
                raise TypeError(
                    f"{name}{path} {has} complex numbers (dtype {array.dtype}) where x0{path} is "
                    f"real; {remedy}"
                )

    def _paired(self, array: Array, flip: int) -> Array:
        """Real and imaginary parts along a new last axis, the latter times `flip`."""
        if not self.xp.isdtype(array.dtype, "complex floating"):
            return self.xp.stack([array, self.xp.zeros_like(array)], axis=-1)
        return self.xp.stack([self.xp.real(array), flip * self.xp.imag(array)], axis=-1)

    def _claim_leaf(
        self, claim: Any, leaf: int, value_shape: tuple[int, ...], name: str, said: str
    ) -> Array:
        x = self.leaves[leaf]
        array = as_numeric(claim, self.backend, x, name, said)
        shape = self.user_shape(leaf)
        size = math.prod(shape)
        wanted = (*value_shape, *shape)
        if value_shape == (1,) and array.shape in (shape, wanted):
            return self.xp.reshape(array, shape)
        if array.shape == wanted:
            return array
        if value_shape and shape == () and array.shape == (*value_shape, 1):
            return self.xp.reshape(array, wanted)  # as SciPy has it
        scalar = value_shape in ((), (1,))
        one = array.shape == () or (array.shape == (1,) and shape == ())
        if scalar and one and size == 1:
            return self.xp.reshape(array, shape)
        where = f"x0{self.leaf_path(leaf)}"
        if scalar:
            value = f"{name}(x)" if said == "returned" else name
            remedy = (
                f"flatten it, e.g. {value}.ravel()"
                if is_array(claim) and math.prod(array.shape) == size and len(shape) == 1
                else f"give one number for each entry of {where}"
            )
            has = said if said == "returned" else "has"
            raise ValueError(
                f"{name} {has} shape {tuple(array.shape)} but {where} has shape {shape}; {remedy}"
            )
        raise ValueError(
            f"{name} returned shape {tuple(array.shape)}, but func returns shape "
            f"{tuple(value_shape)} and {where} has shape {shape}; return the Jacobian of "
            f"shape {wanted}"
        )


def _is_large(array: Array) -> bool:
    """Whether an array is worked on block by block."""
    large: bool = math.prod(array.shape) > BLOCK
    return large


def entry_text(shape: tuple[int, ...], entry: int, paired: bool = False) -> str:
    """The index of a flat entry in an array of `shape`, as Python writes it.

    Along the last axis of a `paired` one are real and imaginary parts.
    """
    index = [str(int(i)) for i in np.unravel_index(entry, shape)] if shape else []
    part = f".{'imag' if index.pop() == '1' else 'real'}" if paired else ""
    return (f"[{', '.join(index)}]" if index else "") + part


def make_point(x0: Any, allow_complex: bool = False, convention: str | None = None) -> Point:
    """Validate `x0` and flatten it.

    Raises
    ------
    ValueError
        If `x0` is empty or has an entry that is not finite, or the convention is unknown.
    TypeError
        If `x0` is not numeric, is complex and must not be, or mixes array libraries.
    """
    if convention is not None and convention not in CONVENTIONS:
        known = ", ".join(map(repr, CONVENTIONS))
        raise ValueError(f"convention is {quote(convention)}; pass one of {known}, or None")
    parts, structure = flatten_x0(x0)
    backend = find_backend([part for part in parts if is_array(part)])
    arrays = [plain_array(part) if is_host_part(part) else part for part in parts]
    like = next((a for a in arrays if not isinstance(a, np.ndarray)), arrays[0])
    taken = [backend_array(array, backend, like) for array in arrays]
    originals = [copy_for_claim(array, backend) for array in taken]
    require_values(originals)  # a copy made where JAX traces has none, whatever it is made of
    paths = ("",) if structure is None else structure.paths
    xp = backend.xp
    complexes = tuple(allow_complex and is_number(a, "complex floating") for a in originals)
    given = parts if structure else [x0]
    leaves = tuple(
        backend.gather_detached(
            real_pairs(array, xp) if paired else as_real_floating(array, xp, f"x0{path}", part)
        )
        for array, path, paired, part in zip(originals, paths, complexes, given, strict=True)
    )
    conj_convention = is_conj_convention(convention or backend.convention)
    structure = backend.placing(structure, originals)
    point = Point(backend, leaves, tuple(originals), structure, complexes, conj_convention)
    if point.size == 0:
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in leaves)
        raise ValueError(f"x0 is empty (shape {shapes}); there is no derivative to check")
    _require_finite(point)
    return point


def _require_finite(point: Point) -> None:
    for leaf, array in enumerate(point.leaves):
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(float(point.xp.sum(array))):  # in one pass, with nothing made
                continue
        if not bool(point.xp.all(point.xp.isfinite(array))):
            values = point.backend.to_host(array).ravel()
            entry = int(np.flatnonzero(~np.isfinite(values))[0])
            place = f"x0{point.place(point.offsets[leaf] + entry)}"
            raise ValueError(
                f"{place} is {values[entry]}; a derivative can be checked at finite x0 only"
            )
