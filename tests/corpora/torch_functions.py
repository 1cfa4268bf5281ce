"""Forty everyday functions of PyTorch, and gradients of them that are spoiled in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

# Each with the shapes of its inputs, which are uniform between 1/2 and 3/2.
FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "sin": (torch.sin, ((4,),)),
    "exp": (torch.exp, ((3, 2),)),
    "log": (torch.log, ((5,),)),
    "sqrt": (torch.sqrt, ((4,),)),
    "tanh": (torch.tanh, ((2, 3),)),
    "sigmoid": (torch.sigmoid, ((4,),)),
    "erf": (torch.erf, ((4,),)),
    "lgamma": (torch.lgamma, ((4,),)),
    "atan2": (torch.atan2, ((4,), (4,))),
    "mul": (torch.mul, ((3, 2), (3, 2))),
    "div": (torch.div, ((3,), (2, 3))),
    "pow": (torch.pow, ((4,), (4,))),
    "hypot": (torch.hypot, ((4,), (4,))),
    "addcmul": (torch.addcmul, ((3,), (3,), (3,))),
    "lerp": (torch.lerp, ((3,), (3,), (3,))),
    "matmul": (torch.matmul, ((3, 4), (4, 2))),
    "bmm": (torch.bmm, ((2, 2, 3), (2, 3, 2))),
    "outer": (torch.outer, ((3,), (4,))),
    "einsum": (lambda a, b: torch.einsum("ij,jk->ki", a, b), ((2, 3), (3, 2))),
    "cross": (lambda a, b: torch.linalg.cross(a, b), ((2, 3), (2, 3))),
    "det": (torch.linalg.det, ((3, 3),)),
    "inv": (lambda a: torch.linalg.inv(a + 3 * torch.eye(3, dtype=a.dtype)), ((3, 3),)),
    "solve": (
        lambda a, b: torch.linalg.solve(a + 3 * torch.eye(3, dtype=a.dtype), b),
        ((3, 3), (3, 2)),
    ),
    "cholesky": (
        lambda a: torch.linalg.cholesky(a @ a.T + torch.eye(3, dtype=a.dtype)),
        ((3, 3),),
    ),
    "logdet": (lambda a: torch.logdet(a @ a.T + torch.eye(3, dtype=a.dtype)), ((3, 3),)),
    "norm": (torch.linalg.vector_norm, ((5,),)),
    "logsumexp": (lambda x: torch.logsumexp(x, dim=1), ((2, 4),)),
    "softmax": (lambda x: torch.softmax(x, dim=1), ((2, 4),)),
    "log_softmax": (lambda x: torch.log_softmax(x, dim=0), ((4,),)),
    "cumsum": (lambda x: torch.cumsum(x, dim=0), ((4, 2),)),
    "cumprod": (lambda x: torch.cumprod(x, dim=0), ((4,),)),
    "prod": (torch.prod, ((4,),)),
    "var": (lambda x: torch.var(x, dim=0), ((4, 2),)),
    "mse_loss": (functional.mse_loss, ((4,), (4,))),
    "softplus": (functional.softplus, ((4,),)),
    "gelu": (functional.gelu, ((4,),)),
    "linear": (functional.linear, ((2, 3), (4, 3), (4,))),
    "conv1d": (functional.conv1d, ((1, 2, 5), (3, 2, 3), (3,))),
    "layer_norm": (lambda x, w, b: functional.layer_norm(x, (4,), w, b), ((2, 4), (4,), (4,))),
    "cosine_similarity": (functional.cosine_similarity, ((2, 3), (2, 3))),
}


def one_percent(gradients: list[Any]) -> None:
    """Change the largest entry of the last gradient by 1%."""
    entry = int(gradients[-1].abs().argmax())
    gradients[-1].view(-1)[entry] *= 1.01


def sign_of_entry(gradients: list[Any]) -> None:
    """Change the sign of the largest entry of the first gradient."""
    entry = int(gradients[0].abs().argmax())
    gradients[0].view(-1)[entry] *= -1


def sign_of_input(gradients: list[Any]) -> None:
    """Change the sign of the whole last gradient."""
    gradients[-1].neg_()


SPOILERS = {
    "1% in one entry": one_percent,
    "sign of one entry": sign_of_entry,
    "sign of one input": sign_of_input,
}


def inputs_of(name: str) -> tuple[Any, ...]:
    """Return inputs that require a gradient."""
    generator = torch.Generator().manual_seed(1)
    return tuple(
        (torch.rand(shape, dtype=torch.float64, generator=generator) + 0.5).requires_grad_()
        for shape in FUNCTIONS[name][1]
    )


def spoiled(func: Callable[..., Any], spoil: Callable[[list[Any]], None]) -> Callable[..., Any]:
    """Return a function with a backward pass that is wrong in one place: a fixed entry.

    The entry is that which is the largest for one fixed cotangent.
    """

    class Spoiled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            ctx.save_for_backward(*inputs)
            return func(*inputs)

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            with torch.enable_grad():
                own = [each.detach().requires_grad_() for each in ctx.saved_tensors]
                value = func(*own)
                fixed = torch.arange(1.0, value.numel() + 1).to(value.dtype).view(value.shape)
                likes = torch.autograd.grad(value, own, fixed, retain_graph=True)
                found = torch.autograd.grad(value, own, cotangent)
            factors = [each.clone(memory_format=torch.contiguous_format) for each in likes]
            spoil(factors)
            return tuple(
                gradient * torch.where(like == 0, 1.0, factor / like)
                for gradient, like, factor in zip(found, likes, factors, strict=True)
            )

    applied: Callable[..., Any] = Spoiled.apply
    return applied
