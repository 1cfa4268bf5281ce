"""Programs on PyTorch tensors that a type checker must accept. They are never run."""

from typing import Any, assert_type

import torch

from checkgrad import Report, approx_fprime, assert_grad, verify_autodiff, verify_grad
from checkgrad.torch import gradcheck, gradgradcheck


def func(x: torch.Tensor) -> torch.Tensor:
    return (x**2).sum()


def grad(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x**2


x0 = torch.ones(3)
module = torch.nn.Linear(3, 1)
params = dict(module.named_parameters())


def loss(params: dict[str, torch.Tensor]) -> torch.Tensor:
    value: torch.Tensor = torch.func.functional_call(module, params, (x0,))
    return value.sum()


assert_type(verify_grad(func, grad, x0), Report)
assert_grad(lambda x: torch.log(torch.cosh(x)).sum(), torch.tanh, x0)
verify_grad(torch.sum, torch.ones_like, x0)
verify_grad(module, grad, x0)
verify_grad(loss, torch.func.grad(loss), params)
assert_type(approx_fprime(x0, func), torch.Tensor)
verify_autodiff(Square.apply, x0, modes=["rev"])
verify_autodiff(torch.nn.functional.gelu, x0, direction=x0)
assert_type(gradcheck(func, (x0,)), bool)
assert_type(gradgradcheck(func, (x0,)), bool)
