"""The refinement: which steps are asked for, in which order, and when it ends."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.numerics.decisions import Verdict
from checkgrad.numerics.thresholds import varied
from checkgrad.refine import sampling as module
from checkgrad.refine.loop import refine

E = np.exp(1.0)
DENSE = list(range(-1, -25, -1))
SPARSE = [-27, -30, -33, -36, -39, -42, -45]
BETWEEN = [0.22, 0.28, 0.36, 0.45, 0.6, 0.8]


def exp(k, t):
    return np.exp(1 + t)


def sines(k, t):
    return 10 + (k + 1) * (np.sin(1 + t) - np.sin(1))


def noisy_line(k, t):
    """Grow by 1 along the first direction, not along others; with a noise of 1e-4."""
    return 1 + (t if k == 0 else 0.0) + 1e-4 * np.sin(1e9 * t + k)


@pytest.fixture
def refined(lines, make_spec):
    """Refine one spec, and return the decisions and the lines."""

    def run(function, claim, scale=1.0, thorough=True, lower=-np.inf, upper=np.inf, **values):
        along = lines(function, scale, lower, upper)
        return refine(make_spec(along, claim, **values), thorough), along

    return run


def test_a_right_claim_takes_one_step(refined):
    decisions, along = refined(exp, E)
    assert decisions.verdict is Verdict.CORRECT
    assert along.powers_of(0) == [[-19]]
    assert along.evaluations == 2


def test_a_claim_that_one_step_does_not_certify_takes_two(refined):
    decisions, along = refined(exp, E * (1 + 2e-6))
    assert decisions.verdict is Verdict.CORRECT
    assert along.powers_of(0) == [[-19], [-17]]


def test_a_claim_that_looks_wrong_is_sampled_at_all_steps_after_a_few(refined):
    decisions, along = refined(exp, E * 1.0002)
    assert decisions.verdict is Verdict.WRONG
    *stages, rest = along.powers_of(0)
    assert stages == [[-19], [-17], [-15]]
    assert rest == [p for p in DENSE + SPARSE if p not in (-19, -17, -15)]
    assert along.evaluations == 2 * len(DENSE + SPARSE)
    assert decisions.estimate.value == pytest.approx(E, rel=1e-12)
    assert decisions.criteria.fully_sampled.tolist() == [True]
    assert decisions.criteria.may_be_negligible.tolist() == [True]


def test_only_a_few_stages_are_taken_if_not_thorough(refined):
    decisions, along = refined(exp, E * 1.0002, thorough=False)
    assert along.powers_of(0) == [[-19], [-17], [-15]]
    assert decisions.criteria.fully_sampled.tolist() == [False]
    noisy, along = refined(noisy_line, 0.9, thorough=False, sigma=1e-4)
    assert along.powers_of(0) == [[4], [6], [8]]
    assert noisy.criteria.may_be_negligible.tolist() == [True]


def test_half_precision_has_stages_of_its_own(refined):
    few = {"epsilon": 2.0**-10, "rtol": 5e-2}
    decisions, along = refined(exp, E, **few)
    assert decisions.verdict is Verdict.CORRECT
    assert along.powers_of(0) == [[-4, -7], [-2]]
    decisions, along = refined(exp, 4.0, **few)
    assert decisions.verdict is Verdict.WRONG
    *stages, rest = along.powers_of(0)
    assert stages == [[-4, -7], [-2], [0, -9]]
    assert rest == [p for p in range(-1, -18, -1) if p not in (-4, -7, -2, -9)]
    _, along = refined(exp, 4.0, thorough=False, **few)
    assert along.powers_of(0) == [[-4, -7], [-2], [0, -9]]


def test_each_direction_leaves_as_soon_as_it_is_settled(refined):
    claim = np.asarray([1, 2, 3]) * np.cos(1) * np.asarray([1, 1 + 2e-6, 1.01])
    decisions, along = refined(sines, claim, np.ones(3))
    assert decisions.wrong.tolist() == [False, False, True]
    assert decisions.resolved.tolist() == [True, True, False]
    assert along.powers_of(0) == [[-19]]
    assert along.powers_of(1) == [[-19], [-17]]
    assert len(along.powers_of(2)) == 4
    assert decisions.criteria.fully_sampled.tolist() == [False, False, True]
    # All directions share the call at the first step. Then the worst goes on alone.
    assert [steps.size for _, steps in along.asked[:2]] == [6, 2]


def test_the_noise_of_the_claim_is_measured_once_and_only_in_doubt(refined):
    calls = []

    def claim_noise():
        calls.append(1)
        return np.full(1, 0.1)

    refined(exp, E, claim_noise=claim_noise)
    assert calls == []
    decisions, _ = refined(exp, E * 1.002, claim_noise=claim_noise)
    assert calls == [1]
    assert decisions.claim_noise.tolist() == [0.1]
    assert not decisions.wrong.any()
    refined(exp, E * 1.002, thorough=False, claim_noise=claim_noise)
    assert calls == [1]


def test_steps_are_extended_upward_where_that_resolves_a_direction(refined, monkeypatch):
    claim, scale = [1.0, 0.0], [1024.0, 1.0]
    decisions, along = refined(noisy_line, claim, scale, sigma=1e-4)
    assert decisions.verdict is Verdict.CORRECT
    assert along.powers_of(0) == [[7]]
    *_, every, beyond, between, again = along.powers_of(1)
    assert every == [p for p in DENSE + SPARSE if p < -5]
    assert beyond == [3, 4]
    assert np.exp2(between) / 16 == pytest.approx(BETWEEN)
    assert np.exp2(again) / 16 == pytest.approx(np.asarray(BETWEEN) * 0.92)
    assert along.evaluations == 110
    monkeypatch.setattr(module, "steps_beyond", lambda progress: np.full((1, 1), np.nan))
    without, _ = refined(noisy_line, claim, scale, sigma=1e-4)
    assert without.verdict is Verdict.INCONCLUSIVE


def test_steps_are_extended_downward_where_that_resolves_a_direction(refined, monkeypatch):
    def fast(k, t):
        return np.sin(t * 2.0**42)

    guess = {"scale_is_guess": np.asarray([True])}
    decisions, along = refined(fast, 2.0**42, **guess)
    assert decisions.verdict is Verdict.CORRECT
    rounds = along.powers_of(0)
    every = next(i for i, powers in enumerate(rounds) if len(powers) > 6)
    assert rounds[every][-1] == -46
    assert rounds[every + 1 :] == [[-46 - 12 * k - 3 * j for j in range(1, 5)] for k in range(6)]
    monkeypatch.setattr(module, "steps_beyond", lambda progress: np.full((1, 1), np.nan))
    without, _ = refined(fast, 2.0**42, **guess)
    assert without.verdict is Verdict.INCONCLUSIVE


def test_steps_are_extended_so_many_times_at_most(refined, monkeypatch):
    monkeypatch.setattr(module, "rounds_beyond", lambda: 2)
    guess = {"scale_is_guess": np.asarray([True])}
    _, along = refined(lambda k, t: np.sin(t * 2.0**42), 2.0**42, **guess)
    assert along.powers_of(0)[-2:] == [[-49, -52, -55, -58], [-61, -64, -67, -70]]


def test_a_direction_resolved_by_an_extension_is_extended_no_further(refined):
    sigma = {"sigma": 3e-5}

    def function(k, t):
        return 1 + (t if k == 0 else 0.0) + 3e-5 * np.sin(1e9 * t + k)

    decisions, along = refined(function, [1.0, 0.0], [1024.0, 1.0], **sigma)
    assert decisions.verdict is Verdict.CORRECT
    assert along.powers_of(1)[-1] == [3, 4]


def test_a_kink_takes_all_steps_and_those_between_twice(refined):
    decisions, along = refined(lambda k, t: abs(t), 0.5)
    assert decisions.verdict is Verdict.CORRECT
    assert decisions.estimate.has_kink.tolist() == [True]
    *_, between, again = along.steps_of(0)
    assert np.asarray(between) / between[0] == pytest.approx(np.asarray(BETWEEN) / BETWEEN[0])
    assert np.asarray(again) / np.asarray(between) == pytest.approx(0.92)
    assert along.evaluations == 98


def test_a_function_may_have_one_side_only(refined):
    decisions, along = refined(lambda k, t: np.sqrt(1 + t), 0.5, lower=0.0)
    assert decisions.verdict is Verdict.CORRECT
    assert along.powers_of(0) == [[-19], [-17]]


@pytest.fixture
def many(refined):
    """Refine claims that are off by given factors, where three are few."""

    def run(factors, function=sines, **values):
        factors = np.asarray(factors)
        claim = np.arange(1, factors.size + 1) * np.cos(1) * factors
        with varied(few=3, fewest_more=2, groups_per_more=100):
            return refined(function, claim, np.ones(factors.size), **values)

    return run


def test_once_a_claim_is_wrong_two_more_are_looked_along_at_few_steps(many):
    decisions, along = many([1, 1.01, 1, 1.02, 1.03, 1.04, 1.05])
    assert decisions.criteria.fully_sampled.tolist() == [False] * 6 + [True]
    assert decisions.wrong.tolist() == [False] * 4 + [True] * 3
    steps = len(DENSE + SPARSE)
    assert [len(np.concatenate(along.steps_of(k))) for k in range(7)] == [1] * 4 + [3, 3, steps]


def test_along_tangents_one_step_tells_as_much_as_along_the_one_that_was_followed(many):
    decisions, along = many([1, 1.01, 1, 1.02, 1.03], kink_is_isolated=False)
    assert decisions.wrong.tolist() == [False, True, False, True, True]
    assert [len(along.steps_of(k)) for k in range(4)] == [1] * 4
    off = np.abs(decisions.estimate.value - np.arange(1, 6) * np.cos(1))
    assert np.all(off[[1, 3]] <= decisions.estimate.uncertainty[[1, 3]])
    assert np.all(decisions.estimate.uncertainty[[1, 3]] < 1e-6)


def test_claims_that_are_not_finite_are_the_worst(many):
    decisions, _ = many([1.01] * 5 + [np.nan, 1.02])
    assert decisions.criteria.fully_sampled.tolist() == [False] * 5 + [True, False]


def test_more_and_more_are_followed_to_their_end_while_nothing_is_wrong(many):
    # Off by more than rtol, by less than is wrong.
    decisions, along = many([1 + 1.2e-5] * 7)
    assert decisions.verdict is Verdict.INCONCLUSIVE
    assert decisions.criteria.fully_sampled.all()
    asked = [tuple(sorted(set(which.tolist()))) for which, steps in along.asked if steps.size > 100]
    blocks = [len(directions) for directions in dict.fromkeys(asked)]
    assert blocks == [1, 4, 2]


def test_where_few_steps_mislead_no_claim_is_wrong_by_them(many):
    """A wave of some 2**-12 bends what three steps see, all in the same way."""

    def wavy(k, t):
        return 10 + (k + 1) * (np.sin(1 + t) + 2.0**-14 * np.sin(2**14 * t))

    decisions, _ = many([1.0] * 7, wavy)
    true = np.arange(1, 8) * (np.cos(1) + 1)
    sampled = decisions.criteria.fully_sampled
    assert sampled.sum() >= 3
    assert decisions.estimate.value[sampled] == pytest.approx(true[sampled], rel=1e-6)
    assert not decisions.wrong[~sampled].any()


def spurious(k, t):
    """Look a million times as steep as it is along the first direction, at some distance."""
    if k == 0:
        return 1 + t * (1e6 if abs(t) > 2.0**-12 else 1.0)
    return 1 + 0.5 * np.sin(2**15 * t) / 2**15


def test_entries_left_as_negligible_are_taken_up_again(refined):
    # At first the second claim is negligible beside the estimate of the first.
    decisions, along = refined(spurious, [1.0, 0.5], [1024.0, 1.0])
    assert decisions.wrong.tolist() == [False, False]
    assert decisions.resolved.tolist() == [True, True]
    assert along.powers_of(1) == [[-19], [-17], [-20]]
    _, along = refined(spurious, [1.0, 0.5], [1024.0, 1.0], thorough=False)
    assert along.powers_of(1) == [[-19]]


def test_nothing_is_taken_up_again_once_a_claim_is_wrong(refined):
    def function(k, t):
        return 1 + t if k == 2 else spurious(k, t)

    with varied(few=1, fewest_more=1):
        decisions, along = refined(function, [1.0, 0.5, 2.0], [1024.0, 1.0, 1.0])
    assert decisions.wrong.tolist() == [False, False, True]
    assert along.powers_of(1) == [[-19], [-17], [-20]]
