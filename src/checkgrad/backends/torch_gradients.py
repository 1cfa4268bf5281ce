"""Gradients of recorded outputs: one backward pass of PyTorch.

``torch.autograd.grad`` looks at its cotangents by a module for symbolic shapes. Importing that
module, and sympy with it, takes most of the time of a first check, and each call of it as long as
the backward pass of a small function. This module runs the pass itself where there is nothing to
look at. It differentiates no function of the user: its callers do.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.overrides import has_torch_function

from checkgrad.backends.array_types import Array

# It is PyTorch's own, and not documented. Without it, `torch.autograd.grad` is called.
_run_backward = getattr(torch.autograd.graph, "_engine_run_backward", None)


def gradients(
    outputs: Sequence[Array],
    inputs: Sequence[Array],
    weights: Sequence[Array],
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> list[Array | None]:
    """Return what ``torch.autograd.grad`` does, None where an input is not used.

    Parameters
    ----------
    outputs : sequence of tensor
        What was recorded.
    inputs : sequence of tensor
        What to differentiate by.
    weights : sequence of tensor
        The cotangent of each output.
    retain_graph, create_graph : bool
        As in ``torch.autograd.grad``.
    """
    keep = create_graph if retain_graph is None else retain_graph
    if _run_backward is not None and inputs and _is_plain(outputs, inputs, weights):
        return list(
            _run_backward(
                tuple(outputs),
                tuple(weights),
                keep,
                create_graph,
                tuple(inputs),
                True,  # inputs may be unused
                accumulate_grad=False,
            )
        )
    return list(
        torch.autograd.grad(
            outputs,
            inputs,
            weights,
            retain_graph=keep,
            create_graph=create_graph,
            allow_unused=True,
        )
    )


def _is_plain(outputs: Sequence[Array], inputs: Sequence[Array], weights: Sequence[Array]) -> bool:
    """Return whether there is nothing that only ``torch.autograd.grad`` sees to."""
    return not has_torch_function((*outputs, *inputs)) and all(
        output.requires_grad
        and output.shape == weight.shape
        and output.dtype == weight.dtype
        and not output.is_nested
        for output, weight in zip(outputs, weights, strict=True)
    )
