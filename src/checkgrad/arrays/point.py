"""x0 as one flat vector of real coordinates, whatever its shape, tree, dtype or library.

The module owns the `Point`: copies of x0 for the user's code, points near x0, and the way to the
host and back. It validates x0. It never calls ``func``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from checkgrad.arrays import blockwise, claim_arrays, neighbours
from checkgrad.arrays.blocks import Lazy
from checkgrad.arrays.finiteness import require_finite
from checkgrad.arrays.leaf_work import LeafWork
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
from checkgrad.arrays.spread import PartNumbers, Spread
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
class Point(LeafWork):
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
        return self.for_func(self.copies(self.leaves))

    def copies(self, leaves: Sequence[Array]) -> list[Array]:
        """Return arrays like the leaves, which may be lazy, in memory of their own."""
        return [blockwise.copy(self.backend, leaf) for leaf in leaves]

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
        """Return the same point in float64; its arrays require a gradient where those of x0 do.

        Large leaves are lazy. What they look like in memory is read from those of this point.
        """
        backend = self.backend
        leaves = tuple(blockwise.widened(backend, leaf) for leaf in self.leaves)
        if any(isinstance(leaf, Lazy) for leaf in leaves):
            return replace(self, leaves=leaves)
        passed = self.as_passed(leaves)  # what was no floating number is one from now on
        originals = tuple(
            backend.resembling(backend.laid_out(backend.as_leaf(part), original), original)
            for part, original in zip(passed, self.originals, strict=True)
        )
        return replace(self, leaves=leaves, originals=originals)

    def narrowed(self, leaves: Sequence[Array]) -> list[Array]:
        """Return wide arrays like the leaves in the dtypes of this point."""
        return [
            blockwise.narrowed(self.backend, wide, like)
            for wide, like in zip(leaves, self.leaves, strict=True)
        ]

    # To the host and back.

    def on_host(self, leaves: Sequence[Array]) -> Floats:
        """Return all coordinates of `leaves` on the host, as a flat float64 array."""
        found = []
        for k, leaf in enumerate(leaves):
            part, array = self.part(k), self.whole(leaf)
            array = array if part is None else part.whole(array)
            found.append(self.backend.to_host(array).reshape(-1))
        return np.concatenate(found)

    def from_host(self, coordinates: Floats) -> list[Array]:
        """Return leaves from flat host coordinates, in the dtypes and on the devices of x0.

        They are shaped on the host: a library may compile reshapes.
        """
        leaves = []
        for leaf, (start, size) in enumerate(zip(self.offsets, self.sizes, strict=True)):
            numbers = coordinates[start : start + size].reshape(self.whole_shape(leaf))
            array, part = self.backend.from_host(numbers, self.like(leaf)), self.part(leaf)
            leaves.append(array if part is None else part.taken(array))
        return leaves

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
        signs = []
        for leaf, x in enumerate(self.leaves):
            if self.part(leaf) is None:
                signs.append(neighbours.random_signs(x, rng, self.backend))
            else:
                numbers = self.random_numbers(rng, leaf)
                signs.append(self.on_demand(self.xp.sign, numbers))
        return signs

    def random_numbers(self, rng: np.random.Generator, leaf: int) -> Array:
        """Return independent numbers of mean 0 and variance 1, like a leaf; lazy if it is large."""
        x, backend, part = self.leaves[leaf], self.backend, self.part(leaf)
        if part is not None:
            numbers = PartNumbers(x, backend, part, int(rng.integers(2**63)))
            return numbers if blockwise.is_large(x) else self.whole(numbers)
        if (partitions := blockwise.partitions_of(backend, x)) is not None:
            return partitions.random_tangent(rng, x)
        draw = backend.random_block if blockwise.is_large(x) else backend.random_tangent
        return blockwise.random(backend, draw, rng, x)

    # The claim.

    claim_leaves = claim_arrays.claim_leaves


def make_point(
    x0: Any,
    allow_complex: bool = False,
    convention: str | None = None,
    constants: Collection[str] = (),
    spread: Spread | None = None,
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
    spread : Spread, optional
        How the leaves lie on the ranks, if x0 holds the parts of this rank.

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
        spread=spread,
    )
    if point.size == 0:
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in leaves)
        raise ValueError(f"x0 is empty (shape {shapes}); there is no derivative to check")
    require_finite(point)
    return point


def _kept(array: Array, backend: Backend) -> Array:
    """Return an array of the user's, safe from later writes: nobody writes to partitioned ones."""
    if blockwise.partitions_of(backend, array) is not None:
        return array
    return copy_for_claim(array, backend)
