"""Arrays that no entry of can be moved, or read: what they are, and what to pass in their place."""

from __future__ import annotations

from collections.abc import Callable

import array_api_compat

from checkgrad.backends.protocol import Array


def obstacle(array: Array) -> str:
    """Why `array` cannot be x0, and what to do; empty where nothing is in the way."""
    if array_api_compat.is_torch_array(array):
        return next((text for holds, text in _OF_TENSORS if holds(array)), "").format(array)
    if array_api_compat.is_jax_array(array):
        return _obstacle_of_jax(array)
    return ""


def _is_fake(tensor: Array) -> bool:
    return type(tensor).__name__ == "FakeTensor"


def _has_tiny_floats(tensor: Array) -> bool:
    return str(tensor.dtype).startswith(("torch.float8", "torch.float4"))


# Whether one is in the way, and which; the first counts, since little can be asked of some tensors.
_OF_TENSORS: tuple[tuple[Callable[[Array], bool], str], ...] = (
    (_is_fake, "a FakeTensor, which has no values; pass a tensor made outside of FakeTensorMode"),
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


def _obstacle_of_jax(array: Array) -> str:
    import jax

    if isinstance(array, jax.core.Tracer):
        return (
            f"traced by JAX (an array of shape {tuple(array.shape)} and dtype {array.dtype}), so "
            "that there are no values; call checkgrad outside of jit, vmap and grad"
        )
    return ""
