"""The flow of a check: what is called in which case, and what is kept for the report."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from checkgrad import Verdict
from checkgrad.pipeline import check, examine
from checkgrad.problem import Options, Problem

X0 = np.asarray([0.3, 1.1, -0.7])


def smooth(x):
    return np.sum(np.sin(x))


def problem(func, claim, form="grad", x0=X0, label="", **options):
    return Problem(form, func, claim, x0, (), Options(**options), label)


def sines(x):
    return np.stack([np.sum(np.sin(x)), 2 * np.sum(np.sin(x))])


def rows(x):
    return np.stack([np.cos(x), 2 * np.cos(x)])


RIGHT = {
    "grad": (smooth, np.cos),
    "jac": (sines, rows),
    "jvp": (sines, lambda x, v: rows(x) @ v),
    "vjp": (sines, lambda x, c: c @ rows(x)),
}


@pytest.mark.parametrize("form", RIGHT)
@pytest.mark.parametrize(("factor", "verdict"), [(1, Verdict.CORRECT), (1.01, Verdict.WRONG)])
def test_a_claim_of_every_form_is_judged(form, factor, verdict):
    func, claim = RIGHT[form]
    report = check(problem(func, lambda *args: factor * claim(*args), form))
    assert report.verdict is verdict
    assert report.form == form


def test_a_right_gradient_takes_the_value_twice_two_steps_each_and_a_second_point():
    calls = []
    report = check(problem(lambda x: calls.append(1) or smooth(x), np.cos))
    assert report.n_func == len(calls) == 2 + 2 * 3 + 3
    assert report.n_grad == 2


def test_a_wrong_gradient_is_not_sampled_twice_at_a_step():
    seen = []
    check(problem(lambda x: seen.append(tuple(x)) or smooth(x), lambda x: 1.01 * np.cos(x)))
    again = [x for x in seen if seen.count(x) > 1]
    assert set(again) == {tuple(X0)}


def test_what_was_found_is_kept():
    result = examine(problem(sines, rows, "jac", label="mine"))
    assert (result.form, result.label, result.name) == ("jac", "mine", "x")
    assert [each.output for each in result.results] == [0, 1]
    assert result.outputs.count == 2
    assert result.reader is not None
    assert result.not_repeatable is None


@pytest.mark.parametrize("form", ["jvp", "vjp"])
def test_what_is_looked_at_for_linearity_only_is_left_out_where_it_shows_nothing(form):
    result = examine(problem(*RIGHT[form], form))
    assert all(each.directions.are_axes and each.output < 2 for each in result.results)
    crooked = {"jvp": lambda x, v: rows(x) @ np.abs(v), "vjp": lambda x, c: np.abs(c) @ rows(x)}
    result = examine(problem(sines, crooked[form], form))
    wrong = [each for each in result.results if np.any(each.decisions.wrong)]
    assert wrong
    assert not any(each.directions.are_axes and each.output < 2 for each in wrong)


def test_a_func_that_changes_from_call_to_call_has_no_verdict():
    rng = np.random.default_rng(0)
    result = examine(problem(lambda x: smooth(x) + rng.normal(), np.cos))
    assert result.results == ()
    assert result.not_repeatable is not None
    report = check(problem(lambda x: smooth(x) + rng.normal(), np.cos))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.n_checked == 0


@pytest.mark.parametrize("factor", [1, 1.01])
def test_a_func_is_called_again_at_x0_before_there_is_a_verdict(factor):
    seen = []

    def func(x):
        seen.append(np.array_equal(x, X0))
        return smooth(x)

    check(problem(func, lambda x: factor * np.cos(x)))
    assert sum(seen) == 2


def test_a_func_that_changes_a_little_from_call_to_call_is_not_certified_without_its_noise():
    calls = []

    def drifts(x):
        calls.append(1)
        return smooth(x) * (1 + 1e-13 * len(calls))

    result = examine(problem(drifts, np.cos))
    assert result.not_repeatable is not None or result.results[0].spec.sigma > 1e-14


def test_noise_that_hides_next_to_x0_is_measured_where_a_claim_is_in_doubt():
    def cancelling(x):
        return (x[0] + 1e6) - 1e6 + np.sin(x[0])

    def claim(x):
        return 1 + np.cos(x)

    x0 = np.asarray([0.3])
    (right,) = examine(problem(cancelling, claim, x0=x0)).results
    (wrong,) = examine(problem(cancelling, lambda x: 1.01 * claim(x), x0=x0)).results
    assert right.decisions.verdict is Verdict.CORRECT
    assert wrong.decisions.verdict is Verdict.WRONG
    assert wrong.spec.sigma >= right.spec.sigma
    assert wrong.spec.sigma > 1e-12


def test_overflow_near_x0_raises_no_warning_and_at_x0_the_users_own():
    def steep(x):
        return np.exp(x[0])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(problem(steep, lambda x: np.exp(x), x0=np.asarray([709.7])))
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        check(problem(lambda x: np.exp(x[0]) * 0 + 1, np.cos, x0=np.asarray([800.0])))


@pytest.mark.parametrize("which", ["func", "claim"])
def test_exceptions_of_the_user_at_x0_pass(which):
    def fails(x):
        raise KeyError("of the user")

    func, claim = (fails, np.cos) if which == "func" else (smooth, fails)
    with pytest.raises(KeyError, match="of the user"):
        check(problem(func, claim))
