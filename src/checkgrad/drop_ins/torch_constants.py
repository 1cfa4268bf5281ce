"""Functions that are constant around the inputs: between two steps, or but for rounding.

Rounding to some decimals changes in steps: between two of them the derivative is 0. Its values look
like those of a smooth function with noise, unless one looks closely. A function that computes in a
narrower dtype looks the same, and its derivative is not 0: so the dtypes inside count too.

A function that is constant but for its own rounding errors has quotients that are not 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from checkgrad.arrays.point import Floats
from checkgrad.backends import Array
from checkgrad.drop_ins.torch_call import TorchCall
from checkgrad.drop_ins.torch_differences import value_at
from checkgrad.numerics.samples import Flags

_WIDE = (torch.float64, torch.complex128)
_NARROW = (torch.float32, torch.bfloat16, torch.float16, torch.complex64, torch.complex32)
# A step relative to the input, about as long as those of other checkers. Over it, the values of
# code in float32 that nobody sees, as that in NumPy, change by two units in the last place.
_SHORT_STEP = 2.0**-22
# Steps relative to the input, over which a function that is constant changes by rounding only.
_STEPS = (2.0**-20, 2.0**-10, 2.0**-3)
# What iterations make of rounding errors: units in the last place, and times the noise.
_UNITS, _NOISE = 16.0, 4.0


def changes_in_steps(call: TorchCall, k: int, unit: Array, size: float, slopes: Floats) -> bool:
    """Return whether outputs do not change over short steps of an entry, and do over longer ones.

    Parameters
    ----------
    call : TorchCall
        The call.
    k : int
        Which of the inputs that are differentiated.
    unit : tensor
        Like that input; 1 in the entry and 0 elsewhere, or any tangent.
    size : float
        The size of the entry.
    slopes : array, shape (outputs,)
        How fast the outputs change over longer steps; 0 for outputs that do not matter. The slope
        of a smooth function as steep as that would show over the short steps.
    """
    step = size * _SHORT_STEP
    before, here, after = (_moved(call, k, unit, by) for by in (-step, 0.0, step))
    still = (before == here) & (here == after)
    would_show = slopes * step > _UNITS * np.finfo(float).eps * np.abs(here)
    return bool(np.all((still & would_show) | (slopes == 0)))


def is_constant_but_for_rounding(
    call: TorchCall, k: int, unit: Array, sizes: tuple[float, float], claim: Floats, noise: Floats
) -> Flags:
    """Return which outputs, over short and long steps of an entry, change by rounding errors only.

    Parameters
    ----------
    call, k, unit
        As in `changes_in_steps`.
    sizes : tuple of float
        The size of the entry, and of the whole input.
    claim : array, shape (outputs,)
        What the library says of the derivatives. It must be as small as the changes.
    noise : array, shape (outputs,)
        How far rounding of the inputs moves the outputs.
    """
    size, largest = sizes
    steps = [*(size * part for part in _STEPS), max(1.0, largest) * _STEPS[-1]]
    here = _moved(call, k, unit, 0.0)
    allowed = _NOISE * noise + _UNITS * np.finfo(float).eps * np.abs(here)
    changes = [np.abs(_moved(call, k, unit, s * by) - here) for by in steps for s in (-1.0, 1.0)]
    found: Flags = np.max([*changes, np.abs(claim) * steps[-1]], axis=0) <= allowed
    return found


def _moved(call: TorchCall, k: int, unit: Array, by: float) -> Floats:
    return value_at(call, k, call.parts[k].detach() + by * unit)


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
