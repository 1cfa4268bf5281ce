"""What a claim says at x0, as one thing: a linear map from changes of x0 to changes of ``func``.

This module owns the gradients that are given as arrays like x0, and products with tangents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from checkgrad.arrays.point import Floats, Point
from checkgrad.arrays.products import product
from checkgrad.backends import Array
from checkgrad.evaluate.directions import ClaimedGradient
from checkgrad.evaluate.outputs import Outputs

Leaves = Sequence[Array]


@dataclass(frozen=True)
class GradientByLeaves:
    """A gradient given by all its entries.

    Attributes
    ----------
    leaves : list of array
        Arrays like the leaves of x0.
    point : Point
        x0.
    """

    leaves: list[Array]
    point: Point

    def coordinates(self) -> Floats:
        """Return the entry of every coordinate, on the host."""
        return self.point.on_host(self.leaves)

    def along(self, tangent: Leaves) -> float:
        """Return what it says of a tangent."""
        return product(self.leaves, tangent, self.point)


class _Changes(Protocol):
    """A claim that can be asked what it says of tiny tangents."""

    def changes(
        self, tangent: Leaves, outputs: Outputs, gradients: Sequence[ClaimedGradient]
    ) -> Floats:
        """See `checkgrad.claims.forms.Claim.changes`."""


@dataclass(frozen=True)
class ClaimAtX0:
    """A claim at x0, for all outputs.

    Attributes
    ----------
    claim : Claim
        The claim.
    outputs : Outputs
        The outputs.
    gradients : sequence of ClaimedGradient
        What the claim says of each output.
    """

    claim: _Changes
    outputs: Outputs
    gradients: Sequence[ClaimedGradient]

    @property
    def leaves(self) -> list[list[Array]] | None:
        """The gradients as arrays like x0; None where each tangent takes an evaluation."""
        leaves = [each.leaves for each in self.gradients if each.leaves is not None]
        return leaves if len(leaves) == self.outputs.count else None

    def changes(self, tangent: Leaves) -> Floats:
        """Return what the claim says of a tangent, which may be tiny: a number for each output."""
        return self.claim.changes(tangent, self.outputs, self.gradients)
