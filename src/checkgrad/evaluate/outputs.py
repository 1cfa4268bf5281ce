"""Outputs: the numbers that are made of what ``func`` returns, single entries or weighted sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkgrad.arrays.point import Floats


@dataclass(frozen=True)
class Outputs:
    """Single entries of what ``func`` returns, and weighted sums of all entries.

    Attributes
    ----------
    entries : array of int, shape (e,)
        The entries. They come first.
    weights : array, shape (w, entries of func)
        The weights of the sums that follow.
    """

    entries: np.ndarray[tuple[int, ...], np.dtype[np.intp]]
    weights: Floats

    @property
    def count(self) -> int:
        """How many outputs there are."""
        return len(self.entries) + len(self.weights)

    def take(self, chosen: Sequence[int]) -> Outputs:
        """Return some of them, in order."""
        single = [output for output in chosen if output < len(self.entries)]
        sums = [output - len(self.entries) for output in chosen if output >= len(self.entries)]
        return Outputs(self.entries[single], self.weights[sums])

    def of(self, vectors: Floats) -> Floats:
        """Return the outputs of some vectors, which lie along the last axis; so do the outputs."""
        single = vectors[..., self.entries]
        if not len(self.weights):
            return single
        # No matrix product: how it rounds depends on how many vectors there are.
        with np.errstate(all="ignore"):
            sums = [np.sum(vectors * weights, axis=-1) for weights in self.weights]
        return np.concatenate([single, np.stack(sums, axis=-1)], axis=-1)

    def sizes(self, vector: Floats) -> Floats:
        """Return how large the terms of each output are: magnitudes, or sums of magnitudes."""
        return Outputs(self.entries, np.abs(self.weights)).of(np.abs(vector))

    def weights_of(self, output: int, size: int) -> Floats:
        """Return the weights of all `size` entries in an output."""
        if output < len(self.entries):
            weights = np.zeros(size)
            weights[self.entries[output]] = 1.0
            return weights
        found: Floats = self.weights[output - len(self.entries)]
        return found
