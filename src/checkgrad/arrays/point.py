"""x0 as one flat vector of real coordinates, whatever its shape, tree, dtype or library.

The module owns the `Point`: copies of x0 for the user's code, points near x0, and the way to the
host and back. It validates x0. It never calls ``func``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from checkgrad.arrays import blockwise, claim_arrays, neighbours
from checkgrad.arrays.layout import Layout
from checkgrad.arrays.messages import quote
from checkgrad.arrays.parsing import (
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
    find_backend,
    is_array,
    is_conj_convention,
    is_number,
    require_values,
)

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point(Layout):
    """x0, and what is needed to hand it out and to read claims of its structure.

    Attributes
    ----------
    originals : tuple of array
        Copies of the user's arrays as they were passed: integers are not converted, and a tensor
        that requires a gradient still does.
    """

    originals: tuple[Array, ...]

    # Copies of x0.

    def copy(self) -> Any:
        """Return x0 for ``func``, in memory of its own."""
        return self.for_func([self.backend.copy(leaf) for leaf in self.leaves])

    def copy_for_claim(self) -> Any:
        """Return x0 for the claim: as the user passed it, in memory of its own."""
        return self.rebuilt([copy_for_claim(original, self.backend) for original in self.originals])

    def for_claim(self, leaves: Sequence[Array]) -> Any:
        """Return a point near x0 for the claim; it requires a gradient where x0 does."""
        parts = zip(self.as_passed(leaves), self.originals, strict=True)
        return self.rebuilt([self.backend.resembling(part, like) for part, like in parts])

    def for_func(self, leaves: Sequence[Array]) -> Any:
        """Return a point near x0 for ``func``: with the strides of x0, and requiring a gradient."""
        return self.plainly(leaves) if self.is_plain else self.for_claim(leaves)

    @cached_property
    def is_plain(self) -> bool:
        """Whether arrays like the leaves are what the user passed without anything done to them."""
        return all(map(self.backend.is_plain, self.originals))

    # The same point in float64.

    def widened(self) -> Point:
        """Return the same point in float64; its arrays require a gradient where those of x0 do."""
        backend = self.backend
        leaves = tuple(backend.widened(leaf) for leaf in self.leaves)
        passed = self.as_passed(leaves)  # what was no floating number is one from now on
        originals = tuple(
            backend.resembling(backend.laid_out(backend.as_leaf(part), original), original)
            for part, original in zip(passed, self.originals, strict=True)
        )
        return replace(self, leaves=leaves, originals=originals)

    def narrowed(self, leaves: Sequence[Array]) -> list[Array]:
        """Return wide arrays like the leaves in the dtypes of this point."""
        pairs = zip(leaves, self.leaves, strict=True)
        return [self.backend.narrowed(self.whole(wide), like) for wide, like in pairs]

    # To the host and back.

    def on_host(self, leaves: Sequence[Array]) -> Floats:
        """Return all coordinates of `leaves` on the host, as a flat float64 array."""
        parts = [self.backend.to_host(self.whole(leaf)).reshape(-1) for leaf in leaves]
        return np.concatenate(parts)

    def from_host(self, coordinates: Floats) -> list[Array]:
        """Return leaves from flat host coordinates, in the dtypes and on the devices of x0."""
        leaves = zip(self.offsets, self.sizes, self.leaves, strict=True)
        return [
            self.backend.from_host(coordinates[start : start + size].reshape(leaf.shape), leaf)
            for start, size, leaf in leaves
        ]

    # Points next to x0.

    def neighbour(self, signs: Sequence[Array], count: int, precision: float = 0.0) -> list[Array]:
        """Return x0 with every coordinate moved by `count` units in the last place.

        See `checkgrad.arrays.neighbours.moved_by_units`.
        """
        number = float(count)
        units = (1 + max(epsilon, precision) for epsilon in self.epsilons)
        return [
            self.in_blocks(partial(neighbours.moved_by_units, unit=unit, count=number), x, sign)
            for x, sign, unit in zip(self.leaves, signs, units, strict=True)
        ]

    def coarsened(self, x: Array, precision: float) -> Array:
        """Return entries of x0 rounded to a coarser dtype, one of machine epsilon `precision`."""
        return neighbours.coarsened(x, precision, self.xp)

    def random_signs(self, rng: np.random.Generator) -> list[Array]:
        """Return a random 1 or -1 for every coordinate.

        Those of large leaves are lazy. The methods of this class take them for arrays.
        """
        return [neighbours.random_signs(x, rng, self.backend) for x in self.leaves]

    # Work on large leaves, block by block.

    @cached_property
    def is_partitioned(self) -> bool:
        """Whether the library lays a leaf out over devices."""
        owners = (blockwise.partitions_of(self.backend, leaf) for leaf in self.leaves)
        return any(owner is not None for owner in owners)

    def leafwise(
        self, function: Callable[..., Array], *others: Sequence[Array], exactly: bool = False
    ) -> list[Array]:
        """Return `function` of each leaf of x0 and of the arrays like it in `others`.

        The function works entry by entry. It gets large leaves block by block. `exactly` is as in
        `checkgrad.arrays.blockwise.in_blocks`.
        """
        arrays = zip(self.leaves, *others, strict=True)
        return [
            blockwise.in_blocks(self.backend, function, *each, exactly=exactly) for each in arrays
        ]

    def deferred(self, function: Callable[..., Array], *parts: Sequence[Array]) -> list[Array]:
        """Return `function` of `parts`, arrays like the leaves, in the least memory.

        See `checkgrad.arrays.blockwise.deferred`.
        """
        arrays = zip(*parts, strict=True)
        return [blockwise.deferred(self.backend, function, *each) for each in arrays]

    def blockwise(
        self, function: Callable[..., Array], *parts: Sequence[Array], exactly: bool = False
    ) -> Iterator[Array]:
        """Yield what `function` reduces every block of some `parts` to.

        Each of them is arrays like the leaves.
        """
        for arrays in zip(*parts, strict=True):
            if math.prod(arrays[0].shape):
                yield from blockwise.blocks(self.backend, function, *arrays, exactly=exactly)

    def in_blocks(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """Return `function` of arrays of one shape, computed block by block if they are large."""
        return blockwise.in_blocks(self.backend, function, *arrays)

    def blocks(self, function: Callable[..., Array], *arrays: Array) -> Iterator[Array]:
        """Yield what `function` reduces every block of arrays of one shape to."""
        return blockwise.blocks(self.backend, function, *arrays)

    def whole(self, array: Array) -> Array:
        """Return `array` as it is, or all of a lazy one."""
        return blockwise.whole(self.backend, array)

    # The claim.

    claim_leaves = claim_arrays.claim_leaves


def make_point(
    x0: Any,
    allow_complex: bool = False,
    convention: str | None = None,
    constants: Collection[str] = (),
) -> Point:
    """Validate x0 and flatten it.

    Parameters
    ----------
    x0 : Any
        x0 as the user passed it.
    allow_complex : bool
        Whether complex leaves are allowed.
    convention : {"jax", "torch"}, optional
        The convention of claims at complex leaves. The default is the one of the array library.
    constants : collection of str, optional
        The paths of floating leaves that are not differentiated.

    Raises
    ------
    ValueError
        If x0 is empty or has an entry that is not finite, or if the convention is unknown.
    TypeError
        If x0 is not numeric, is complex and must not be, or mixes array libraries.
    """
    if convention is not None and convention not in CONVENTIONS:
        known = ", ".join(map(repr, CONVENTIONS))
        raise ValueError(f"convention is {quote(convention)}; pass one of {known}, or None")
    parts, structure = flatten_x0(x0, constants)
    backend = find_backend([part for part in parts if is_array(part)])
    arrays = [plain_array(part) if is_host_part(part) else part for part in parts]
    like = next((a for a in arrays if not isinstance(a, np.ndarray)), arrays[0])
    taken = [backend_array(array, backend, like) for array in arrays]
    originals = [_kept(array, backend) for array in taken]
    require_values(originals)  # where JAX traces, a copy has no values even if its source has
    paths = ("",) if structure is None else structure.paths
    complexes = tuple(allow_complex and is_number(a, "complex floating") for a in originals)
    given = parts if structure else [x0]
    leaves = tuple(
        backend.as_leaf(
            real_pairs(array, backend.xp)
            if paired
            else as_real_floating(array, backend.xp, f"x0{path}", part)
        )
        for array, path, paired, part in zip(originals, paths, complexes, given, strict=True)
    )
    point = Point(
        backend=backend,
        leaves=leaves,
        structure=backend.placing(structure, originals),
        complexes=complexes,
        conj_convention=is_conj_convention(convention or backend.convention),
        originals=tuple(originals),
    )
    if point.size == 0:
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in leaves)
        raise ValueError(f"x0 is empty (shape {shapes}); there is no derivative to check")
    _require_finite(point)
    return point


def _kept(array: Array, backend: Backend) -> Array:
    """Return an array of the user's, safe from later writes: nobody writes to partitioned ones."""
    if blockwise.partitions_of(backend, array) is not None:
        return array
    return copy_for_claim(array, backend)


def _require_finite(point: Point) -> None:
    """Raise a `ValueError` that names the first coordinate that is not finite."""
    for leaf, array in enumerate(point.leaves):
        with np.errstate(over="ignore", invalid="ignore"):
            if blockwise.partitions_of(point.backend, array) is not None:
                (total,) = point.blocks(point.xp.sum, array)
            else:
                total = point.xp.sum(array)  # one pass, which makes no array
        if math.isfinite(float(total)):
            continue
        entry, value = _first_not_finite(point, array)
        if not math.isfinite(value):
            place = f"x0{point.place(point.offsets[leaf] + entry)}"
            raise ValueError(f"{place} is {value}; a derivative can be checked at finite x0 only")


def _first_not_finite(point: Point, array: Array) -> tuple[int, float]:
    """Return the first entry of an array that is not finite, and its value; else the first one."""
    partitions, xp = blockwise.partitions_of(point.backend, array), point.xp
    if partitions is None:
        values = point.backend.to_host(array).ravel()
        entry = int(np.argmax(~np.isfinite(values)))
        return entry, float(values[entry])
    positions, end = partitions.positions, math.prod(array.shape)

    def first(x: Array) -> Array:
        place = xp.min(xp.where(xp.isfinite(x), end, positions(x)))
        value = xp.sum(xp.where(positions(x) == place, x, xp.zeros_like(x)))
        return xp.stack([xp.astype(place, xp.float64), xp.astype(value, xp.float64)])

    place, value = point.backend.to_host(partitions.reduced(first, array)).tolist()
    return int(place), value
