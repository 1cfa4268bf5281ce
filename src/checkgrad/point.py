"""`x0` as one flat vector of real coordinates, whatever its shape, tree, dtype or library.

This room owns the way from the user's structure to coordinates and back, the validation of `x0`
and of claims against it, and steps that are exactly representable. It never calls ``func``.
"""

from __future__ import annotations

import array as stdlib_array
import bisect
import itertools
import math
import numbers
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from checkgrad.backends import (
    CONVENTIONS,
    Array,
    Backend,
    Structure,
    find_backend,
    flatten_tree,
    has_minus,
    is_array,
    is_number,
    require_values,
    snapshot,
    without,
)
from checkgrad.lazy import BLOCK, Halved, Lazy, RandomSigns, upper_half

Floats: TypeAlias = npt.NDArray[np.float64]

_QUOTED_LENGTH = 120  # characters of a user's value that an error message shows
_MESSAGE = 120  # characters of what an exception says that a report quotes


def quote(value: object) -> str:
    """`value` as an error message shows it: its repr, cut where it grows long, and its type."""
    text = repr(value)
    if len(text) > _QUOTED_LENGTH:
        text = text[: _QUOTED_LENGTH - 3] + "..."
    return f"{text} (type {type(value).__name__})"


def first_line(error: Exception) -> str:
    """The first line of what an exception says, cut where it grows long."""
    line = next(iter(str(error).splitlines()), "")
    return line if len(line) <= _MESSAGE else line[: _MESSAGE - 3] + "..."


def brief(error: Exception) -> str:
    """An exception as a report quotes it."""
    line = first_line(error)
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def require_functions(**functions: object) -> None:
    """Raise a `TypeError` that names the first of the user's arguments that is not callable."""
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"{name} is {quote(function)}; pass a function of x0")


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
    minus : bool
        Whether claims at complex leaves are the derivatives by the real less i times those by the
        imaginary parts, see `checkgrad.backends.conventions`; else plus.
    """

    backend: Backend
    leaves: tuple[Array, ...]
    originals: tuple[Array, ...]
    structure: Structure | None
    complexes: tuple[bool, ...]
    minus: bool

    @property
    def xp(self) -> Any:
        """The array API namespace of the leaves."""
        return self.backend.xp

    @property
    def plain(self) -> bool:
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

    def fresh(self) -> Any:
        """`x0` for ``func``, in memory of its own."""
        return self.assemble([self.backend.fresh(leaf) for leaf in self.leaves])

    def fresh_for_grad(self) -> Any:
        """`x0` for ``grad``: as the user passed it, in memory of its own."""
        return self.rebuilt([_for_grad(original, self.backend) for original in self.originals])

    def for_claim(self, leaves: Sequence[Array]) -> Any:
        """A point near x0 for the user's claim, recording for differentiation where x0 does."""
        parts = zip(self._as_passed(leaves), self.originals, strict=True)
        return self.rebuilt([self.backend.recording(part, like) for part, like in parts])

    def on_host(self, leaves: Sequence[Array]) -> Floats:
        """All coordinates of `leaves` on the host, flat."""
        parts = [self.backend.to_host(self.whole(leaf)).reshape(-1) for leaf in leaves]
        return np.concatenate(parts)

    def rounded(self, coordinates: Floats) -> list[Array]:
        """Leaves from flat coordinates on the host, in the dtypes and on the devices of x0."""
        bounds = zip(self.offsets, self.sizes, self.leaves, strict=True)
        return [
            self.xp.reshape(
                self.backend.rounded(coordinates[start : start + size], leaf), leaf.shape
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
            yield self.backend.settled(function(*blocks))

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
        flip = -1 if self.minus and not tangent else 1
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
    parts, structure = _flatten(x0)
    backend = find_backend([part for part in parts if is_array(part)])
    arrays = [_plain(part) if _is_host(part) else part for part in parts]
    like = next((a for a in arrays if not isinstance(a, np.ndarray)), arrays[0])
    taken = [backend_array(array, backend, like) for array in arrays]
    originals = [_for_grad(array, backend) for array in taken]
    require_values(originals)  # a copy made where JAX traces has none, whatever it is made of
    paths = ("",) if structure is None else structure.paths
    xp = backend.xp
    complexes = tuple(allow_complex and is_number(a, "complex floating") for a in originals)
    given = parts if structure else [x0]
    leaves = tuple(
        backend.detach(
            _pairs(array, xp) if paired else _as_real_floating(array, xp, f"x0{path}", part)
        )
        for array, path, paired, part in zip(originals, paths, complexes, given, strict=True)
    )
    minus = has_minus(convention or backend.convention)
    structure = backend.placing(structure, originals)
    point = Point(backend, leaves, tuple(originals), structure, complexes, minus)
    if point.size == 0:
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in leaves)
        raise ValueError(f"x0 is empty (shape {shapes}); there is no derivative to check")
    _require_finite(point)
    return point


def backend_array(array: Array, backend: Backend, like: Array) -> Array:
    """`array` as it is where it is of the backend's library, else converted to it."""
    if isinstance(array, np.ndarray) and backend.name != "numpy":
        return backend.asarray(array, like)
    return array


def _for_grad(array: Array, backend: Backend) -> Array:
    """A copy, recording for differentiation where `array` does."""
    return backend.recording(backend.fresh(array), array)


def _is_host(part: Any) -> bool:
    return isinstance(part, np.ndarray) or not is_array(part)


def _plain(part: Any) -> Array:
    """A NumPy array, or a number, as an array of the base class in native byte order."""
    if not is_array(part):
        wide = np.complex128 if isinstance(part, (complex, np.complexfloating)) else np.float64
        return np.asarray(part, dtype=wide)
    array = np.asarray(part)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _flatten(x0: Any) -> tuple[list[Array], Structure | None]:
    if is_array(x0):
        return [x0], None
    if _is_array_like(x0):
        return [_host_array(x0)], None
    leaves, structure = flatten_floating(x0)
    if len(leaves) == 1 and leaves[0] is x0 and _turns_into_array(x0):
        return [_host_array(x0)], None
    arrays = []
    for leaf, path in zip(leaves, structure.paths, strict=True):
        number = isinstance(leaf, (int, float, np.number)) and not isinstance(leaf, bool)
        if number or isinstance(leaf, complex) or is_array(leaf):
            arrays.append(leaf)
        elif isinstance(leaf, np.matrix):
            raise TypeError(
                f"x0{path} is {quote(leaf)}, which always has two axes; pass a plain array, e.g. "
                "np.asarray(x).ravel()"
            )
        else:
            raise TypeError(
                f"x0{path} is {quote(leaf)}; x0 is an array, numbers, or a tree (dict, list, "
                "tuple, registered dataclass) of arrays"
            )
    if not arrays:
        raise ValueError(f"x0 is empty: {quote(x0)} has no array in it")
    return arrays, structure


def flatten_floating(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of a tree that are differentiated, and its structure with the others in place.

    Those are the floating ones, or all of them where none is floating.
    """
    leaves, structure = flatten_tree(tree)
    if not any(map(is_floating, leaves)) or all(map(is_floating, leaves)):
        return leaves, structure
    fixed = {k: snapshot(leaf) for k, leaf in enumerate(leaves) if not is_floating(leaf)}
    kept = [leaf for k, leaf in enumerate(leaves) if k not in fixed]
    return kept, without(structure, fixed, snapshot)


def is_floating(leaf: Any) -> bool:
    """Whether something is a floating number, or an array of them."""
    if is_array(leaf):
        if isinstance(leaf, np.ndarray):
            return leaf.dtype.kind not in "biuSUMm"
        return is_number(leaf, "real floating") or is_number(leaf, "complex floating")
    return isinstance(leaf, (float, complex, np.inexact))


def _is_array_like(x0: Any) -> bool:
    """Whether `x0` is what NumPy reads as one array: numbers, or nested sequences of them."""
    if isinstance(x0, np.ndarray):
        return x0.ndim == 0  # SciPy reads a list of 0-d arrays as a vector
    if isinstance(x0, (range, stdlib_array.array, memoryview)):
        return True
    if isinstance(x0, (numbers.Real, complex, str, bytes, np.generic)) or x0 is None:
        return True
    if isinstance(x0, Sequence) and not hasattr(x0, "_fields"):
        return all(_is_array_like(item) for item in x0)
    return False


def _turns_into_array(x0: Any) -> bool:
    """Whether `x0` is no array, but offers to become one, as data frames do."""
    return hasattr(x0, "__array__") and not isinstance(x0, np.matrix)


def _host_array(x0: Any) -> Array:
    try:
        return _of_any_size(np.asarray(x0))
    except ValueError as error:
        raise ValueError(f"x0 is not an array: {error}; got {quote(x0)}") from None


def _of_any_size(array: Array) -> Array:
    """Python's real numbers that fit no dtype of NumPy's (integers of many digits) as float64."""
    if array.dtype.kind != "O" or not all(isinstance(item, numbers.Real) for item in array.flat):
        return array
    return np.asarray([as_float(item) for item in array.flat]).reshape(array.shape)


def as_float(number: Any) -> float:
    """A real number of Python's as a float, infinite where it is too large for one."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _pairs(array: Array, xp: Any) -> Array:
    """Real and imaginary parts along a new last axis."""
    return xp.stack([xp.real(array), xp.imag(array)], axis=-1)


def _as_real_floating(array: Array, xp: Any, name: str, given: Any) -> Array:
    """`array` of real numbers, of integers as floating ones; errors quote what was `given`."""
    if is_number(array, "real floating"):
        return array
    if is_number(array, "integral"):
        return xp.astype(array, default_floating(xp))
    raise TypeError(
        f"{name} is {quote(given)}, of dtype {array.dtype}; it must be real numbers, e.g. float64"
    )


def default_floating(xp: Any) -> Any:
    """The dtype that numbers of no floating dtype are converted to."""
    return xp.__array_namespace_info__().default_dtypes()["real floating"]


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


def as_numeric(
    value: Any, backend: Backend, like: Array, name: str, said: str = "returned"
) -> Array:
    """`value`, returned by the user's function `name`, as an array of the backend's library.

    A list of 0-d arrays becomes one array. Raises TypeError where `value` is not numeric; truth
    values are not. `said` is "is" for a value that the user passed.
    """
    remedy = "it must return numbers" if said == "returned" else "pass numbers"
    if isinstance(value, (list, tuple)) and any(_holds_array(item) for item in value):
        items = [as_numeric(item, backend, like, name, said) for item in value]
        shapes = {tuple(item.shape) for item in items}
        if len(shapes) > 1:
            raise ValueError(f"{name} {said} parts of different shapes: {sorted(shapes)}")
        dtype = backend.xp.result_type(*items)
        return backend.xp.stack([backend.xp.astype(item, dtype, copy=False) for item in items])
    if is_array(value) and getattr(value.dtype, "kind", "") != "O":
        array = backend.asarray(value, like)
    else:
        try:
            array = _of_any_size(np.asarray(value))
        except ValueError:
            raise ValueError(
                f"{name} {said} {quote(value)}, whose parts have different shapes; {remedy}"
            ) from None
        if backend.name != "numpy" and array.dtype.kind in "biufc":
            array = backend.asarray(array, like)
    if isinstance(array, np.ndarray):
        if array.dtype.kind not in "iufc":
            raise TypeError(f"{name} {said} {quote(value)}; {remedy}")
        return array
    if backend.xp.isdtype(array.dtype, "bool"):
        raise TypeError(f"{name} {said} {quote(value)}; {remedy}")
    if backend.xp.isdtype(array.dtype, "integral"):
        return backend.xp.astype(array, like.dtype)
    return array


def reshaped(array: Array, shape: tuple[int, ...], xp: Any) -> Array:
    """`array` in a `shape`: itself where it has that, which takes no time on any device."""
    return array if tuple(array.shape) == shape else xp.reshape(array, shape)


def _holds_array(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_array(item) for item in value)
    return is_array(value) and not isinstance(value, np.ndarray)


def forward_steps(x: Array, epsilon: Any, default: float, backend: Backend) -> tuple[Array, Array]:
    """``x + epsilon``, in the dtype of `x`, and the steps that it takes, ``(x + epsilon) - x``.

    A step that vanishes in the sum becomes ``default * sign(x) * max(1, |x|)``, as in SciPy's
    ``approx_derivative`` (scipy.optimize._numdiff, ``abs_step``).

    Parameters
    ----------
    x : array
        Coordinates, of any shape and real floating dtype.
    epsilon : float or array
        The steps asked for, broadcastable to the shape of `x`, on its device.
    default : float
        The relative step that stands in for one that vanishes.
    backend : Backend
        The array library of `x`.
    """
    xp = backend.xp
    # Steps of extended precision are taken in it, as in SciPy.
    extended = isinstance(x, np.ndarray) and np.result_type(epsilon).char == "g"
    dtype = np.longdouble if extended else x.dtype
    step = epsilon if isinstance(epsilon, float) else xp.astype(epsilon, dtype, copy=False)
    # Of a narrow dtype, compiled code may keep more digits on the way than it has.
    narrow = xp.finfo(x.dtype).bits < xp.finfo(xp.float32).bits
    sums = _sums if narrow else backend.compiled(_sums)
    moved, taken, everywhere = sums(x, step, xp)
    if not bool(everywhere):
        vanished = taken == 0
        sign = xp.astype(x >= 0, x.dtype) * 2 - 1
        magnitude = xp.where(xp.abs(x) > 1, xp.abs(x), xp.ones_like(x))
        moved = x + xp.where(vanished, default * sign * magnitude, xp.zeros_like(x) + step)
        taken = moved - x
    return xp.astype(moved, x.dtype, copy=False), taken


def _sums(x: Array, step: Any, xp: Any) -> tuple[Array, Array, Array]:
    """``x + step``, the step that is taken, and whether one is taken everywhere."""
    moved = x + step
    taken = moved - x
    return moved, taken, xp.all(taken != 0)
