"""Check a hand-written gradient with respect to the parameters of a `torch.nn.Module`.

Run ``python docs/examples/torch_module.py``. It prints the reports on a right and on a
broken gradient. It exits with 0 if the right one is correct and the broken one is
wrong.
"""

import sys

import torch
from torch import nn
from torch.func import functional_call

from checkgrad import Verdict, verify_grad

MODULE = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def loss(params, inputs, targets):
    """Return half the mean squared error of the module with the parameters `params`."""
    return ((functional_call(MODULE, params, (inputs,)) - targets) ** 2).sum() / (
        2 * len(inputs)
    )


def gradient(params, inputs, targets):
    """Return the gradient of `loss`, by hand, by the names of the parameters."""
    hidden = torch.tanh(inputs @ params["0.weight"].T + params["0.bias"])
    return backward(params, inputs, targets, hidden, slope=1 - hidden**2)


def activation_forgotten(params, inputs, targets):
    """Return a broken gradient: the backward pass ignores the tanh."""
    hidden = torch.tanh(inputs @ params["0.weight"].T + params["0.bias"])
    return backward(params, inputs, targets, hidden, slope=1)


def backward(params, inputs, targets, hidden, slope):
    misfit = (hidden @ params["2.weight"].T + params["2.bias"] - targets) / len(inputs)
    delta = misfit @ params["2.weight"] * slope
    return {
        "0.weight": delta.T @ inputs,
        "0.bias": delta.sum(dim=0),
        "2.weight": misfit.T @ hidden,
        "2.bias": misfit.sum(dim=0),
    }


def main():
    generator = torch.Generator().manual_seed(0)
    params = {
        name: torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
        for name, parameter in MODULE.named_parameters()
    }
    inputs = torch.randn(10, 3, generator=generator, dtype=torch.float64)
    targets = torch.randn(10, 2, generator=generator, dtype=torch.float64)
    right = verify_grad(loss, gradient, params, inputs, targets)
    broken = verify_grad(loss, activation_forgotten, params, inputs, targets)
    print(f"right:\n{right}\n")
    print(f"activation forgotten:\n{broken}")
    return 0 if right and broken.verdict is Verdict.WRONG else 1


if __name__ == "__main__":
    sys.exit(main())
