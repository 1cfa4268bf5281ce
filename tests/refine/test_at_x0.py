"""What is known at x0, and what is to be checked of one output by it."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.evaluate.directions import Directions
from checkgrad.refine.at_x0 import BaseValues


def test_base_values_give_the_spec_of_one_output():
    directions = Directions(
        point=None,
        lines=None,
        output=1,
        scale=np.ones(1),
        claim=np.asarray([6.0]),
        claimed_by=lambda gradient: np.zeros(1),
        smoothness_length=np.asarray([8.0]),
        scale_is_guess=np.asarray([True]),
        words="all",
        tangent_scale=9.0,
        tangents=None,
    )
    base = BaseValues(
        *(np.asarray([k, k + 0.5]) for k in range(1, 8)), *[np.asarray([True, False])] * 3
    )

    def claim_noise():
        return np.zeros(1)

    spec = base.spec(directions, claim_noise, kink_is_isolated=False)
    assert (spec.value, spec.sigma, spec.epsilon, spec.rtol) == (1.5, 2.5, 3.5, 4.5)
    assert (spec.terms, spec.slope_noise, spec.coefficient_epsilon) == (5.5, 6.5, 7.5)
    assert spec.directions is directions
    assert (spec.claim.tolist(), spec.smoothness_length.tolist()) == ([6.0], [8.0])
    assert spec.scale_is_guess.tolist() == [True]
    assert (spec.tangent_scale, spec.sibling_scale) == (9.0, 0.0)
    assert spec.kink_is_isolated is False
    assert (spec.factors_round, spec.x0_is_zero, spec.hides_x0) == (False, False, False)
    assert spec.claim_noise is claim_noise
    beside = base.spec(directions, claim_noise, kink_is_isolated=True, sibling_scale=0.25)
    assert (beside.sibling_scale, beside.kink_is_isolated) == (0.25, True)


def test_how_far_coefficients_round_depends_on_the_coarsest_dtype_up_to_a_tenth_of_rtol():
    ones = np.ones(4)
    coarsest = np.asarray([2.0**-52, 2.0**-23, 2.0**-10, 2.0**-10])
    rtol = np.asarray([1e-5, 1e-3, 5e-2, 1e-5])
    base = BaseValues.at_x0(ones, ones, ones, rtol, ones, ones, coarsest)
    assert base.coefficient_epsilon == pytest.approx([2.0**-42, 2.0**-15, 2.0**-15, 1e-6])
