"""The claim in the user's dtypes against the claim in float64."""

import numpy as np
import pytest

from checkgrad import verify_grad, verify_jac, verify_jvp, verify_vjp

pytestmark = pytest.mark.numpy

X0 = np.asarray([0.7, -1.3, 2.1], np.float32)


def func(x):
    return np.sum(np.exp(x / 3) * x)


def grad(x):
    return np.exp(x / 3) * (1 + x / 3)


def narrow(claim, spoil):
    """Return a claim that is spoilt in float32 only."""
    return lambda x, *more: spoil(claim(x, *more)) if x.dtype == np.float32 else claim(x, *more)


def test_a_claim_keeps_the_digits_of_its_dtype():
    report = verify_grad(func, grad, X0)
    assert report
    assert report.evaluated_in == "float64"
    assert 6 < report.digits < 8.5


def test_a_claim_that_is_right_in_float64_only_is_wrong():
    report = verify_grad(func, narrow(grad, lambda g: g * np.float32(1.01)), X0)
    assert report.verdict.value == "wrong"
    assert report.n_wrong == 3
    assert "right in float64, and wrong in float32" in report.hints[0]
    worst = report.mismatches[0]
    assert worst.claim == pytest.approx(1.01 * worst.estimate, rel=1e-5)


def test_a_claim_of_nan_in_float32_only_is_wrong():
    def spoil(g):
        g[1] = np.nan
        return g

    report = verify_grad(func, narrow(grad, spoil), X0)
    assert report.verdict.value == "wrong"
    assert [each.where for each in report.mismatches] == ["x[1]"]


def test_a_difference_of_less_than_rtol_costs_digits():
    report = verify_grad(func, narrow(grad, lambda g: g * np.float32(1.0003)), X0)
    assert report
    assert report.digits == pytest.approx(3.5, abs=0.1)


def test_digits_that_rounding_takes_are_reported_with_their_place():
    x0 = np.asarray([1 - 1e-5, 3.0], np.float32)

    def cancels(p):  # p - 1, by way of a number that rounds
        return np.asarray([(p[0] + 10) - 11, p[1] * 1e-5], p.dtype)

    report = verify_grad(lambda p: p[0] ** 2 / 2 - p[0] + 5e-6 * p[1] ** 2, cancels, x0)
    assert report
    assert report.digits < 3
    assert any("the claim keeps" in hint and "p[0]" in hint for hint in report.hints)


@pytest.mark.parametrize(
    ("verify", "claim"),
    [
        (verify_jac, lambda x: np.diag(2 * x)),
        (verify_jvp, lambda x, v: 2 * x * v),
        (verify_vjp, lambda x, w: 2 * x * w),
    ],
)
def test_every_form_is_compared(verify, claim):
    right = verify(lambda x: x**2, claim, X0)
    assert right
    assert right.digits is not None
    wrong = verify(lambda x: x**2, narrow(claim, lambda g: g * np.float32(1.01)), X0)
    assert wrong.verdict.value == "wrong"


def test_a_wrong_formula_is_wrong_for_its_own_reason():
    report = verify_grad(func, lambda x: -grad(x), X0)
    assert report.verdict.value == "wrong"
    assert not any("right in float64" in hint for hint in report.hints)


def test_float64_is_not_compared_with_itself():
    report = verify_grad(func, grad, X0.astype(float))
    assert report.digits is None
    assert report.evaluated_in == report.dtype == "float64"
