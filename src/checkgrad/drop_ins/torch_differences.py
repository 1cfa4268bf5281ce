"""Difference quotients of a call along the tangent of one input, at few steps, and the tangents.

The module calls func and divides. `checkgrad.drop_ins.torch_certificate` compares.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from checkgrad.arrays.point import Floats
from checkgrad.backends import Array
from checkgrad.backends.torch_strides import with_strides_of
from checkgrad.drop_ins.torch_call import TorchCall
from checkgrad.drop_ins.torch_numbers import as_real, flat, random_like

# The step of a central difference, relative to the input. Truncation costs its square and rounding
# eps / step: both are near 1e-11 for the cube root of eps.
_STEP = 2.0**-17
# That of a difference of fourth order: truncation costs its fourth power, rounding eps / step. Both
# are near 1e-13. So it helps where the value is far larger than its changes.
_LONG_STEP = 2.0**-10


def random_tangents(call: TorchCall) -> list[Array]:
    """Return a random tangent of each input: 0 where it is not finite, which leaves that out."""
    parts = [part.detach() for part in call.parts]
    return [
        tangent
        if bool(torch.isfinite(part.sum()))
        else torch.where(torch.isfinite(part), tangent, 0.0)
        for tangent, part in zip(random_like(parts), parts, strict=True)
    ]


def entry_sizes(part: Array) -> Floats:
    """Return the absolute values of all entries of an input; NaN where they are not finite."""
    found: Floats = as_real(part.detach()).reshape(-1).abs().numpy(force=True)
    return np.where(np.isfinite(found), found, np.nan)


def quotients(call: TorchCall, k: int, tangent: Array, size: float) -> Iterator[Floats]:
    """Yield two difference quotients of all outputs along the tangent of one input.

    The first is of second order with a short step, and takes two evaluations. The second is of
    fourth order with a long step, and takes four.

    Parameters
    ----------
    call : TorchCall
        The call.
    k : int
        Which of the inputs that are differentiated.
    tangent : tensor
        Like that input; entries of about 1.
    size : float
        How far the input may move as a whole: its size.
    """
    yield _central(call, k, tangent, size * _STEP)
    step = size * _LONG_STEP
    near, far = (_central(call, k, tangent, h) for h in (step, 2 * step))
    yield (4 * near - far) / 3


def _central(call: TorchCall, k: int, tangent: Array, step: float) -> Floats:
    part = call.parts[k].detach()
    after, before = (value_at(call, k, part + h * tangent) for h in (step, -step))
    quotient: Floats = (after - before) / (2 * step)
    return quotient


def value_at(call: TorchCall, k: int, moved: Array) -> Floats:
    """Return func with one input replaced; NaN where it raises."""
    parts = [part.detach() for part in call.parts]
    parts[k] = with_strides_of(moved, parts[k])
    if call.needs_grad:
        parts = [part.requires_grad_() for part in parts]
    try:
        found: Floats = flat(call.outputs(parts)).numpy(force=True)
    except MemoryError:
        raise
    except Exception:  # outside of the domain of func: the pipeline looks closer
        return np.full(sum(call.sizes), np.nan)
    return found
