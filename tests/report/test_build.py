"""From what was found to a report: its verdict, its numbers and the order of its mismatches."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from checkgrad import Verdict
from checkgrad.pipeline import examine
from checkgrad.problem import Options, Problem
from checkgrad.report.build import report_on

X0 = np.asarray([0.3, 1.1, -0.7])
WEIGHTS = np.asarray([1.0, 2.0, 4.0])


def func(x):
    return np.sum(WEIGHTS * np.sin(x))


def grad(x):
    return WEIGHTS * np.cos(x)


@functools.cache
def found(factors=(1.0, 1.0, 1.0), label=""):
    claim = np.asarray(factors)
    return examine(Problem("grad", func, lambda x: claim * grad(x), X0, (), Options(), label))


@functools.cache
def not_deterministic():
    rng = np.random.default_rng(0)
    return examine(Problem("grad", lambda x: rng.normal(), grad, X0))


CORRECT, WRONG, INCONCLUSIVE = Verdict.CORRECT, Verdict.WRONG, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("errors", "gaps", "factor", "verdict"),
    [
        ([], [], 1.0, CORRECT),
        ([], [], 1.01, WRONG),
        (["a rule is wrong"], [], 1.0, WRONG),
        ([], ["not all was checked"], 1.0, INCONCLUSIVE),
        (["a rule is wrong"], ["not all was checked"], 1.0, WRONG),
        ([], ["not all was checked"], 1.01, WRONG),
    ],
)
def test_the_verdict_is_the_worst(errors, gaps, factor, verdict):
    report = report_on([found((1.0, factor, 1.0))], errors, gaps, ["a note"])
    assert report.verdict is verdict
    assert report.hints[: len(errors) + len(gaps) + 1] == (*errors, *gaps, "a note")


def test_numbers_of_several_claims_are_added():
    one, other = found(), found((1.0, 1.01, 1.0))
    report = report_on([one, other])
    assert report.verdict is WRONG
    assert report.n_checked == 6
    assert (report.n_wrong, report.n_unresolved) == (1, 0)
    assert report.n_func == one.evaluator.n_func + other.evaluator.n_func
    assert report.n_grad == one.claim.n_grad + other.claim.n_grad
    assert (report.backend, report.dtype, report.form) == ("numpy", "float64", "grad")


def test_the_error_is_that_of_all_entries():
    report = report_on([found((1.0, 1.5, 1.0))])
    off, size = 0.5 * grad(X0)[1], np.linalg.norm(grad(X0) * [1, 1.5, 1])
    assert report.error == pytest.approx(off, rel=1e-6)
    assert report.relative_error == pytest.approx(off / size, rel=1e-6)


def test_mismatches_are_the_worst_first():
    report = report_on([found((1.1, 1.1, 1.5))])
    off = np.abs(grad(X0) * [0.1, 0.1, 0.5])
    assert [each.where for each in report.mismatches] == [f"x[{k}]" for k in np.argsort(-off)]
    assert all(each.wrong for each in report.mismatches)
    first = report.mismatches[0]
    assert first.claim == grad(X0)[2] * 1.5
    assert first.estimate == pytest.approx(grad(X0)[2])


def test_a_correct_report_has_no_mismatches():
    assert report_on([found()]).mismatches == ()


def test_the_first_100_mismatches_are_listed():
    x0 = np.linspace(0.1, 1, 120)
    claim = Problem("grad", lambda x: np.sum(np.sin(x)), lambda x: -np.cos(x), x0)
    report = report_on([examine(claim)])
    assert report.n_wrong > 0
    assert len(report.mismatches) == min(100, report.n_wrong)


def test_labels_tell_claims_apart():
    report = report_on([found((1.0, 1.5, 1.0), "fwd"), found((1.0, 1.0, 1.5), "rev")])
    assert sorted(each.where for each in report.mismatches) == ["fwd: x[1]", "rev: x[2]"]
    assert all(hint.startswith(("fwd: ", "rev: ")) for hint in report.hints)


def test_the_same_hint_is_given_once():
    report = report_on([found()], notes=["twice", "twice"])
    assert report.hints.count("twice") == 1


def test_a_func_that_is_not_deterministic_has_no_verdict_unless_a_claim_is_wrong():
    report = report_on([not_deterministic(), found()])
    assert report.verdict is INCONCLUSIVE
    assert (report.n_checked, report.n_wrong, report.direction) == (0, 0, "none")
    assert np.isnan(report.error)
    assert np.isinf(report.resolution)
    (hint,) = report.hints
    assert hint.startswith("func is not deterministic")
    report = report_on([found((1.0, 1.5, 1.0)), not_deterministic()])
    assert report.verdict is WRONG
