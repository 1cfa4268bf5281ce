"""What is known of each direction, and which are sampled further."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.numerics.estimate import Estimate
from checkgrad.refine.progress import Progress


@pytest.fixture
def three(lines, make_spec):
    """Make the progress along three lines: func is (k + 1) t + t ** 3, at a value of 10."""
    along = lines(lambda k, t: 10 + (k + 1) * t + t**3, [1.0, 2.0, 4.0])

    def make(claim=(1.0, 2.0, 3.0), **values):
        return Progress(make_spec(along, claim, **({"value": 10.0} | values))), along

    return make


def test_nothing_is_known_at_first(three):
    progress, along = three()
    assert np.isnan(progress.estimate.value).tolist() == [True] * 3
    assert progress.estimate.uncertainty.tolist() == [np.inf] * 3
    assert progress.estimate.rounding.tolist() == [np.inf] * 3
    assert progress.claim_noise.tolist() == [0.0] * 3
    assert progress.fully_sampled.tolist() == [False] * 3
    assert progress.active.tolist() == [0, 1, 2]
    assert progress.first.tolist() == [-19, -18, -17]
    assert progress.powers.shape == (0, 3)
    assert progress.samples is None
    assert along.evaluations == 0
    decisions = progress.decide()
    assert not decisions.resolved.any()
    assert not decisions.wrong.any()


@pytest.mark.parametrize(
    ("claim", "negligible"),
    [
        ((1.0, 0.5, 0.25), [False] * 3),
        ((400.0, 2.0, 1.0), [False, True, True]),  # weights 400, 4 and 4
        ((-400.0, -2.02, 1.0), [False, False, True]),
        ((1.0, 0.0, 100.0), [True, True, False]),
        ((np.nan, 2.0, 0.01), [True, False, True]),  # as if it were 0
        ((np.inf, 2.0, -np.inf), [True, False, True]),
        ((0.0, 0.0, 0.0), [True] * 3),
    ],
)
def test_entries_are_negligible_by_claim_times_scale(three, claim, negligible):
    assert three(claim)[0].may_be_negligible.tolist() == negligible
    small = np.asarray(claim) * 2.0**-200
    assert three(small)[0].may_be_negligible.tolist() == negligible


def test_both_sides_are_sampled_and_kept(three):
    progress, along = three(
        sigma=0.25,
        epsilon=2.0**-40,
        smoothness_length=np.asarray([5.0, 6.0, 7.0]),
        scale_is_guess=np.asarray([False, True, False]),
    )
    progress.focus(np.asarray([2, 1]))
    progress.sample(np.asarray([[0.5, 0.25]]))
    (which, steps), *more = along.asked
    assert not more
    assert which.tolist() == [2, 1, 2, 1]
    assert steps.tolist() == [0.5, 0.25, -0.5, -0.25]
    samples = progress.held()
    assert (samples.value, samples.sigma, samples.epsilon) == (10.0, 0.25, 2.0**-40)
    assert samples.forward.tolist() == samples.backward.tolist() == [[0.5, 0.25]]
    assert samples.forward_values.tolist() == [[11.625, 10.515625]]
    assert samples.backward_values.tolist() == [[8.375, 9.484375]]
    assert samples.scale.tolist() == [4.0, 2.0]
    assert samples.smoothness_length.tolist() == [7.0, 6.0]
    assert samples.scale_is_guess.tolist() == [False, True]
    # Directions that were not sampled keep what was known of them.
    assert np.isnan(progress.estimate.value).tolist() == [True, False, False]
    assert progress.estimate.value[1:].tolist() == [2.0625, 3.25]


def test_samples_add_up(three):
    progress, _ = three()
    progress.sample(np.asarray([[0.5, 0.5, 0.5]]))
    progress.sample(np.asarray([[0.25, np.nan, 0.25], [0.125, 0.125, 0.125]]))
    samples = progress.held()
    assert samples.forward[:, 0].tolist() == [0.5, 0.25, 0.125]
    assert np.isnan(samples.forward[1, 1])
    assert progress.estimate.value[0] == pytest.approx(1.0, abs=1e-9)


def test_focus_keeps_everything_of_the_chosen_directions(three):
    progress, _ = three()
    progress.powers = np.asarray([[1, 2, 3]])
    progress.sample(np.asarray([[0.5, 0.25, 0.125]]))
    progress.focus(np.asarray([2, 0]))
    assert progress.active.tolist() == [2, 0]
    assert progress.first.tolist() == [-17, -19]
    assert progress.powers.tolist() == [[3, 1]]
    assert progress.held().forward.tolist() == [[0.125, 0.5]]
    progress.retire(np.asarray([True, False]))
    assert progress.active.tolist() == [0]
    assert progress.held().forward.tolist() == [[0.5]]


def test_start_forgets_the_samples_and_keeps_the_estimates(three):
    progress, _ = three()
    progress.sample(np.asarray([[0.5, 0.25, 0.125]]))
    progress.retire(np.asarray([True, True, True]))
    progress.start(np.asarray([1, 2]))
    assert progress.active.tolist() == [1, 2]
    assert progress.first.tolist() == [-18, -17]
    assert progress.powers.shape == (0, 2)
    assert progress.samples is None
    assert np.isfinite(progress.estimate.value).all()


def test_decisions_are_those_of_the_chosen_directions(three):
    progress, _ = three((1.0, 2.5, 3.0), rtol=1e-3)
    progress.sample(np.ldexp([[1.0] * 3, [0.5] * 3, [0.25] * 3], -10))
    assert progress.decide().wrong.tolist() == [False, True, False]
    assert progress.decide_for(np.asarray([1])).wrong.tolist() == [True]
    assert progress.decide_for(np.asarray([2, 0])).claim.tolist() == [3.0, 1.0]
    progress.focus(np.asarray([0, 2]))
    assert progress.decide_active().claim.tolist() == [1.0, 3.0]
    assert progress.decide_active().resolved.tolist() == [True, True]


def test_decisions_are_made_at_the_scale_of_all_directions(three):
    progress, _ = three((1.0, 2.0, -3000.0))
    assert progress.decide_for(np.asarray([0])).criteria.scale == 3000.0
    progress.sample(np.ldexp([[1.0] * 3, [0.5] * 3], -10))
    assert progress.decide_active().criteria.scale == 3000.0


def test_decisions_know_noise_and_marks_of_each_direction(three):
    progress, _ = three((400.0, 2.0, 1.0))
    progress.claim_noise = np.asarray([0.1, 0.2, 0.3])
    progress.mark_fully_sampled(np.asarray([1]))
    decisions = progress.decide_for(np.asarray([1, 0]))
    assert decisions.claim_noise.tolist() == [0.2, 0.1]
    assert decisions.criteria.fully_sampled.tolist() == [True, False]
    assert decisions.criteria.may_be_negligible.tolist() == [True, False]
    progress.allow_negligible(np.asarray([0]))
    assert progress.decide_for(np.asarray([1, 0])).criteria.may_be_negligible.tolist() == [True] * 2


def test_all_directions_may_be_allowed_to_be_negligible(three):
    progress, _ = three()
    progress.allow_negligible(np.asarray([1]))
    assert progress.may_be_negligible.tolist() == [False, True, False]
    progress.allow_negligible(slice(None))
    assert progress.may_be_negligible.tolist() == [True] * 3


def test_one_step_misses_other_derivatives_by_the_same_part_as_those_that_are_known(three):
    """Five times that part is allowed: of the claim, or of the estimate if that is larger."""
    progress, _ = three((1.0, 2.0, 3.0))
    progress.estimate = Estimate.of_values(np.asarray([1.0, np.nan, np.nan]), *np.zeros((2, 3)))
    once = Estimate.of_values(np.asarray([1.01, 2.0, 6.0]), np.full(3, np.inf), np.full(3, 1e-3))
    progress.trust_one_step(once, np.asarray([0]), np.asarray([1, 2]))
    assert progress.estimate.value.tolist() == [1.0, 2.0, 6.0]
    assert progress.estimate.uncertainty == pytest.approx(
        [0.0, 1e-3 + 5 * 0.01 * 2, 1e-3 + 5 * 0.01 * 6]
    )


def test_one_step_is_trusted_no_further_than_the_known_derivatives_are(three):
    """Their uncertainty counts as if the step had missed them by as much; the worst of them."""
    progress, _ = three((1.0, 2.0, 3.0))
    known = np.asarray([0.02, 0.02, 0.0])
    progress.estimate = Estimate.of_values(np.asarray([1.0, 2.0, np.nan]), known, known)
    once = Estimate.of_values(np.asarray([0.99, 2.0, 3.0]), np.full(3, np.inf), np.zeros(3))
    progress.trust_one_step(once, np.asarray([0, 1]), np.asarray([2]))
    assert progress.estimate.uncertainty == pytest.approx([0.02, 0.02, 5 * 0.03 * 3])


def test_one_step_says_nothing_of_others_where_it_missed_the_domain(three):
    progress, _ = three((1.0, 2.0, 3.0))
    progress.estimate = Estimate.of_values(np.asarray([1.0, np.nan, np.nan]), *np.zeros((2, 3)))
    once = Estimate.of_values(np.asarray([np.nan, 2.0, 3.0]), np.full(3, np.inf), np.zeros(3))
    progress.trust_one_step(once, np.asarray([0]), np.asarray([1, 2]))
    assert np.isnan(progress.estimate.value).tolist() == [False, True, True]
