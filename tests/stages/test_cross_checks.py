"""Results against each other: ties of func, and whether a claim is linear."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from claims_at_x0 import claimed

from checkgrad import Verdict, verify_grad
from checkgrad.arrays.point import make_point
from checkgrad.evaluate.outputs import Outputs
from checkgrad.numerics.decisions import Reason
from checkgrad.numerics.thresholds import varied
from checkgrad.stages.cross_checks import is_explained_by_axes, without_ties
from checkgrad.stages.judging import in_order, judge_outputs

DOUBLE, SINGLE = 2.0**-52, 2.0**-23


def judged(form, func, claim, x0, **options):
    """Return a claim, its results, and what is known at x0."""
    made, base = claimed(form, func, claim, x0, **options)
    return made, in_order(judge_outputs(made, base, np.ones(made.outputs.count, dtype=bool))), base


def wrong(results):
    return [bool(result.decisions.wrong.any()) for result in results]


def smooth(x):
    return np.sum(np.sin(x))


EQUAL = np.full(3, 2.0)  # whose median does not move along any axis


def third(x):
    return np.full(3, 1 / 3)


def test_no_claim_is_wrong_at_a_tie():
    claim, results, base = judged("grad", np.median, third, EQUAL)
    assert wrong(results) == [True]
    (result,) = without_ties(claim, results, base)
    assert not result.decisions.wrong.any()
    assert not result.decisions.resolved.any()
    assert result.decisions.reasons[Reason.TIE].all()
    assert result.directions is results[0].directions


OF_SORTED = np.asarray([0.3, -1.2, 0.9, 0.5])


def sorted_sum(x):
    """Have kinks along every axis and every tangent where entries are equal."""
    return np.sort(x) @ OF_SORTED + np.sum(np.square(x))


@pytest.mark.parametrize("shift", range(3))
def test_no_claim_is_wrong_where_three_equal_numbers_are_sorted(shift):
    x0 = np.asarray([2.0, 2.0, 2.0, 5.0])
    rows = np.append(np.roll(OF_SORTED[:3], shift), OF_SORTED[3])
    report = verify_grad(sorted_sum, lambda x: rows + 2 * x, x0)
    assert report.verdict is not Verdict.WRONG, str(report)


def test_a_wrong_claim_beside_equal_numbers_stays_wrong():
    x0 = np.asarray([2.0, 2.0, 2.0, 5.0])
    report = verify_grad(sorted_sum, lambda x: OF_SORTED + np.asarray([2, 2, 2, 2.2]) * x, x0)
    assert report.verdict is Verdict.WRONG
    assert [each.where for each in report.mismatches] == ["x[3]"]


def test_a_claim_outside_of_a_sum_of_kinks_is_wrong():
    x0 = np.asarray([0.0, 0.0, 0.0, 1.0])
    report = verify_grad(lambda x: np.sum(OF_SORTED * np.abs(x)), lambda x: np.full(4, 0.5), x0)
    assert report.verdict is Verdict.WRONG


@pytest.mark.parametrize("count", [25, 41])
def test_nor_where_few_of_many_coordinates_were_followed(count):
    equal = np.full(count, 2.0)
    claim, results, base = judged("grad", np.median, lambda x: np.full(count, 1 / count), equal)
    assert wrong(results) == [True]
    assert not results[0].decisions.criteria.fully_sampled.all()
    (result,) = without_ties(claim, results, base)
    assert result.decisions.reasons[Reason.TIE].any()
    assert not result.decisions.wrong.any()


def test_a_wrong_claim_of_many_coordinates_stays_wrong_at_few_evaluations():
    x0 = np.linspace(0.5, 1.5, 40)
    claim, results, base = judged("grad", smooth, lambda x: 1.01 * np.cos(x), x0)
    before = claim.parsed.evaluator.n_func
    assert not results[0].decisions.criteria.fully_sampled.all()
    assert without_ties(claim, results, base) == results
    assert claim.parsed.evaluator.n_func - before <= 2 * (3 + 3 + 2 + 2)


def test_a_wrong_claim_beside_a_coordinate_that_jumps_stays_wrong():
    def steps(x):
        return 3 * np.sum(x) + (x[0] >= 1)

    claim, results, base = judged("grad", steps, lambda x: 0 * x + 2, np.asarray([1.0, 0.2, 5.0]))
    (result,) = without_ties(claim, results, base)
    assert result.decisions.wrong.tolist() == [False, True, True]


def test_a_wrong_claim_of_a_smooth_func_stays_wrong():
    claim, results, base = judged("grad", smooth, lambda x: 1.01 * np.cos(x), EQUAL)
    before = claim.parsed.evaluator.n_func
    assert without_ties(claim, results, base) == results
    assert claim.parsed.evaluator.n_func - before == 2  # along one random tangent


@pytest.mark.parametrize("function", [np.median, smooth])
def test_right_claims_are_not_looked_at(function):
    def right(x):
        return np.zeros(3) if function is np.median else np.cos(x)

    claim, results, base = judged("grad", function, right, EQUAL)
    before = claim.parsed.evaluator.n_func
    assert without_ties(claim, results, base) is results
    assert claim.parsed.evaluator.n_func == before


def test_a_single_coordinate_has_no_ties():
    claim, results, base = judged("grad", smooth, lambda x: 1.01 * np.cos(x), np.ones(1))
    before = claim.parsed.evaluator.n_func
    assert without_ties(claim, results, base) is results
    assert claim.parsed.evaluator.n_func == before


def test_tangents_have_no_ties():
    claim, results, base = judged("grad", smooth, lambda x: 2 * np.cos(x), EQUAL, direction=2)
    assert wrong(results) == [True]
    assert without_ties(claim, results, base) is results


PAIR = np.full(2, 2.0)


def mixed(tied, count=4):
    """Return a func of several outputs, of which those in `tied` have a tie at `PAIR`.

    It does not move along any axis, and yet along a tangent.
    """

    def one(x, k):
        away = x - 2.0
        return np.cbrt(away[0] ** 2 * away[1]) + 1 if k in tied else smooth(x)

    return lambda x: np.stack([one(x, k) for k in range(count)])


def ones(x):
    return np.ones((4, 2))


def test_only_outputs_with_a_tie_lose_their_wrong_claims():
    claim, results, base = judged("jac", mixed({0, 3}), ones, PAIR)
    assert all(wrong(results))
    left = without_ties(claim, results, base)
    assert wrong(left) == [False, True, True, False]
    assert [result is before for result, before in zip(left, results, strict=True)] == wrong(left)


@pytest.mark.parametrize(
    ("tied", "left", "evaluations"),
    [({3}, [True] * 4, 2), ({1, 2}, [True, False, False, True], None)],
)
def test_a_few_outputs_are_looked_at_first_and_the_others_only_if_one_has_a_tie(
    tied, left, evaluations
):
    claim, results, base = judged("jac", mixed(tied), ones, PAIR)
    before = claim.parsed.evaluator.n_func
    with varied(outputs_for_ties=2):
        assert wrong(without_ties(claim, results, base)) == left
    if evaluations is not None:
        assert claim.parsed.evaluator.n_func - before == evaluations


def test_claims_that_are_not_estimated_hide_ties():
    def func(x):
        return np.median(x) + (np.inf if x[0] != 2.0 else 0.0)

    claim, results, base = judged("grad", func, third, EQUAL)
    (result,) = without_ties(claim, results, base)
    assert result is results[0]


# What follows is a matter of numbers alone: results are made by hand.

POINT = make_point(np.ones(2))
WEIGHTS = [[10.0, 100.0]]


def made_by_hand(claim_epsilon=DOUBLE, entries=2, weights=WEIGHTS):
    outputs = Outputs(np.arange(entries), np.asarray(weights, dtype=float).reshape(-1, 2))
    parsed = SimpleNamespace(point=POINT, claim=SimpleNamespace(epsilon=claim_epsilon))
    return SimpleNamespace(outputs=outputs, parsed=parsed)


def result(output, claim, tangent=None, is_wrong=True, epsilon=DOUBLE, rtol=1e-5):
    claim = np.asarray(claim, dtype=float)
    tangents = None if tangent is None else [[np.asarray(tangent, dtype=float)]]
    return SimpleNamespace(
        output=output,
        directions=SimpleNamespace(are_axes=tangent is None, tangents=tangents),
        decisions=SimpleNamespace(claim=claim, wrong=np.asarray([False, is_wrong])),
        spec=SimpleNamespace(epsilon=epsilon, rtol=rtol),
    )


AXES = [result(0, [1.0, 2.0]), result(1, [3.0, -4.0])]


def test_what_the_axes_show_is_explained_by_nothing():
    for each in AXES:
        assert not is_explained_by_axes(made_by_hand(), each, AXES)
    right = result(0, [1.0, 2.0], is_wrong=False)
    assert not is_explained_by_axes(made_by_hand(), right, [right])


def test_a_given_sum_without_entries_is_no_mere_check_of_linearity():
    alone = result(0, [1.0, 2.0])
    assert not is_explained_by_axes(made_by_hand(entries=0), alone, [alone])


@pytest.mark.parametrize("each", [result(2, [9, 9], is_wrong=False), result(0, [9], [1, 1], False)])
def test_sums_and_tangents_that_are_not_wrong_say_nothing_more(each):
    assert is_explained_by_axes(made_by_hand(), each, AXES)


@pytest.mark.parametrize(("claim", "explained"), [([310.0, -380.0], True), ([310.0, 380.0], False)])
def test_sums_are_explained_by_their_entries(claim, explained):
    assert is_explained_by_axes(made_by_hand(), result(2, claim), AXES) == explained
    assert not is_explained_by_axes(made_by_hand(), result(2, claim), AXES[:1])


@pytest.mark.parametrize(
    ("output", "claim", "explained"), [(0, 5, True), (1, -5, True), (1, 5, False)]
)
def test_tangents_are_explained_by_the_axes_of_their_output(output, claim, explained):
    along = result(output, [claim], [1.0, 2.0])
    results = [*AXES, along]
    assert is_explained_by_axes(made_by_hand(), along, results) == explained
    assert not is_explained_by_axes(made_by_hand(), along, [AXES[1 - output], along])


@pytest.mark.parametrize(
    ("values", "slack"),
    [
        ({}, 1e-5),
        ({"rtol": 1e-3}, 1e-3),
        ({"epsilon": SINGLE}, 1000 * SINGLE),
        ({"claim_epsilon": SINGLE}, 1000 * SINGLE),
    ],
)
def test_the_coarser_epsilon_of_claim_and_func_is_the_slack(values, slack):
    claim = made_by_hand(values.pop("claim_epsilon", DOUBLE))
    for factor, explained in ((0.9, True), (1.1, False)):
        along = result(0, [5 * (1 + factor * slack)], [1.0, 2.0], **values)
        assert is_explained_by_axes(claim, along, AXES) == explained
