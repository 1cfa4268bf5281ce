"""Which steps come next: shorter or longer ones, all of them, beyond the ends, and between."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from checkgrad.numerics.estimate import Estimate
from checkgrad.refine import steps as module
from checkgrad.refine.progress import Progress
from checkgrad.refine.steps import (
    BETWEEN,
    BETWEEN_AGAIN,
    STAGES,
    STAGES_IN_FEW_DIGITS,
    all_steps,
    needs_shorter,
    next_powers,
    rounds_beyond,
    steps_between,
    steps_beyond,
)

SINGLE, HALF = 2.0**-23, 2.0**-10
TRUNCATION, NOISE = (1.0, 0.25), (1.0, 0.75)  # uncertainty and its rounding part


@pytest.fixture
def begun(lines, make_spec):
    """Make the progress of a refinement with given estimates and steps taken so far."""

    def make(
        claim=1.0,
        scale=1.0,
        estimates=(TRUNCATION,),
        best=np.nan,
        taken=None,
        powers=None,
        function=lambda k, t: 0.0,
        **values,
    ):
        limits = {key: values.pop(key) for key in ("lower", "upper") if key in values}
        along = lines(function, np.broadcast_to(scale, len(estimates)), **limits)
        progress = Progress(make_spec(along, claim, **values))
        if taken is not None:
            rows = np.asarray(taken, dtype=float).reshape(len(taken), -1)
            progress.sample(np.broadcast_to(rows, (len(rows), along.count)))
        if powers is not None:
            rows = np.asarray(powers)[:, None]
            progress.powers = np.broadcast_to(rows, (len(powers), along.count))
        uncertainty, rounding = np.asarray(estimates, dtype=float).T
        estimate = Estimate.of_values(np.ones(along.count), uncertainty, rounding)
        step = np.broadcast_to(np.asarray(best, dtype=float), along.count).copy()
        progress.estimate = dataclasses.replace(estimate, step=step)
        return progress

    return make


def powers_of(steps, direction=0):
    column = steps[:, direction]
    return np.log2(column[np.isfinite(column)]).tolist()


def test_stages_go_from_the_first_step_to_others_of_their_own_size():
    assert STAGES == ([0], [2], None, None, [1], None, None, None)
    assert STAGES_IN_FEW_DIGITS == ([0, -3], [2], [4, -5])


@pytest.mark.parametrize(
    ("estimate", "order"),
    [
        (TRUNCATION, [-1, -2, -3, -4, -5]),
        (NOISE, [4, 3, -1, -2, -3]),
        ((1.0, 0.5), [4, 3, -1, -2, -3]),  # as much rounding as truncation: noise
        ((1.0, np.nextafter(0.5, 0)), [-1, -2, -3, -4, -5]),
        ((np.inf, 1.0), [-1, -2, -3, -4, -5]),  # of a single step
        ((np.inf, np.inf), [-1, -2, -3, -4, -5]),
        ((1.0, np.nan), [4, 3, -1, -2, -3]),
    ],
)
def test_next_step_is_the_first_of_its_order_that_was_not_taken(begun, estimate, order):
    taken = [0, 2]
    for power in order:
        progress = begun(estimates=(estimate,), powers=taken)
        assert next_powers(progress).tolist() == [[power]]
        taken = [*taken, power]


def test_next_steps_skip_what_was_taken_in_any_order(begun):
    assert next_powers(begun(powers=[-2, 1, -1])).tolist() == [[-3]]
    assert next_powers(begun(estimates=(NOISE,), powers=[3, 4])).tolist() == [[-1]]


def test_next_steps_follow_each_direction(begun):
    progress = begun(estimates=(TRUNCATION, NOISE, TRUNCATION))
    progress.powers = np.asarray([[0, 0, 0], [2, 2, -1]])
    assert next_powers(progress).tolist() == [[-1, 4, -2]]
    progress.retire(np.asarray([True, False, False]))
    assert next_powers(progress).tolist() == [[4, -2]]


@pytest.mark.parametrize(
    ("epsilon", "powers"),
    [
        (2.0**-52, [*range(-1, -25, -1), -27, -30, -33, -36, -39, -42, -45]),
        (SINGLE, list(range(-1, -18, -1))),
        # In fewer digits the finest steps are the same, and the first step is longer.
        (HALF, list(range(0, -18, -1))),
        (2.0**-33, [*range(-1, -25, -1), -27]),
    ],
)
def test_all_steps_go_from_half_the_scale_to_the_last_digits(begun, epsilon, powers):
    progress = begun(epsilon=epsilon, value=0.0)
    assert powers_of(all_steps(progress)) == powers


def test_all_steps_of_a_guessed_scale_are_dense(begun):
    progress = begun(scale_is_guess=np.asarray([True]), value=0.0)
    assert powers_of(all_steps(progress)) == list(range(-1, -47, -1))


def test_all_steps_leave_out_those_that_were_taken(begun):
    progress = begun(value=0.0, powers=[0, 2, -1, -23])  # first is 2 ** -19
    left = powers_of(all_steps(progress))
    assert not {-19.0, -17.0, -20.0, -42.0} & set(left)
    assert len(left) == 31 - 4


def test_all_steps_are_relative_to_the_scale(begun):
    progress = begun(scale=[8.0, 0.25], estimates=(TRUNCATION, TRUNCATION), value=0.0, powers=[0])
    every = all_steps(progress)
    of_scale_one = powers_of(all_steps(begun(value=0.0, powers=[0])))
    assert powers_of(every, 0) == [p + 3 for p in of_scale_one]
    assert powers_of(every, 1) == [p - 5 for p in powers_of(every, 0)]
    progress.retire(np.asarray([True, False]))
    assert powers_of(all_steps(progress)) == powers_of(every, 1)


@pytest.mark.parametrize(("sigma", "coarsest"), [(1.0, 8), (2.0**-20, 4)])
def test_all_steps_go_up_to_16_first_steps_where_noise_asks_for_long_ones(begun, sigma, coarsest):
    progress = begun(sigma=sigma)
    assert progress.first.tolist() == [coarsest - 4]
    assert powers_of(all_steps(progress))[0] == coarsest


@pytest.mark.parametrize(
    ("longest", "beyond"),
    [
        (0.5, [0, 1, 2, 3]),
        (1.0, [1, 2, 3, 4]),
        (1.5, [1, 2, 3, 4]),
        (2.0, [2, 3, 4]),  # 2 * 8 times the length of smoothness is the end
        (4.0, [3, 4]),
        (7.9, [3, 4]),
        (8.0, []),
        (9.0, []),
    ],
)
def test_steps_beyond_are_longer_where_noise_dominates(begun, longest, beyond):
    progress = begun(estimates=(NOISE,), best=longest, taken=[longest, 2.0**-20])
    assert powers_of(steps_beyond(progress)) == beyond


def test_steps_beyond_are_in_the_order_of_length(begun):
    progress = begun(estimates=(NOISE,), best=1.0, taken=[2.0**-20, 1.0, 2.0**-10])
    assert steps_beyond(progress)[:, 0].tolist() == [2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize(("best", "helps"), [(2.0**-4, True), (0.9 * 2.0**-4, False)])
def test_steps_beyond_are_longer_only_if_the_best_fit_is_near_the_longest(begun, best, helps):
    progress = begun(estimates=(NOISE,), best=best, taken=[1.0, 2.0**-20])
    assert np.any(np.isfinite(steps_beyond(progress))) == helps


def test_steps_beyond_count_the_longer_side(begun):
    progress = begun(estimates=(NOISE,), best=1.0, taken=[1.0, 0.25], lower=-0.5)
    assert powers_of(steps_beyond(progress)) == [1, 2, 3, 4]
    progress = begun(estimates=(NOISE,), best=1.0, taken=[1.0, 0.25], upper=0.5)
    assert powers_of(steps_beyond(progress)) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("value", "claim", "beyond"),
    [
        (2.0**10, 1.0, [6, 7, 8, 9]),  # 2**10 / 4 is the reach
        (2.0**10, -1.0, [6, 7, 8, 9]),
        (-(2.0**10), 4.0, [6, 7]),
        (2.0**10, 16.0, []),
        (2.0**10, 0.0, []),
        (0.0, 0.0, []),
    ],
)
def test_steps_beyond_reach_as_far_as_func_changes_by_a_quarter(begun, value, claim, beyond):
    progress = begun(claim, value=value, estimates=(NOISE,), best=32.0, taken=[32.0], sigma=1.0)
    assert powers_of(steps_beyond(progress)) == beyond


def test_steps_beyond_reach_as_far_as_func_is_smooth(begun):
    progress = begun(
        estimates=(NOISE,), best=1.0, taken=[1.0], smoothness_length=np.asarray([0.25])
    )
    assert powers_of(steps_beyond(progress)) == [1, 2]


@pytest.mark.parametrize(
    ("best", "beyond"), [(2.0**-45, [-48, -51, -54, -57]), (2.0**-33, [-48, -51, -54, -57])]
)
def test_steps_beyond_are_shorter_where_truncation_dominates(begun, best, beyond):
    progress = begun(estimates=(TRUNCATION,), best=best, taken=[1.0, 2.0**-45])
    assert powers_of(steps_beyond(progress)) == beyond
    assert steps_beyond(progress)[0, 0] == 2.0**-48


def test_steps_beyond_are_shorter_only_if_the_best_fit_is_near_the_shortest(begun):
    progress = begun(estimates=(TRUNCATION,), best=2.0**-32.9, taken=[1.0, 2.0**-45])
    assert powers_of(steps_beyond(progress)) == []


@pytest.mark.parametrize(
    ("epsilon", "scale", "deepest"),
    [(2.0**-52, 1.0, -117), (2.0**-52, 8.0, -114), (SINGLE, 1.0, -88)],
)
def test_steps_beyond_end_where_no_unit_in_the_last_place_would(begun, epsilon, scale, deepest):
    for shortest, goes_on in ((2.0 ** (deepest + 1), True), (2.0**deepest, False)):
        progress = begun(
            scale=scale, epsilon=epsilon, best=shortest, taken=[1.0, shortest], value=0.0
        )
        assert np.any(np.isfinite(steps_beyond(progress))) == goes_on


def test_steps_beyond_follow_each_direction(begun):
    progress = begun(
        estimates=(NOISE, TRUNCATION, NOISE, TRUNCATION),
        best=[1.0, 2.0**-20, 2.0**-20, 1.0],
        taken=[1.0, 2.0**-20],
    )
    beyond = steps_beyond(progress)
    assert [powers_of(beyond, k) for k in range(4)] == [
        [1, 2, 3, 4],
        [-23, -26, -29, -32],
        [],
        [],
    ]
    progress.focus(np.asarray([1]))
    assert powers_of(steps_beyond(progress)) == [-23, -26, -29, -32]


def test_steps_beyond_of_no_directions_are_none(begun):
    progress = begun(taken=[1.0])
    progress.retire(np.asarray([True]))
    assert steps_beyond(progress).shape == (0, 0)


def test_steps_beyond_of_a_direction_without_any_value_are_none(begun):
    progress = begun(estimates=((np.inf, np.inf),), best=np.nan, taken=[1.0], lower=0.0, upper=0.0)
    assert powers_of(steps_beyond(progress)) == []


def test_steps_are_extended_as_deep_as_the_finest_may_be():
    assert rounds_beyond() == 16


@pytest.fixture
def guessed(begun):
    """Make the progress of a direction whose scale is a guess; func changes by a given amount."""

    def make(change, sigma=1.0, guess=True, shortest=2.0**-20, **values):
        def function(k, t):
            return change(t) if abs(t) == shortest else 1e9 * (t != 0)

        flag = np.asarray([guess])
        taken = [1.0, shortest, 0.5]
        return begun(function=function, scale_is_guess=flag, taken=taken, sigma=sigma, **values)

    return make


@pytest.mark.parametrize(("change", "needed"), [(256.0, False), (256.5, True), (-256.5, True)])
def test_shorter_steps_are_needed_if_the_shortest_shows_far_more_than_noise(
    guessed, change, needed
):
    assert needs_shorter(guessed(lambda t: change)).tolist() == [needed]
    assert not needs_shorter(guessed(lambda t: change, guess=False))[0]
    assert needs_shorter(guessed(lambda t: change * 4, sigma=4.0)).tolist() == [needed]


def test_shorter_steps_are_needed_beside_rounding_of_the_value(guessed):
    def change(t):
        return 1000.0 + 0.1

    coarse = {"value": 1000.0, "sigma": 0.0}
    assert needs_shorter(guessed(change, epsilon=2.0**-30, **coarse))[0]
    assert not needs_shorter(guessed(change, epsilon=2.0**-19, **coarse))[0]


@pytest.mark.parametrize("side", [-1, 1])
def test_shorter_steps_are_needed_only_if_both_sides_show_it(guessed, side):
    one = guessed(lambda t: 1000.0 if t * side > 0 else 1.0)
    assert needs_shorter(one).tolist() == [False]


@pytest.mark.parametrize("limits", [{"lower": 0.0}, {"upper": 0.0}])
def test_shorter_steps_are_needed_if_the_only_side_shows_it(guessed, limits):
    assert needs_shorter(guessed(lambda t: 1000.0, **limits)).tolist() == [True]
    assert needs_shorter(guessed(lambda t: 1.0, **limits)).tolist() == [False]


def test_shorter_steps_are_not_needed_without_any_value(guessed):
    assert needs_shorter(guessed(lambda t: 1e9, lower=0.0, upper=0.0)).tolist() == [False]


def test_shorter_steps_are_needed_if_the_shortest_with_a_value_shows_it(guessed):
    assert needs_shorter(guessed(lambda t: np.inf)).tolist() == [True]


def test_shorter_steps_are_needed_down_to_the_depth(guessed):
    assert needs_shorter(guessed(lambda t: 1e9, shortest=2.0**-116))[0]
    assert not needs_shorter(guessed(lambda t: 1e9, shortest=2.0**-117))[0]


def test_needed_shorter_steps_are_taken_even_where_noise_dominates(guessed):
    progress = guessed(lambda t: 1e9, estimates=(NOISE,), best=2.0**-10)
    assert powers_of(steps_beyond(progress)) == [-23, -26, -29, -32]


@pytest.mark.parametrize(
    ("uncertainty", "worthwhile"), [(30e-5 * 0.999, True), (30e-5 * 1.001, False), (1.0, False)]
)
def test_steps_between_are_taken_where_averaging_may_help(begun, uncertainty, worthwhile):
    progress = begun(estimates=((uncertainty, uncertainty),), best=4.0)
    between = steps_between(progress, BETWEEN)[:, 0]
    if worthwhile:
        assert between.tolist() == (4.0 * BETWEEN).tolist()
    else:
        assert np.isnan(between).all()


def test_steps_between_are_not_taken_for_what_is_resolved(begun):
    progress = begun(estimates=((1e-4, 1e-4), (1e-7, 1e-7)), best=[4.0, 2.0])
    between = steps_between(progress, BETWEEN_AGAIN)
    assert between[:, 0].tolist() == (4.0 * BETWEEN_AGAIN).tolist()
    assert np.isnan(between[:, 1]).all()
    progress.focus(np.asarray([0]))
    assert steps_between(progress, BETWEEN).shape == (len(BETWEEN), 1)


def test_steps_between_lie_between_powers_of_two_and_twice_at_other_places():
    for factors in (BETWEEN, BETWEEN_AGAIN):
        assert np.all((factors > 0.2) & (factors < 1))
        assert not np.any(np.isin(factors, module.BETWEEN * 0.5))
    assert not np.any(np.isin(BETWEEN_AGAIN, BETWEEN))
