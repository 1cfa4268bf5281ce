"""PyTorch tensors that cannot be x0: what is in the way, and what to pass instead."""

from __future__ import annotations

from collections.abc import Callable

from checkgrad.backends.array_types import Array


def _is_fake(tensor: Array) -> bool:
    return type(tensor).__name__ == "FakeTensor"


def _is_distributed(tensor: Array) -> bool:
    return hasattr(tensor, "device_mesh")


def _has_tiny_floats(tensor: Array) -> bool:
    return str(tensor.dtype).startswith(("torch.float8", "torch.float4"))


# Tests, each with its message. The first that holds counts: later ones may raise for such a tensor.
_OBSTACLES: tuple[tuple[Callable[[Array], bool], str], ...] = (
    (_is_fake, "a FakeTensor, which has no values; pass a tensor made outside of FakeTensorMode"),
    (
        _is_distributed,
        ("a DTensor, which only verify_* and assert_* take; pass x0.full_tensor()"),
    ),
    (
        lambda tensor: bool(tensor.is_nested),
        "a nested tensor; pass the list of its parts, x0.unbind()",
    ),
    (
        lambda tensor: bool(tensor.is_quantized),
        "a quantized tensor (dtype {0.dtype}); pass x0.dequantize()",
    ),
    (
        lambda tensor: str(tensor.layout) != "torch.strided",
        (
            "a sparse tensor ({0.layout}), of which no single entry can be moved; pass "
            "x0.to_dense(), or its values() as x0"
        ),
    ),
    (
        lambda tensor: bool(tensor.is_meta),
        "a tensor on the device meta, which has no values; pass one on another device",
    ),
    (
        _has_tiny_floats,
        "a tensor of dtype {0.dtype}, in which PyTorch does not compute; pass x0.float()",
    ),
)


def obstacle_of(tensor: Array) -> str:
    """Return why `tensor` cannot be x0, and what to pass instead; empty where it can be."""
    return next((text for holds, text in _OBSTACLES if holds(tensor)), "").format(tensor)
