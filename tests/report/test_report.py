"""The report as an object, and the error that carries it."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
from report_cases import (
    VALUES,
    VERDICTS,
    correct,
    every_report,
    func,
    grad,
    inconclusive,
    made,
    mismatch,
    not_finite,
    rough,
    undetermined,
    wrong,
)

import checkgrad
from checkgrad import GradientError, Mismatch, Verdict, assert_grad

pytestmark = pytest.mark.numpy


@every_report
def test_a_report_is_frozen(make: Any) -> None:
    report = make()
    assert dataclasses.is_dataclass(report)
    for name in ("verdict", "error", "hints", "new"):
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError, AttributeError)):
            setattr(report, name, None)


@every_report
def test_only_a_correct_report_is_true(make: Any) -> None:
    report = make()
    assert report.verdict.value == VERDICTS[make], str(report)
    assert bool(report) is (make is correct)


def test_a_verdict_is_one_of_three_words() -> None:
    assert [verdict.value for verdict in Verdict] == ["correct", "wrong", "inconclusive"]
    assert Verdict("wrong") is Verdict.WRONG


@every_report
def test_a_report_has_what_the_design_says(make: Any) -> None:
    report = make()
    names = (
        "verdict error relative_error resolution rtol noise mismatches hints n_func n_grad "
        "backend dtype device evaluated_in digits direction"
    )
    for name in names.split():
        assert hasattr(report, name)
    assert isinstance(report.mismatches, tuple)
    assert isinstance(report.hints, tuple)
    assert (report.backend, report.dtype, report.device) == ("numpy", "float64", "cpu")
    for listed in report.mismatches:
        for name in "where claim estimate uncertainty".split():
            assert hasattr(listed, name)


@every_report
def test_a_report_survives_pickling(make: Any) -> None:
    report = make()
    copy = pickle.loads(pickle.dumps(report))
    assert str(copy) == str(report)
    assert copy.verdict is report.verdict
    if make is not undetermined and make is not not_finite:  # these have NaNs
        assert copy == report


@every_report
def test_raise_for_verdict_raises_unless_correct(make: Any) -> None:
    report = make()
    if make is correct:
        assert report.raise_for_verdict() is None
        return
    with pytest.raises(GradientError) as caught:
        report.raise_for_verdict()
    assert str(caught.value) == str(report)
    assert caught.value.report is report


def test_raise_for_verdict_lets_inconclusive_pass_if_asked_to() -> None:
    assert inconclusive().raise_for_verdict(allow_inconclusive=True) is None
    with pytest.raises(GradientError):
        wrong().raise_for_verdict(allow_inconclusive=True)


def test_a_gradient_error_is_an_assertion_error_that_survives_pickling() -> None:
    assert issubclass(GradientError, AssertionError)
    error = GradientError(wrong())
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, GradientError)
    assert str(copy) == str(error)
    assert copy.report == error.report


def test_assert_grad_raises_unless_the_claim_is_correct() -> None:
    assert assert_grad(func, grad, VALUES) is None
    with pytest.raises(GradientError, match=r"^wrong: "):
        assert_grad(func, lambda x: -grad(x), VALUES)


def test_assert_grad_passes_arguments_and_options_on() -> None:
    def scaled(x: Any, factor: float) -> Any:
        return factor * func(x)

    assert_grad(scaled, lambda x, factor: factor * grad(x), VALUES, 3.0, direction=2, rng=1)
    assert_grad(scaled, lambda x, factor: factor * 1.001 * grad(x), VALUES, 3.0, rtol=0.1)
    with pytest.raises(GradientError):
        assert_grad(scaled, lambda x, factor: 1.001 * factor * grad(x), VALUES, 3.0)
    with pytest.raises(ValueError, match="rtol"):
        assert_grad(func, grad, VALUES, rtol=-1)


def test_assert_grad_lets_inconclusive_pass_only_if_asked_to() -> None:
    with pytest.raises(GradientError, match=r"^inconclusive: "):
        assert_grad(rough, np.cos, VALUES)
    assert_grad(rough, np.cos, VALUES, allow_inconclusive=True)


def test_what_is_public_is_what_the_design_says() -> None:
    for name in "verify_grad assert_grad Report Verdict GradientError check_grad".split():
        assert name in checkgrad.__all__
        assert getattr(checkgrad, name).__doc__


def test_two_reports_are_equal_if_all_attributes_are() -> None:
    one = made(Verdict.WRONG, mismatches=(mismatch(),))
    assert one == made(Verdict.WRONG, mismatches=(mismatch(),))
    assert one != made(Verdict.WRONG, mismatches=(mismatch(claim=3.0),))
    assert hash(one) == hash(made(Verdict.WRONG, mismatches=(mismatch(),)))


def test_a_mismatch_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        mismatch().claim = 1.0  # type: ignore[misc]
    assert [field.name for field in dataclasses.fields(Mismatch)] == [
        "where",
        "claim",
        "estimate",
        "uncertainty",
        "wrong",
    ]


def test_the_form_of_a_report_is_grad_unless_given() -> None:
    assert made(Verdict.CORRECT).form == "grad"
    assert made(Verdict.CORRECT, form="jac").form == "jac"


@pytest.mark.parametrize("allow", [False, True])
def test_only_an_inconclusive_report_can_be_let_pass(allow: bool) -> None:
    made(Verdict.CORRECT).raise_for_verdict(allow)
    with pytest.raises(GradientError, match=r"^wrong: a hint"):
        made(Verdict.WRONG, hints=("a hint",)).raise_for_verdict(allow)
    if allow:
        made(Verdict.INCONCLUSIVE, hints=("a hint",)).raise_for_verdict(allow)
    else:
        with pytest.raises(GradientError, match=r"^inconclusive: a hint"):
            made(Verdict.INCONCLUSIVE, hints=("a hint",)).raise_for_verdict(allow)
