"""Check the hand-written backward pass of a `torch.autograd.Function`.

Run ``python docs/examples/torch_autograd_function.py``. It prints the reports on a
right and on a broken backward pass. It exits with 0 if the right one is correct and the
broken one is wrong.
"""

import sys

import torch

from checkgrad import Verdict, verify_grad


class LogSumExp(torch.autograd.Function):
    """The logarithm of the sum of exponentials over the last axis."""

    @staticmethod
    def forward(ctx, x):
        shift = x.amax(dim=-1, keepdim=True)
        exponentials = torch.exp(x - shift)
        total = exponentials.sum(dim=-1, keepdim=True)
        ctx.save_for_backward(exponentials / total)
        return (shift + torch.log(total)).squeeze(-1)

    @staticmethod
    def backward(ctx, cotangent):
        (softmax,) = ctx.saved_tensors
        return cotangent.unsqueeze(-1) * softmax


class BrokenLogSumExp(LogSumExp):
    """Broken: the backward pass ignores its cotangent."""

    @staticmethod
    def backward(ctx, cotangent):  # noqa: ARG004 - this is the mistake
        (softmax,) = ctx.saved_tensors
        return softmax


def check(function):
    """Return the report on the backward pass of `function`."""

    def func(logits):
        return (function.apply(logits) ** 2).sum()

    def grad(logits):
        return torch.autograd.grad(func(logits), logits)[0]

    generator = torch.Generator().manual_seed(0)
    x0 = torch.randn(4, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    return verify_grad(func, grad, x0)


def main():
    right, broken = check(LogSumExp), check(BrokenLogSumExp)
    print(f"right backward pass:\n{right}\n")
    print(f"cotangent forgotten:\n{broken}")
    return 0 if right and broken.verdict is Verdict.WRONG else 1


if __name__ == "__main__":
    sys.exit(main())
