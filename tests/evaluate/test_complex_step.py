"""``method="complex-step"``: estimates to the last digits, where ``func`` takes complex numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad import Report, Verdict, verify_grad, verify_jac, verify_jvp, verify_vjp

if TYPE_CHECKING:
    from conftest import Library

Function = Callable[..., Any]

CORRECT, WRONG = Verdict.CORRECT, Verdict.WRONG
VALUES = [0.3, 1.2, -0.7]

pytestmark = pytest.mark.one_setting


def by_steps(verify: Function, *args: Any, **options: Any) -> Report:
    report: Report = verify(*args, method="complex-step", **options)
    return report


def assert_verdict(report: Report, wanted: Verdict) -> None:
    assert report.verdict is wanted, str(report)


def wide(xp: Library) -> bool:
    return "float64" in xp.float_dtypes


def loss(xp: Library) -> Function:
    return lambda x: xp.sum(xp.exp(x) * xp.sin(x))


def slope(xp: Library) -> Function:
    return lambda x: xp.exp(x) * (xp.sin(x) + xp.cos(x))


@pytest.mark.parametrize("direction", ["all", "random"])
def test_errors_far_below_those_of_differences_are_found(xp: Library, direction: str) -> None:
    x0 = xp.asarray(VALUES)
    rtol, error = (1e-12, 1e-10) if wide(xp) else (1e-5, 1e-3)
    right = by_steps(verify_grad, loss(xp), slope(xp), x0, rtol=rtol, direction=direction)
    assert_verdict(right, CORRECT)
    wrong = by_steps(
        verify_grad,
        loss(xp),
        lambda x: (1 + error) * slope(xp)(x),
        x0,
        rtol=rtol,
        direction=direction,
    )
    assert_verdict(wrong, WRONG)


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_every_form_and_a_tree(xp: Library, factor: float) -> None:
    wanted = CORRECT if factor == 1 else WRONG
    x0 = {"a": xp.asarray(VALUES), "b": xp.asarray(0.5)}

    def func(p: Any) -> Any:
        return xp.sin(p["a"]) * p["b"]

    def jac(p: Any) -> Any:
        diagonal = xp.cos(p["a"])[:, None] * xp.asarray(np.eye(3).tolist())
        return {"a": factor * diagonal * p["b"], "b": factor * xp.sin(p["a"])}

    def jvp(p: Any, t: Any) -> Any:
        return factor * (xp.cos(p["a"]) * p["b"] * t["a"] + xp.sin(p["a"]) * t["b"])

    def vjp(p: Any, c: Any) -> Any:
        return {
            "a": factor * xp.cos(p["a"]) * p["b"] * c,
            "b": factor * xp.sum(xp.sin(p["a"]) * c),
        }

    for verify, claim in ((verify_jac, jac), (verify_jvp, jvp), (verify_vjp, vjp)):
        assert_verdict(by_steps(verify, func, claim, x0), wanted)


@pytest.mark.libraries("numpy", "jax", "torch")
@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_a_func_that_is_not_analytic_is_judged_by_differences(xp: Library, factor: float) -> None:
    report = by_steps(
        verify_grad,
        lambda x: xp.sum(abs(x) ** 3),
        lambda x: factor * 3 * x * abs(x),
        xp.asarray(VALUES),
    )
    assert_verdict(report, CORRECT if factor == 1 else WRONG)
    assert "func is not analytic" in " ".join(report.hints)


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("power", [1.5, 2.5])
@pytest.mark.parametrize(("error", "wanted"), [(0.0, CORRECT), (0.1, WRONG)])
def test_a_branch_point(power: float, error: float, wanted: Verdict) -> None:
    """The imaginary part of ``(i h)**1.5`` over h falls like the root of h: it is no derivative."""

    def grad(x: Any) -> Any:
        return power * x ** (power - 1) + np.array([error, 0.0])

    report = by_steps(verify_grad, lambda x: np.sum(x**power), grad, np.array([0.0, 1.0]))
    assert_verdict(report, wanted)


@pytest.mark.libraries("numpy", "jax", "torch")
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_func_of_many_points(xp: Library, factor: float) -> None:
    report = by_steps(
        verify_grad,
        lambda x: xp.sum(x * x, axis=1),
        lambda x: factor * 2 * x,
        xp.asarray(VALUES),
        batch="vectorized",
    )
    assert_verdict(report, CORRECT if factor == 1 else WRONG)
    assert not any("analytic" in hint for hint in report.hints)


def test_a_func_that_refuses_complex_numbers_is_named() -> None:
    def func(x: Any) -> Any:
        return sum(math.sqrt(entry) for entry in x.tolist())

    with pytest.raises(ValueError, match=r"does not take complex numbers \(TypeError.*pass method"):
        by_steps(verify_grad, func, lambda x: 0.5 / np.sqrt(x), np.ones(2))


def test_a_func_that_is_complex_by_itself_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        by_steps(verify_grad, lambda x: np.sum(x) + 1j, np.ones_like, np.ones(2))


@pytest.mark.libraries("numpy", "jax", "torch")
def test_half_precision_has_no_complex_numbers(xp: Library) -> None:
    with pytest.raises(ValueError, match=r"x0 has dtype .*float16.*pass 'differences'"):
        by_steps(
            verify_grad, lambda x: xp.sum(x * x), lambda x: 2 * x, xp.asarray([1.0], "float16")
        )


def test_complex_x0_and_an_unknown_method_are_refused() -> None:
    with pytest.raises(ValueError, match="x0 is complex"):
        by_steps(verify_grad, lambda x: abs(x[0]), lambda x: x, np.array([1j]))
    with pytest.raises(ValueError, match="method is 'exact'"):
        verify_grad(np.sum, np.ones_like, np.ones(2), method="exact")
