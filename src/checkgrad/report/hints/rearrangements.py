"""Claims whose entries are right but in another place of the same array.

This module owns the rearrangements that have a name: transposes, flips, rolls, shifts, and the
wrong order of a reshape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.samples import Flags
from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Leaf, Mismatches
from checkgrad.report.hints.places import listing
from checkgrad.report.hints.relocation import NOWHERE, count_relocated
from checkgrad.report.hints.thresholds import THRESHOLDS

_Indices = npt.NDArray[np.intp]

# The costs: a transpose is the slip that people make most often.
_COST_OF_TRANSPOSE = 2.5
_COST_OF_ORDER = 3.0
_COST_OF_FLAT_TRANSPOSE = 3.5
_COST_OF_FLIP = 4.0
_COST_OF_ROLL = 4.0
_COST_OF_SHIFT = 4.5  # a roll predicts one entry more

_WRONG_ORDER = "a reshape or ravel in the wrong order?"
_OFF_BY_ONE = "an index off by one?"


@dataclass(frozen=True)
class Rearrangement:
    """A way to mix up the entries of an array.

    Attributes
    ----------
    text : str
        The hint, with ``{}`` for the names of the arrays.
    origin : array of int, shape (size,)
        For each entry of the array, the entry that it took the value of, or `NOWHERE`.
    cost : float
        The cost of an explanation by it.
    """

    text: str
    origin: _Indices
    cost: float


def explain_rearrangements(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain leaves whose claim is a rearrangement of the estimate, all alike leaves at once."""
    found: dict[str, tuple[Rearrangement, list[Leaf]]] = {}
    for leaf in mismatches.wrong_leaves:
        for change in rearrangements(leaf.shape):
            origin = np.where(change.origin == NOWHERE, NOWHERE, leaf.start + change.origin)
            number = count_relocated(mismatches, leaf, origin, THRESHOLDS.slack)
            if number >= THRESHOLDS.min_moved:
                found.setdefault(change.text, (change, []))[1].append(leaf)
    for text, (change, leaves) in found.items():
        paths = [leaf.path for leaf in leaves]
        explains = _wrong_in(mismatches, leaves)
        yield Explanation(explains, change.cost, text.format(listing(paths, len(paths))))


def rearrangements(shape: tuple[int, ...]) -> Iterator[Rearrangement]:
    """Yield the rearrangements that have a name, of an array of this shape."""
    index = np.arange(math.prod(shape)).reshape(shape)
    if len(shape) == 1:
        yield from _flat_transposes(index)
    elif len(shape) > 1:
        yield from _transposes(index)
    for axis in range(len(shape)):
        yield from _moves_along(axis, index)


def _flat_transposes(index: _Indices) -> Iterator[Rearrangement]:
    """Yield the transpose of a square matrix that is stored as a vector."""
    side = math.isqrt(index.size)
    if side > 1 and side * side == index.size:
        text = f"claim is the estimate in {{}} as a {side} x {side} matrix, transposed?"
        yield Rearrangement(text, index.reshape(side, side).T.ravel(), _COST_OF_FLAT_TRANSPOSE)


def _transposes(index: _Indices) -> Iterator[Rearrangement]:
    """Yield the transpose of a matrix, and its entries read in column-major order."""
    if index.shape[-1] == index.shape[-2]:
        text = "claim is the transpose of the estimate in {}: a matrix transposed?"
        yield Rearrangement(text, np.swapaxes(index, -1, -2).ravel(), _COST_OF_TRANSPOSE)
    text = f"claim is the estimate in Fortran order in {{}}: {_WRONG_ORDER}"
    yield Rearrangement(text, index.ravel(order="F"), _COST_OF_ORDER)
    text = f"claim is the estimate read in Fortran order in {{}}: {_WRONG_ORDER}"
    back = np.reshape(index.ravel(), index.shape, order="F")
    yield Rearrangement(text, back.ravel(), _COST_OF_ORDER)


def _moves_along(axis: int, index: _Indices) -> Iterator[Rearrangement]:
    """Yield the flip along an axis, and the rolls and shifts by one."""
    length = index.shape[axis]
    along = "" if index.ndim == 1 else f" along axis {axis}"
    if length > 1:
        text = f"claim is the estimate in reversed order{along} in {{}}: a flip too many?"
        yield Rearrangement(text, np.flip(index, axis).ravel(), _COST_OF_FLIP)
    if length <= 2:
        return  # a roll of two entries is a flip
    for shift in (1, -1):
        rolled = np.roll(index, shift, axis)
        text = f"claim is the estimate rolled by {shift}{along} in {{}}: {_OFF_BY_ONE}"
        yield Rearrangement(text, rolled.ravel(), _COST_OF_ROLL)
        shifted = np.moveaxis(rolled.copy(), axis, 0)
        shifted[0 if shift > 0 else -1] = NOWHERE
        text = f"claim is the estimate shifted by {shift}{along} in {{}}: {_OFF_BY_ONE}"
        yield Rearrangement(text, np.moveaxis(shifted, 0, axis).ravel(), _COST_OF_SHIFT)


def _wrong_in(mismatches: Mismatches, leaves: list[Leaf]) -> Flags:
    """Return the wrong entries of some leaves."""
    entries = np.zeros_like(mismatches.wrong)
    for leaf in leaves:
        entries[leaf.coordinates] = mismatches.wrong[leaf.coordinates]
    return entries
