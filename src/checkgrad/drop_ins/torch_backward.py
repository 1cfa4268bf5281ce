"""What a backward pass must do besides the numbers: with zero, undefined and batched cotangents.

Each function yields sentences for the report. All of them run on the graph that the call recorded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch._vmap_internals import _vmap

from checkgrad.arrays.messages import brief
from checkgrad.backends import Array
from checkgrad.claims.rule_errors import differ
from checkgrad.drop_ins.torch_call import TorchCall
from checkgrad.drop_ins.torch_derivatives import pushed
from checkgrad.drop_ins.torch_numbers import random_like

_BATCH = 2  # cotangents in a batch, as in PyTorch's own check
_NEAR_ZERO = 1e-8  # what masked gradients may be for a zero cotangent, as in PyTorch's own check
# Derivatives of a batch and single ones may differ by these: sums round differently.
_BATCH_EPSILONS = 1000.0


class _Undefined(torch.autograd.Function):  # type: ignore[misc]
    """The identity, which passes None on as the cotangent."""

    @staticmethod
    def forward(_ctx: Any, x: Array) -> Array:
        return x.view_as(x)

    @staticmethod
    def backward(_ctx: Any, *_cotangents: Array) -> None:
        return None


def zero_cotangent_errors(call: TorchCall, masked: bool) -> Iterator[str]:
    """Yield an error if the gradient for a zero cotangent is not 0."""
    zeros = [
        torch.zeros(each.shape, dtype=each.dtype, device=each.device) for each in call.recorded
    ]
    limit = _NEAR_ZERO if masked else 0.0
    if not _all_within(call.gradients(call.recorded, zeros), limit):
        yield "the gradient for a zero cotangent is not 0: is a factor missing?"


def undefined_cotangent_errors(call: TorchCall) -> Iterator[str]:
    """Yield errors if backward does not take undefined cotangents (None) for zeros.

    All cotangents are undefined, and then one of several.
    """
    count = len(call.recorded)
    for only in [None, *(range(count) if count > 1 else ())]:
        outputs = [
            _Undefined.apply(each) if only in (None, k) else each
            for k, each in enumerate(call.recorded)
        ]
        zeros = [torch.zeros_like(each) for each in outputs]
        which = "all cotangents are" if only is None else f"the cotangent of output {only} is"
        try:
            found = call.gradients(outputs, zeros)
        except MemoryError:
            raise
        except Exception as error:
            yield f"raises {brief(error)} if {which} undefined (None)"
            return
        if not _all_within(found, 0.0):
            yield f"the gradient is not 0 if {which} undefined (None) and the others are 0"
            return


def batched_gradient_errors(call: TorchCall) -> Iterator[str]:
    """Yield an error if backward cannot be mapped by vmap, or returns other numbers then."""
    for k, output in enumerate(call.recorded):
        weights = _batch_like(output)

        def mapped(output: Array = output, weights: Array = weights) -> list[Array | None]:
            return call.gradients([output], [weights], batched=True)

        single = [call.gradients([output], [weight]) for weight in weights]
        errors = list(_batch_errors(mapped, single, call.parts, f"under vmap, for output {k}"))
        if errors:  # one is enough
            yield from errors
            return


def batched_tangent_errors(call: TorchCall) -> Iterator[str]:
    """Yield an error if forward mode cannot be mapped by vmap, or returns other numbers then."""
    for k, part in enumerate(call.parts):

        def along(tangent: Array, k: int = k) -> tuple[Array, ...]:
            return tuple(pushed(call, {k: tangent}))

        tangents = _batch_like(part)

        def mapped(
            along: Callable[[Array], tuple[Array, ...]] = along, tangents: Array = tangents
        ) -> list[Array | None]:
            # torch.func.vmap has no rule for dual tensors.
            return list(_vmap(along)(tangents))

        single = [along(tangent) for tangent in tangents]
        name = call.input_name(k)
        errors = list(_batch_errors(mapped, single, call.recorded, f"under vmap, along {name}"))
        if errors:  # one is enough
            yield from errors
            return


def _batch_errors(
    mapped: Callable[[], list[Array | None]],
    single: Sequence[Sequence[Any]],
    like: Sequence[Array],
    where: str,
) -> Iterator[str]:
    """Compare derivatives of a batch with those one by one."""
    try:
        with warnings.catch_warnings():  # of slow paths
            warnings.simplefilter("ignore")
            found = mapped()
    except MemoryError:
        raise
    except Exception as error:
        yield f"raises {brief(error)} {where}"
        return
    for batch, each, part in zip(found, zip(*single, strict=True), like, strict=True):
        alone = [torch.zeros_like(part) if one is None else one for one in each]
        wanted = torch.stack(alone)
        if batch is not None and differ(wanted, batch.expand(wanted.shape), _BATCH_EPSILONS):
            yield f"another derivative {where}"
            return


def _batch_like(like: Array) -> Array:
    return torch.stack(random_like([like] * _BATCH))


def _all_within(gradients: Sequence[Array | None], limit: float) -> bool:
    found = [
        each.to_dense() if each.layout is not torch.strided else each
        for each in gradients
        if each is not None
    ]
    return all(bool(torch.all(each.abs() <= limit)) for each in found)
