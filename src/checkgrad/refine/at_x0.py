"""What is known of every output at x0, before directions are sampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from checkgrad.evaluate.directions import Directions
from checkgrad.numerics.samples import Flags, Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.refine.spec import CheckSpec


@dataclass(frozen=True)
class BaseValues:
    """What is known of every output at x0: arrays of shape (outputs,).

    Attributes
    ----------
    value : array
        The output at x0.
    sigma : array
        Its noise.
    epsilon : array
        The machine epsilon that ``func`` computes with.
    rtol : array
        The smallest relative error that must not get past.
    terms : array
        The size of the terms whose rounding makes the noise, as far as it is known; else 0.
    slope_noise : array
        As in `CheckSpec`.
    coefficient_epsilon : array
        How far rounding may move a coefficient of ``func``, relative to the largest.
    factors_round, x0_is_zero, hides_x0 : array of bool
        As in `CheckSpec`.
    """

    value: Floats
    sigma: Floats
    epsilon: Floats
    rtol: Floats
    terms: Floats
    slope_noise: Floats
    coefficient_epsilon: Floats
    factors_round: Flags
    x0_is_zero: Flags
    hides_x0: Flags

    @classmethod
    def at_x0(
        cls,
        value: Floats,
        sigma: Floats,
        epsilon: Floats,
        rtol: Floats,
        terms: Floats,
        slope_noise: Floats,
        coarsest: Floats,
        factors_round: bool = True,
        x0_is_zero: bool = False,
        hides_x0: Flags | bool = False,
    ) -> BaseValues:
        """Return what is known at x0.

        Parameters
        ----------
        value, sigma, epsilon, rtol, terms, slope_noise : array, shape (outputs,)
            See above.
        coarsest : array, shape (outputs,)
            The machine epsilon of the coarsest dtype that ``func``, its data and the claim have.
        factors_round, x0_is_zero : bool
            As in `CheckSpec`, of all outputs.
        hides_x0 : array of bool, shape (outputs,), or bool
            As in `CheckSpec`.
        """
        limits = thresholds()
        rounding = np.fmin(limits.coefficient_epsilons * coarsest, limits.coefficient_rounding)
        rounding = np.fmin(rounding, rtol / limits.agreement)
        known = value, sigma, epsilon, rtol, terms, slope_noise, rounding
        flags = factors_round, x0_is_zero, hides_x0
        return cls(*known, *(np.full(value.shape, each) for each in flags))

    def spec(
        self,
        directions: Directions,
        claim_noise: Callable[[], Floats],
        kink_is_isolated: bool,
        sibling_scale: float = 0.0,
    ) -> CheckSpec:
        """Return what is to be checked of an output along its directions."""
        output = directions.output
        return CheckSpec(
            directions=directions,
            claim=directions.claim,
            smoothness_length=directions.smoothness_length,
            scale_is_guess=directions.scale_is_guess,
            value=float(self.value[output]),
            sigma=float(self.sigma[output]),
            epsilon=float(self.epsilon[output]),
            rtol=float(self.rtol[output]),
            terms=float(self.terms[output]),
            slope_noise=float(self.slope_noise[output]),
            coefficient_epsilon=float(self.coefficient_epsilon[output]),
            tangent_scale=directions.tangent_scale,
            sibling_scale=sibling_scale,
            kink_is_isolated=kink_is_isolated,
            claim_noise=claim_noise,
            x0_is_zero=bool(self.x0_is_zero[output]),
            hides_x0=bool(self.hides_x0[output]),
            factors_round=bool(self.factors_round[output]),
        )
