"""How the coordinates of x0 make up the user's structure: shapes, places, and trees.

The module owns the way from leaves to the user's structure and back, and the order of the
coordinates. It makes no points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from checkgrad.arrays.blockwise import resembled
from checkgrad.arrays.places import array_of, entry_text, offsets_of
from checkgrad.arrays.spread import Spread
from checkgrad.backends import Array, ArrayPart, Backend, Structure

_T = TypeVar("_T")
_NAMED = 8  # paths that a message names


@dataclass(frozen=True)
class Layout:
    """The leaves of x0, and how they make up the user's structure.

    Attributes
    ----------
    backend : Backend
        The array library of the leaves.
    leaves : tuple of array
        The real floating leaves of x0, as the library's own arrays, or lazy ones. They record
        nothing for differentiation. They are copies made at entry, because ``func`` may write into
        the user's arrays. They are never written to and never handed out.
    structure : Structure or None
        How the leaves make up the tree; None if x0 is a single array.
    complexes : tuple of bool
        Which leaves are complex. Such a leaf has real and imaginary parts along its last axis.
    conj_convention : bool
        How a claim at a complex leaf combines the derivatives by the real and the imaginary part.
        True: the first minus i times the second. False: the first plus i times the second. See
        `checkgrad.backends.conventions`.
    spread : Spread or None
        How the leaves lie on the ranks, if these have parts of them; None for this process alone.
        The leaves are the parts of this rank then. Coordinates count those of the whole leaves.
    """

    backend: Backend
    leaves: tuple[Array, ...]
    structure: Structure | None
    complexes: tuple[bool, ...]
    conj_convention: bool
    spread: Spread | None = field(default=None, kw_only=True)

    @property
    def xp(self) -> Any:
        """The array API namespace of the leaves."""
        return self.backend.xp

    @property
    def is_single_real_array(self) -> bool:
        """Whether x0 is a single array of real numbers. Then the leaf has the user's structure."""
        return self.structure is None and not self.complexes[0]

    @cached_property
    def epsilons(self) -> tuple[float, ...]:
        """The machine epsilon of each leaf."""
        return tuple(float(self.xp.finfo(leaf.dtype).eps) for leaf in self.leaves)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The number of coordinates of each leaf."""
        return tuple(math.prod(self.whole_shape(leaf)) for leaf in range(len(self.leaves)))

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """The first coordinate of each leaf."""
        return offsets_of(self.sizes)

    @cached_property
    def size(self) -> int:
        """The number of coordinates."""
        return sum(self.sizes)

    def like(self, leaf: int) -> Array:
        """Return an array of the dtype and on the device of a leaf: itself if it is in memory."""
        return resembled(self.leaves[leaf])

    def locate(self, coordinate: int) -> tuple[int, int]:
        """Return the leaf that `coordinate` lies in, and its flat entry there."""
        leaf = array_of(coordinate, self.offsets)
        return leaf, coordinate - self.offsets[leaf]

    def place(self, coordinate: int) -> str:
        """Return where `coordinate` is in the user's structure, e.g. ``['bias'][3]``."""
        leaf, entry = self.locate(coordinate)
        if self.structure is not None and self.structure.entry_name is not None:
            return self.structure.entry_name(entry)
        shape = self.whole_shape(leaf)
        return self.leaf_path(leaf) + entry_text(shape, entry, self.complexes[leaf])

    def part(self, leaf: int) -> ArrayPart | None:
        """Return the part that this rank has of a leaf; None if it has all of it."""
        return None if self.spread is None else self.spread.parts[leaf]

    def whole_shape(self, leaf: int) -> tuple[int, ...]:
        """Return the shape of a leaf, on all ranks together."""
        part = self.part(leaf)
        return tuple(self.leaves[leaf].shape) if part is None else part.shape

    def user_shape(self, leaf: int) -> tuple[int, ...]:
        """Return the shape of a leaf as the user passed it."""
        shape = tuple(self.leaves[leaf].shape)
        return shape[:-1] if self.complexes[leaf] else shape

    def whole_user_shape(self, leaf: int) -> tuple[int, ...]:
        """Return the shape of a leaf as the user passed it, on all ranks together."""
        shape = self.whole_shape(leaf)
        return shape[:-1] if self.complexes[leaf] else shape

    def leaf_path(self, leaf: int) -> str:
        """Return the path of a leaf in the user's tree; empty if x0 is a single array."""
        return "" if self.structure is None else self.structure.paths[leaf]

    def shared(
        self, found: Sequence[list[_T]], leaves: Sequence[int] | None = None
    ) -> list[list[_T]]:
        """Return what is found in blocks of some leaves, by default all, on all ranks together."""
        if self.spread is None:
            return list(found)
        return self.spread.shared(found, range(len(found)) if leaves is None else leaves)

    def as_passed(self, leaves: Sequence[Array]) -> list[Array]:
        """Return arrays like the leaves as arrays like the user's: complex where x0 is."""
        if self.backend.name == "numpy":  # NumPy's arithmetic turns 0-d arrays into scalars
            leaves = [np.asarray(leaf) for leaf in leaves]
        return [
            self.backend.complexed(leaf) if paired else leaf
            for leaf, paired in zip(leaves, self.complexes, strict=True)
        ]

    def rebuilt(self, parts: Sequence[Array]) -> Any:
        """Return the user's structure around `parts`, which are like the user's arrays."""
        return parts[0] if self.structure is None else self.structure.unflatten(list(parts))

    def plainly(self, leaves: Sequence[Array]) -> Any:
        """Return the user's structure around arrays like the leaves, wherever these lie in memory.

        They require no gradient.
        """
        return self.rebuilt(self.as_passed(leaves))

    def as_tangent(self, leaves: Sequence[Array]) -> Any:
        """Return a tangent in the user's structure; 0 for what is not differentiated."""
        parts = self.as_passed(leaves)
        return parts[0] if self.structure is None else self.structure.unflatten_tangent(parts)

    def parts(self, tree: Any, subject: str, remedy: str) -> list[Any]:
        """Return the parts of a `tree` like x0, one for each leaf.

        Lists and tuples, named or not, count as alike; so do dictionaries of any class. Automatic
        differentiation returns tuples for lists.

        Parameters
        ----------
        tree : Any
            The tree, or anything at all if x0 is a single array.
        subject : str
            The subject and verb of the error message, e.g. "grad returned".
        remedy : str
            The end of the error message: what the user can do.

        Raises
        ------
        ValueError
            If `tree` has another structure than x0.
        """
        if self.structure is None:
            return [tree]
        parts, paths, description = self.structure.flatten_like(tree)
        if sorted(paths) == sorted(self.structure.paths):
            at = dict(zip(paths, parts, strict=True))
            return [at[path] for path in self.structure.paths]
        if description != self.structure.description:
            raise ValueError(
                f"{subject} a tree of another structure than x0: "
                f"{self._difference(paths, description)}; {remedy}"
            )
        return parts

    def _difference(self, paths: Sequence[str], description: str) -> str:
        """Return, by name, what a tree with leaves at `paths` lacks, and what x0 lacks of it."""
        assert self.structure is not None
        missing = [path for path in self.structure.paths if path not in paths]
        known = (*self.structure.paths, *self.structure.fixed)
        extra = [path for path in paths if path and path not in known]
        if not missing and not extra:
            return f"{description} instead of {self.structure.description}"
        parts = [f"lacks {_listed(missing)}"] if missing else []
        parts += [f"has {_listed(extra)}, which x0 lacks"] if extra else []
        return f"it {' and '.join(parts)}"


def _listed(paths: Sequence[str]) -> str:
    """Return the first few paths, and how many more there are."""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more
