"""Claims against complex steps: when differences are asked as well, and which of them count."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.numerics.decisions import Verdict
from checkgrad.refine.complex_step import refine_by_complex_steps

SLOPES = np.asarray([1.0, 2.0, 3.0])
ROUNDING = 32 * 2.0**-52


class FakeSteps:
    """Complex steps that give what they are told to."""

    def __init__(self, derivative=SLOPES, noise=0.0, truncation=0.0):
        self._derivative = np.asarray(derivative, dtype=float)
        self._noise = np.broadcast_to(np.asarray(noise, dtype=float), self._derivative.shape)
        self._truncation = np.broadcast_to(truncation, self._derivative.shape)
        self.asked = []

    def derivative(self, output):
        assert output == 7
        return self._derivative

    def noise(self, output, which):
        assert output == 7
        self.asked.append(which.tolist())
        return self._noise[which]

    def truncation(self, output, which):
        assert output == 7
        return self._truncation[which]


@pytest.fixture
def checked(lines, make_spec):
    """Refine a claim, and return the decisions and the lines."""

    def run(claim, steps=None, function=None, thorough=True, **values):
        along = lines(function or (lambda k, t: 10 + SLOPES[k] * np.sin(t)), np.ones(3))
        spec = make_spec(along, claim, **values)
        return refine_by_complex_steps(spec, steps or FakeSteps(), 7, thorough), along

    return run


@pytest.mark.parametrize("factor", [1.0, 1 + 5e-6])
def test_right_claims_take_no_differences(checked, factor):
    steps = FakeSteps()
    decisions, along = checked(SLOPES * factor, steps)
    assert decisions.verdict is Verdict.CORRECT
    assert along.evaluations == 0
    assert steps.asked == []
    assert decisions.estimate.value.tolist() == SLOPES.tolist()
    assert decisions.estimate.uncertainty.tolist() == (ROUNDING * SLOPES).tolist()
    assert decisions.estimate.rounding.tolist() == (ROUNDING * SLOPES).tolist()
    assert decisions.claim_noise.tolist() == [0.0] * 3


def test_only_claims_that_differ_are_compared_with_differences(checked):
    steps = FakeSteps()
    decisions, along = checked(SLOPES * [1, 1.001, 1], steps)
    assert decisions.wrong.tolist() == [False, True, False]
    assert decisions.resolved.tolist() == [True, False, True]
    assert steps.asked == [[1]]
    assert {int(k) for which, _ in along.asked for k in which} == {1}
    # Both agree: the complex step counts, to its last digit.
    assert decisions.estimate.value.tolist() == SLOPES.tolist()
    assert decisions.estimate.uncertainty.tolist() == (ROUNDING * SLOPES).tolist()


def test_few_steps_are_taken_if_not_thorough(checked):
    _, thorough = checked(SLOPES * [1, 1.001, 1])
    _, few = checked(SLOPES * [1, 1.001, 1], thorough=False)
    assert len(few.steps_of(1)) == 3
    assert thorough.evaluations > 10 * few.evaluations


def test_noise_and_truncation_of_complex_steps_count(checked):
    steps = FakeSteps(noise=[0, 1e-4, 1e-20], truncation=[0, 2e-4, 0])
    decisions, _ = checked(SLOPES * [1, 1.0001, 1.001], steps)
    assert steps.asked == [[1, 2]]
    assert decisions.estimate.uncertainty.tolist() == [ROUNDING, 1e-4 + 2e-4, 3 * ROUNDING]
    assert decisions.wrong.tolist() == [False, False, True]
    assert decisions.resolved.tolist() == [True, False, False]


@pytest.mark.parametrize("lost", [{"noise": np.inf}, {"truncation": np.nan}, {"noise": np.nan}])
def test_differences_count_where_the_uncertainty_of_complex_steps_is_not_known(checked, lost):
    decisions, along = checked(SLOPES * [1, 1.001, 1], FakeSteps(**lost))
    exact = decisions.estimate.value[1] == 2.0
    assert exact == ("noise" in lost and np.isnan(lost["noise"]))
    assert decisions.estimate.value[1] == pytest.approx(2.0, rel=1e-9)
    assert along.evaluations > 0


@pytest.mark.parametrize("derivative", [[1, -2, 3], [1, 2.1, 3], [1, np.nan, 3], [1, np.inf, 3]])
def test_differences_count_where_complex_steps_contradict_them(checked, derivative):
    with np.errstate(invalid="ignore"):
        decisions, along = checked(SLOPES * (1 + 2e-6), FakeSteps(derivative))
    assert decisions.verdict is Verdict.CORRECT
    assert decisions.estimate.value == pytest.approx(SLOPES, rel=1e-6)
    assert along.powers_of(1) == [[-19], [-17]]
    assert along.evaluations == 4


def test_a_claim_that_is_not_finite_is_wrong_whatever_complex_steps_say(checked):
    decisions, _ = checked([1.0, np.nan, 3.0], FakeSteps([1, np.nan, 3]))
    assert decisions.wrong.tolist() == [False, True, False]


def test_a_contradiction_within_rtol_is_none(checked):
    near = 2 * (1 + 5e-6)
    decisions, _ = checked(SLOPES * [1, 1.001, 1], FakeSteps([1, near, 3]))
    assert decisions.estimate.value[1] == near
    decisions, _ = checked(SLOPES * [1, 1.001, 1], FakeSteps([1, near, 3]), rtol=1e-6)
    assert decisions.estimate.value[1] == pytest.approx(2.0, rel=1e-9)


def test_a_contradiction_within_the_uncertainties_is_none(checked):
    off = 2 + 4e-4
    decisions, _ = checked(SLOPES * [1, 1.1, 1], FakeSteps([1, off, 3], noise=1e-4))
    assert decisions.estimate.value[1] == off
    decisions, _ = checked(SLOPES * [1, 1.1, 1], FakeSteps([1, 2 + 6e-4, 3], noise=1e-4))
    assert decisions.estimate.value[1] == pytest.approx(2.0, rel=1e-9)


def test_differences_count_at_kinks(checked):
    def kink(k, t):
        return 10 + (abs(t) if k == 1 else SLOPES[k] * np.sin(t))

    decisions, _ = checked([1.0, 0.5, 3.0], FakeSteps([1, 0, 3]), kink)
    assert decisions.verdict is Verdict.CORRECT
    assert decisions.estimate.has_kink.tolist() == [False, True, False]
    assert decisions.estimate.high[1] == pytest.approx(1.0)
    along_tangent, _ = checked([1.0, 3.0, 3.0], FakeSteps([1, 0, 3]), kink, kink_is_isolated=False)
    assert along_tangent.verdict is Verdict.INCONCLUSIVE


def test_differences_count_at_jumps(checked):
    def jump(k, t):
        return 10 + SLOPES[k] * np.sin(t) + (k == 1 and t > 0)

    decisions, _ = checked(SLOPES * [1, 1.001, 1], function=jump)
    assert decisions.verdict is Verdict.INCONCLUSIVE


def test_noise_of_the_claim_counts_where_claims_differ(checked):
    noise = np.asarray([0.1, 0.2, 0.3])
    decisions, _ = checked(SLOPES * [1, 1.001, 1], claim_noise=lambda: noise)
    assert decisions.claim_noise.tolist() == [0.0, 0.2, 0.0]
    assert not decisions.wrong.any()


def test_errors_are_relative_to_typical_tangents_and_to_the_largest_entry(checked):
    decisions, along = checked(SLOPES * [1, 1 + 1.2e-5, 1], tangent_scale=1e4)
    assert decisions.verdict is Verdict.CORRECT
    assert along.evaluations == 0
    decisions, along = checked(SLOPES * [1, 1 + 1.2e-5, 1])
    assert decisions.verdict is Verdict.INCONCLUSIVE
    assert decisions.criteria.scale == pytest.approx(3.0)


@pytest.mark.parametrize("epsilon", [2.0**-52, 2.0**-23])
def test_rounding_is_that_of_the_dtype(checked, epsilon):
    decisions, _ = checked(SLOPES, epsilon=epsilon)
    assert decisions.estimate.uncertainty.tolist() == (32 * epsilon * SLOPES).tolist()


def test_negative_derivatives_have_positive_rounding(checked):
    decisions, _ = checked([1.0, -2.0, 3.0], FakeSteps([1, -2, 3]))
    assert decisions.estimate.uncertainty.tolist() == (ROUNDING * SLOPES).tolist()
