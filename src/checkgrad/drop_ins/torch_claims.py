"""What the library says of the derivatives of a call, and how far rounding may move that.

The module compares claims with each other. `checkgrad.drop_ins.torch_certificate` compares them
with difference quotients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.drop_ins.tolerance import tolerated

_SPREADS = 4.0  # times how far claims move at the neighbours of x0


@dataclass(frozen=True)
class Claims:
    """Derivatives of a call in one mode.

    Attributes
    ----------
    along : array, shape (inputs, outputs)
        Along the tangent of each input.
    jacobian : sequence of array, shape (outputs, entries)
        For each input, by each of its entries; along the tangent only, where the check is fast.
    """

    along: Floats
    jacobian: Sequence[Floats]

    def rounding(self, others: Sequence[Claims]) -> Claims:
        """Return how far rounding errors of the inputs may move these claims.

        It is no more than what other checkers tolerate, and what a claim that is not certified
        may be off by.

        Parameters
        ----------
        others : sequence of Claims
            The claims at inputs that differ by rounding errors.
        """
        jacobians = zip(*(each.jacobian for each in others), strict=True)
        return Claims(
            _spread(self.along, [each.along for each in others]),
            [_spread(own, found) for own, found in zip(self.jacobian, jacobians, strict=True)],
        )

    def without_rounding(self) -> Claims:
        """Return zeros in the shapes of these claims."""
        return Claims(np.zeros_like(self.along), [np.zeros_like(each) for each in self.jacobian])


def _spread(claims: Floats, others: Sequence[Floats]) -> Floats:
    """Return how far some claims are from those of others; 0 where that is not known."""
    farthest = np.max([np.abs(each - claims) for each in others], axis=0)
    found: Floats = np.fmin(_SPREADS * farthest, tolerated(claims))
    return np.where(np.isfinite(farthest), found, 0.0)
