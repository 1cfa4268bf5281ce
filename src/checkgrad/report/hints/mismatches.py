"""What a family of hints looks at: claims and estimates, entry by entry.

This module owns the data that all families share. It does not name places (see `places`), and it
recognises nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from checkgrad.numerics.samples import Flags, Floats
from checkgrad.report.hints.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Leaf:
    """One array of the user's, for example of x0.

    Attributes
    ----------
    path : str
        Its name in the user's structure, e.g. ``params['bias']``; ``x`` for a single array.
    shape : tuple of int
        Its shape.
    start : int
        The number of its first entry among the entries of all leaves.
    entry_name : callable, optional
        Takes the number of an entry and returns its place, where entries have labels.

    Examples
    --------
    >>> Leaf("params['bias']", (2, 3), start=10).entry(4)
    "params['bias'][1, 1]"
    """

    path: str
    shape: tuple[int, ...]
    start: int
    entry_name: Callable[[int], str] | None = None

    @property
    def size(self) -> int:
        """The number of its entries."""
        return math.prod(self.shape)

    @property
    def coordinates(self) -> slice:
        """The place of its entries among the entries of all leaves."""
        return slice(self.start, self.start + self.size)

    def entry(self, flat: int) -> str:
        """Return the name of its entry number `flat`, e.g. ``params['bias'][3]``."""
        if self.entry_name is not None:
            return self.path + self.entry_name(flat)
        index = []
        for length in reversed(self.shape):
            flat, position = divmod(flat, length)
            index.append(str(position))
        return f"{self.path}[{', '.join(reversed(index))}]" if index else self.path


@dataclass(frozen=True)
class Mismatches:
    """Claims and estimates, and which of them can be relied on.

    All arrays have the shape (entries,).

    Attributes
    ----------
    claim, estimate : array
        The derivative as the user wrote it, and ours.
    margin : array
        How far the claim may lie off the estimate by accident.
    is_known : array of bool
        Where claim, estimate and margin are finite.
    wrong : array of bool
        The wrong entries that a hint can explain: those that are known, and whose claim lies off
        the estimate by more than the margin.
    leaves : sequence of Leaf
        The arrays that the entries belong to, in order.
    wrong_leaves : list of Leaf
        The leaves that have wrong entries. There are at most ``max_leaves`` of them.
    x0 : array, or None
        For each entry, the coordinate of x0 that the derivative is taken by. None where it is
        not known.
    is_flat : array of bool
        Where ``func`` does not change around x0; false where that is not known.
    """

    claim: Floats
    estimate: Floats
    margin: Floats
    is_known: Flags
    wrong: Flags
    leaves: Sequence[Leaf]
    wrong_leaves: list[Leaf]
    x0: Floats | None
    is_flat: Flags

    @classmethod
    def of(
        cls,
        claim: Floats,
        estimate: Floats,
        uncertainty: Floats,
        wrong: Flags,
        leaves: Sequence[Leaf],
        x0: Floats | None = None,
        is_flat: Flags | None = None,
    ) -> Mismatches:
        """Return the mismatches of a claim; the parameters are those of `recognise`."""
        margin = THRESHOLDS.safety * np.abs(uncertainty)
        is_known = np.isfinite(claim) & np.isfinite(estimate) & np.isfinite(margin)
        wrong = wrong & is_known & (np.abs(claim - estimate) > margin)
        # An empty leaf starts where the next one does.
        filled = [leaf for leaf in leaves if leaf.size]
        starts = np.array([leaf.start for leaf in filled], dtype=np.intp)
        owners = np.unique(np.searchsorted(starts, np.flatnonzero(wrong), side="right") - 1)
        wrong_leaves = [filled[owner] for owner in owners[: THRESHOLDS.max_leaves]]
        flat = np.zeros(claim.shape, dtype=bool) if is_flat is None else is_flat & is_known
        return cls(claim, estimate, margin, is_known, wrong, leaves, wrong_leaves, x0, flat)

    def regions(self) -> Iterator[slice]:
        """Yield the regions that may have a number in common: all entries, then each leaf."""
        yield slice(0, self.claim.size)
        if len(self.wrong_leaves) > 1:
            yield from (leaf.coordinates for leaf in self.wrong_leaves)

    def within(self, entries: Flags, region: slice) -> Flags:
        """Return `entries` without those outside of `region`."""
        inside = np.zeros_like(entries)
        inside[region] = entries[region]
        return inside
