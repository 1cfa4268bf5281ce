"""Functions that change in steps: between two steps the derivative is 0.

Rounding to some decimals is such a function. Its values look like those of a smooth function with
noise, unless one looks closely. A function that computes in a narrower dtype looks the same, and
its derivative is not 0: so the dtypes inside count too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from checkgrad.backends import Array
from checkgrad.drop_ins.torch_call import TorchCall
from checkgrad.drop_ins.torch_differences import value_at
from checkgrad.numerics.samples import Flags

_WIDE = (torch.float64, torch.complex128)
_NARROW = (torch.float32, torch.bfloat16, torch.float16, torch.complex64, torch.complex32)
# A step relative to the input, about as long as those of other checkers. Over it, the values of
# code in float32 that nobody sees, as that in NumPy, change by several units in the last place.
_SHORT_STEP = 2.0**-20


def is_constant(call: TorchCall, k: int, unit: Array, size: float, outputs: Flags) -> bool:
    """Return whether some outputs do not change at all over short steps of an entry.

    Parameters
    ----------
    call : TorchCall
        The call.
    k : int
        Which of the inputs that are differentiated.
    unit : tensor
        Like that input; 1 in the entry and 0 elsewhere.
    size : float
        The size of the entry.
    outputs : array of bool, shape (outputs,)
        The outputs.
    """
    part = call.parts[k].detach()
    before, here, after = (
        value_at(call, k, part + steps * size * _SHORT_STEP * unit)[outputs]
        for steps in (-1.0, 0.0, 1.0)
    )
    return bool(np.all(before == here) and np.all(here == after))


def rounds_to_narrow_dtype(call: TorchCall) -> bool:
    """Return whether an operator of func is seen to round float64 to a narrower dtype."""
    watch = _Casts()
    try:
        with watch:
            call.values_at(call.primals())
    except MemoryError:
        raise
    except Exception:  # func does not run while its operators are watched
        return False
    return watch.seen


class _Casts(TorchDispatchMode):  # type: ignore[misc]
    """A context that sees whether operators take float64 and return a narrower dtype."""

    seen = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or PyTorch imports its compiler, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if type(found) is torch.Tensor and found.dtype in _NARROW:
            operands = [each for each in args if isinstance(each, torch.Tensor)]
            self.seen |= any(each.dtype in _WIDE for each in operands)
        return found
