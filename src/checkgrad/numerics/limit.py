"""A limit of difference quotients, with its uncertainty and what finer steps leave open.

`checkgrad.numerics.fit` finds limits, and `checkgrad.numerics.estimate` chooses between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkgrad.numerics.samples import Flags, Floats


@dataclass(frozen=True)
class Limit:
    """The limit of quotients at step zero, direction by direction.

    Attributes
    ----------
    value, uncertainty : array, shape (directions,)
        The limit, and its truncation plus rounding error.
    rounding : array, shape (directions,)
        The part of the uncertainty that noise makes.
    step : array, shape (directions,)
        The coarsest step of the window that the limit was fitted to.
    finer_low, finer_high : array, shape (directions,)
        The values that the finer steps of that window allow together, if they contradict the limit
        together and none of them does so alone; else NaN.
    """

    value: Floats
    uncertainty: Floats
    rounding: Floats
    step: Floats
    finer_low: Floats
    finer_high: Floats

    @classmethod
    def of(cls, value: Floats, uncertainty: Floats, rounding: Floats, step: Floats) -> Limit:
        """Return a limit that no finer steps contradict."""
        unknown = np.full(value.shape, np.nan)
        return cls(value, uncertainty, rounding, step, unknown, unknown)

    def where(self, chosen: Flags, other: Limit) -> Limit:
        """Return this limit where it is `chosen`, and another one elsewhere."""
        theirs = vars(other)
        return Limit(
            **{name: np.where(chosen, part, theirs[name]) for name, part in vars(self).items()}
        )
