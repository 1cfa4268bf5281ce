"""What the tests of misleading functions of PyTorch share."""

from __future__ import annotations

from typing import Any

import torch
from misleading import Function

X0 = torch.tensor([0.7, -1.3, 0.4, 2.1, -0.6, 1.7])


def func(x: Any) -> Any:
    return (torch.sin(x) * x).sum()


def grad(x: Any) -> Any:
    return torch.cos(x) * x + torch.sin(x)


def gradient_of(function: Function) -> Function:
    """Return the gradient of a function by autograd."""

    def gradient(x: Any) -> Any:
        x = x.detach().requires_grad_(True)
        return torch.autograd.grad(function(x), x)[0]

    return gradient


def one_percent_off(claim: Function) -> Function:
    """Return `claim` with an error in its largest entry."""

    def wrong(x: Any) -> Any:
        said = torch.as_tensor(claim(x)).contiguous().clone()
        said.view(-1)[said.abs().argmax()] *= 1.01
        return said

    return wrong
