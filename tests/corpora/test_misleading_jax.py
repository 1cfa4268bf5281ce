"""JAX functions that may be other functions in float64, and claims that are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
from jax import lax
from misleading import Function, in_part, said

from checkgrad import (
    Report,
    Verdict,
    verify_autodiff,
    verify_grad,
    verify_jac,
    verify_jvp,
    verify_vjp,
)

pytestmark = pytest.mark.libraries("jax")


POINT = (0.7, -1.3, 0.4, 2.1, -0.6, 1.7)
JITTERS = [10.0 ** (-5 + 0.3 * i) for i in range(10)]
MARGINS = [8 + 17 * i / 9 for i in range(10)]
CONDITIONS = [10.0 ** (2 + 0.35 * i) for i in range(10)]


def few(values: list[float], dtypes: tuple[str, ...] = ("float32", "bfloat16")) -> Any:
    """Parametrize over values and dtypes. JAX compiles each: a plain run takes the last one."""
    plain_run = (len(values) - 1, dtypes[-1])
    return pytest.mark.parametrize(
        ("value", "dtype"),
        [
            pytest.param(
                value,
                dtype,
                marks=[] if (i, dtype) == plain_run else [pytest.mark.full],
                id=f"{value:.3g}-{dtype}",
            )
            for i, value in enumerate(values)
            for dtype in dtypes
        ],
    )


def float32(values: Any) -> Any:
    return jnp.asarray(values, dtype=jnp.float32)


def one_percent_off(claim: Function) -> Function:
    """Return `claim` with an error in its largest entry."""

    def wrong(x: Any) -> Any:
        said = claim(x)
        flat = said.reshape(-1)
        return flat.at[jnp.argmax(jnp.abs(flat))].multiply(1.01).reshape(said.shape)

    return wrong


def checked(func: Function, claim: Function, x0: Any, **options: Any) -> Report:
    return verify_grad(func, claim, x0, rng=0, **options)


@dataclass(frozen=True)
class Case:
    """A func and its right gradient, by autodiff if it is not given."""

    func: Function
    claim: Function | None = None
    evaluated_in: str = "float64"
    remark: str = ""
    point: tuple[float, ...] = POINT

    @property
    def grad(self) -> Function:
        return self.claim or jax.grad(self.func)


def clips_at_eps(x: Any) -> Any:
    eps = jnp.finfo(x.dtype).eps
    s = jnp.clip(jax.nn.sigmoid(10 * x), eps, 1 - eps)
    return -jnp.log(s).sum() - jnp.log(1 - s).sum()


def divides_by_eps(x: Any) -> Any:
    return (x**2 / (x**2 + 1e7 * jnp.finfo(x.dtype).eps)).sum()


def branches_at_underflow(x: Any) -> Any:
    return jnp.where(jnp.exp(0 * x - 110) == 0, x**2, x**3).sum()


def slope_depends_on_dtype(x: Any) -> Any:
    return (x**2).sum() + (3 if x.dtype == jnp.float32 else 1) * (x - np.float32(POINT)).sum()


def drops_out(x: Any) -> Any:
    kept = jax.random.bernoulli(jax.random.key(0), 0.5, x.shape)
    return (jnp.where(kept, 2 * x, 0) ** 2).sum() + (x**3).sum()


def draws(x: Any) -> Any:
    first, second = jax.random.split(jax.random.key(0))
    return (
        jax.random.normal(first, x.shape) * x + jax.random.uniform(second, x.shape) * x**2
    ).sum()


def casts(x: Any) -> Any:
    return (jnp.sin(x).astype(jnp.bfloat16).astype(x.dtype) ** 2).sum()


def reads_sign_bits(x: Any) -> Any:
    bits = lax.bitcast_convert_type(x, jnp.int32)
    return (x**2 * (1 + (bits >> 31))).sum() + x.sum()


def reads_exponents(x: Any) -> Any:
    return (x**2 * jnp.frexp(lax.stop_gradient(x))[1]).sum()


def moves_to_the_next(x: Any) -> Any:
    return (jnp.nextafter(x, x + 1) ** 2).sum()


CASES = {
    "an eps of x.dtype that clips": Case(clips_at_eps, point=(0.7, -1.3, 3.0, 2.1, -0.6, 1.7)),
    "an eps of x.dtype in a sum": Case(divides_by_eps),
    "a branch at underflow": Case(branches_at_underflow, evaluated_in="float32"),
    "a slope that depends on the dtype": Case(slope_depends_on_dtype, lambda x: 2 * x + 3),
    "dropout with a key": Case(drops_out),
    "draws with a key": Case(draws),
    "a cast to bfloat16": Case(casts, remark="func casts to bfloat16 inside"),
    "sign bits": Case(reads_sign_bits, remark="bitcast_convert_type"),
    "exponents": Case(reads_exponents, remark="bitcast_convert_type"),
    "the next number": Case(moves_to_the_next, lambda x: 2 * x),
}
every_case = pytest.mark.parametrize("name", CASES)


@every_case
def test_right_gradient_is_correct(name: str) -> None:
    case = CASES[name]
    report = checked(case.func, case.grad, float32(case.point))
    assert report, report
    assert report.evaluated_in == case.evaluated_in
    assert said(report, case.remark) or not case.remark


@pytest.mark.parametrize("name", in_part(CASES))
def test_error_of_one_percent_is_wrong(name: str) -> None:
    case = CASES[name]
    report = checked(case.func, one_percent_off(case.grad), float32(case.point))
    assert report.verdict is Verdict.WRONG, report


def test_a_slope_of_float64_alone_is_wrong() -> None:
    report = checked(slope_depends_on_dtype, lambda x: 2 * x + 1, float32(POINT))
    assert report.verdict is Verdict.WRONG, report


@jax.custom_vjp
def quantised(x: Any) -> Any:
    return jnp.round(16 * x) / 16


quantised.defvjp(lambda x: (quantised(x), None), lambda _, cotangent: (cotangent,))


def stopped(x: Any) -> Any:
    return x + lax.stop_gradient(jnp.round(16 * x) / 16 - x)


@pytest.mark.parametrize("quantiser", [quantised, stopped], ids=["custom rule", "stop_gradient"])
def test_a_straight_through_rule_is_not_the_derivative_of_a_quantiser(quantiser: Function) -> None:
    def func(x: Any) -> Any:
        return (quantiser(x) ** 2).sum()

    assert checked(func, jax.grad(func), float32(POINT)).verdict is Verdict.WRONG
    assert checked(func, jnp.zeros_like, float32(POINT))


def overflowing(z: Any) -> Any:
    exp = jnp.exp(z)
    return exp / exp.sum()


@jax.custom_vjp
def overflows_backward(z: Any) -> Any:
    return jax.scipy.special.logsumexp(z)


overflows_backward.defvjp(
    lambda z: (overflows_backward(z), z), lambda z, cotangent: (cotangent * overflowing(z),)
)

OVERFLOWS = [95.0, 94.0, 1.0, 2.0]
UNDERFLOWS = [-110.0, -111.0, -112.0]


@pytest.mark.parametrize(
    "x0",
    [OVERFLOWS, pytest.param(UNDERFLOWS, marks=pytest.mark.full)],
    ids=["overflow", "underflow"],
)
def test_a_claim_that_is_right_in_float64_alone_is_wrong_for_this_reason(x0: Any) -> None:
    for report in (
        checked(jax.scipy.special.logsumexp, overflowing, float32(x0)),
        checked(overflows_backward, jax.grad(overflows_backward), float32(x0)),
        verify_autodiff(overflows_backward, float32(x0), rng=0),
    ):
        assert report.verdict is Verdict.WRONG, report
        assert said(report, "right in float64, and wrong in float32")


def test_overflow_is_found_through_every_door() -> None:
    def func(z: Any) -> Any:
        return jnp.exp(z - 88)

    def diagonal(z: Any) -> Any:  # infinite in float32
        return jnp.exp(z) / jnp.exp(float32(88))

    x0 = float32([89.0, 88.5, 1.0])
    for report in (
        verify_jac(func, lambda z: jnp.diag(diagonal(z)), x0, rng=0),
        verify_jvp(func, lambda z, v: diagonal(z) * v, x0, rng=0),
        verify_vjp(func, lambda z, w: diagonal(z) * w, x0, rng=0),
    ):
        assert report.verdict is Verdict.WRONG, report
        assert said(report, "right in float64, and wrong in float32")


def test_a_cast_is_named_through_every_door() -> None:
    def func(x: Any) -> Any:
        return jnp.sin(x).astype(jnp.bfloat16).astype(x.dtype)

    x0 = float32(POINT)
    for report in (
        verify_jac(func, lambda x: jnp.diag(jnp.cos(x)), x0, rng=0),
        verify_jvp(func, lambda x, v: jnp.cos(x) * v, x0, rng=0),
        verify_vjp(func, lambda x, w: jnp.cos(x) * w, x0, rng=0),
        verify_autodiff(func, x0, rng=0),
    ):
        assert report, report
        assert said(report, "func casts to bfloat16 inside")
    assert not verify_jvp(func, lambda x, v: 1.01 * jnp.cos(x) * v, x0, rng=0)


def test_digits_lost_in_p_minus_1_are_reported_with_their_place() -> None:
    p0 = float32([1 + 3e-5, 1 - 2e-5, 1 + 1e-5])
    report = checked(lambda p: (p - jnp.log(p)).sum(), lambda p: 1 - 1 / p, p0)
    assert report, report
    assert report.digits is not None
    assert 1 < report.digits < 4
    assert said(report, "in float32 the claim keeps")
    assert said(report, "digits at p[")


# Compiled functions are widened once for all checks.
@jax.jit
def cross_entropy(z: Any) -> Any:
    return -jax.nn.log_softmax(z)[2]


@jax.jit
def softmax_minus_one_hot(z: Any) -> Any:
    return jax.nn.softmax(z) - jax.nn.one_hot(2, 5, dtype=z.dtype)


@few(MARGINS)
def test_confident_cross_entropies(value: float, dtype: str) -> None:
    logits = np.random.default_rng(round(value)).standard_normal(5)
    logits[2] += value
    z0 = jnp.asarray(logits, dtype=dtype)
    for claim in (jax.jit(jax.grad(cross_entropy)), softmax_minus_one_hot):
        report = checked(cross_entropy, claim, z0)
        assert report, report
        wrong = checked(cross_entropy, one_percent_off(claim), z0)
        assert wrong.verdict is Verdict.WRONG, wrong


def likelihood(jitter: float) -> Function:
    rng = np.random.default_rng(0)
    inputs = np.sort(rng.standard_normal(8)).astype(np.float32)
    outputs = (np.sin(3 * inputs) + 0.05 * rng.standard_normal(8)).astype(np.float32)

    def func(theta: Any) -> Any:
        theta = theta.astype(jnp.float32)
        length, size = jnp.exp(theta)
        squares = (inputs[:, None] - inputs) ** 2
        kernel = size * jnp.exp(-squares / (2 * length**2))
        factor = jnp.linalg.cholesky(kernel + jitter * jnp.eye(8, dtype=jnp.float32))
        weights = jax.scipy.linalg.cho_solve((factor, True), outputs)
        return outputs @ weights / 2 + jnp.log(jnp.diagonal(factor)).sum()

    return jax.jit(func)


@few(JITTERS)
def test_likelihoods_of_gaussian_processes(value: float, dtype: str) -> None:
    func, theta = likelihood(value), jnp.asarray([0.3, 0.1], dtype=dtype)
    report = checked(func, jax.grad(func), theta)
    assert report, report
    wrong = checked(func, one_percent_off(jax.grad(func)), theta)
    assert wrong.verdict is Verdict.WRONG, wrong


@pytest.mark.full
@few(CONDITIONS, ("float32",))
def test_ill_conditioned_log_determinants(value: float, dtype: str) -> None:
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    matrix = jnp.asarray((basis * np.logspace(0, -np.log10(value), 6)) @ basis.T, dtype=dtype)

    @jax.jit
    def func(a: Any) -> Any:
        return jnp.linalg.slogdet(a)[1]

    @jax.jit
    def claim(a: Any) -> Any:
        return jnp.linalg.inv(a).T

    report = checked(func, claim, matrix)
    assert report, report
    wrong = checked(func, one_percent_off(claim), matrix)
    assert wrong.verdict is Verdict.WRONG, wrong
