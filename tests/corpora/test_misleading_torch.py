"""PyTorch functions that may be other functions in float64, and claims that are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from misleading import Function, said
from misleading_torch import X0, gradient_of, one_percent_off
from sampling import spread
from torch.nn import functional as F

from checkgrad import (
    Report,
    Verdict,
    verify_autodiff,
    verify_grad,
    verify_jac,
    verify_jvp,
    verify_vjp,
)

pytestmark = [pytest.mark.libraries("torch"), pytest.mark.usefixtures("one_thread")]


JITTERS = [10.0 ** (-5 + 0.3 * i) for i in range(10)]
MARGINS = [8 + 17 * i / 9 for i in range(10)]
CONDITIONS = [10.0 ** (2 + 0.35 * i) for i in range(10)]


def checked(func: Function, claim: Function, x0: Any, **options: Any) -> Report:
    return verify_grad(func, claim, x0, rng=0, **options)


@dataclass(frozen=True)
class Case:
    """A func and its right gradient, by autograd if it is not given."""

    func: Function
    x0: Any
    claim: Function | None = None
    evaluated_in: str = "float64"
    remark: str = ""

    @property
    def grad(self) -> Function:
        return self.claim or gradient_of(self.func)


def clips_at_eps(x: Any) -> Any:
    eps = torch.finfo(x.dtype).eps
    s = torch.sigmoid(10 * x).clamp(eps, 1 - eps)
    return -torch.log(s).sum() - torch.log(1 - s).sum()


def divides_by_eps(x: Any) -> Any:
    return (x**2 / (x**2 + 1e7 * torch.finfo(x.dtype).eps)).sum()


def branches_at_underflow(x: Any) -> Any:
    return torch.where(torch.exp(0 * x - 110) == 0, x**2, x**3).sum()


def branches_in_python_at_underflow(x: Any) -> Any:
    return (x**2).sum() if float(torch.exp(0 * x.detach() - 110).sum()) == 0 else (x**3).sum()


def slope_depends_on_dtype(x: Any) -> Any:
    return (x**2).sum() + (3 if x.dtype == torch.float32 else 1) * (x - X0).sum()


def drops_out(x: Any) -> Any:
    torch.manual_seed(0)
    return (F.dropout(x, 0.5) ** 2).sum() + (x**3).sum()


def draws(x: Any) -> Any:
    torch.manual_seed(0)
    return (torch.randn(6) * x + torch.rand_like(x) * x**2).sum()


def draws_with_generator(x: Any) -> Any:
    generator = torch.Generator().manual_seed(3)
    return (torch.randn(6, generator=generator) * x**2).sum()


def casts(x: Any) -> Any:
    return (torch.sin(x).bfloat16().float() ** 2).sum()


def reads_sign_bits(x: Any) -> Any:
    return (x**2 * (1 + (x.detach().view(torch.int32) >> 31).float())).sum() + x.sum()


def reads_exponents(x: Any) -> Any:
    return (x**2 * torch.frexp(x.detach())[1].float()).sum()


def moves_to_the_next(x: Any) -> Any:
    return (torch.nextafter(x, x + 1) ** 2).sum()


class Float32Only(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        array = x.detach().numpy()
        assert array.dtype == np.float32, "this kernel takes float32 only"
        return torch.from_numpy(np.sin(array))

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return cotangent * torch.cos(ctx.saved_tensors[0])


CASES = {
    "an eps of x.dtype that clips": Case(
        clips_at_eps, torch.tensor([0.7, -1.3, 3.0, 2.1, -0.6, 1.7])
    ),
    "an eps of x.dtype in a sum": Case(divides_by_eps, X0),
    "a branch at underflow": Case(branches_at_underflow, X0, evaluated_in="float32"),
    "a branch in Python at underflow": Case(
        branches_in_python_at_underflow, X0, evaluated_in="float32"
    ),
    "a slope that depends on the dtype": Case(slope_depends_on_dtype, X0, lambda x: 2 * x + 3),
    "dropout with a seed": Case(drops_out, X0),
    "draws with a seed": Case(draws, X0),
    "draws with a generator": Case(draws_with_generator, X0),
    "a cast to bfloat16": Case(casts, X0, remark="func casts to bfloat16 inside"),
    "sign bits": Case(reads_sign_bits, X0, remark="view.dtype"),
    "exponents": Case(reads_exponents, X0, remark="frexp"),
    "the next number": Case(moves_to_the_next, X0, lambda x: 2 * x),
    "a kernel of NumPy for float32": Case(
        lambda x: (Float32Only.apply(x) * x).sum(),
        X0,
        evaluated_in="float32",
        remark="float32 only",
    ),
}
every_case = pytest.mark.parametrize("name", CASES)


@every_case
def test_right_gradient_is_correct(name: str) -> None:
    case = CASES[name]
    report = checked(case.func, case.grad, case.x0)
    assert report, report
    assert report.evaluated_in == case.evaluated_in
    assert said(report, case.remark) or not case.remark


@pytest.mark.parametrize("name", spread([*CASES], 2))
def test_error_of_one_percent_is_wrong(name: str) -> None:
    case = CASES[name]
    report = checked(case.func, one_percent_off(case.grad), case.x0)
    assert report.verdict is Verdict.WRONG, report


def test_a_slope_of_float64_alone_is_wrong() -> None:
    report = checked(slope_depends_on_dtype, lambda x: 2 * x + 1, X0)
    assert report.verdict is Verdict.WRONG, report


def rounds_straight_through(x: Any) -> Any:
    rounded = torch.round(16 * x) / 16
    return ((x + (rounded - x).detach()) ** 2).sum()


def quantises(x: Any) -> Any:
    return (torch.fake_quantize_per_tensor_affine(x, 0.1, 0, -128, 127) ** 2).sum()


both_quantisers = pytest.mark.parametrize("func", [rounds_straight_through, quantises])


@both_quantisers
def test_a_straight_through_rule_is_not_the_derivative_of_a_quantiser(func: Function) -> None:
    assert checked(func, gradient_of(func), X0).verdict is Verdict.WRONG
    assert checked(func, gradient_of(func), X0, precision="native").verdict is not Verdict.CORRECT


@both_quantisers
def test_the_derivative_of_a_quantiser_between_its_steps_is_zero(func: Function) -> None:
    assert checked(func, torch.zeros_like, X0)


def overflowing(z: Any) -> Any:
    exp = torch.exp(z)
    return exp / exp.sum()


class OverflowingBackward(torch.autograd.Function):
    @staticmethod
    def forward(z: Any) -> Any:
        return torch.logsumexp(z, 0)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return cotangent * overflowing(ctx.saved_tensors[0])


OVERFLOWS = torch.tensor([95.0, 94.0, 1.0, 2.0])
UNDERFLOWS = torch.tensor([-110.0, -111.0, -112.0])


@pytest.mark.parametrize("x0", [OVERFLOWS, UNDERFLOWS], ids=["overflow", "underflow"])
def test_a_claim_that_is_right_in_float64_alone_is_wrong_for_this_reason(x0: Any) -> None:
    report = checked(lambda z: torch.logsumexp(z, 0), overflowing, x0)
    assert report.verdict is Verdict.WRONG, report
    assert said(report, "right in float64, and wrong in float32")


def test_a_backward_that_is_right_in_float64_alone_is_wrong_for_this_reason() -> None:
    func = OverflowingBackward.apply
    for report in (
        checked(func, gradient_of(func), OVERFLOWS),
        verify_autodiff(func, OVERFLOWS, rng=0),
    ):
        assert report.verdict is Verdict.WRONG, report
        assert said(report, "right in float64, and wrong in float32")


def test_overflow_is_found_through_every_door() -> None:
    def func(z: Any) -> Any:
        return torch.exp(z - 88)

    def diagonal(z: Any) -> Any:  # infinite in float32
        return torch.exp(z) / torch.exp(torch.tensor(88.0))

    x0 = torch.tensor([89.0, 88.5, 1.0])
    for report in (
        verify_jac(func, lambda z: torch.diag(diagonal(z)), x0, rng=0),
        verify_jvp(func, lambda z, v: diagonal(z) * v, x0, rng=0),
        verify_vjp(func, lambda z, w: diagonal(z) * w, x0, rng=0),
    ):
        assert report.verdict is Verdict.WRONG, report
        assert said(report, "right in float64, and wrong in float32")


def test_a_cast_is_named_through_every_door() -> None:
    def func(x: Any) -> Any:
        return torch.sin(x).bfloat16().float()

    for report in (
        verify_jac(func, lambda x: torch.diag(torch.cos(x)), X0, rng=0),
        verify_jvp(func, lambda x, v: torch.cos(x) * v, X0, rng=0),
        verify_vjp(func, lambda x, w: torch.cos(x) * w, X0, rng=0),
        verify_autodiff(func, X0, rng=0),
    ):
        assert report, report
        assert said(report, "func casts to bfloat16 inside")
    assert not verify_jvp(func, lambda x, v: 1.01 * torch.cos(x) * v, X0, rng=0)


def test_digits_lost_in_p_minus_1_are_reported_with_their_place() -> None:
    p0 = torch.tensor([1 + 3e-5, 1 - 2e-5, 1 + 1e-5])
    report = checked(lambda p: (p - torch.log(p)).sum(), lambda p: 1 - 1 / p, p0)
    assert report, report
    assert report.digits is not None
    assert 1 < report.digits < 4
    assert said(report, "in float32 the claim keeps")
    assert said(report, "digits at p[")


def confident(margin: float, dtype: Any) -> tuple[Function, Any]:
    generator = torch.Generator().manual_seed(round(margin))
    logits = torch.randn(5, generator=generator)
    logits[2] += margin
    return lambda z: F.cross_entropy(z[None], torch.tensor([2])), logits.to(dtype)


def softmax_minus_one_hot(z: Any) -> Any:
    return torch.softmax(z, 0) - F.one_hot(torch.tensor(2), 5).to(z.dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("margin", spread(MARGINS, 4), ids="{:.0f}".format)
def test_confident_cross_entropies(margin: float, dtype: Any) -> None:
    func, logits = confident(margin, dtype)
    for claim in (gradient_of(func), softmax_minus_one_hot):
        report = checked(func, claim, logits)
        assert report, report
        wrong = checked(func, one_percent_off(claim), logits)
        assert wrong.verdict is Verdict.WRONG, wrong


def likelihood(jitter: float) -> Function:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.sort(torch.randn(8, generator=generator)).values
    outputs = torch.sin(3 * inputs) + 0.05 * torch.randn(8, generator=generator)

    def func(theta: Any) -> Any:
        theta = theta.float()
        length, size = torch.exp(theta)
        squares = (inputs[:, None] - inputs) ** 2
        kernel = size * torch.exp(-squares / (2 * length**2)) + jitter * torch.eye(8)
        factor = torch.linalg.cholesky(kernel)
        weights = torch.cholesky_solve(outputs[:, None], factor)[:, 0]
        return outputs @ weights / 2 + torch.log(torch.diagonal(factor)).sum()

    return func


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("jitter", spread(JITTERS, 4), ids="{:.0e}".format)
def test_likelihoods_of_gaussian_processes(jitter: float, dtype: Any) -> None:
    func, theta = likelihood(jitter), torch.tensor([0.3, 0.1], dtype=dtype)
    report = checked(func, gradient_of(func), theta)
    assert report, report
    wrong = checked(func, one_percent_off(gradient_of(func)), theta)
    assert wrong.verdict is Verdict.WRONG, wrong


@pytest.mark.parametrize("condition", spread(CONDITIONS, 4), ids="{:.0e}".format)
def test_ill_conditioned_log_determinants(condition: float) -> None:
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(6, 6, generator=generator))[0]
    matrix = (basis * torch.logspace(0, -float(np.log10(condition)), 6)) @ basis.T
    for claim in (gradient_of(torch.logdet), lambda a: torch.linalg.inv(a).T):
        report = checked(torch.logdet, claim, matrix)
        assert report, report
        wrong = checked(torch.logdet, one_percent_off(claim), matrix)
        assert wrong.verdict is Verdict.WRONG, wrong


@pytest.mark.parametrize(
    "func",
    [
        lambda x: (x.detach().view(torch.int32).view(torch.float32) * x).sum(),
        lambda x: (torch.tensor(x.detach().tolist()) * x).sum(),
        lambda x: (torch.from_numpy(np.asarray(x.detach(), np.float32)) * x).sum(),
    ],
)
def test_a_partial_derivative_beside_rounded_factors_is_not_correct(func: Any) -> None:
    assert verify_grad(func, lambda x: 2 * x, X0).verdict.value == "correct"
    assert verify_grad(func, lambda x: x, X0).verdict.value == "wrong"


def test_a_claim_through_a_list_of_numbers_is_correct() -> None:
    def claim(x: Any) -> Any:
        numbers = x.detach().double()
        return torch.tensor((numbers.sin() + numbers * numbers.cos()).tolist(), dtype=x.dtype)

    for entry in (0.25, 0.390625, 0.78125):
        x0 = torch.tensor([entry], dtype=torch.bfloat16)
        report = verify_grad(lambda x: (x.sin() * x).sum(), claim, x0)
        assert report.verdict.value == "correct", str(report)
