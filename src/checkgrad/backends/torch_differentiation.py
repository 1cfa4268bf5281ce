"""PyTorch's differentiation: ``torch.autograd``, forward-mode AD and ``torch.func``."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

import torch
from torch.autograd import forward_ad

from checkgrad.backends.array_types import Array
from checkgrad.backends.differentiation import (
    Differentiation,
    ListFunction,
    NotRecordedError,
)
from checkgrad.backends.torch_gradients import gradients
from checkgrad.backends.torch_strides import strided_copy, with_gaps, with_strides_of
from checkgrad.backends.torch_writes import WriteWatch, graph_nodes

# What PyTorch says of an operator or a Function without a rule. The error class varies.
_NO_RULE = (
    "forward AD",
    "forward mode AD",
    "Jacobian-vector product",
    "jvp",
    "setup_context",
    "vmap",
    "once_differentiable",
    "Batching rule not implemented",
    "inside of a function being transformed",
    "is not implemented",
    "ZeroTensors",
)
_ERROR_NODE = "torch::autograd::Error"  # stands where a gradient cannot be differentiated


class TorchDifferentiation(Differentiation):
    """PyTorch differentiates its gradients again in reverse mode, and not under vmap."""

    nests = ("rev",)
    maps_gradients = False
    rules_may_write = True

    def pullback(
        self,
        func: ListFunction,
        primals: list[Array],
        weights: list[Array],
        again: bool = False,
        between: Callable[[], None] | None = None,
        only: int | None = None,
        written: list[str] | None = None,
    ) -> list[Array]:
        if again:  # once_differentiable leaves its error node only where weights require a gradient
            weights = [w if w.requires_grad else _recording(w) for w in weights]
        with torch.enable_grad():
            if only is None:
                parts = [part if part.requires_grad else _recording(part) for part in primals]
                values = func(parts)
            else:
                parts = [strided_copy(part) for part in primals]
                parts[only].requires_grad_()
                try:
                    values = func(parts)
                except Exception as error:
                    raise NotRecordedError from error
        if _has_error_node(values):
            raise RuntimeError("a function marked with once_differentiable has no such rule")
        if between is not None:
            between()
        chosen = [part for place, part in enumerate(parts) if only in (None, place)]
        # An output whose weight is 0 is left out: backward gets None as its cotangent.
        used = [
            (value, weight)
            for value, weight in zip(values, weights, strict=True)
            if value.requires_grad and bool(torch.any(weight != 0))
        ]
        found: Sequence[Array | None] = [None] * len(chosen)
        if used:
            outputs, cotangents = zip(*used, strict=True)
            watch = None if written is None else WriteWatch(parts, outputs, cotangents)
            found = gradients(outputs, chosen, cotangents, create_graph=again)
            if watch is not None and written is not None:
                written += watch.written()
        left = iter(
            torch.zeros_like(part) if gradient is None else gradient
            for part, gradient in zip(chosen, found, strict=True)
        )
        return [
            next(left) if only in (None, place) else torch.zeros_like(part)
            for place, part in enumerate(parts)
        ]

    def recorded(self, func: ListFunction, primals: list[Array], forward: bool) -> list[Array]:
        if not forward:
            with torch.enable_grad():
                return [value.detach() for value in func([_recording(part) for part in primals])]
        zeros = map(torch.zeros_like, primals)
        return [value for value, _ in _values_and_changes(func, primals, zeros)]

    def pushforward(
        self, func: ListFunction, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        return [change for _, change in _values_and_changes(func, primals, tangents)]

    def pullback_of_many(
        self, func: ListFunction, primals: list[Array], weights: list[Array]
    ) -> list[Array]:
        def at_one(parts: list[Array], cotangents: list[Array]) -> list[Array]:
            _, vjp = torch.func.vjp(_spread(func), *parts)
            return list(vjp(tuple(cotangents)))

        gradients: list[Array] = torch.func.vmap(at_one)(primals, weights)
        return gradients

    def pushforward_of_many(
        self, func: ListFunction, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        prepare_forward_mode()

        def at_one(parts: list[Array], directions: list[Array]) -> list[Array]:
            _, changes = torch.func.jvp(_spread(func), tuple(parts), tuple(directions))
            return list(changes)

        changes: list[Array] = torch.func.vmap(at_one)(primals, tangents)
        return changes

    def values_of_many(self, func: ListFunction, primals: list[Array]) -> list[Array]:
        values: list[Array] = torch.func.vmap(func)(primals)
        return values

    def differentiating(self) -> AbstractContextManager[None]:
        # In inference mode nothing is recorded, and all derivatives would be 0.
        mode: AbstractContextManager[None] = torch.inference_mode(False)
        return mode

    def constant_values(self, func: ListFunction, primals: list[Array]) -> list[bool]:
        with torch.enable_grad():
            records = [value.requires_grad for value in func([_recording(x) for x in primals])]
        return [any(records) and not each for each in records]

    def with_gaps(self, array: Array) -> Array | None:
        return None if array.dim() == 0 else with_gaps(array)

    def lacks_rule(self, error: Exception) -> bool:
        return isinstance(error, RuntimeError) and any(part in str(error) for part in _NO_RULE)


def _spread(func: ListFunction) -> Callable[..., tuple[Array, ...]]:
    """Return `func` with one argument for each array, and a tuple for its list of values."""
    return lambda *parts: tuple(func(list(parts)))


@functools.cache
def prepare_forward_mode() -> None:
    """Make PyTorch load what forward mode needs: PyTorch warns of it the first time."""
    with warnings.catch_warnings(), forward_ad.dual_level():
        warnings.simplefilter("ignore")
        forward_ad.make_dual(torch.zeros(1), torch.zeros(1))


def _values_and_changes(
    func: ListFunction, primals: list[Array], tangents: Iterable[Array]
) -> list[tuple[Array, Array]]:
    """Return each value of `func` in forward mode, and its derivative along `tangents`."""
    prepare_forward_mode()
    with forward_ad.dual_level():
        duals = [
            forward_ad.make_dual(part.detach().requires_grad_(part.requires_grad), tangent)
            for part, tangent in zip(primals, tangents, strict=True)
        ]
        unpacked = [forward_ad.unpack_dual(value) for value in func(duals)]
        return [
            (value.detach(), torch.zeros_like(value) if change is None else change.detach())
            for value, change in unpacked
        ]


def _has_error_node(values: Sequence[Array]) -> bool:
    """Return whether the recorded graph has a node that cannot be differentiated.

    PyTorch itself may pass over such a node without an error.
    """
    return any(node.name() == _ERROR_NODE for node in graph_nodes(values))


def _recording(part: Array) -> Array:
    """Return a copy that requires a gradient. It keeps its tangent of forward mode."""
    return with_strides_of(part.clone(), part).requires_grad_()
