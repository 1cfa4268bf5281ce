"""Checks that end before their end: by `max_evals`, by `timeout`, or by Ctrl-C."""

from __future__ import annotations

import functools
import itertools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import spread

import checkgrad
from checkgrad import (
    GradientError,
    Report,
    Verdict,
    assert_grad,
    verify_autodiff,
    verify_grad,
    verify_jac,
    verify_jvp,
    verify_vjp,
)
from checkgrad.evaluate import budget
from checkgrad.report.html import render_html

if TYPE_CHECKING:
    from conftest import Library

X0 = np.array([0.5, 1.5, -0.7])
WEIGHTS = np.array([[0.3, -1.2, 0.7], [1.1, 0.4, -0.2]])
IS_FULL = os.environ.get("CHECKGRAD_FULL") == "1"
STOPPED = "the check was interrupted"


class Function:
    """A function that counts its calls, and raises an error at one of them."""

    def __init__(self, function: Callable[..., Any], fails_at: int = 0) -> None:
        self.function = function
        self.fails_at = fails_at
        self.calls = 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        if self.calls == self.fails_at:
            raise KeyboardInterrupt
        return self.function(*args)


@dataclass(frozen=True)
class Case:
    """A check, by its door, func, claim and x0."""

    door: Callable[..., Report]
    func: Callable[..., Any]
    claim: Callable[..., Any]
    x0: Any = None
    options: tuple[tuple[str, Any], ...] = ()

    def __call__(self, func_fails_at: int = 0, claim_fails_at: int = 0, **options: Any) -> Report:
        report, *_ = self.counted(func_fails_at, claim_fails_at, **options)
        return report

    def counted(
        self, func_fails_at: int = 0, claim_fails_at: int = 0, **options: Any
    ) -> tuple[Report, int, int]:
        """Return the report, and how often func and the claim were called."""
        func, claim = Function(self.func, func_fails_at), Function(self.claim, claim_fails_at)
        x0 = X0 if self.x0 is None else self.x0
        report = self.door(func, claim, x0, **dict(self.options), **options)
        return report, func.calls, claim.calls


def sines(x: Any) -> Any:
    return np.sum(np.sin(x))


def field(x: Any) -> Any:
    return np.sin(WEIGHTS @ x)


def jacobian(x: Any, factors: Any = 1.0) -> Any:
    return np.cos(WEIGHTS @ x)[:, None] * WEIGHTS * factors


def one_wrong(x: Any) -> Any:
    return np.cos(x) * np.where(np.arange(x.size) == 1, 1.2, 1.0)


WRONG_ENTRY = np.array([[1, 1, 1], [1, 0.9, 1]])
MANY = np.linspace(0.1, 2, 40)
CASES = {
    "grad": Case(verify_grad, sines, np.cos),
    "wrong grad": Case(verify_grad, sines, one_wrong),
    "groups": Case(verify_grad, sines, np.cos, MANY),
    "at 0": Case(verify_grad, lambda x: np.sum(np.sin(x)), lambda x: np.cos(x), np.zeros(3)),
    "kink": Case(verify_grad, lambda x: np.sum(np.abs(x)), np.sign, np.array([0.0, 1.0])),
    "tie": Case(verify_grad, np.median, lambda x: np.array([1.0, 0.0, 0.0]), np.ones(3)),
    "wrong along tangents": Case(verify_grad, sines, one_wrong, options=(("direction", 2),)),
    "jac": Case(verify_jac, field, jacobian),
    "wrong jac": Case(verify_jac, field, lambda x: jacobian(x, WRONG_ENTRY)),
    "wrong jvp": Case(verify_jvp, field, lambda x, v: jacobian(x) @ np.abs(v)),
    "vjp": Case(verify_vjp, field, lambda x, w: w @ jacobian(x)),
    "wrong vjp": Case(verify_vjp, field, lambda x, w: w @ jacobian(x, WRONG_ENTRY)),
    "float32": Case(verify_grad, sines, np.cos, X0.astype(np.float32)),
    "wrong in float32": Case(verify_grad, sines, one_wrong, X0.astype(np.float32)),
    "noise": Case(verify_grad, lambda x: float(np.float32(sines(x))), np.cos),
    "complex step": Case(verify_grad, sines, np.cos, options=(("method", "complex-step"),)),
    "vectorized": Case(
        verify_grad, lambda x: np.sin(x).sum(-1), np.cos, MANY, (("batch", "vectorized"),)
    ),
    "tree": Case(
        verify_grad,
        lambda t: np.sum(np.sin(t["a"])) * t["b"][0],
        lambda t: {"a": np.cos(t["a"]) * t["b"][0], "b": np.array([np.sum(np.sin(t["a"]))])},
        {"a": X0, "b": np.array([2.0])},
    ),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def every_second_case(first: int) -> pytest.MarkDecorator:
    """Take every second case in a plain run: two tests share all of them."""
    cases = [pytest.param(case, id=name) for name, case in CASES.items()]
    return pytest.mark.parametrize("case", spread(cases, 2, first))


@functools.cache
def complete_report(name: str) -> Report:
    return CASES[name]()


def wrong_places(report: Report) -> set[str]:
    return {mismatch.where for mismatch in report.mismatches if mismatch.wrong}


def assert_incomplete(report: Report, reason: str) -> None:
    """Assert that a report says that it is incomplete, and why, in all its forms."""
    assert not report.complete
    assert report.stopped == reason
    assert report.verdict is not Verdict.CORRECT
    assert any(reason in hint and hint.startswith("not looked at: ") for hint in report.hints)
    assert reason in str(report)
    assert "incomplete" in str(report).splitlines()[0]
    page = render_html(report, picture=False)
    assert reason in page
    assert "incomplete" in page
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (found["complete"], found["stopped"]) == (False, reason)


# Evaluations


@given(st.sampled_from(list(CASES)), st.floats(0, 1.1), st.floats(0, 1.1))
@settings(max_examples=80 if IS_FULL else 15, deadline=None)
def test_a_budget_is_kept_and_a_larger_one_loses_nothing(
    name: str, part: float, another: float
) -> None:
    complete = complete_report(name)
    budgets = [1 + int(each * complete.n_func) for each in sorted((part, another))]
    reports = []
    for max_evals in budgets:
        report, calls, _ = CASES[name].counted(max_evals=max_evals)
        assert report.n_func <= max_evals
        assert name == "vectorized" or calls == report.n_func
        if max_evals < complete.n_func:
            number = f"{max_evals} evaluation{'s' * (max_evals > 1)}"
            assert_incomplete(report, f"the budget of {number} was spent")
        elif name != "vectorized" or max_evals >= complete.n_func + 4:
            assert report == complete
        reports.append(report)
    smaller, larger = reports
    assert wrong_places(smaller) <= wrong_places(larger)
    if complete.verdict is not Verdict.WRONG:
        assert smaller.verdict is not Verdict.WRONG


@every_second_case(0)
def test_a_budget_that_is_just_enough_changes_nothing(case: Case) -> None:
    complete = case()
    assert complete.complete
    assert case(max_evals=complete.n_func + 4) == complete


def test_the_first_directions_are_decided_before_the_budget_is_spent() -> None:
    report = verify_grad(sines, np.cos, X0, max_evals=6)
    assert (report.n_func, report.n_checked, report.n_unresolved) == (6, 3, 1)
    assert [mismatch.where for mismatch in report.mismatches] == ["x[2]"]
    report = verify_jac(field, jacobian, X0, max_evals=6)
    assert (report.n_func, report.n_checked, report.n_unresolved) == (6, 6, 2)


def test_groups_are_decided_before_the_budget_is_spent() -> None:
    report = verify_grad(sines, np.cos, MANY, max_evals=13)
    assert report.n_unresolved == 40 - 4 * 6


def test_one_evaluation_says_what_is_not_looked_at() -> None:
    report = verify_grad(sines, np.cos, X0, max_evals=1)
    assert (report.n_func, report.n_checked, report.n_unresolved) == (1, 3, 3)
    assert_incomplete(report, "the budget of 1 evaluation was spent")


def test_how_far_a_wrong_claim_is_off_is_said_before_that_is_certain() -> None:
    report = verify_grad(sines, lambda x: 2 * np.cos(x), X0, max_evals=20)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "so far the claim is off by 50% (2-norm), which is not certain yet" in report.hints
    assert report.mismatches[0].estimate == pytest.approx(1.0, abs=0.2)


def test_an_estimate_stands_before_places_without_one() -> None:
    report = verify_grad(sines, lambda x: 1.1 * np.cos(x), X0, max_evals=5)
    estimates = [mismatch.estimate for mismatch in report.mismatches]
    assert np.isfinite(estimates).tolist() == [True, True, False]


def test_incomplete_checks_fail_a_test() -> None:
    with pytest.raises(GradientError, match="the budget of 3 evaluations was spent") as caught:
        assert_grad(sines, np.cos, X0, max_evals=3)
    assert not caught.value.report.complete
    assert_grad(sines, np.cos, X0, max_evals=3, allow_inconclusive=True)


# Time


@pytest.mark.sampled
@every_case
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 1.0])
def test_a_timeout_ends_a_check(case: Case, part: float, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(budget, "clock", lambda: next(ticks))
    complete = case(timeout=1e9)
    looks = next(ticks)
    ticks = itertools.count()
    report = case(timeout=1 + part * (looks - 1))
    if part < 1:
        assert_incomplete(report, report.stopped)
        assert report.stopped.startswith("the timeout of ")
        assert report.n_func < complete.n_func or complete.digits is not None
    else:
        assert report == complete


# Ctrl-C


@given(st.sampled_from(list(CASES)), st.floats(0, 1), st.booleans())
@settings(max_examples=50 if IS_FULL else 20, deadline=None)
def test_an_interrupt_at_any_call_gives_what_is_known(
    name: str, part: float, in_claim: bool
) -> None:
    case = CASES[name]
    _, calls, claims = case.counted()
    at = 1 + int(part * ((claims if in_claim else calls) - 1))
    place = {"claim_fails_at" if in_claim else "func_fails_at": at}
    report, calls, claims = case.counted(**place, on_interrupt="report")
    assert (claims if in_claim else calls) == at, "something was called again"
    assert_incomplete(report, STOPPED)
    with pytest.raises(KeyboardInterrupt) as caught:
        case(**place)
    kept = caught.value.report  # type: ignore[attr-defined]
    assert {**kept.to_dict(), "elapsed": 0} == {**report.to_dict(), "elapsed": 0}
    assert str(kept) in caught.value.__notes__[0]


def test_an_interrupt_keeps_what_was_certified_in_the_same_round() -> None:
    report = CASES["grad"](func_fails_at=6, on_interrupt="report")
    assert (report.n_func, report.n_unresolved) == (5, 1)


def test_an_interrupt_passes_where_a_value_is_asked_for() -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        checkgrad.check_grad(Function(sines, 2), np.cos, X0)
    assert not hasattr(caught.value, "report")


def test_errors_of_func_and_claim_stay_what_they_are() -> None:
    def fails(x: Any) -> Any:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        verify_grad(fails, np.cos, X0, max_evals=5)
    with pytest.raises(ValueError, match="mine"):
        verify_grad(sines, fails, X0, max_evals=5)
    edge = verify_grad(
        lambda x: np.sqrt(x[0]) if x[0] >= 1 else fails(x), lambda x: [0.5], [1.0], max_evals=1000
    )
    assert edge.complete


# Progress


@every_second_case(1)
def test_progress_is_told_and_changes_nothing(case: Case) -> None:
    told: list[tuple[int, int, str]] = []
    report = case(progress=lambda *said: told.append(said))
    done = [said[0] for said in told]
    assert done == sorted(done)
    assert all(0 <= said[0] <= said[1] for said in told)
    assert told[-1] == (report.n_func, report.n_func, "end")
    assert len(told) < 500
    assert "directions" in {said[2] for said in told}
    assert report == case()


@pytest.mark.parametrize("n", [60, 700])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_total_is_about_what_a_right_claim_takes(n: int, dtype: str) -> None:
    """Groups of coordinates are larger where there are many, and few digits are asked for."""
    told: list[tuple[int, int, str]] = []
    x0 = np.linspace(0.1, 2.0, n).astype(dtype)
    report = verify_grad(sines, np.cos, x0, progress=lambda *said: told.append(said))
    totals = [total for _, total, phase in told if phase == "directions"]
    assert report.n_func <= totals[0] == totals[-1] <= 1.3 * report.n_func


def test_whoever_is_told_can_end_the_check() -> None:
    def told(done: int, total: int, phase: str) -> None:
        if done >= 5:
            raise KeyboardInterrupt

    report = verify_grad(sines, np.cos, X0, progress=told, on_interrupt="report")
    assert report.n_func == 5
    assert_incomplete(report, STOPPED)


def test_an_error_of_who_is_told_passes() -> None:
    def told(done: int, total: int, phase: str) -> None:
        if done == 3:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        verify_grad(sines, np.cos, X0, progress=told)


# Every door, and every library


@pytest.mark.parametrize("name", ["grad", "jac", "jvp", "vjp", "autodiff"])
@pytest.mark.parametrize(
    ("option", "value"),
    [("max_evals", 0), ("timeout", -1), ("progress", "yes"), ("on_interrupt", "stop")],
)
@pytest.mark.parametrize("kind", ["verify", "assert"])
def test_every_door_refuses_what_has_no_meaning(
    name: str, option: str, value: Any, kind: str
) -> None:
    door = getattr(checkgrad, f"{kind}_{name}")
    claim = () if name == "autodiff" else (jacobian,)
    with pytest.raises(ValueError, match=f"{option} is {value!r}"):
        door(field, *claim, X0, **{option: value})


@pytest.mark.libraries("jax", "torch")
@pytest.mark.one_setting
def test_points_of_a_batch_are_counted(xp: Library) -> None:
    x0 = xp.asarray(np.linspace(0.5, 2, 200))
    complete = verify_grad(lambda x: xp.sum(x**3), lambda x: 3 * x**2, x0)
    for part in (0.1, 0.5, 0.9):
        max_evals = int(part * complete.n_func)
        report = verify_grad(lambda x: xp.sum(x**3), lambda x: 3 * x**2, x0, max_evals=max_evals)
        assert report.n_func <= max_evals
        assert not report.complete
    assert verify_grad(
        lambda x: xp.sum(x**3), lambda x: 3 * x**2, x0, max_evals=complete.n_func + 4
    ).complete


@pytest.mark.libraries("jax", "torch")
@pytest.mark.one_setting
def test_a_wrong_claim_within_a_budget(xp: Library, dtype: str) -> None:
    x0 = xp.asarray([0.5, 1.5, -0.7], dtype)

    def check(**options: Any) -> Report:
        return verify_grad(lambda x: xp.sum(xp.sin(x)), lambda x: -x, x0, **options)

    complete = check()
    assert complete.verdict is Verdict.WRONG
    for part in (0.05, 0.3, 0.6, 0.9, 1.0):
        max_evals = int(part * complete.n_func)
        report = check(max_evals=max_evals)
        assert report.n_func <= max_evals
        assert report.complete == (part == 1.0)
        assert report.verdict is not Verdict.CORRECT


@pytest.mark.libraries("torch")
@pytest.mark.one_setting
def test_a_wrong_mode_stays_wrong_where_another_is_stopped(xp: Library) -> None:
    import torch

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)
            return x**2

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return ctx.saved_tensors[0] * cotangent

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * tangent

    def check(modes: list[str], **options: Any) -> Report:
        return verify_autodiff(Square.apply, x0, modes=modes, **options)

    x0 = xp.asarray([1.0, -3.0])
    first, both = check(["rev"]), check(["rev", "fwd"])
    report = check(["rev", "fwd"], max_evals=(first.n_func + both.n_func) // 2)
    assert report.verdict is Verdict.WRONG
    assert not report.complete
    assert wrong_places(report) == wrong_places(first)
    assert str(report).splitlines()[0].endswith("; incomplete")
