"""The few functions of PyTorch that reach for the memory of a tensor above all operators.

This module owns a mode that replaces them. It costs time in every call of PyTorch, so it is active
only for functions that have been found to need it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from checkgrad.backends.array_types import Array
from checkgrad.backends.torch_wide_tensor import WIDE, WideTensor

_CTC = (torch.ctc_loss, torch.nn.functional.ctc_loss)


class MemoryFunctions(TorchFunctionMode):  # type: ignore[misc]
    """Let ``torch.tensor([x[0], x[1]])`` and ``captured.data = x`` work on wide tensors.

    Parameters
    ----------
    interpreter : WideInterpreter
        What runs the operators.
    """

    def __init__(self, interpreter: Any) -> None:
        super().__init__()
        self._interpreter = interpreter

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.tensor or func is torch.as_tensor:
            parts = list(_wide_parts(args[0])) if isinstance(args[0], (list, tuple)) else []
            if parts:
                return self._tensor(parts, *args, **kwargs)
        if func in _CTC:  # it makes tensors of Python's lengths, in memory of the dtype of the loss
            args = [
                torch.tensor(each) if isinstance(each, (list, tuple)) else each for each in args
            ]
        if func == torch.Tensor.data.__set__:
            target, value = args
            if type(value) is WideTensor and type(target) is not WideTensor:
                return self._interpreter.captured.replace(target, value)
        return func(*args, **kwargs)

    def _tensor(
        self,
        parts: list[Array],
        data: Any,
        dtype: Any = None,
        requires_grad: bool = False,
        **others: Any,
    ) -> Array:
        """Return what ``torch.tensor`` does, of nested lists with wide tensors in them."""
        native = dtype or functools.reduce(torch.promote_types, (part.dtype for part in parts))
        made = torch.tensor(_numbers(data), dtype=WIDE.get(native, native), **others)
        made = self._interpreter.new(made, native) if native in WIDE else made
        return made.requires_grad_(requires_grad)


def _wide_parts(data: Any) -> Iterator[Array]:
    for each in data:
        if isinstance(each, (list, tuple)):
            yield from _wide_parts(each)
        elif type(each) is WideTensor:
            yield each


def _numbers(data: Any) -> Any:
    """Return nested lists of Python numbers."""
    if isinstance(data, (list, tuple)):
        return [_numbers(each) for each in data]
    return data.tolist() if isinstance(data, torch.Tensor) else data
