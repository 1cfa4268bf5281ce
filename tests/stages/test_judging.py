"""From base values to the decisions of all outputs: which directions, how far, and beside what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from claims_at_x0 import claimed

from checkgrad.numerics.decisions import Reason, Verdict
from checkgrad.stages.judging import in_order, judge_louder, judge_outputs

X0 = np.asarray([0.3, 1.1, -0.7])
DOUBLE, SINGLE = 2.0**-52, 2.0**-23


def judged(form, func, claim, x0=X0, chosen=None, **options) -> list[Any]:
    made, base = claimed(form, func, claim, x0, **options)
    flags = np.ones(made.outputs.count, dtype=bool) if chosen is None else np.asarray(chosen)
    with np.errstate(all="ignore"):
        return in_order(judge_outputs(made, base, flags))


def total(x):
    return np.sum(np.sin(x))


def sines(x):
    return np.stack([(k + 1) * np.sum(np.sin(x)) for k in range(6)])


def jacobian(x):
    return np.arange(1, 7)[:, None] * np.cos(x)


def test_a_gradient_is_looked_at_along_the_axes():
    (result,) = judged("grad", total, np.cos)
    assert result.directions.are_axes
    assert result.output == 0
    assert result.decisions.verdict is Verdict.CORRECT
    assert result.decisions.claim.tolist() == np.cos(X0).tolist()
    assert result.spec.kink_is_isolated is True
    assert result.spec.sibling_scale == 0.0
    assert (result.note, result.dtype_epsilon) == ("", DOUBLE)


def test_or_along_random_tangents():
    (result,) = judged("grad", total, np.cos, direction=4)
    assert not result.directions.are_axes
    assert result.directions.count == 4
    assert result.directions.tangent_scale > 0
    assert result.spec.kink_is_isolated is False
    assert result.decisions.verdict is Verdict.CORRECT
    (wrong,) = judged("grad", total, lambda x: 1.01 * np.cos(x), direction=4)
    assert wrong.decisions.verdict is Verdict.WRONG


def test_or_along_a_given_tangent():
    tangent = np.asarray([1.0, 0.0, 2.0])
    (result,) = judged("grad", total, np.cos, direction=tangent)
    assert result.directions.count == 1
    assert result.decisions.claim == pytest.approx([np.cos(X0) @ tangent])
    assert result.directions.tangent_scale == 0.0


def test_several_outputs_are_not_judged_in_the_order_of_directions_but_set_by_set():
    results = judged("jvp", sines, lambda x, v: jacobian(x) @ v)
    assert [result.output for result in results] == [*range(6), *range(6)]
    assert [result.directions.are_axes for result in results] == [True] * 6 + [False] * 6
    assert {result.decisions.verdict for result in results} == {Verdict.CORRECT}


def test_only_the_chosen_outputs_are_judged():
    chosen = [False, True, False, False, True, False]
    assert [r.output for r in judged("jac", sines, jacobian, chosen=chosen)] == [1, 4]


def evaluations(form, func, claim, x0=X0, **options):
    made, base = claimed(form, func, claim, x0, **options)
    before = made.parsed.evaluator.n_func
    in_order(judge_outputs(made, base, np.ones(made.outputs.count, dtype=bool)))
    return made.parsed.evaluator.n_func - before


def test_a_single_output_is_judged_in_groups_and_several_are_not():
    x0 = np.linspace(0.5, 2.5, 12)
    assert evaluations("grad", total, np.cos, x0) == 6
    one_row = evaluations("jac", lambda x: total(x)[None], lambda x: np.cos(x)[None], x0)
    assert one_row == 6
    assert (
        evaluations("jac", lambda x: np.stack([total(x)] * 2), lambda x: [np.cos(x)] * 2, x0) == 24
    )
    weighted = np.asarray([1.0])
    vjp = evaluations(
        "vjp", lambda x: total(x)[None], lambda x, v: v * np.cos(x), x0, direction=weighted
    )
    assert vjp == 24  # a sum may have several kinks in one coordinate


def test_outputs_are_sampled_at_few_steps_once_three_are_wrong():
    factors = np.asarray([1, 1.01, 1, 1.01, 1.01, 1.01])[:, None]
    results = judged("jac", sines, lambda x: jacobian(x) * factors)
    sampled = [bool(result.decisions.criteria.fully_sampled.any()) for result in results]
    assert sum(sampled) == 3
    assert not sampled[0]
    assert not sampled[2]
    assert [bool(result.decisions.wrong.any()) for result in results] == (
        factors != 1
    ).ravel().tolist()


def test_along_tangents_once_one_is_wrong():
    results = judged("jac", sines, lambda x: jacobian(x) * 1.01, direction=2)
    sampled = [bool(result.decisions.criteria.fully_sampled.any()) for result in results]
    assert sum(sampled) == 1  # whichever rounding makes the worst of equals


def test_siblings_are_the_outputs_of_the_same_array():
    def func(x):
        return {"a": np.stack([np.sin(x[0]), 8 * np.sin(x[1])]), "b": np.sin(x[2:])}

    def claim(x):
        a = np.zeros((2, 3))
        a[0, 0], a[1, 1] = np.cos(x[0]), -8 * np.cos(x[1])
        return {"a": a, "b": np.asarray([[0, 0, np.cos(x[2])]])}

    results = judged("jac", func, claim)
    largest = 8 * np.cos(X0[1])
    assert [r.spec.sibling_scale for r in results] == [largest, largest, np.cos(X0[2])]


def test_siblings_of_a_claim_that_is_infinite_have_no_scale():
    def claim(x):
        rows = jacobian(x)
        rows[2, 1] = np.inf
        return rows

    assert {result.spec.sibling_scale for result in judged("jac", sines, claim)} == {0.0}


def test_sums_have_no_siblings_and_may_have_several_kinks():
    results = judged("vjp", sines, lambda x, v: v @ jacobian(x))
    assert len(results) == 7
    assert [result.spec.kink_is_isolated for result in results] == [True] * 6 + [False]
    assert results[6].spec.sibling_scale == 0.0 < results[5].spec.sibling_scale


def test_each_result_knows_the_epsilon_of_the_dtypes():
    def func(x):
        return [x[:1], x[1:].astype(np.float32)]

    results = judged("jac", func, lambda x: [np.eye(3)[:1], np.eye(3)[1:]])
    assert [result.dtype_epsilon for result in results] == [DOUBLE, SINGLE, SINGLE]


def test_the_noise_of_a_claim_is_that_of_its_output():
    calls = []

    def claim(x):
        calls.append(1)
        off = np.zeros((6, 3))
        off[2] = 0.1 * (len(calls) % 2)
        return jacobian(x) * [1.01, 1, 1] + off

    results = judged("jac", sines, claim, chosen=[True, False, True, False, False, False])
    noise = [result.decisions.claim_noise.max() for result in results]
    assert noise[1] == pytest.approx(0.1)
    assert noise[0] < 1e-14


def test_the_noise_of_a_vjp_is_measured_output_by_output():
    seen = []

    def vjp(x, cotangent):
        seen.append(np.flatnonzero(cotangent).tolist())
        return 1.01 * cotangent @ jacobian(x)

    judged("vjp", sines, vjp, chosen=[False, True, False, False, False, False, False])
    assert seen[7:] == [[1]] * 4


def test_complex_steps_settle_a_claim_without_differences_along_the_axes():
    (result,) = judged("grad", total, np.cos, method="complex-step")
    assert result.decisions.verdict is Verdict.CORRECT
    assert result.note == ""
    assert np.all(result.decisions.estimate.uncertainty < 1e-13)
    (result,) = judged("grad", total, np.cos, method="complex-step", direction=2)
    assert np.all(result.decisions.estimate.uncertainty < 1e-12)


@pytest.mark.parametrize("direction", ["all", 2])
def test_differences_count_where_func_is_not_analytic(direction):
    def modulus(x):
        return np.sum(np.abs(x) ** 2)

    (result,) = judged("grad", modulus, lambda x: 2 * x, method="complex-step", direction=direction)
    assert result.decisions.verdict is Verdict.CORRECT
    assert result.note.startswith("complex steps and differences disagree: func is not analytic")


def test_complex_steps_are_those_of_each_output():
    def func(x):
        return np.stack([np.sin(x[0]), np.abs(x[1]) ** 2])

    def claim(x):
        return np.asarray([[np.cos(x[0]), 0, 0], [0, 2 * x[1], 0]])

    results = judged("jac", func, claim, method="complex-step")
    assert [bool(result.note) for result in results] == [False, True]
    assert {result.decisions.verdict for result in results} == {Verdict.CORRECT}


def test_estimates_may_stand_for_the_claim_along_tangents():
    from checkgrad.evaluate.tangent_choice import scaled_tangents

    made, _ = claimed("jac", sines, jacobian, X0)
    parsed = made.parsed
    tangents = scaled_tangents(parsed.point, np.ones(3), parsed.bounds, parsed.rng)
    (along,) = made.along_estimate(tangents, [4], [np.asarray([1.0, 10.0, 100.0])])
    assert along.claim[0] == float(tangents.tangents[0][0] @ [1.0, 10.0, 100.0])
    every = made.directions_along(tangents)
    assert len(every) == 6
    assert every[4].claim[0] == pytest.approx(float(5 * np.cos(X0) @ tangents.tangents[0][0]))


# More noise


@pytest.mark.parametrize(
    ("growth", "judged_again"), [(1.0, set()), (3.0, {2}), (100.0, {0, 1, 2, 3, 4, 5})]
)
def test_outputs_are_judged_again_where_more_noise_may_decide_otherwise(
    growth: float, judged_again: set[int]
):
    def spoiled(x):  # all outputs are wrong, and output 2 by little more than the noise allows
        factors = np.asarray([1.1, 1.1, 1 + 2e-5, 1.1, 1.1, 1.1])
        return factors[:, None] * jacobian(x)

    made, base = claimed("jac", sines, spoiled, X0, sigma=3e-7)
    every = np.ones(6, dtype=bool)
    with np.errstate(all="ignore"):
        before = in_order(judge_outputs(made, base, every))
        louder = replace(base, sigma=growth * base.sigma)
        results = judge_louder(made, before, louder, every, ~every)
    kept = {id(each.decisions.estimate) for each in before}
    again = {each.output for each in results if id(each.decisions.estimate) not in kept}
    assert again == judged_again
    assert [each.output for each in results] == list(range(6))
    assert not any(np.any(each.decisions.resolved) for each in results)


def test_an_output_without_noise_is_judged_again_once_it_has_some():
    made, base = claimed("grad", total, lambda x: 1.1 * np.cos(x), X0)
    every = np.ones(1, dtype=bool)
    with np.errstate(all="ignore"):
        before = in_order(judge_outputs(made, base, every))
        (result,) = judge_louder(
            made, before, replace(base, sigma=np.asarray([1e-9])), every, ~every
        )
    assert result.spec.sigma == 1e-9


@pytest.mark.parametrize("name", ["terms", "slope_noise"])
def test_claims_in_doubt_are_decided_again_by_what_is_known_by_now(name: str):
    made, base = claimed("grad", total, lambda x: 1.001 * np.cos(x), X0)
    every = np.ones(1, dtype=bool)
    with np.errstate(all="ignore"):
        before = in_order(judge_outputs(made, base, every))
        evaluations = made.parsed.evaluator.n_func
        (result,) = judge_louder(
            made, before, replace(base, **{name: np.asarray([0.1])}), every, ~every
        )
    assert before[0].decisions.verdict is Verdict.WRONG
    assert getattr(result.spec, name) == 0.1
    assert made.parsed.evaluator.n_func == evaluations
    assert result.decisions.estimate is before[0].decisions.estimate
    # Slopes are not surer than that; terms that cancel say nothing of a claim that is not 0.
    wanted = {"slope_noise": Verdict.CORRECT, "terms": Verdict.WRONG}
    assert result.decisions.verdict is wanted[name]


def test_claims_that_are_resolved_are_not_decided_again():
    made, base = claimed("grad", total, np.cos, X0)
    every = np.ones(1, dtype=bool)
    with np.errstate(all="ignore"):
        before = in_order(judge_outputs(made, base, every))
        louder = replace(base, slope_noise=np.ones(1), terms=np.ones(1))
        (result,) = judge_louder(made, before, louder, every, ~every)
    assert result is before[0]


@pytest.mark.parametrize("factor", [1.0, 1.05])
def test_what_may_be_a_wave_makes_no_claim_wrong_that_less_noise_did_not(factor: float):
    """A wave of the size of that noise has a slope at x0, and none over longer steps."""

    def wave(x):
        return np.sum(0.0365 * x**2 + 0.032 * np.sin(17.4 * x) ** 2)

    def slope(x):
        return factor * (0.073 * x + 0.5568 * np.sin(34.8 * x))

    made, base = claimed("grad", wave, slope, np.asarray([408.0455]), sigma=3e-4)
    every = np.ones(1, dtype=bool)
    with np.errstate(all="ignore"):
        before = in_order(judge_outputs(made, base, every))
        (result,) = judge_louder(
            made, before, replace(base, sigma=np.asarray([1.2e-2])), every, every
        )
    is_wrong = factor != 1
    assert before[0].decisions.wrong[0] == result.decisions.wrong[0] == is_wrong
    assert result.decisions.reasons[Reason.COARSE][0] == (not is_wrong)
