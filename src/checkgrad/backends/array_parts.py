"""The part that this rank has of an array that its library lays out over many ranks.

This module owns what the rest of checkgrad sees of such a part. The modules of the libraries make
them.
"""

from __future__ import annotations

from typing import Protocol

from checkgrad.backends.array_types import Array


class ArrayPart(Protocol):
    """Where the part of this rank lies in the whole array.

    Attributes
    ----------
    shape : tuple of int
        The shape of the whole array.
    key : str
        The same on all ranks that have the same part.
    counts : bool
        Whether a sum over all ranks counts the part of this one. Of several ranks that have the
        same part, one counts.
    """

    shape: tuple[int, ...]
    key: str
    counts: bool

    def taken(self, array: Array) -> Array:
        """Return the part of this rank of an array like the whole, however that is laid out.

        An array of another shape is returned as it is. All ranks must call it.
        """

    def assembled(self, part: Array) -> Array:
        """Return the laid out array of which this rank has a `part`."""

    def whole(self, part: Array) -> Array:
        """Return all of the array of which this rank has a `part`. All ranks must call it."""

    def indices(self, start: int, stop: int) -> Array:
        """Return where some entries of the flat part are in the flat whole array."""

    def place_of(self, entry: int) -> int:
        """Return where an entry of the flat whole array is in the flat part; -1 if it is not."""

    def random_block(self, seed: int, start: int, stop: int, like: Array) -> Array:
        """Return random numbers of mean 0 and variance 1 for some entries of the flat part.

        They depend on the seed and on where the entries are in the whole array, and not on how it
        is laid out.
        """
