"""Names for places: ``everywhere in p['W']``, ``at x[2, :]``, ``at x[3], x[7] and 5 more``.

This module owns how a hint says where some entries are. It does not know what is wrong there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.samples import Flags
from checkgrad.report.hints.agreement import represents
from checkgrad.report.hints.mismatches import Leaf, Mismatches
from checkgrad.report.hints.thresholds import THRESHOLDS

# How much a place adds to the cost of an explanation: the simpler the place, the likelier the
# slip. The sums stay below 0.5, the step of the costs of families: a place decides only between
# families of equal cost.
_COSTS = {"everywhere": 0.0, "leaf": 0.1, "slice": 0.2, "entry": 0.3, "entries": 0.4}
_COST_OF_SEVERAL = 0.05


@dataclass(frozen=True)
class Places:
    """Where some entries are, in words.

    Attributes
    ----------
    text : str
        For example ``at x[3]``.
    kind : {"everywhere", "leaf", "slice", "entry", "entries"}
        What the entries make up: all entries, whole leaves, rows or ranges, one entry, or several
        entries without a common name.
    cost : float
        What the place adds to the cost of an explanation.
    """

    text: str
    kind: str
    cost: float


def describe(mismatches: Mismatches, entries: Flags, fitting: Flags) -> Places:
    """Return where `entries` are, in as few words as possible.

    Parameters
    ----------
    mismatches : Mismatches
        The entries of the derivative.
    entries : array of bool, shape (entries,)
        The entries that show a slip.
    fitting : array of bool, shape (entries,)
        The entries that the slip is compatible with. They include `entries`. The words may
        include them too: "at every coordinate" also covers an entry that is 0 either way.
    """
    if entries.size > 1 and _fills(entries, fitting):
        exceptions = "" if np.all(mismatches.is_known) else " whose estimate tells"
        text = f"at every coordinate{exceptions}"
        return Places(text, "everywhere", _COSTS["everywhere"])
    names: list[str] = []
    kinds: set[str] = set()
    total = int(np.count_nonzero(entries))
    for leaf in leaves_with(mismatches, entries):
        inside = entries[leaf.coordinates]
        pieces = _pieces(leaf, inside, fitting[leaf.coordinates])
        names += pieces.names
        kinds.add(pieces.kind)
        total += pieces.number - int(np.count_nonzero(inside))
    if not names:  # all entries are in leaves that are not looked at one by one
        names = [name_of(mismatches, int(np.flatnonzero(entries)[0]))]
        kinds = {"entry"}
    kind = kinds.pop() if len(kinds) == 1 else "entries"
    if kind == "entry" and total > 1:
        kind = "entries"
    lead = "everywhere in" if kind == "leaf" else "at"
    cost = _COSTS[kind] + (_COST_OF_SEVERAL if total > 1 else 0.0)
    return Places(f"{lead} {listing(names, total)}", kind, cost)


def leaves_with(mismatches: Mismatches, entries: Flags) -> list[Leaf]:
    """Return the leaves, of those that are looked at one by one, that have any of `entries`."""
    return [leaf for leaf in mismatches.wrong_leaves if np.any(entries[leaf.coordinates])]


def listing(names: Sequence[str], total: int) -> str:
    """Return names as in a sentence: ``a``, ``a and b``, ``a, b and 7 more``."""
    shown = list(names[: THRESHOLDS.max_names])
    if total > len(shown):
        shown = [*shown, f"{total - len(shown)} more"]
    if len(shown) == 1:
        return shown[0]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def name_of(mismatches: Mismatches, coordinate: int) -> str:
    """Return the name of one entry."""
    for leaf in mismatches.leaves:
        if leaf.start <= coordinate < leaf.start + leaf.size:
            return leaf.entry(coordinate - leaf.start)
    return f"coordinate {coordinate}"


@dataclass(frozen=True)
class _Pieces:
    """What some entries of a leaf make up: the first names, how many there are, and the kind."""

    names: list[str]
    number: int
    kind: str


def _fills(entries: Flags, fitting: Flags) -> bool:
    """Return whether all entries fit, and enough of them show it."""
    return bool(np.all(fitting)) and represents(int(np.count_nonzero(entries)), entries.size)


def _pieces(leaf: Leaf, entries: Flags, fitting: Flags) -> _Pieces:
    if leaf.size > 1 and _fills(entries, fitting):
        return _Pieces([leaf.path], 1, "leaf")
    chosen = np.flatnonzero(entries)
    if len(leaf.shape) == 1 and chosen.size >= THRESHOLDS.few:
        bounds = _range(chosen, fitting)
        if bounds is not None:
            return _Pieces([f"{leaf.path}[{bounds}]"], 1, "slice")
    if len(leaf.shape) > 1 and chosen.size > 1:
        slices = _slices(leaf, entries, fitting)
        if slices:
            return _Pieces(slices, len(slices), "slice")
    names = [leaf.entry(int(i)) for i in chosen[: THRESHOLDS.max_names]]
    return _Pieces(names, chosen.size, "entry")


def _range(chosen: npt.NDArray[np.intp], fitting: Flags) -> str | None:
    """Return the entries of a vector as ``start:stop`` or ``start:stop:step``."""
    first, last = int(chosen[0]), int(chosen[-1])
    if np.all(fitting[first : last + 1]):
        return f"{first}:{last + 1}"
    steps = np.diff(chosen)
    if np.all(steps == steps[0]):
        return f"{first}:{last + 1}:{int(steps[0])}"
    return None


def _slices(leaf: Leaf, entries: Flags, fitting: Flags) -> list[str]:
    """Return the rows or columns that the entries fill, along the axis with the fewest of them.

    The list is empty where there are no such rows or columns, or too many to name.
    """
    inside, fits = entries.reshape(leaf.shape), fitting.reshape(leaf.shape)
    best: list[str] = []
    for axis, length in enumerate(leaf.shape):
        others = tuple(other for other in range(len(leaf.shape)) if other != axis)
        numbers = np.count_nonzero(inside, axis=others)
        indices = np.flatnonzero(numbers)
        breadth = leaf.size // length
        if breadth == 1 or indices.size > THRESHOLDS.max_names:
            continue
        fit = np.all(fits, axis=others)[indices]
        enough = [represents(int(number), breadth) for number in numbers[indices]]
        if np.all(fit) and all(enough) and (not best or indices.size < len(best)):
            best = [_slice(leaf, axis, int(index)) for index in indices]
    return best


def _slice(leaf: Leaf, axis: int, index: int) -> str:
    """Return the name of a row or column, e.g. ``x[:, 3]``."""
    colons = [":"] * len(leaf.shape)
    colons[axis] = str(index)
    return f"{leaf.path}[{', '.join(colons)}]"
