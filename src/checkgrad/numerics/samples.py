"""Samples: the values of ``func`` along directions, at steps to both sides of x0.

This module owns the container and the noise of its values. Nothing is estimated here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.thresholds import thresholds

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Samples:
    """``func`` along some directions, at steps on either side of x0.

    Rows are steps, in any order. Columns are directions. NaN stands for what was not evaluated
    or has no finite value.

    Attributes
    ----------
    value : float
        ``func(x0)``.
    forward, backward : array, shape (steps, directions)
        The lengths of the steps that were really taken to either side, positive.
    forward_values, backward_values : array, shape (steps, directions)
        ``func`` there.
    sigma : float, or array of shape (directions,)
        The noise of one evaluation near x0, as measured: a standard deviation.
    epsilon : float
        The machine epsilon of the coarser of the dtypes of x0 and of the values.
    scale : array, shape (directions,)
        The length of x0 along each direction, for example the size of its own coordinate.
    smoothness_length : array, shape (directions,)
        A length over which ``func`` may be expected to be smooth: that of x0 as a whole.
    scale_is_guess : array of bool, shape (directions,)
        Whether these two lengths are guesses, as along coordinates that are 0.
    """

    value: float
    forward: Floats
    forward_values: Floats
    backward: Floats
    backward_values: Floats
    sigma: float | Floats
    epsilon: float
    scale: Floats
    smoothness_length: Floats
    scale_is_guess: Flags

    @property
    def sides(self) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """The step lengths and the values of either side, forward first."""
        return (self.forward, self.forward_values), (self.backward, self.backward_values)

    def take(self, chosen: npt.NDArray[Any]) -> Samples:
        """Return the samples of some of the directions."""
        sigma = self.sigma[chosen] if isinstance(self.sigma, np.ndarray) else self.sigma
        return replace(
            self,
            sigma=sigma,
            forward=self.forward[:, chosen],
            forward_values=self.forward_values[:, chosen],
            backward=self.backward[:, chosen],
            backward_values=self.backward_values[:, chosen],
            scale=self.scale[chosen],
            smoothness_length=self.smoothness_length[chosen],
            scale_is_guess=self.scale_is_guess[chosen],
        )

    def joined(self, other: Samples) -> Samples:
        """Return these steps and those of `other`, for the same directions."""
        return replace(
            self,
            forward=np.concatenate([self.forward, other.forward]),
            forward_values=np.concatenate([self.forward_values, other.forward_values]),
            backward=np.concatenate([self.backward, other.backward]),
            backward_values=np.concatenate([self.backward_values, other.backward_values]),
        )

    def sigma_of(self, *values: Floats) -> Floats:
        """Return the noise of `values`: the measured one, or that of rounding if it is larger.

        Far from x0 ``func`` may be larger than at x0, and its rounding error with it.
        """
        largest: Floats = functools.reduce(
            np.fmax, [np.abs(v) for v in values], np.asarray(abs(self.value))
        )
        return np.fmax(self.sigma, thresholds().rounding_sigma * self.epsilon * largest)
