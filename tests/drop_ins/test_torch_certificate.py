"""What a few difference quotients certify, and what they leave to the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
torch_call = pytest.importorskip("checkgrad.drop_ins.torch_call")
torch_certificate = pytest.importorskip("checkgrad.drop_ins.torch_certificate")


def tensor(*numbers: float) -> Any:
    return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)


def open_inputs(
    func: Callable[..., Any], *inputs: Any, mode: str = "rev", fast: bool = False
) -> Any:
    call = torch_call.TorchCall(func, inputs, masked=False)
    return torch_certificate.Certificate(call, fast).open_inputs(mode)


every_mode = pytest.mark.parametrize("mode", ["rev", "fwd"])
fast_or_not = pytest.mark.parametrize("fast", [False, True])


@every_mode
@fast_or_not
@pytest.mark.parametrize(
    "func",
    [
        lambda x, y: x.sin() * y,
        lambda x, y: (1e-12 * x, 1e12 * y),  # of any scale
        lambda x, y: 1e4 + x * y,  # beside a large constant
        lambda x, y: torch.floor(x) + 0 * y,  # constant around the inputs
    ],
)
def test_right_derivatives_are_certified(func: Any, mode: str, fast: bool) -> None:
    assert open_inputs(func, tensor(0.7, 1.3), tensor(2.5, -0.2), mode=mode, fast=fast) == []


@every_mode
def test_entries_of_different_sizes_are_certified_one_by_one(mode: str) -> None:
    assert open_inputs(torch.log, tensor(1e-6, 1.0, 1e6), mode=mode) == []


@every_mode
@pytest.mark.parametrize("share", [1e-4, 1e-6])
def test_errors_of_a_single_small_entry_are_not_certified(share: float, mode: str) -> None:
    class Off(torch.autograd.Function):
        """The last entry, a hundredth of the others, is off by a share of itself."""

        @staticmethod
        def forward(x: Any) -> Any:
            return x[:-1].sum() + x[-1] / 100

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return cotangent * torch.tensor([1.0, 1.0, 0.01 * (1 + 1e2 * share)]).double()

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            return tangent[:-1].sum() + tangent[-1] * 0.01 * (1 + 1e2 * share)

    assert open_inputs(Off.apply, tensor(0.5, 1.0, 1.5), mode=mode) == [0]


@fast_or_not
def test_input_by_which_a_derivative_is_wrong_is_named(fast: bool) -> None:
    assert open_inputs(lambda x, y: x * y.detach(), tensor(1.0), tensor(2.0), fast=fast) == [1]


def test_derivative_that_is_not_linear_in_its_cotangent_is_not_certified() -> None:
    class Absolute(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return 2 * x

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return 2 * cotangent.abs()

    assert open_inputs(Absolute.apply, tensor(1.0, 2.0, 3.0)) == [0]


def test_narrow_dtypes_are_left_to_the_pipeline() -> None:
    x = torch.ones(2, requires_grad=True)
    assert open_inputs(torch.sin, x) == [0]
    assert open_inputs(lambda x: x.float().sin(), x.detach().double().requires_grad_()) == [0]


def test_kink_and_noise_are_left_to_the_pipeline() -> None:
    assert open_inputs(torch.relu, tensor(0.0, 1.0)) == [0]
    assert open_inputs(lambda x: x.float().double().sin(), tensor(0.3, 0.4)) == [0]


def test_entries_that_are_not_finite_are_left_out() -> None:
    nan = float("nan")
    assert open_inputs(torch.nansum, tensor(1.0, nan, 2.0)) == []
    assert open_inputs(
        lambda x: torch.nansum(x.detach()) + 0 * torch.nansum(x), tensor(1, nan)
    ) == [0]


def test_function_that_writes_to_its_inputs_is_left_to_the_pipeline() -> None:
    def func(x: Any) -> Any:
        y = x * 2
        x.detach().add_(1e-3)
        return y

    assert open_inputs(func, tensor(1.0)) == [0]


@every_mode
@fast_or_not
def test_function_that_changes_in_steps_is_constant_between_them(mode: str, fast: bool) -> None:
    x = tensor(5.3207, -0.7136, 8.2443)
    assert open_inputs(lambda x: torch.round(x, decimals=3), x, mode=mode, fast=fast) == []
    assert open_inputs(lambda x: torch.round(1000 * x.detach()) + 0 * x, x, fast=fast) == []


@fast_or_not
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_function_that_computes_in_a_narrow_dtype_is_not_constant(dtype: Any, fast: bool) -> None:
    def func(x: Any) -> Any:
        return x.detach().to(dtype).double() + 0 * x

    assert open_inputs(func, tensor(5.3207, -0.7136), fast=fast) == [0]


@fast_or_not
def test_float32_outside_of_pytorch_is_not_constant(fast: bool) -> None:
    def func(x: Any) -> Any:
        return torch.tensor(x.detach().numpy().astype("float32").astype(float)) + 0 * x

    assert open_inputs(func, tensor(5.3207, -0.7136), fast=fast) == [0]


NORMED = tensor(-4.82698490240764944)  # of one entry: what is left is 0, or 1e-13 by rounding


@fast_or_not
def test_derivative_that_rounding_of_the_inputs_explains_is_certified(fast: bool) -> None:
    def norm(x: Any, weight: Any) -> Any:
        return torch.native_layer_norm(x, (1,), weight, None, 1e-5)[0]

    x, weight = NORMED, NORMED.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(norm(x, weight).sum(), weight)
    assert gradient != 0
    assert open_inputs(norm, x, weight, fast=fast) == []
    # ... and also by an input that is not differentiated.
    assert open_inputs(norm, x.detach(), weight, fast=fast) == []


@fast_or_not
def test_error_of_a_derivative_that_rounding_does_not_explain_is_not_certified(fast: bool) -> None:
    def func(x: Any, y: Any) -> Any:
        return (x + 1e6) - 1e6 + 0.5001 * y.detach() + 0.4999 * y

    assert open_inputs(func, tensor(0.3), tensor(0.7), fast=fast) == [1]


class Total(torch.autograd.Function):
    """Entries less what makes their sum 1, by bisection; with two entries a constant sum."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        low, width = x.min() - 1, x.max() - x.min() + 1
        for _ in range(60):
            width = width / 2
            low = torch.where((x - low - width).sum() >= 1, low + width, low)
        return (x - low).sum().reshape(1)

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return torch.zeros(2).double()


def test_function_that_is_constant_but_for_rounding_is_certified() -> None:
    assert open_inputs(Total.apply, tensor(0.3, 1.7)) == []


@fast_or_not
@every_mode
def test_derivative_that_vanishes_is_compared_with_how_func_changes_nearby(
    fast: bool, mode: str
) -> None:
    def func(x: Any) -> Any:
        rounded = torch.round(x)
        return rounded + (x - rounded) ** 3

    assert open_inputs(func, tensor(1.0, 6.0, 10.0, 12.0), fast=fast, mode=mode) == []


def test_small_slope_beside_a_constant_is_not_taken_for_rounding() -> None:
    assert open_inputs(lambda x: 1 + 1e-11 * x.detach() + 0 * x, tensor(0.3, 1.7)) == [0]


def test_neighbours_outside_of_the_domain_of_func_are_no_error() -> None:
    def func(x: Any, limit: Any) -> Any:
        if torch.any(x > limit) or torch.any(x < 0.9 * limit):
            raise ValueError("outside")
        return x.detach() * limit.detach() + 0 * x

    x, limit = tensor(0.999), tensor(1.0).detach()
    assert open_inputs(func, x, limit) == [0]
    assert open_inputs(func, tensor(1.0), limit) == [0]


@fast_or_not
@every_mode
@pytest.mark.parametrize("func", [torch.floor, lambda x: torch.round(x, decimals=3)])
def test_straight_through_rule_of_a_staircase_is_not_certified(
    func: Any, mode: str, fast: bool
) -> None:
    assert open_inputs(lambda x: x + (func(x) - x).detach(), tensor(0.3, 2.7), fast=fast) == [0]
    assert open_inputs(lambda x: func(x) + x - x.detach(), tensor(0.3), mode=mode, fast=fast) == [0]
