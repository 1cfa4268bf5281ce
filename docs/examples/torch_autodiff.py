"""Check a `torch.autograd.Function` in every mode, and its second derivatives.

Run ``python docs/examples/torch_autodiff.py``. The broken function has right first
derivatives and wrong second derivatives, without an error. The program prints the
reports. It exits with 0 if the right function is correct, and the broken one correct at
order 1 and wrong at order 2.
"""

import sys

import torch

from checkgrad import Verdict, verify_autodiff


class LogSumExp(torch.autograd.Function):
    """The logarithm of the sum of exponentials over the last axis."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        shift = x.amax(dim=-1, keepdim=True)
        return (
            shift + torch.log(torch.exp(x - shift).sum(dim=-1, keepdim=True))
        ).squeeze(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x, output)
        ctx.save_for_forward(x, output)

    @staticmethod
    def backward(ctx, cotangent):
        x, output = ctx.saved_tensors
        return cotangent.unsqueeze(-1) * torch.exp(x - output.unsqueeze(-1))

    @staticmethod
    def jvp(ctx, tangent):
        x, output = ctx.saved_tensors
        return (torch.exp(x - output.unsqueeze(-1)) * tangent).sum(dim=-1)


class SoftmaxKept(LogSumExp):
    """Broken: the backward pass uses a softmax that no longer depends on x."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.softmax = torch.softmax(x, dim=-1).detach()
        ctx.save_for_forward(x, output)

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent.unsqueeze(-1) * ctx.softmax


def main():
    generator = torch.Generator().manual_seed(0)
    x0 = torch.randn(3, dtype=torch.float64, generator=generator)
    right = verify_autodiff(LogSumExp.apply, x0, modes=["fwd", "rev", "vmap"], order=2)
    first = verify_autodiff(SoftmaxKept.apply, x0)
    second = verify_autodiff(SoftmaxKept.apply, x0, order=2)
    print(f"right, order 2:\n{right}\n")
    print(f"softmax kept, order 1:\n{first}\n")
    print(f"softmax kept, order 2:\n{second}")
    return 0 if right and first and second.verdict is Verdict.WRONG else 1


if __name__ == "__main__":
    sys.exit(main())
