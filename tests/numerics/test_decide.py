"""The rules of the decisions, one by one: numbers in, numbers out, no function anywhere.

`decided` has an rtol of 2**-10, called R here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkgrad.numerics.decide import decide_without_wrong, scale_of
from checkgrad.numerics.decisions import Decisions, Reason, Verdict
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.thresholds import varied

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]

R = 2.0**-10
CORRECT, WRONG, INCONCLUSIVE = Verdict.CORRECT, Verdict.WRONG, Verdict.INCONCLUSIVE
MOVES = {"nearby_slope": 1e-3}  # func changes at some step, if little


@pytest.fixture(scope="session")
def verdict(estimate_with: Make, decided: Make) -> Callable[..., Verdict]:
    """The verdict of a claim on an estimate; `estimate` has more to say of the estimate."""

    def make(
        claim: Any, value: Any, uncertainty: Any = 0.0, estimate: Any = None, **options: Any
    ) -> Verdict:
        found = decided(claim, estimate_with(value, uncertainty, **(estimate or {})), **options)
        return found.verdict

    return make


def reason_of(decisions: Decisions, index: int = 0) -> Reason:
    (reason,) = [reason for reason, holds in decisions.reasons.items() if holds[index]]
    return reason


# The scale


def test_the_scale_is_the_largest_entry_that_is_certain(estimate_with: Make) -> None:
    claim = np.array([1.0, math.nan, -3.0])
    assert scale_of(claim, estimate_with([1.0, 1.0, 1.0])) == 3.0
    assert scale_of(claim, estimate_with([1.0, -7.0, 1.0], [0.0, 1.0, 0.0])) == 6.0
    assert scale_of(claim, estimate_with([1.0, 50.0, 1.0], [0.0, 60.0, 0.0])) == 3.0
    assert scale_of(np.array([-2.0, 1.0]), estimate_with([1.0, math.inf])) == 2.0
    assert scale_of(np.zeros(1), estimate_with(math.nan, math.inf)) == 0.0


# Wrong


def test_a_claim_that_equals_a_certain_estimate_is_correct(verdict: Make) -> None:
    assert verdict([1.0, -3.0], [1.0, -3.0], 1e-9) is CORRECT


@pytest.mark.parametrize("claim", [-1.0, 2.0, 0.0, 1.01])
def test_a_claim_far_off_is_wrong(claim: float, verdict: Make) -> None:
    assert verdict([claim, 1.0], [1.0, 1.0], 1e-9) is WRONG


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_wrong_claim_is_off_by_one_and_a_half_rtol(sign: float, verdict: Make) -> None:
    """The magnitude is the larger of claim and estimate: 1."""
    assert verdict(sign, sign * (1 - 1.5 * R)) is not WRONG
    assert verdict(sign, sign * (1 - 1.51 * R)) is WRONG
    assert verdict(sign * (1 - 1.5 * R), sign) is not WRONG
    assert verdict(sign * (1 - 1.51 * R), sign) is WRONG
    with varied(wrong_margin=1.6):
        assert verdict(sign, sign * (1 - 1.51 * R)) is not WRONG


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_wrong_claim_is_off_by_five_uncertainties(side: float, verdict: Make) -> None:
    """And that beyond rtol: |claim - estimate| - 1.5 R * 4 > 5 u."""
    u = 1 / 16
    far, near = 4.0, 4 - 5 * u - 6 * R
    assert verdict(side * far, side * near, u) is INCONCLUSIVE
    assert verdict(side * far, side * (near - 0.001), u) is WRONG
    assert verdict(side * near, side * far, u) is INCONCLUSIVE
    assert verdict(side * (near - 0.001), side * far, u) is WRONG
    with varied(safety=4.0):
        assert verdict(side * far, side * near, u) is WRONG


def test_the_noise_of_the_claim_adds_to_the_uncertainty(verdict: Make) -> None:
    assert verdict(1.5, 1.0, 1 / 32, claim_noise=1 / 16) is WRONG
    assert verdict(1.5, 1.0, 1 / 32, claim_noise=1 / 14) is INCONCLUSIVE
    assert verdict(1.0, 1.0, R / 2, {"rounding": 1.0}, claim_noise=R / 2) is CORRECT
    assert verdict(1.0, 1.0, R / 2, {"rounding": 1.0}, claim_noise=R) is INCONCLUSIVE


def test_what_is_wrong_is_decided_for_each_direction(estimate_with: Make, decided: Make) -> None:
    found = decided([1.0, 1.0, -1.0], estimate_with([1.0, 1.0, 1.0], [0.0, 0.5, 0.0], rounding=1))
    assert found.wrong.tolist() == [False, False, True]
    assert found.resolved.tolist() == [True, False, False]
    assert found.distance.tolist() == [0.0, 0.0, 2.0]
    assert found.magnitude.tolist() == [1.0, 1.0, 1.0]
    assert found.uncertainty.tolist() == [0.0, 0.5, 0.0]


def test_a_finding_that_blocks_wrong_leaves_the_claim_open(verdict: Make) -> None:
    assert verdict(2.0, 1.0, estimate={"blocks_wrong": True}) is INCONCLUSIVE
    assert verdict(math.nan, 1.0, estimate={"blocks_wrong": True}) is INCONCLUSIVE
    assert verdict(1.0, 1.0, estimate={"blocks_wrong": True}) is CORRECT


def test_a_finding_that_blocks_correct_leaves_the_claim_open(verdict: Make) -> None:
    assert verdict(1.0, 1.0, estimate={"blocks_correct": True}) is INCONCLUSIVE
    assert verdict(2.0, 1.0, estimate={"blocks_correct": True}) is WRONG


def test_a_feature_that_noise_may_hide_is_not_called_wrong(verdict: Make) -> None:
    """An undetectable slope counts as uncertainty, for wrong only."""
    assert verdict(2.0, 1.0, estimate={"undetectable_slope": 0.19}) is WRONG
    assert verdict(2.0, 1.0, estimate={"undetectable_slope": 0.2}) is INCONCLUSIVE
    assert verdict(1.0, 1.0, estimate={"undetectable_slope": 9.0}) is CORRECT
    noise = {"claim_noise": 0.1}
    assert verdict(2.0, 1.0, estimate={"undetectable_slope": 0.09}, **noise) is WRONG
    assert verdict(2.0, 1.0, estimate={"undetectable_slope": 0.1}, **noise) is INCONCLUSIVE


# Claims that are not finite


@pytest.mark.parametrize("claim", [math.nan, math.inf, -math.inf])
def test_a_claim_that_is_not_finite_is_wrong_where_func_is_smooth(
    claim: float, verdict: Make
) -> None:
    assert verdict([1.0, claim], [1.0, 2.0], 1e-9) is WRONG
    assert verdict(claim, 2.0, 1e-9) is WRONG


def test_a_claim_that_is_not_finite_is_never_correct(verdict: Make) -> None:
    assert verdict(math.nan, 1.0, 10.0, MOVES) is INCONCLUSIVE
    assert verdict(math.nan, math.nan, math.inf, {"edge": True}) is INCONCLUSIVE


def test_func_is_smooth_where_the_uncertainty_is_a_hundredth_of_the_derivative(
    verdict: Make,
) -> None:
    assert verdict(math.nan, 1.0, 0.01, MOVES) is WRONG
    assert verdict(math.nan, -1.0, 0.01, MOVES) is WRONG
    assert verdict(math.nan, 1.0, 0.0101, MOVES) is INCONCLUSIVE
    assert verdict(math.nan, 1.0, 0.006, MOVES, claim_noise=0.006) is INCONCLUSIVE
    with varied(negligible=50.0):
        assert verdict(math.nan, 1.0, 0.0101, MOVES) is WRONG


def test_func_is_smooth_where_the_uncertainty_is_below_rtol(verdict: Make) -> None:
    """Also at a stationary point, relative to the whole derivative or to the slopes nearby."""
    assert verdict([math.nan, 1.0], [0.0, 1.0], [R, 0.0], MOVES) is WRONG
    assert verdict([math.nan, 1.0], [0.0, 1.0], [1.01 * R, 0.0], MOVES) is INCONCLUSIVE
    assert verdict(math.nan, 0.0, R, {"nearby_slope": 1.0}) is WRONG
    assert verdict(math.nan, 0.0, 1.01 * R, {"nearby_slope": 1.0}) is INCONCLUSIVE


@pytest.mark.parametrize("claim", [math.nan, math.inf, -math.inf])
def test_a_claim_that_is_not_finite_is_wrong_where_nothing_moves_func(
    claim: float, verdict: Make
) -> None:
    assert verdict(claim, 0.0, 1.0, {"nearby_slope": 0.0}) is WRONG
    assert verdict(claim, 0.0, 1.0, MOVES) is INCONCLUSIVE
    # At few steps nothing may have moved it yet.
    assert verdict(claim, 0.0, 1.0, {"nearby_slope": 0.0}, fully_sampled=False) is INCONCLUSIVE
    for blocked in ("jump", "edge", "tie"):
        assert verdict(claim, 0.0, 1.0, {"nearby_slope": 0.0, blocked: True}) is INCONCLUSIVE


def test_a_claim_that_is_not_finite_is_not_wrong_at_a_cusp(verdict: Make) -> None:
    assert verdict(math.inf, 2.0, 1e-9, {"diverging": True}) is INCONCLUSIVE
    assert verdict(3.0, 2.0, 1e-9, {"diverging": True}) is WRONG


def test_the_distance_of_what_is_not_finite_is_infinite(estimate_with: Make, decided: Make) -> None:
    found = decided([math.nan, math.inf, 1.0], estimate_with([1.0, -2.0, math.nan]))
    assert found.distance.tolist() == [math.inf] * 3
    assert found.magnitude[:2].tolist() == [1.0, 2.0]


# Rounding of the coefficients of func

ROUNDINGS = ["coefficient_rounding", "slope_rounding"]


@pytest.mark.parametrize("name", ROUNDINGS)
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("fully_sampled", [True, False])
def test_an_error_that_rounding_of_coefficients_explains_is_none(
    name: str, sign: int, fully_sampled: bool, verdict: Make
) -> None:
    """An entry that is 0 up to rounding, and an estimate without any uncertainty."""
    options = {name: 2.0**-50, "fully_sampled": fully_sampled}
    assert verdict(0.0, sign * 2.0**-50, **options) is CORRECT
    assert verdict(0.0, sign * 2.0**-50 * 1.01, **options) is WRONG
    assert verdict(0.0, sign * 2.0**-50) is WRONG


@pytest.mark.parametrize("name", ROUNDINGS)
def test_it_explains_an_error_with_its_uncertainty(name: str, verdict: Make) -> None:
    """The sum of both is to be explained; an error that may be larger leaves the claim open."""
    rounding = {name: 2.0**-50}
    assert verdict(0.0, 2.0**-51, 2.0**-51, **rounding) is CORRECT
    assert verdict(0.0, 2.0**-51, 2.0**-51, claim_noise=2.0**-55, **rounding) is INCONCLUSIVE
    assert verdict(0.0, 2.0**-51, 2.0**-50, **rounding) is INCONCLUSIVE
    # 5 uncertainties and the rounding lie between claim and estimate.
    assert verdict(0.0, 6.1 * 2.0**-50, 2.0**-50, **rounding) is WRONG
    assert verdict(0.0, 5.9 * 2.0**-50, 2.0**-50, **rounding) is INCONCLUSIVE


def test_the_larger_of_both_roundings_and_of_rtol_counts(verdict: Make) -> None:
    for first, second in ((3.0, 1.0), (1.0, 3.0)):
        known = {"coefficient_rounding": first, "slope_rounding": second}
        assert verdict(0.0, 2.9, **known) is CORRECT
        assert verdict(0.0, 3.1, **known) is WRONG
    assert verdict(1.0, 1 + R / 2, coefficient_rounding=R / 16) is CORRECT
    assert verdict(1.0, 1 + 1.6 * R, coefficient_rounding=R) is WRONG  # they do not add up


def test_rounding_is_that_of_each_direction(estimate_with: Make, decided: Make) -> None:
    estimate = estimate_with([2.0**-50, 2.0**-50, 1.0])
    found = decided([0.0, 0.0, 1.0], estimate, coefficient_rounding=np.asarray([1.0, 0.0, 0.0]))
    assert found.wrong.tolist() == [False, True, False]


# What is left of large terms


def test_a_claim_that_vanishes_is_judged_beside_the_terms_that_cancel(verdict: Make) -> None:
    """0 +- 1e-3: nothing shows how large a derivative of func might be, but its terms do."""
    assert verdict(0.0, 0.0, 1e-3, MOVES) is INCONCLUSIVE
    assert verdict(0.0, 0.0, 1e-3, MOVES, term_slope=1e-3 / R) is CORRECT
    assert verdict(0.0, 0.0, 1e-3, MOVES, term_slope=0.99e-3 / R) is INCONCLUSIVE
    # Not a derivative that matters beside them, nor one that is surely there.
    assert verdict(0.0, 0.1, 1e-3, term_slope=1e-3 / R) is WRONG
    assert verdict(0.0, 4e-3, 1e-3, term_slope=5e-3 / R) is CORRECT
    options = {"term_slope": 1e-3 / R, "fully_sampled": False}
    assert verdict(0.0, 0.0, 1e-3, MOVES, **options) is INCONCLUSIVE


# Kinks


@pytest.mark.parametrize("claim", [0.0, 0.3, 1.0])
def test_every_claim_between_the_slopes_at_a_kink_is_correct(
    claim: float, estimate_with: Make, decided: Make
) -> None:
    found = decided(claim, estimate_with(0.5, 1e-9, kink=(0.0, 1.0)))
    assert found.verdict is CORRECT
    assert found.distance.tolist() == [0.0]
    assert found.magnitude.tolist() == [1.0]


@pytest.mark.parametrize(("claim", "distance"), [(1.5, 0.5), (-2.0, 2.0)])
def test_a_claim_outside_of_the_slopes_at_a_kink_is_wrong(
    claim: float, distance: float, estimate_with: Make, decided: Make
) -> None:
    kink = estimate_with(0.5, 1e-9, kink=(0.0, 1.0))
    found = decided(claim, kink)
    assert found.verdict is WRONG
    assert found.distance.tolist() == [distance]
    # Along a tangent, several kinks may add up to anything.
    assert decided(claim, kink, kink_is_isolated=False).verdict is INCONCLUSIVE


def test_kinks_that_add_up_concern_directions_with_a_kink_only(verdict: Make) -> None:
    assert verdict(0.5, 0.5, estimate={"kink": (0.0, 1.0)}, kink_is_isolated=False) is CORRECT
    assert verdict(2.0, 0.5, kink_is_isolated=False) is WRONG
    assert verdict(math.nan, 0.5, 1e-9, {"kink": (0.0, 1.0)}, kink_is_isolated=False) is WRONG


def test_a_kink_counts_as_such_after_all_steps_only(verdict: Make) -> None:
    kink = {"kink": (0.0, 1.0)}
    assert verdict(0.5, 0.5, estimate=kink, fully_sampled=False) is INCONCLUSIVE
    assert verdict(0.5, 0.5, estimate=kink, fully_sampled=np.array([True])) is CORRECT
    assert verdict(0.5, 0.5, fully_sampled=False) is CORRECT
    assert verdict(2.0, 0.5, estimate=kink, fully_sampled=False) is WRONG


def test_the_magnitude_at_a_kink_is_that_of_the_largest_slope(
    estimate_with: Make, decided: Make
) -> None:
    for ends in ((-2.0, 1.0), (-1.0, 2.0)):
        assert decided(0.5, estimate_with(0.5, kink=ends)).magnitude.tolist() == [2.0]


# One-sided ranges


def test_a_claim_that_one_side_supports_is_not_wrong(estimate_with: Make, decided: Make) -> None:
    estimate = estimate_with([2.0] * 4, one_sided=([1.0, math.nan] * 2, [1.8, math.nan] * 2))
    found = decided([1.5, 1.5, 0.9, 2.0], estimate)
    assert found.wrong.tolist() == [False, True, True, False]
    assert decided([1.0, 2.0, 1.8, 2.0], estimate).wrong.tolist() == [False] * 4
    assert decided([0.99, 2.0, 1.81, 2.0], estimate).wrong.tolist() == [True, False, True, False]
    assert decided([2.0] * 4, estimate).verdict is CORRECT


def test_where_one_side_excuses_several_claims_the_others_must_be_farther_off(
    verdict: Make,
) -> None:
    """Three are excused, by 0.5 at most: wrong is what is off by more than 1."""
    nan = math.nan
    sides = {"one_sided": ([1.0, 1.0, 1.0, nan], [1.8, 1.8, 1.8, nan])}
    twos = [2.0] * 4
    assert verdict([1.5, 1.75, 1.75, 1.0], twos, estimate=sides) is INCONCLUSIVE
    assert verdict([1.5, 1.75, 1.75, 0.99], twos, estimate=sides) is WRONG
    assert verdict([1.5, 1.75, 2.0, 1.1], twos, estimate=sides) is WRONG  # two are excused
    with varied(one_sided_directions=2):
        assert verdict([1.5, 1.75, 2.0, 1.1], twos, estimate=sides) is INCONCLUSIVE
    with varied(one_sided_directions=4):
        assert verdict([1.5, 1.75, 1.75, 1.0], twos, estimate=sides) is WRONG
    with varied(one_sided_excess=1.0):
        assert verdict([1.5, 1.75, 1.75, 1.0], twos, estimate=sides) is WRONG


# What finer steps say together


def test_a_claim_that_the_finer_steps_support_together_is_not_wrong(
    verdict: Make, estimate_with: Make, decided: Make
) -> None:
    finer = {"finer": (4.0, 5.0)}
    for claim in (4.0, 4.5, 5.0):
        assert verdict(claim, 1.0, 1e-9, finer) is INCONCLUSIVE
    for claim in (3.9, 5.1, 2.0):
        assert verdict(claim, 1.0, 1e-9, finer) is WRONG
    assert verdict(1.0, 1.0, 1e-9, finer) is CORRECT
    assert decided(3.9, estimate_with(1.0, 1e-9, **finer), 0.1).verdict is INCONCLUSIVE
    assert verdict([4.5, 2.0], [1.0, 1.0], 1e-9, finer) is WRONG  # the other one


# Coarse estimates


def test_a_claim_near_another_value_that_the_samples_support_is_not_wrong(
    verdict: Make,
) -> None:
    stairs = {"coarse": 0.0}
    assert verdict(0.0, 1.0, 1e-9, stairs) is INCONCLUSIVE
    assert verdict(1.0, 1.0, 1e-9, stairs) is CORRECT
    assert verdict(-1.0, 1.0, 1e-9, stairs) is WRONG


def test_near_is_within_five_uncertainties_or_rtol_of_the_other_value(verdict: Make) -> None:
    stairs = {"coarse": 4.0}
    u = 1 / 16
    for sign in (1, -1):
        assert verdict(4.0 + sign * 5 * u, 1.0, u, stairs) is INCONCLUSIVE
        assert verdict(4.0 + sign * 5.1 * u, 1.0, u, stairs) is WRONG
        assert verdict(4.0 + sign * 4.9 * u, 1.0, u / 2, stairs, claim_noise=u / 2) is not WRONG
    assert verdict(4.0 - 3.9 * R, 1.0, 0.0, stairs) is INCONCLUSIVE
    assert verdict(4.0 - 4.1 * R, 1.0, 0.0, stairs) is WRONG
    with varied(safety=6.0):
        assert verdict(4.0 + 5.1 * u, 1.0, u, stairs) is INCONCLUSIVE


def test_a_claim_near_both_values_is_correct_only_if_they_are_the_same_to_rtol(
    verdict: Make,
) -> None:
    assert verdict(1 + R / 20, 1.0, R / 4, {"coarse": 1 + 0.9 * R}) is CORRECT
    assert verdict(1 + R / 20, 1.0, R / 4, {"coarse": 1 - 0.9 * R}) is CORRECT
    assert verdict(1 + R / 20, 1.0, R / 4, {"coarse": 1 + 1.2 * R}) is INCONCLUSIVE
    assert verdict(1 + R / 20, 1.0, R / 4, {"coarse": 1 - 1.1 * R}) is INCONCLUSIVE
    eight = 8 * (1 + R / 20), 8.0, 2 * R
    assert verdict(*eight, {"coarse": 8 + 7 * R}) is CORRECT
    assert verdict(*eight, {"coarse": 8 + 9 * R}) is INCONCLUSIVE
    # A claim that equals the estimate, or that is not near the other value, is not in doubt.
    assert verdict(1.0, 1.0, R / 4, {"coarse": 1 + 1.2 * R}) is CORRECT
    assert verdict(1 + R / 20, 1.0, R / 4, {"coarse": 1 + 3 * R}) is CORRECT


# Resolved by the uncertainty


def test_distance_and_uncertainty_together_are_below_rtol(verdict: Make) -> None:
    """Not certified by agreement: the rounding error is large."""
    noisy = {"rounding": 1.0}
    assert verdict(1.0, 1.0, R, noisy) is CORRECT
    assert verdict(1.0, 1.0, 1.01 * R, noisy) is INCONCLUSIVE
    assert verdict(1.0, 1 - R / 2, R / 2, noisy) is CORRECT
    assert verdict(1.0, 1 - R / 2, 0.51 * R, noisy) is INCONCLUSIVE
    assert verdict(1 - R / 2, 1.0, R / 2, noisy) is CORRECT
    assert verdict(-1.0, R / 2 - 1, R / 2, noisy) is CORRECT


def test_a_negligible_entry_is_compared_with_the_whole(verdict: Make) -> None:
    noisy = {"rounding": 1.0}
    at_most = [1.0, 0.01], [1.0, 0.01], [0.0, R]
    assert verdict(*at_most, noisy) is CORRECT
    assert verdict(*at_most, noisy, may_be_negligible=np.array([True, False])) is INCONCLUSIVE
    assert verdict(*at_most, noisy, may_be_negligible=False) is INCONCLUSIVE
    assert verdict([1.0, 0.011], [1.0, 0.011], [0.0, R], noisy) is INCONCLUSIVE
    assert verdict([1.0, 0.01], [1.0, 0.01], [0.0, 1.01 * R], noisy) is INCONCLUSIVE
    with varied(negligible=80.0):
        assert verdict([1.0, 0.011], [1.0, 0.011], [0.0, R], noisy) is CORRECT


def test_a_certain_error_in_a_negligible_entry_is_still_wrong(verdict: Make) -> None:
    assert verdict([1.0, 1e-3], [1.0, -1e-3], 1e-12) is WRONG


def test_the_reference_is_what_rtol_is_relative_to(estimate_with: Make, decided: Make) -> None:
    estimate = estimate_with([1.0, 0.01, 0.011], 1e-9)
    assert decided([1.0, 0.01, 0.011], estimate).reference.tolist() == [1.0, 1.0, 0.011]
    found = decided([1.0, 0.01, 0.011], estimate, tangent_scale=0.5)
    assert found.reference.tolist() == [0.5, 0.5, 0.5]


def test_errors_along_random_tangents_are_relative_to_the_norm_of_the_claim(verdict: Make) -> None:
    noisy = {"rounding": 1.0}
    assert verdict(1.0, 1.0, 8 * R, noisy) is INCONCLUSIVE
    for fully_sampled in (True, False):
        given = {"tangent_scale": 8.0, "fully_sampled": fully_sampled}
        assert verdict(1.0, 1.0, 8 * R, noisy, **given) is CORRECT
        assert verdict(1.0, 1.0, 9 * R, noisy, **given) is INCONCLUSIVE
        # By chance a tangent may say far more than is typical.
        assert verdict(100.0, 100.0, 9 * R, noisy, **given) is INCONCLUSIVE
        assert verdict(100.0, 100.0 + 13 * R, R / 10, noisy, **given) is WRONG
        assert verdict(0.01, 0.01 + 7 * R, R / 10, noisy, **given) is CORRECT


# Resolved by agreement


def test_two_independent_numbers_that_agree_certify_each_other(verdict: Make) -> None:
    """However uncertain by truncation, as long as noise cannot have made them agree."""
    for sign in (1.0, -1.0):
        assert verdict(sign, sign * (1 - 0.99 * R / 10), math.inf, {"rounding": R}) is CORRECT
        assert verdict(sign, sign, math.inf, {"rounding": 1.01 * R}) is not CORRECT
        assert verdict(sign, sign * (1 - R / 9), math.inf, {"rounding": R}) is INCONCLUSIVE
    with varied(agreement=8.0):
        assert verdict(1.0, 1 - R / 8, math.inf, {"rounding": R}) is CORRECT


def test_two_zeros_do_not_certify_each_other(verdict: Make) -> None:
    zero = {"rounding": 0.0, "nearby_slope": 1.0}
    assert verdict(0.0, 0.0, math.inf, zero) is INCONCLUSIVE
    assert verdict([0.0, 1.0], [0.0, 1.0], [math.inf, 0.0], zero) is CORRECT


def test_an_agreement_relative_to_the_whole_must_be_explained_by_rounding(
    verdict: Make,
) -> None:
    """Of an entry of 0.009, off by 0.05 R: more than R / 10 of its own size."""
    off = [1.0, 0.009], [1.0, 0.009 + 0.05 * R], math.inf
    assert verdict(*off, {"rounding": 0.0}) is INCONCLUSIVE
    assert verdict(*off, {"rounding": [0.0, 0.0098 * R]}) is INCONCLUSIVE
    assert verdict(*off, {"rounding": [0.0, 0.0099 * R]}) is CORRECT
    with varied(safety=4.0):
        assert verdict(*off, {"rounding": [0.0, 0.0099 * R]}) is INCONCLUSIVE
    small = [1.0, 0.009], [1.0, 0.009 + 0.0008 * R], math.inf
    assert verdict(*small, {"rounding": 0.0}) is CORRECT


def test_agreement_is_relative_to_the_tangent_scale(verdict: Make) -> None:
    off = 1.0, 1 + 0.7 * R, math.inf
    assert verdict(*off, {"rounding": 0.2 * R}, tangent_scale=8.0) is CORRECT
    assert verdict(*off, {"rounding": 0.2 * R}, tangent_scale=6.0) is INCONCLUSIVE


# Constants


def test_a_constant_with_a_claim_of_zero_is_correct(verdict: Make) -> None:
    assert verdict(0.0, 0.0, 1.0) is CORRECT
    assert verdict(0.0, 1e-30, 1.0) is INCONCLUSIVE
    assert verdict(1e-30, 0.0, 1.0) is INCONCLUSIVE
    assert verdict(0.0, 0.0, 1.0, {"nearby_slope": 1e-9}) is INCONCLUSIVE
    assert verdict(0.0, 0.0, 1.0, {"below_noise": True}) is INCONCLUSIVE
    assert verdict(0.0, 0.0, 1.0, fully_sampled=False) is INCONCLUSIVE
    assert verdict(0.0, 0.0, 1.0, hides_x0=True) is INCONCLUSIVE
    assert verdict(0.0, 0.0, 1.0, {"blocks_correct": True}) is INCONCLUSIVE
    assert verdict(0.0, 0.0, 1.0, {"kink": (-0.5, 0.5)}) is INCONCLUSIVE


# Derivatives that vanish


def test_a_stationary_point_is_measured_by_the_slopes_nearby(verdict: Make) -> None:
    flat = {"nearby_slope": 1.0, "rounding": 1.0}
    assert verdict([0.0, 0.0], [1e-9, -1e-9], 1e-9, flat) is CORRECT
    assert verdict([0.0, 1e-3], [1e-9, -1e-9], 1e-9, flat) is WRONG
    assert verdict([0.0, 0.0], [1e-9, -1e-9], 1e-9, {"rounding": 1.0}) is INCONCLUSIVE
    assert verdict([0.0, 0.0], [1e-9, -1e-9], 1e-9, flat, fully_sampled=False) is INCONCLUSIVE


def test_a_derivative_vanishes_beside_slopes_a_hundred_times_as_steep(
    estimate_with: Make, decided: Make
) -> None:
    def reference(slope: float, sibling: float = 0.0, claim: float = 0.0) -> float:
        estimate = estimate_with(0.0, 1.0, nearby_slope=slope)
        found = decided(claim, estimate, scale=1.0, sibling_scale=sibling, fully_sampled=True)
        return float(found.reference[0])

    assert reference(100.0) == 100.0
    assert reference(99.0) == 1.0
    assert reference(0.0, sibling=100.0) == 100.0
    assert reference(200.0, sibling=100.0) == 200.0
    assert reference(1.0, sibling=99.0) == 1.0
    # The claim must be within five uncertainties.
    assert reference(600.0, claim=5.0) == 600.0
    assert reference(600.0, claim=5.1) == 5.1
    with varied(negligible=50.0):
        assert reference(99.0) == 99.0
    with varied(safety=6.0):
        assert reference(600.0, claim=5.1) == 600.0


# Functions that saturate


def test_a_saturated_func_is_not_constant_beside_its_siblings(
    estimate_with: Make, decided: Make
) -> None:
    """It looks constant. What the noise may hide is compared with the siblings' scale."""

    def found(claim: float, value: float = 0.0, hidden: float = 1e-3, **options: Any) -> Decisions:
        estimate = estimate_with(value, 1e-9, undetectable_slope=hidden)
        criteria = {"scale": 0.01, "sibling_scale": 1.0} | options
        return decided(claim, estimate, **criteria)

    assert found(0.005).reference.tolist() == [1.0]
    assert found(0.0051).reference.tolist() == [0.0051]
    assert found(0.005, scale=0.0101).reference.tolist() == [0.005]
    assert found(0.005, fully_sampled=False).reference.tolist() == [0.005]
    assert found(0.005, hidden=0.0).reference.tolist() == [0.005]
    # The estimate must vanish within five uncertainties.
    assert found(0.004, value=5e-9).reference.tolist() == [1.0]
    assert found(0.004, value=5.1e-9).reference.tolist() == [0.004]
    assert found(0.004, value=-5.1e-9).reference.tolist() == [0.004]
    with varied(safety=6.0):
        assert found(0.0051).reference.tolist() == [1.0]
        assert found(0.004, value=5.1e-9).reference.tolist() == [1.0]
    with varied(negligible=50.0):
        assert found(0.005, scale=0.0101).reference.tolist() == [1.0]


def test_a_claim_that_visibly_differs_is_not_correct_because_of_what_may_be_hidden(
    verdict: Make,
) -> None:
    """Unless it differs by little beside the whole, along a tangent whose terms cancel."""
    hidden = {"undetectable_slope": 10.0}
    assert verdict(2.0, 1.0, 1e-9, hidden, scale=2.0, tangent_scale=2.0) is INCONCLUSIVE
    assert verdict(2.0, 1.0, 1e-9, hidden, scale=2.0, tangent_scale=1e9) is CORRECT
    assert verdict(2.0, 1.0, 0.2, hidden, scale=2.0, tangent_scale=1e9) is CORRECT
    # A saturated func is no exception to that: there, the difference is none.
    flat = {"undetectable_slope": 1e-3}
    options = {"scale": 0.01, "sibling_scale": 10.0}
    assert verdict(0.004, 0.0, 1e-9, flat, **options) is CORRECT


# Reasons


@pytest.mark.parametrize(
    ("reason", "claim", "value", "uncertainty", "estimate", "options"),
    [
        (Reason.AGREES, 1.0, 1.0, 0.0, {}, {}),
        (Reason.CONSTANT, 0.0, 0.0, 0.0, {}, {}),
        (Reason.DIFFERS, 2.0, 1.0, 0.0, {}, {}),
        (Reason.NOT_FINITE, math.nan, 1.0, 0.0, {}, {}),
        (Reason.SEVERAL_KINKS, 2.0, 0.5, 0.0, {"kink": (0, 1)}, {"kink_is_isolated": False}),
        (Reason.TIE, 2.0, 1.0, 0.0, {"tie": True}, {}),
        (Reason.JUMP, 2.0, 1.0, 0.0, {"jump": True}, {}),
        (Reason.NO_VALUE, 2.0, math.nan, math.inf, {"edge": True}, {}),
        (Reason.NOISE, 1.0, 1.0, 1.0, {"rounding": 0.5}, {}),
        (Reason.ROUGH, 1.0, 1.1, 1.0, {"rounding": 0.49}, {}),
        (Reason.ROUGH, 1.0, 1.1, math.inf, {"rounding": 0.0}, {}),
        (Reason.ROUGH, 1.0, math.nan, math.inf, {"rounding": 0.0}, {}),
        (Reason.COARSE, 1.0, 2.0, 0.0, {"coarse": 1.0}, {}),
        (Reason.COARSE, 1.0, 2.0, 0.0, {"finer": (0.9, 1.1)}, {}),
        (Reason.HIDDEN, 1.0, 2.0, 0.0, {"undetectable_slope": 1.0}, {}),
        (Reason.TOO_CLOSE, 1.0, 1 + 1.2 * R, 0.0, {}, {}),
        # Of several reasons, the first in the order of `OPEN_REASONS` is given.
        (Reason.TIE, 2.0, 1.0, 0.0, {"tie": True, "jump": True}, {}),
        (Reason.JUMP, 2.0, 1.0, 1.0, {"jump": True, "edge": True}, {}),
        (Reason.NOISE, 1.0, 1.5, 1.0, {"coarse": 1.0}, {}),
        (Reason.COARSE, 1.0, 2.0, 0.0, {"coarse": 1.0, "undetectable_slope": 1.0}, {}),
        # A kink that is isolated is no obstacle.
        (Reason.TIE, 2.0, 0.5, 0.0, {"kink": (0, 1), "tie": True}, {}),
        # An uncertainty of exactly rtol is certain enough.
        (Reason.TOO_CLOSE, 1.0, 1 - R / 2, R, {}, {}),
        (Reason.NOISE, 1.0, 1 - R / 2, 1.01 * R, {}, {}),
        # What is hidden is the reason only beyond rtol and safe uncertainties.
        (Reason.TOO_CLOSE, 1.0, 1 + 1.4 * R, 0.0, {"undetectable_slope": 1.0}, {}),
        (Reason.TOO_CLOSE, 1.0, 1 - 1.5 * R, 0.0, {"undetectable_slope": 1.0}, {}),
        (Reason.HIDDEN, 1.0, 1 + 6.9 * R, R, {"undetectable_slope": 1.0}, {}),
        (Reason.TOO_CLOSE, 1.0, 1 + 6.4 * R, R, {"undetectable_slope": 1.0}, {}),
        # A claim that differs and is not wrong may be right for what noise hides.
        (Reason.HIDDEN, 1.0, 1.9, 0.0, {"blocks_wrong": True}, {}),
    ],
)
def test_each_reason(
    reason: Reason,
    claim: float,
    value: float,
    uncertainty: float,
    estimate: dict[str, Any],
    options: dict[str, Any],
    estimate_with: Make,
    decided: Make,
) -> None:
    found = decided(claim, estimate_with(value, uncertainty, **estimate), **options)
    assert reason_of(found) is reason


def test_reasons_are_given_for_each_direction(estimate_with: Make, decided: Make) -> None:
    estimate = estimate_with(
        [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0], jump=[False, False, False, True]
    )
    found = decided([1.0, 2.0, 1.0, 1.0], estimate)
    assert [reason_of(found, index) for index in range(4)] == [
        Reason.AGREES,
        Reason.DIFFERS,
        Reason.NOISE,
        Reason.JUMP,
    ]


# Without wrong


def test_for_a_func_that_is_not_differentiable_no_claim_is_wrong(
    estimate_with: Make, decided: Make
) -> None:
    before = decided([1.0, 2.0, math.nan], estimate_with([1.0] * 3), 1e-9)
    after = decide_without_wrong(before)
    assert before.wrong.tolist() == [False, True, True]
    assert after.wrong.tolist() == [False, False, False]
    assert after.resolved.tolist() == [True, False, False]
    assert [reason_of(after, k) for k in range(3)] == [Reason.AGREES, Reason.TIE, Reason.TIE]
    assert after.estimate.findings.seen[Kind.TIE].tolist() == [True] * 3
    assert after.criteria is before.criteria
    assert after.claim is before.claim
    assert after.claim_noise is before.claim_noise
    for name in ("distance", "uncertainty", "magnitude", "reference"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


# Properties


numbers = st.floats(-1e3, 1e3).map(lambda v: 0.0 if abs(v) < 1e-9 else v)
sizes = st.one_of(st.just(0.0), st.floats(1e-12, 1e3))
flags = st.booleans()
maybe = st.one_of(st.just(math.nan), numbers)


@st.composite
def cases(draw: Any) -> dict[str, Any]:
    count = draw(st.integers(1, 4))

    def several(each: Any) -> np.ndarray:
        return np.array(draw(st.lists(each, min_size=count, max_size=count)))

    value = several(numbers)
    close = st.sampled_from([0.0, R / 20, R / 2, 2 * R, 1.0])
    claim = np.where(several(flags), value * (1 + several(close)), several(numbers))
    kinks = several(flags)
    return {
        "claim": np.where(several(st.integers(0, 9)) == 0, math.nan, claim),
        "value": value,
        "uncertainty": several(sizes),
        "rounding": several(sizes),
        "claim_noise": several(sizes),
        "nearby_slope": several(sizes),
        "undetectable_slope": several(sizes),
        "coarse": several(maybe),
        "kink": (np.where(kinks, value - 1, math.nan), np.where(kinks, value + 1, math.nan)),
        "one_sided": (several(maybe), several(maybe)),
        "finer": (several(maybe), several(maybe)),
        "flags": {
            name: several(st.integers(0, 9)) == 0
            for name in ("jump", "tie", "diverging", "below_noise")
        },
        "criteria": {
            "may_be_negligible": several(flags),
            "fully_sampled": several(flags),
            "kink_is_isolated": draw(flags),
        },
        "tangent_scale": draw(sizes),
        "sibling_scale": draw(sizes),
    }


def decisions_of(
    case: dict[str, Any], estimate_with: Make, decided: Make, factor: float = 1.0
) -> Decisions:
    def scaled(name: str) -> Any:
        part = case[name]
        return tuple(p * factor for p in part) if isinstance(part, tuple) else part * factor

    estimate = estimate_with(
        scaled("value"),
        scaled("uncertainty"),
        **{
            name: scaled(name)
            for name in (
                "rounding",
                "nearby_slope",
                "undetectable_slope",
                "coarse",
                "kink",
                "one_sided",
                "finer",
            )
        },
        **case["flags"],
    )
    found: Decisions = decided(
        scaled("claim"),
        estimate,
        scaled("claim_noise"),
        tangent_scale=scaled("tangent_scale"),
        sibling_scale=scaled("sibling_scale"),
        **case["criteria"],
    )
    return found


@given(case=cases(), power=st.integers(-600, 600))
@settings(deadline=None, derandomize=True, max_examples=40)
def test_a_power_of_two_changes_no_decision(
    case: dict[str, Any], power: int, estimate_with: Make, decided: Make
) -> None:
    first = decisions_of(case, estimate_with, decided)
    second = decisions_of(case, estimate_with, decided, 2.0**power)
    np.testing.assert_array_equal(first.wrong, second.wrong)
    np.testing.assert_array_equal(first.resolved, second.resolved)
    assert first.verdict is second.verdict
    for reason in Reason:
        np.testing.assert_array_equal(first.reasons[reason], second.reasons[reason])


@given(case=cases())
@settings(deadline=None, derandomize=True, max_examples=40)
def test_every_direction_has_one_decision_and_one_reason(
    case: dict[str, Any], estimate_with: Make, decided: Make
) -> None:
    found = decisions_of(case, estimate_with, decided)
    assert not np.any(found.wrong & found.resolved)
    assert found.reasons.keys() == set(Reason)
    assert np.all(sum(holds.astype(int) for holds in found.reasons.values()) == 1)
    reasons = found.reasons
    np.testing.assert_array_equal(found.wrong, reasons[Reason.DIFFERS] | reasons[Reason.NOT_FINITE])
    np.testing.assert_array_equal(found.resolved, reasons[Reason.AGREES] | reasons[Reason.CONSTANT])


@given(case=cases())
@settings(deadline=None, derandomize=True, max_examples=40)
def test_no_claim_within_rtol_or_the_uncertainty_is_wrong(
    case: dict[str, Any], estimate_with: Make, decided: Make
) -> None:
    found = decisions_of(case, estimate_with, decided)
    finite = np.isfinite(found.claim)
    assert not np.any(found.wrong & finite & (found.distance <= R * found.magnitude))
    assert not np.any(found.wrong & finite & (found.distance <= found.uncertainty))
    assert not np.any(found.resolved & ~finite)
    assert not np.any(found.resolved & (found.distance > R * found.reference))
    assert not np.any(decide_without_wrong(found).wrong)


def test_decisions_are_frozen(estimate_with: Make, decided: Make) -> None:
    found = decided(1.0, estimate_with(1.0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.wrong = np.array([True])
