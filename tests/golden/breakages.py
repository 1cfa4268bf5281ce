"""Ways in which a gradient can be wrong, for arrays of every library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Grad = Callable[..., Any]

KINDS = ("sign", "double", "percent", "zero", "swap", "constant", "subtle", "negated")


def on_host(array: Any) -> np.ndarray[Any, Any]:
    """Copy an array of any library to a NumPy float64 array."""
    if hasattr(array, "detach"):
        array = array.detach().double().numpy()
    return np.array(array, dtype=np.float64)


def like(array: Any, values: Any) -> Any:
    """Make an array of the library, dtype and shape of `array`."""
    values = np.broadcast_to(np.asarray(values, np.float64), array.shape)
    if hasattr(array, "detach"):
        import torch

        return torch.tensor(values.tolist(), dtype=array.dtype).reshape(array.shape)
    if isinstance(array, np.ndarray | np.generic):
        return values.astype(array.dtype)
    import jax

    return jax.numpy.asarray(values, array.dtype)


def largest_entry(grad: Grad, x0: Any) -> int:
    """Return the flat place of the largest entry of a gradient at x0."""
    return int(np.argmax(np.abs(on_host(grad(x0)))))


def broken(kind: str, grad: Grad, x0: Any) -> Grad:
    """Return a gradient that is wrong in the same way at every point."""
    place = largest_entry(grad, x0)
    size = on_host(x0).size
    scale = float(np.max(np.abs(on_host(grad(x0)))))
    if kind == "swap":
        order = np.arange(size)
        other = (place + 1) % size
        order[[place, other]] = other, place
        return lambda x, *args: grad(x, *args).reshape(-1)[order].reshape(x.shape)
    factor, offset = np.ones(size), np.zeros(size)
    if kind == "constant":
        offset[:] = 0.05 * scale
    elif kind in ("double", "negated"):
        factor[:] = {"double": 2, "negated": -1}[kind]
    else:
        factor[place] = {"sign": -1, "percent": 1.01, "subtle": 1.0001, "zero": 0}[kind]

    def wrong(x: Any, *args: Any) -> Any:
        claim = grad(x, *args)
        shape = claim.shape
        return claim * like(claim, factor.reshape(shape)) + like(claim, offset.reshape(shape))

    return wrong
