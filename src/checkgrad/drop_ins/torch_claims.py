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
    values : array, shape (outputs,)
        The outputs themselves.
    """

    along: Floats
    jacobian: Sequence[Floats]
    values: Floats

    def rounding(self, others: Sequence[Claims]) -> Claims:
        """Return how far rounding errors of the inputs may move all of these numbers.

        Claims may be off by no more than other checkers tolerate.

        Parameters
        ----------
        others : sequence of Claims
            The claims at inputs that differ by rounding errors.
        """
        jacobians = zip(*(each.jacobian for each in others), strict=True)
        return Claims(
            _tolerated(self.along, [each.along for each in others]),
            [_tolerated(own, found) for own, found in zip(self.jacobian, jacobians, strict=True)],
            _spread(self.values, [each.values for each in others]),
        )

    def without_rounding(self) -> Claims:
        """Return zeros in the shapes of these claims."""
        jacobian = [np.zeros_like(each) for each in self.jacobian]
        return Claims(np.zeros_like(self.along), jacobian, np.zeros_like(self.values))


def _tolerated(claims: Floats, others: Sequence[Floats]) -> Floats:
    found: Floats = np.fmin(_spread(claims, others), tolerated(claims))
    return found


def _spread(numbers: Floats, others: Sequence[Floats]) -> Floats:
    """Return how far rounding may move some numbers; 0 where that is not known."""
    farthest = _SPREADS * np.max([np.abs(each - numbers) for each in others], axis=0)
    return np.where(np.isfinite(farthest), farthest, 0.0)
