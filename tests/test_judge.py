"""The rules of the verdict, one by one: numbers in, numbers out, no function anywhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkgrad.numerics.decide import Assessment, Verdict, assess, scale_of
from checkgrad.numerics.estimate import Estimate

pytestmark = pytest.mark.numpy

RTOL = 1e-5


def an_estimate(value: Any, uncertainty: Any = 0.0, **others: Any) -> Estimate:
    """An estimate of some probes, smooth and well known where nothing else is said."""
    value = np.atleast_1d(np.asarray(value, dtype=np.float64))

    def full(name: str, default: Any, dtype: Any = np.float64) -> Any:
        return np.broadcast_to(np.asarray(others.get(name, default), dtype), value.shape).copy()

    u = np.broadcast_to(np.asarray(uncertainty, np.float64), value.shape).copy()
    return Estimate(
        value=value,
        uncertainty=u,
        rounding=full("rounding", u),
        step=full("step", 1e-4),
        slope=full("slope", 0.0),
        hidden=full("hidden", 0.0),
        lower=full("lower", value),
        upper=full("upper", value),
        least=full("least", math.nan),
        most=full("most", math.nan),
        rival=full("rival", math.nan),
        faint=full("faint", False, bool),
        jump=full("jump", False, bool),
        steep=full("steep", False, bool),
    )


def judged(
    claim: Any,
    estimate: Estimate,
    claim_noise: Any = 0.0,
    scale: float | None = None,
    negligible: Any = True,
) -> Assessment:
    claim = np.atleast_1d(np.asarray(claim, dtype=np.float64))
    noise = np.broadcast_to(np.asarray(claim_noise, np.float64), claim.shape)
    whole = scale_of(claim, estimate) if scale is None else scale
    return assess(claim, estimate, noise, RTOL, whole, negligible)


def verdict(*args: Any, **options: Any) -> Verdict:
    return judged(*args, **options).verdict


def test_a_claim_that_equals_a_sure_estimate_is_correct() -> None:
    assert verdict([1.0, -3.0], an_estimate([1.0, -3.0], 1e-9)) is Verdict.CORRECT


@pytest.mark.parametrize("claim", [-1.0, 2.0, 0.0, 1.01, 1 + 5e-5])
def test_a_claim_far_beyond_the_uncertainty_and_rtol_is_wrong(claim: float) -> None:
    assert verdict([claim, 1.0], an_estimate([1.0, 1.0], 1e-9)) is Verdict.WRONG


def test_a_difference_within_a_few_uncertainties_is_never_wrong() -> None:
    assert verdict(1.1, an_estimate(1.0, 0.05)) is Verdict.INCONCLUSIVE
    assert verdict(1.1, an_estimate(1.0, 0.001)) is Verdict.WRONG


def test_a_difference_below_rtol_is_never_wrong() -> None:
    assert verdict(1 + RTOL, an_estimate(1.0, 0.0)) is not Verdict.WRONG


def test_an_estimate_too_uncertain_to_tell_rtol_is_inconclusive() -> None:
    assert verdict(1.0, an_estimate(1.0, 0.5)) is Verdict.INCONCLUSIVE
    assert verdict(1.0, an_estimate(1.0, 0.99 * RTOL)) is Verdict.CORRECT


def test_one_wrong_entry_makes_the_whole_wrong_and_one_unresolved_inconclusive() -> None:
    unsure = an_estimate([1.0, 1.0, 1.0], [0.0, 0.5, 0.0])
    assert verdict([1.0, 1.0, 1.0], unsure) is Verdict.INCONCLUSIVE
    assert verdict([1.0, 1.0, -1.0], unsure) is Verdict.WRONG
    found = judged([1.0, 1.0, -1.0], unsure)
    assert found.wrong.tolist() == [False, False, True]
    assert found.resolved.tolist() == [True, False, False]


def test_two_independent_numbers_that_agree_certify_each_other() -> None:
    # However uncertain by truncation, as long as noise cannot have made them agree.
    estimate = an_estimate(1 + RTOL / 20, math.inf, rounding=1e-9)
    assert verdict(1.0, estimate) is Verdict.CORRECT


def test_agreement_within_the_noise_certifies_nothing() -> None:
    assert verdict(1.0, an_estimate(1 + RTOL / 20, 1.0, rounding=1.0)) is Verdict.INCONCLUSIVE
    assert verdict(0.0, an_estimate(1e-3, 1.0, rounding=1.0)) is Verdict.INCONCLUSIVE


def test_the_claims_own_noise_adds_to_the_uncertainty() -> None:
    estimate = an_estimate(1.0, 1e-9)
    assert verdict(1.001, estimate) is Verdict.WRONG
    assert verdict(1.001, estimate, claim_noise=1e-3) is Verdict.INCONCLUSIVE


def test_an_entry_negligible_beside_the_whole_need_not_be_known_to_rtol() -> None:
    estimate = an_estimate([1.0, 1e-4], [0.0, RTOL / 2])
    assert verdict([1.0, 1e-4], estimate) is Verdict.CORRECT
    assert verdict([1.0, 1e-4], estimate, negligible=[True, False]) is Verdict.INCONCLUSIVE
    large = an_estimate([1.0, 0.02], [0.0, RTOL / 2])
    assert verdict([1.0, 0.02], large) is Verdict.INCONCLUSIVE


def test_a_sure_error_in_a_negligible_entry_is_still_wrong() -> None:
    assert verdict([1.0, 1e-3], an_estimate([1.0, -1e-3], 1e-12)) is Verdict.WRONG


@pytest.mark.parametrize("claim", [math.nan, math.inf, -math.inf])
def test_a_claim_that_is_not_finite_is_wrong_where_the_function_is_smooth(claim: float) -> None:
    assert verdict([1.0, claim], an_estimate([1.0, 2.0], 1e-9)) is Verdict.WRONG
    assert verdict([claim], an_estimate([2.0], 1e-9)) is Verdict.WRONG


def test_a_claim_that_is_not_finite_is_never_correct() -> None:
    for estimate in (an_estimate(1.0, 10.0), an_estimate(math.nan, math.inf)):
        assert verdict(math.nan, estimate) is Verdict.INCONCLUSIVE


def test_a_claim_that_is_not_finite_is_not_wrong_at_a_cusp() -> None:
    assert verdict(math.inf, an_estimate(2.0, 1e-9, steep=True)) is Verdict.INCONCLUSIVE
    assert verdict(3.0, an_estimate(2.0, 1e-9, steep=True)) is Verdict.WRONG


@pytest.mark.parametrize("claim", [0.0, 0.3, 1.0])
def test_every_claim_between_the_slopes_at_a_kink_is_correct(claim: float) -> None:
    kink = an_estimate(0.5, 1e-9, lower=0.0, upper=1.0)
    assert verdict(claim, kink) is Verdict.CORRECT
    assert judged(claim, kink).distance.tolist() == [0.0]


@pytest.mark.parametrize(("claim", "distance"), [(1.5, 0.5), (-2.0, 2.0)])
def test_a_claim_outside_of_the_slopes_at_a_kink_is_wrong(claim: float, distance: float) -> None:
    kink = an_estimate(0.5, 1e-9, lower=0.0, upper=1.0)
    assert verdict(claim, kink) is Verdict.WRONG
    assert judged(claim, kink).distance.tolist() == [distance]


@pytest.mark.parametrize("claim", [0.0, 1.0, 5.0, math.nan])
def test_at_a_jump_nothing_is_concluded(claim: float) -> None:
    assert verdict(claim, an_estimate(1.0, 1e-9, jump=True)) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("claim", [0.0, 1.0, math.nan])
def test_without_an_estimate_nothing_is_concluded(claim: float) -> None:
    estimate = an_estimate(math.nan, math.inf, rounding=math.inf)
    assert verdict(claim, estimate) is Verdict.INCONCLUSIVE


def test_a_claim_close_to_a_second_value_that_the_samples_support_is_not_wrong() -> None:
    stairs = an_estimate(1.0, 1e-9, rival=0.0)
    assert verdict(0.0, stairs) is Verdict.INCONCLUSIVE
    assert verdict(1.0, stairs) is Verdict.CORRECT
    assert verdict(-1.0, stairs) is Verdict.WRONG


def test_a_feature_that_noise_may_hide_is_not_called_wrong() -> None:
    assert verdict(1e-3, an_estimate(0.0, 1e-9, hidden=1e-3)) is not Verdict.WRONG
    assert verdict(1e-3, an_estimate(0.0, 1e-9, hidden=1e-9)) is Verdict.WRONG


def test_a_stationary_point_is_measured_by_the_slopes_nearby() -> None:
    flat = an_estimate([1e-9, -1e-9], 1e-9, slope=1.0)
    assert verdict([0.0, 0.0], flat) is Verdict.CORRECT
    assert verdict([0.0, 1e-3], flat) is Verdict.WRONG
    without = an_estimate([1e-9, -1e-9], 1e-9, slope=0.0)
    assert verdict([0.0, 0.0], without) is not Verdict.WRONG


def test_a_constant_with_a_claim_of_zero_is_correct() -> None:
    assert verdict([0.0, 0.0], an_estimate([0.0, 0.0], 1e-12)) is Verdict.CORRECT
    assert verdict([0.0, 1e-3], an_estimate([0.0, 0.0], 1e-12)) is Verdict.WRONG


def test_the_scale_is_the_largest_entry_that_one_is_certain_of() -> None:
    claim = np.asarray([1.0, math.nan, -3.0])
    assert scale_of(claim, an_estimate([1.0, 1.0, 1.0])) == 3.0
    assert scale_of(claim, an_estimate([1.0, -7.0, 1.0], [0.0, 1.0, 0.0])) == 6.0
    assert scale_of(claim, an_estimate([1.0, 50.0, 1.0], [0.0, 60.0, 0.0])) == 3.0
    assert scale_of(np.zeros(1), an_estimate(math.nan, math.inf)) == 0.0


finite = st.floats(-1e3, 1e3).map(lambda v: 0.0 if abs(v) < 1e-9 else v)
sure = st.one_of(st.just(0.0), st.floats(1e-12, 1e3))


@given(
    rows=st.lists(
        st.tuples(finite, finite, sure, sure, sure, sure, st.booleans()), min_size=1, max_size=6
    ),
    power=st.integers(-600, 600),
)
def test_a_power_of_two_changes_no_verdict(rows: list[Any], power: int) -> None:
    columns = [np.asarray(column) for column in zip(*rows, strict=True)]
    claim, value, uncertainty, noise, slope, hidden, jump = columns
    found = []
    for factor in (1.0, 2.0**power):
        estimate = an_estimate(
            value * factor, uncertainty * factor, slope=slope * factor, hidden=hidden * factor,
            jump=jump,
        )  # fmt: skip
        part = judged(claim * factor, estimate, claim_noise=noise * factor)
        found.append((part.wrong.tolist(), part.resolved.tolist(), part.verdict))
    assert found[0] == found[1]


@given(
    rows=st.lists(st.tuples(finite, finite, sure, sure), min_size=1, max_size=6),
)
def test_no_probe_is_both_wrong_and_resolved(rows: list[Any]) -> None:
    claim, value, uncertainty, noise = (np.asarray(c) for c in zip(*rows, strict=True))
    found = judged(claim, an_estimate(value, uncertainty), claim_noise=noise)
    assert not np.any(found.wrong & found.resolved)
    off = np.abs(claim - value)
    assert not np.any(found.wrong & (off <= RTOL * np.fmax(np.abs(claim), np.abs(value))))
    assert not np.any(found.wrong & (off <= uncertainty + noise))
    whole = max(np.max(np.abs(claim)), np.max(np.abs(value)))
    assert not np.any(found.resolved & (off > RTOL * whole))


def test_a_claim_that_visibly_differs_is_not_correct_because_of_what_may_be_hidden() -> None:
    # Along a tangent whose terms cancel: far off for its size, little beside the whole.
    estimate = an_estimate(1.0, 1e-9, hidden=10.0)
    part = assess(np.array([2.0]), estimate, np.zeros(1), RTOL, 2.0, whole=1e9)
    assert part.verdict is Verdict.INCONCLUSIVE


def test_a_claim_that_one_side_of_x0_allows_is_not_wrong() -> None:
    estimate = an_estimate([2.0, 2.0], 1e-9, least=[1.0, np.nan], most=[1.8, np.nan])
    assert judged([1.5, 1.5], estimate).wrong.tolist() == [False, True]
    assert judged([1.5, 2.0], estimate).verdict is Verdict.INCONCLUSIVE
    assert judged([0.9, 2.0], estimate).verdict is Verdict.WRONG


def test_where_one_side_excuses_several_claims_the_others_must_be_farther_off() -> None:
    sides = {"least": [1.0, 1.0, 1.0, np.nan], "most": [1.8, 1.8, 1.8, np.nan]}
    estimate = an_estimate([2.0, 2.0, 2.0, 2.0], 1e-9, **sides)
    assert judged([1.5, 1.5, 1.5, 1.1], estimate).verdict is Verdict.INCONCLUSIVE
    assert judged([1.5, 1.5, 1.5, 0.9], estimate).verdict is Verdict.WRONG
    assert judged([1.5, 1.5, 2.0, 1.1], estimate).verdict is Verdict.WRONG
