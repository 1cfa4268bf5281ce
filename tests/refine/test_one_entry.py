"""The check of one coordinate: which steps it takes, and what they say."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.numerics.decisions import Verdict
from checkgrad.refine.one_entry import check_entry


@pytest.fixture
def checked(lines, make_spec):
    """Check the first of three claims: func is the exponential function, times 1, 2 and 3."""

    def run(claim=(1.0, 2.0, 3.0), closely=True, scale=(1.0, 1.0, 1.0), **values):
        along = lines(lambda k, t: (k + 1) * np.exp(t), scale)
        decisions = check_entry(make_spec(along, claim, **values), closely)
        ((_, steps),) = along.asked
        powers = np.log2(steps[: steps.size // 2] / along.scale[0])
        assert np.array_equal(steps[steps.size // 2 :], -steps[: steps.size // 2])
        assert all(np.all(which == 0) for which, _ in along.asked)
        return decisions, powers

    return run


@pytest.mark.parametrize("closely", [True, False])
def test_a_right_claim_is_right_and_a_wrong_one_wrong(checked, closely):
    decisions, _ = checked(closely=closely)
    assert decisions.verdict is Verdict.CORRECT
    assert decisions.claim.tolist() == [1.0]
    assert decisions.criteria.fully_sampled.tolist() == [True]
    for claim in (1.001, -1.0, 0.0):
        assert checked((claim, 2.0, 3.0), closely)[0].verdict is Verdict.WRONG


@pytest.mark.parametrize("scale", [1.0, 48.0, 2.0**-20])
def test_steps_run_from_a_half_of_the_scale_to_a_few_units_in_the_last_place(checked, scale):
    _, powers = checked((0.0, 2.0, 3.0), scale=(scale, 1.0, 1.0))
    assert powers[0] == -1
    assert -50 < powers[-1] < -40  # of the 53 digits of float64


def test_steps_are_a_factor_of_four_apart_down_to_the_digits_of_float32_and_farther_below(checked):
    _, powers = checked()
    apart, dense = -np.diff(powers), powers[1:] >= -24
    assert np.all(apart[dense] == 2)
    assert np.all(apart[~dense] > 2)
    assert powers[1:][dense][-1] <= -22


@pytest.mark.parametrize("epsilon", [2.0**-23, 2.0**-10])
def test_the_finest_step_of_narrower_dtypes_is_as_far_above_their_digits(checked, epsilon):
    """But half precision is treated as if it had the digits of float32."""
    _, of_double = checked()
    _, powers = checked(epsilon=epsilon, rtol=1e-1)
    assert powers[0] == -1
    assert np.all(-np.diff(powers) == 2)
    assert -24 < powers[-1] < -14
    assert powers.size < of_double.size


def test_fewer_steps_do_where_no_verdict_depends_on_the_entry(checked):
    """They are a factor of 16 apart, start at a quarter of the scale, and end at the same depth."""
    _, powers = checked(closely=False)
    assert powers[0] == -2
    assert np.all(-np.diff(powers) == 4)
    assert powers[-1] == pytest.approx(-24, abs=3)
    _, narrow = checked(closely=False, epsilon=2.0**-23, rtol=1e-3)
    assert narrow[0] == -2
    assert narrow[-1] == pytest.approx(-17, abs=3)


def test_an_entry_that_noise_hides_is_right_where_others_are_far_larger(checked):
    """The others are not sampled. Their claims show how large they are."""
    for largest, verdict in ((3.0, Verdict.INCONCLUSIVE), (1e9, Verdict.CORRECT)):
        decisions, _ = checked((1.0, 2.0, largest), sigma=1e-3)
        assert decisions.verdict is verdict


def test_the_noise_of_the_claim_is_measured(checked):
    noise = np.asarray([0.5, 0.0, 0.0])
    decisions, _ = checked((1.001, 2.0, 3.0), claim_noise=lambda: noise)
    assert decisions.verdict is not Verdict.WRONG
