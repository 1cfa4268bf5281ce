"""What the interpreter asks of an operator's arguments: which are written to, which dtype wins.

This module owns questions that arguments and facts answer. It runs no operator.
"""

from __future__ import annotations

from typing import Any

import torch

from checkgrad.backends.array_types import Array
from checkgrad.backends.torch_wide_operators import OperatorFacts
from checkgrad.backends.torch_wide_tensor import WIDE
from checkgrad.backends.widening import CannotWidenError


def pick(places: tuple[int | str, ...], args: Any, kwargs: Any) -> Any:
    """Return the arguments at `places`: what an operator that writes returns."""
    found = [args[place] if isinstance(place, int) else kwargs[place] for place in places]
    if not found:
        return None
    return found[0] if len(found) == 1 else tuple(found)


def written(facts: OperatorFacts, args: Any, kwargs: Any) -> list[Array]:
    """Return the tensors that an operator writes to."""
    found: list[Array] = []
    for place in facts.writes:
        if isinstance(place, str):
            value = kwargs.get(place)
        else:
            value = args[place] if place < len(args) else None
        found += value if isinstance(value, (list, tuple)) else [value]
    return [each for each in found if isinstance(each, torch.Tensor)]


def requires_grad(value: Any) -> bool:
    """Return whether a tensor, or one in a list, requires a gradient."""
    if isinstance(value, (list, tuple)):
        return any(map(requires_grad, value))
    return isinstance(value, torch.Tensor) and bool(value.requires_grad)


def drops_out(facts: OperatorFacts, func: Any, args: Any, kwargs: Any) -> bool:
    """Return whether an operator that can drop entries out is asked to."""
    for place, argument in enumerate(func._schema.arguments):  # noqa: SLF001
        if argument.name == facts.dropout:
            value = args[place] if place < len(args) else kwargs.get(facts.dropout, 0.0)
            return isinstance(value, float) and value > 0
    return False


def refuse_nested(tensor: Array) -> None:
    """Raise for a nested tensor, which no tensor of float64 can stand for."""
    if tensor.is_nested:
        raise CannotWidenError("func uses a nested tensor")


def refuse_unknown(value: Array) -> None:
    """Raise for a subclass of tensors that decides itself what operators do."""
    raise CannotWidenError(f"func uses a {type(value).__name__}, a tensor of its own kind")


def is_narrow(result: Any) -> bool:
    """Return whether a result is floating and not in float64."""
    if type(result) is tuple or type(result) is list:
        return any(map(is_narrow, result))
    return isinstance(result, torch.Tensor) and result.dtype in WIDE


def promoted(facts: OperatorFacts, natives: list[Any]) -> Any:
    """Return the native dtype of a result: a dtype that is asked for, or that of the operands.

    Operands without axes count only where no other operand is floating. None if there are none.
    """
    found = without_axes = None
    for each in natives:
        if type(each) is torch.dtype:
            return each
        dtype = each.dtype
        if each.dim() == 0:
            without_axes = _common(without_axes, dtype)
        elif facts.follows_first:
            return dtype
        else:
            found = _common(found, dtype)
    return found or without_axes


def _common(first: Any, second: Any) -> Any:
    if first is None or first is second:
        return second
    try:
        return torch.promote_types(first, second)
    except RuntimeError:  # floats of eight bits have no common dtype
        return first
