"""What the drop-ins for PyTorch are asked to check, and what they refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from checkgrad.backends import Array
from checkgrad.drop_ins.torch_sparse import is_sparse


@dataclass(frozen=True)
class GradcheckOptions:
    """What to check of one call.

    Attributes
    ----------
    atol, rtol : float or None
        The tolerance that the user gave, if any.
    modes : tuple of {"rev", "fwd"}
        The modes of differentiation.
    nondet_tol : float
        How much derivatives may differ from call to call.
    undefined : bool
        Whether backward must take undefined cotangents.
    batched_gradients, batched_tangents : bool
        Whether derivatives must be the same under vmap: in reverse mode, in forward mode.
    fast : bool
        Whether random vectors stand for all entries.
    masked : bool
        Whether entries that sparse inputs do not specify are left out.
    """

    atol: float | None = None
    rtol: float | None = None
    modes: tuple[str, ...] = ("rev",)
    nondet_tol: float = 0.0
    undefined: bool = True
    batched_gradients: bool = False
    batched_tangents: bool = False
    fast: bool = False
    masked: bool = False


def require_inputs(inputs: Sequence[Any]) -> None:
    """Raise an error if nothing can be differentiated by the inputs.

    Raises
    ------
    ValueError
        If no input is a tensor that requires a gradient, or one cannot be moved.
    RuntimeError
        If entries of an input lie in the same place in memory.
    """
    required = False
    for place, given in enumerate(inputs):
        if not isinstance(given, torch.Tensor) or not given.requires_grad:
            continue
        required = True
        if given.layout is not torch.strided:
            if not is_sparse(given):
                raise ValueError(
                    f"inputs[{place}] has the layout {given.layout}, of which no single entry can "
                    "be moved; pass a dense tensor and convert it inside of func"
                )
            continue
        if _has_stride_0(given):
            raise RuntimeError(
                f"inputs[{place}] has a dimension with stride 0, so several entries are one; call "
                "contiguous() on it"
            )
    if not required:
        raise ValueError(
            "no input requires a gradient, so there is nothing to check; call requires_grad_() on "
            "the tensors to differentiate by"
        )


def _has_stride_0(tensor: Array) -> bool:
    sides = zip(tensor.stride(), tensor.shape, strict=True)
    return any(stride == 0 and size > 1 for stride, size in sides)
