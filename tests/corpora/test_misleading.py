"""NumPy functions that may be other functions in float64, and claims that are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from misleading import Function, said
from sampling import spread

from checkgrad import Report, Verdict, verify_grad, verify_jac, verify_jvp, verify_vjp

pytestmark = pytest.mark.numpy


X0 = np.array([0.7, -1.3, 0.4, 2.1, -0.6, 1.7], dtype=np.float32)


def one_percent_off(claim: Function) -> Function:
    """Return `claim` with an error in its largest entry."""

    def wrong(x: Any) -> Any:
        said = np.array(claim(x), order="C")
        said.flat[np.argmax(np.abs(said))] *= 1.01
        return said

    return wrong


def checked(func: Function, claim: Function, x0: Any = X0, **options: Any) -> Report:
    return verify_grad(func, claim, x0, rng=0, **options)


def func_of_float64(x: Any) -> Any:
    return np.sum(np.sin(x) * x)


def grad_of_float64(x: Any) -> Any:
    return np.cos(x) * x + np.sin(x)


@dataclass(frozen=True)
class Case:
    """A func and its right gradient."""

    func: Function
    grad: Function
    evaluated_in: str = "float64"
    remark: str = ""


def clips_at_eps(x: Any) -> Any:
    eps = np.finfo(x.dtype).eps
    return -np.sum(np.log(np.clip(1 / (1 + np.exp(-10 * x)), eps, 1 - eps)))


def for_float32_only(x: Any) -> Any:
    if x.dtype != np.float32:
        raise TypeError("this kernel takes float32 only")
    return func_of_float64(x)


def masks_bits(x: Any) -> Any:
    return func_of_float64((x.view(np.int32) & ~0xFF).view(np.float32))


def draws(x: Any) -> Any:
    return np.sum(np.random.default_rng(0).standard_normal(6, dtype=x.dtype) * x)


def branches_at_underflow(x: Any) -> Any:
    return np.sum(np.where(np.exp(0 * x - 110) == 0, x**2, x**3))


CASES = {
    "an eps of x.dtype in a clip": Case(clips_at_eps, lambda x: -10 / (1 + np.exp(10 * x))),
    "a branch at underflow": Case(branches_at_underflow, lambda x: 2 * x, "float32"),
    "a value that depends on the dtype": Case(
        lambda x: func_of_float64(x) * (1.1 if x.dtype == np.float32 else 1),
        lambda x: 1.1 * grad_of_float64(x),
        "float32",
    ),
    "a slope that depends on the dtype": Case(
        lambda x: func_of_float64(x) + (3 if x.dtype == np.float32 else 1) * np.sum(x - X0),
        lambda x: grad_of_float64(x) + 3,
        "float32",
    ),
    "float32 only": Case(for_float32_only, grad_of_float64, "float32", "takes float32 only"),
    "bits of floats": Case(masks_bits, grad_of_float64, "float32"),
    "draws in x.dtype": Case(
        draws, lambda x: np.random.default_rng(0).standard_normal(6, dtype=x.dtype), "float32"
    ),
    "all of x in float32": Case(
        lambda x: func_of_float64(x.astype(np.float32)), grad_of_float64, "float32"
    ),
}
every_case = pytest.mark.parametrize("name", CASES)


@every_case
def test_right_gradient_is_correct(name: str) -> None:
    case = CASES[name]
    report = checked(case.func, case.grad)
    assert report, report
    assert report.evaluated_in == case.evaluated_in
    assert said(report, case.remark) or not case.remark
    assert case.evaluated_in == "float64" or said(
        report, "func was evaluated in float32, and not in"
    )


@every_case
def test_error_of_one_percent_is_wrong(name: str) -> None:
    case = CASES[name]
    report = checked(case.func, one_percent_off(case.grad))
    assert report.verdict is Verdict.WRONG, report


def test_a_claim_that_branches_on_the_dtype_is_wrong_for_this_reason() -> None:
    report = checked(
        func_of_float64, lambda x: grad_of_float64(x) * (1.1 if x.dtype == np.float32 else 1)
    )
    assert report.verdict is Verdict.WRONG, report
    assert said(report, "right in float64, and wrong in float32")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_claim_in_a_narrow_dtype_whatever_it_gets_is_judged_with_func_in_float64(
    dtype: str,
) -> None:
    report = checked(func_of_float64, lambda x: grad_of_float64(x.astype(dtype)))
    assert report, report
    assert report.evaluated_in == "float64"
    assert report.digits is None
    assert said(report, "the claim was evaluated as it is written")


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_overflow_is_found_through_every_door() -> None:
    def func(z: Any) -> Any:
        return np.exp(z - np.float32(88))

    def diagonal(z: Any) -> Any:  # infinite in float32
        return np.exp(z) / np.exp(np.float32(88))

    x0 = np.array([89.0, 88.5, 1.0], dtype=np.float32)
    for report in (
        checked(lambda z: np.sum(func(z)), diagonal, x0),
        verify_jac(func, lambda z: np.diag(diagonal(z)), x0, rng=0),
        verify_jvp(func, lambda z, v: diagonal(z) * v, x0, rng=0),
        verify_vjp(func, lambda z, w: diagonal(z) * w, x0, rng=0),
    ):
        assert report.verdict is Verdict.WRONG, report
        assert said(report, "right in float64, and wrong in float32")


def test_digits_lost_in_p_minus_1_are_reported_with_their_place() -> None:
    p0 = np.array([1 + 3e-5, 1 - 2e-5, 1 + 1e-5], dtype=np.float32)
    report = checked(lambda p: np.sum(p - np.log(p)), lambda p: 1 - 1 / p, p0)
    assert report, report
    assert report.digits is not None
    assert 1 < report.digits < 4
    assert said(report, "in float32 the claim keeps")
    assert said(report, "digits at p[")


@pytest.mark.parametrize("condition", [1e2, 1e3, 1e4, 1e5])
def test_ill_conditioned_log_determinants(condition: float) -> None:
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    matrix = ((basis * np.logspace(0, -np.log10(condition), 6)) @ basis.T).astype(np.float32)

    def func(a: Any) -> Any:
        return np.linalg.slogdet(a)[1]

    def claim(a: Any) -> Any:
        return np.linalg.inv(a).T

    report = checked(func, claim, matrix)
    assert report, report
    wrong = checked(func, one_percent_off(claim), matrix)
    assert wrong.verdict is Verdict.WRONG, wrong


@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_huge_and_tiny_scales_in_float32(scale: float) -> None:
    scale = np.float32(scale)
    of_func = checked(lambda x: scale * func_of_float64(x), lambda x: scale * grad_of_float64(x))
    assert of_func, of_func
    of_x = checked(
        lambda x: np.sum(np.sin(x / scale)), lambda x: np.cos(x / scale) / scale, scale * X0
    )
    assert of_x, of_x


def test_trees_of_many_dtypes_and_empty_leaves() -> None:
    def func(t: Any) -> Any:
        return func_of_float64(t["a"]) + np.sum(t["b"] ** 2) + t["c"].sum() + np.sum(t["d"] ** 3)

    def grad(t: Any) -> Any:
        return {"a": grad_of_float64(t["a"]), "b": 2 * t["b"], "c": t["c"], "d": 3 * t["d"] ** 2}

    tree = {
        "a": X0,
        "b": np.array(2.0, np.float32),
        "c": np.zeros(0, np.float32),
        "d": X0.astype(np.float16),
    }
    assert checked(func, grad, tree)
    wrong = checked(func, lambda t: {**grad(t), "d": 3.1 * t["d"] ** 2}, tree)
    assert wrong.verdict is Verdict.WRONG, wrong


@pytest.mark.parametrize("precision", ["nonsense", None, 64])
def test_a_precision_that_there_is_not_is_refused_with_those_that_there_are(precision: Any) -> None:
    with pytest.raises(ValueError, match=r"precision is .* pass 'auto', 'float64' or 'native'"):
        checked(func_of_float64, grad_of_float64, precision=precision)


def test_float64_where_it_cannot_be_had_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="takes float32 only"):
        checked(for_float32_only, grad_of_float64, precision="float64")


@pytest.mark.parametrize("i", spread(range(10), 3))
def test_confident_cross_entropies_are_never_called_wrong(i: int) -> None:
    """Their values round to 0 in float32, where large terms cancel."""
    logits = np.random.default_rng(i).standard_normal(5).astype(np.float32)
    logits[2] += 8 + 17 * i / 9

    def loss(z: Any) -> Any:
        most = np.max(z)
        return np.log(np.sum(np.exp(z - most))) + most - z[2]

    def grad(z: Any) -> Any:
        p = np.exp(z - np.max(z))
        return p / np.sum(p) - np.eye(5, dtype=z.dtype)[2]

    report = checked(loss, grad, logits)
    assert report.verdict.value != "wrong", report
    wrong = checked(loss, lambda z: -grad(z), logits)
    assert wrong.verdict.value == "wrong" or i > 2, wrong
    assert wrong.verdict.value != "correct", wrong


def test_a_partial_derivative_beside_rounded_factors_is_not_correct() -> None:
    def func(x: Any) -> Any:
        return np.sum(np.sin(x.astype(np.float32)).astype(x.dtype) * x)

    report = checked(func, lambda x: np.sin(x))
    assert report.verdict.value != "correct", report
    assert checked(func, lambda x: np.sin(x) + x * np.cos(x)).verdict.value == "correct"
