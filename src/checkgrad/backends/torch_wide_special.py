"""The few PyTorch operators whose evaluation in float64 needs more than wider operands.

This module owns how each of them runs. All others run as
`checkgrad.backends.torch_wide_dispatch` runs operators in general.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from checkgrad.backends.torch_wide_operators import OperatorFacts
from checkgrad.backends.torch_wide_tensor import WIDE


def _lift_fresh(run: Any, facts: OperatorFacts, func: Any, args: Any, kwargs: Any) -> Any:
    """Widen what `torch.tensor` and `torch.from_numpy` make."""
    (made,) = args
    if type(made) is torch.Tensor and made.dtype in WIDE:
        return run.new(made.to(WIDE[made.dtype]), made.dtype)
    return run.run(facts, func, args, kwargs)


def _native_dropout(run: Any, facts: OperatorFacts, func: Any, args: Any, kwargs: Any) -> Any:
    """Draw the mask in the native dtype; multiply in float64."""
    del facts
    tensor, share, training = args
    numbers = run.numbers(tensor)
    _, mask = func(torch.ones_like(numbers, dtype=tensor.dtype), share, training, **kwargs)
    run.captured.allocated(mask)
    scale = 1.0 if training is False else 0.0 if share == 1 else 1 / (1 - share)
    return run.new(numbers * mask * scale, tensor.dtype), mask


def _rrelu(run: Any, facts: OperatorFacts, func: Any, args: Any, kwargs: Any) -> Any:
    """Draw the slopes in the native dtype; multiply in float64."""
    if not (args[4] if len(args) > 4 else kwargs.get("training", False)):
        return run.run(replace(facts, draws=False), func, args, kwargs)
    tensor, slopes = args[:2]
    numbers = run.numbers(tensor).clone()
    result = run.run(facts, func, args, kwargs)
    if isinstance(result, tuple):  # the functional form returns the slopes too
        return run.new(numbers * run.numbers(result[1]), tensor.dtype), result[1]
    numbers *= run.numbers(slopes)
    if result is not tensor:
        return run.new(numbers, tensor.dtype)
    run.numbers(tensor).copy_(numbers)
    return tensor


def _softmax(run: Any, facts: OperatorFacts, func: Any, args: Any, kwargs: Any) -> Any:
    """Run a softmax that would cast from half precision to float32."""
    tensor, axis, casts = args
    result = run.run(facts, func, (tensor, axis, False), kwargs)
    return run.new(run.numbers(result), torch.float32) if casts else result


def _zero_tensor(run: Any, facts: OperatorFacts, func: Any, args: Any, kwargs: Any) -> Any:
    """Return zeros with memory. PyTorch's zero tangents have none, and no kernel may read them."""
    del facts, func
    native = kwargs.get("dtype") or torch.get_default_dtype()
    zeros = torch.zeros(*args, dtype=WIDE.get(native, native), device=kwargs.get("device"))
    return run.new(zeros, native)


def in_double(func: Any, args: Any, kwargs: Any) -> Any:
    """Run an operator whose result has the default dtype, in float64."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return func(*args, **kwargs)
    finally:
        torch.set_default_dtype(default)


SPECIAL: Mapping[str, Callable[[Any, OperatorFacts, Any, Any, Any], Any]] = {
    "lift_fresh": _lift_fresh,
    "native_dropout": _native_dropout,
    "rrelu_with_noise": _rrelu,
    "rrelu_with_noise_": _rrelu,
    "rrelu_with_noise_functional": _rrelu,
    "_efficientzerotensor": _zero_tensor,
    "_softmax": _softmax,
    "_log_softmax": _softmax,
}
