"""The library's derivatives of a call as numbers on the host: by rows, by columns, along tangents.

Every number of an input and of an output is real here: complex ones are two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.autograd import forward_ad

from checkgrad.arrays.point import Floats
from checkgrad.backends import Array
from checkgrad.backends.torch_differentiation import prepare_forward_mode
from checkgrad.drop_ins.torch_call import TorchCall
from checkgrad.drop_ins.torch_numbers import as_real, flat


def rows(call: TorchCall) -> list[Floats]:
    """Return the Jacobian in reverse mode: for each input an array, shape (outputs, entries)."""
    found: list[list[Array]] = [[] for _ in call.parts]
    for output in call.recorded:
        for unit in units(output):
            for each, gradient in zip(found, _gradients(call, [output], [unit]), strict=True):
                each.append(gradient)
    return [torch.stack(each).numpy(force=True) for each in found]


def row(call: TorchCall, weights: Sequence[Array]) -> list[Floats]:
    """Return the gradient for a cotangent: for each input an array, shape (1, entries)."""
    found = _gradients(call, call.recorded, weights)
    return [gradient.numpy(force=True)[None] for gradient in found]


def columns(call: TorchCall) -> list[Floats]:
    """Return the Jacobian in forward mode: for each input an array, shape (outputs, entries)."""
    # PyTorch takes several times as long for a product of a dual tensor with one that is not.
    zeros = {k: torch.zeros_like(part) for k, part in enumerate(call.parts)}
    found = []
    for k, part in enumerate(call.parts):
        each = [flat(pushed(call, {**zeros, k: unit})) for unit in units(part)]
        found.append(torch.stack(each, dim=1).numpy(force=True))
    return found


def column(call: TorchCall, tangents: dict[int, Array]) -> Floats:
    """Return the derivative along tangents of some inputs, shape (outputs,)."""
    found: Floats = flat(pushed(call, tangents)).numpy(force=True)
    return found


def units(like: Array) -> Iterator[Array]:
    """Yield arrays like one, each 1 in one real number and 0 elsewhere; each in its own memory."""
    count = like.numel() * (2 if like.is_complex() else 1)
    for entry in range(count):
        unit = torch.zeros(like.shape, dtype=like.dtype, device=like.device)
        as_real(unit).view(-1)[entry] = 1.0
        yield unit


def _gradients(call: TorchCall, outputs: Sequence[Array], weights: Sequence[Array]) -> list[Array]:
    """Return flat gradients by all inputs. The graph stays for the next call."""
    if not call.is_differentiable:
        return [torch.zeros_like(as_real(part.detach())).view(-1) for part in call.parts]
    found = call.gradients(outputs, weights)
    return [
        flat([torch.zeros_like(part) if gradient is None else gradient])
        for part, gradient in zip(call.parts, found, strict=True)
    ]


def pushed(call: TorchCall, tangents: dict[int, Array]) -> list[Array]:
    """Return the derivatives of all outputs along tangents of some inputs."""
    prepare_forward_mode()
    with forward_ad.dual_level():
        parts = call.primals()
        for k, tangent in tangents.items():
            parts[k] = forward_ad.make_dual(parts[k], tangent)
        unpacked = [forward_ad.unpack_dual(value) for value in call.outputs(parts)]
        return [torch.zeros_like(value) if change is None else change for value, change in unpacked]
