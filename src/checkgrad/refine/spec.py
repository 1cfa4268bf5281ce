"""What is to be checked of one output along some directions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from checkgrad.numerics.decisions import Criteria
from checkgrad.numerics.samples import Flags, Floats, Places
from checkgrad.numerics.thresholds import thresholds


class SampledDirections(Protocol):
    """Lines through x0 that ``func`` is sampled along.

    Attributes
    ----------
    count : int
        How many.
    scale : array, shape (count,)
        The step along each that changes x0 by about itself, a power of two.
    """

    @property
    def count(self) -> int:
        """How many."""

    @property
    def scale(self) -> Floats:
        """See above."""

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """Evaluate ``func`` at signed `steps` along the directions `which`.

        Returns the lengths of the steps really taken, positive, and the values. NaN stands where
        there is nothing to evaluate (out of bounds, a step that vanishes) or no finite value.
        """


class GroupedDirections(Protocol):
    """Directions of which several can be followed at once."""

    def groups(self, chosen: Places, size: int) -> Places:
        """Return `chosen` directions in random groups, shape (groups, size)."""

    def random_offsets(self, shape: tuple[int, ...]) -> Floats:
        """Return random numbers between 1/4 and 3/4."""

    def note_groups(self, groups: Places, steps: Callable[[Floats], Floats]) -> None:
        """Let workers evaluate groups along with those that are sampled next.

        `steps` makes their steps from what `random_offsets` returns when it is called next.
        """

    def sample_groups(self, groups: Places, steps: Floats) -> tuple[Floats, Floats]:
        """Return the steps taken, of the shape of `groups`, and values, shape (groups, 1)."""


@dataclass(frozen=True)
class CheckSpec:
    """What is to be checked of one output along some directions.

    Attributes
    ----------
    directions : SampledDirections
        The lines to sample ``func`` along.
    claim : array, shape (directions,)
        The claimed derivative along each.
    smoothness_length : array, shape (directions,)
        A length over which ``func`` may be expected to be smooth: that of x0, its other
        coordinates included.
    scale_is_guess : array of bool, shape (directions,)
        Where nothing but a guess shows the scale: along coordinates that are 0.
    value : float
        ``func(x0)``.
    sigma : float
        The noise of one evaluation of ``func``, as measured: a standard deviation.
    epsilon : float
        The machine epsilon that ``func`` computes with.
    rtol : float
        The smallest relative error that must not get past.
    terms : float
        The size of the terms whose rounding makes the noise, as far as it is known; else 0.
    slope_noise : float
        What noise may make of a slope, for a change of x0 by itself, as far as it is known; else 0.
        Where all of x0 is 0, for a change of each coordinate by 1.
    coefficient_epsilon : float
        How far rounding may move a coefficient of ``func``, relative to the largest.
    tangent_scale, sibling_scale, kink_is_isolated
        As in `checkgrad.numerics.decisions.Criteria`.
    claim_noise : callable
        Measures the rounding error of the claim along all directions. Called at most once.
    x0_is_zero : bool
        Whether all of x0 is 0, as far as `slope_noise` is not.
    hides_x0 : bool
        As in `checkgrad.numerics.decisions.Criteria`.
    factors_round : bool
        Whether a factor of ``func`` may have far fewer digits than ``func``. In float64 a factor
        has many digits if it has any in float32, the dtype that ``func`` is meant for.
    """

    directions: SampledDirections
    claim: Floats
    smoothness_length: Floats
    scale_is_guess: Flags
    value: float
    sigma: float
    epsilon: float
    rtol: float
    terms: float
    slope_noise: float
    coefficient_epsilon: float
    tangent_scale: float
    sibling_scale: float
    kink_is_isolated: bool
    claim_noise: Callable[[], Floats]
    x0_is_zero: bool = False
    hides_x0: bool = False
    factors_round: bool = True

    @property
    def sigma_at_x0(self) -> float:
        """The noise of one evaluation at x0: the measured one, or that of rounding if larger."""
        return max(self.sigma, thresholds().rounding_sigma * self.epsilon * abs(self.value))

    @property
    def _claim_sizes(self) -> Floats:
        """The sizes of the claims; 0 where one is not finite."""
        sizes: Floats = np.abs(np.where(np.isfinite(self.claim), self.claim, 0.0))
        return sizes

    @property
    def small_claims(self) -> Flags:
        """Where the claim is so small that it may be negligible.

        In the units of x0 an entry may be small, and matter where its coordinate is large.
        """
        weights = self._claim_sizes * self.directions.scale
        small: Flags = weights <= np.max(weights, initial=0.0) / thresholds().negligible
        return small

    @property
    def coefficient_rounding(self) -> Floats:
        """See `checkgrad.numerics.decisions.Criteria`.

        It is relative to the largest claim, and to the largest term that a claim makes at x0, over
        the length of its coordinate: the smaller of the two counts, whatever the units are.
        """
        sizes = self._claim_sizes
        lengths = np.where(self.scale_is_guess, self.smoothness_length, self.directions.scale)
        terms = np.max(sizes * lengths, initial=0.0) / self.smoothness_length
        rounding: Floats = self.coefficient_epsilon * np.fmin(np.max(sizes, initial=0.0), terms)
        return rounding

    @property
    def term_slope(self) -> Floats:
        """See `checkgrad.numerics.decisions.Criteria`.

        Terms that hide x0 do not change over its length.
        """
        terms = 0.0 if self.hides_x0 else self.terms
        slope: Floats = np.where(self.claim == 0, terms / self.smoothness_length, 0.0)
        return slope

    @property
    def slope_rounding(self) -> Floats:
        """See `checkgrad.numerics.decisions.Criteria`.

        Around 0, a claim of 0 may be off by more. An inverse, times its matrix, is off by more than
        its terms round (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, section
        14.1).
        """
        if self.x0_is_zero:
            return self.slope_noise * np.where(self.claim == 0, thresholds().agreement, 1.0)
        return self.slope_noise / self.smoothness_length

    def take(self, chosen: Places) -> CheckSpec:
        """Return what is to be checked along some of the directions."""
        return dataclasses.replace(
            self,
            directions=_Chosen(self.directions, chosen),
            claim=self.claim[chosen],
            smoothness_length=self.smoothness_length[chosen],
            scale_is_guess=self.scale_is_guess[chosen],
            claim_noise=lambda: self.claim_noise()[chosen],
        )

    def criteria(
        self,
        scale: float,
        may_be_negligible: Flags | bool = True,
        fully_sampled: Flags | bool = True,
        chosen: Places | slice = slice(None),
    ) -> Criteria:
        """Return what decisions on the directions in `chosen` depend on.

        The other arguments are as in `Criteria`.
        """
        return Criteria(
            rtol=self.rtol,
            scale=scale,
            may_be_negligible=may_be_negligible,
            fully_sampled=fully_sampled,
            tangent_scale=self.tangent_scale,
            sibling_scale=self.sibling_scale,
            term_slope=self.term_slope[chosen],
            coefficient_rounding=self.coefficient_rounding[chosen],
            slope_rounding=self.slope_rounding[chosen],
            kink_is_isolated=self.kink_is_isolated,
            hides_x0=self.hides_x0,
        )


class _Chosen:
    """A view of the directions in `chosen`."""

    def __init__(self, directions: SampledDirections, chosen: Places) -> None:
        self._directions = directions
        self._chosen = chosen
        self.count = chosen.size
        self.scale = directions.scale[chosen]

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """See `SampledDirections.sample`."""
        return self._directions.sample(self._chosen[which], steps)
