"""Arrays of JAX, computed with NumPy where they lie in the memory of a CPU anyway.

JAX compiles every operation anew for every shape, which takes some 30 ms, and a check needs dozens
of operations. NumPy computes the same in a microsecond. A JAX array on a CPU is read where it lies.
Small arrays are computed as a whole, and large ones block by block: their blocks are NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from checkgrad.backends.array_types import Array
from checkgrad.backends.jax_placement import is_on_one_cpu, placed
from checkgrad.backends.jax_wide_setting import with_float64

_LARGEST = 2**17  # entries of an array that NumPy computes with
_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))  # NumPy rounds in these as JAX does

# What functions of arrays call, besides operators.
_FUNCTIONS = frozenset(
    "abs all any astype concat full_like imag isfinite isnan max maximum mean min minimum "
    "ones_like positive real reshape sign sqrt sum where zeros_like".split()
)


class HostOrDevice:
    """``jax.numpy``, whose functions of arrays are NumPy's where all arrays are NumPy's."""

    def __getattr__(self, name: str) -> Any:
        on_device = getattr(jnp, name)
        if name in _FUNCTIONS:
            on_device = _either(getattr(np, name), on_device)
        setattr(self, name, on_device)
        return on_device


def _either(on_host: Callable[..., Any], on_device: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls one of two, by what it is given."""

    def called(*arguments: Any, **options: Any) -> Any:
        given = arguments[0] if isinstance(arguments[0], list) else arguments
        are_host = any(isinstance(each, np.ndarray | np.generic) for each in given)
        are_host = are_host and not any(isinstance(each, jax.Array) for each in given)
        return (on_host if are_host else on_device)(*arguments, **options)

    return called


def is_in_host_memory(array: Any) -> bool:
    """Return whether an array is one of NumPy, or one of JAX that is whole on one CPU."""
    return isinstance(array, np.ndarray | np.generic) or is_on_one_cpu(array)


def is_at_hand(array: Any, count: int = 1) -> bool:
    """Return whether so many arrays like one of JAX or NumPy are small, and in host memory."""
    return is_in_host_memory(array) and count * array.size <= _LARGEST


def is_read_on_host(array: Any) -> bool:
    """Return whether NumPy may compute with an array: it gives the same results as JAX.

    What is NumPy's already, as a block of a JAX array in whatever dtype, stays NumPy's.
    """
    if isinstance(array, np.ndarray | np.generic):
        return True
    return is_on_one_cpu(array) and array.dtype in _DTYPES


def is_reduced_on_host(*arrays: Any) -> bool:
    """Return whether NumPy is to reduce some arrays of JAX, of any size, to a number."""
    return (
        isinstance(arrays[0], jax.Array)
        and all(map(is_read_on_host, arrays))
        and all(each.dtype == arrays[0].dtype for each in arrays)
    )


def is_computed_on_host(*arrays: Any) -> bool:
    """Return whether NumPy is to make an array of some arrays of JAX: of small ones."""
    return is_reduced_on_host(*arrays) and all(map(is_at_hand, arrays))


def computed(function: Callable[..., Any], arrays: Sequence[Array]) -> Any:
    """Return `function` of arrays at hand, as NumPy makes it."""
    with np.errstate(all="ignore"):
        return function(*map(np.asarray, arrays))


def computed_like(function: Callable[..., Any], arrays: Sequence[Array]) -> Array:
    """Return `function` of arrays at hand, as an array where the first of them is."""
    found = computed(function, arrays)
    return on_device_of(found, arrays[0]) if isinstance(found, np.ndarray | np.generic) else found


def on_device_of(numbers: Any, like: Array) -> Array:
    """Return numbers of NumPy, in their dtype, as an array of JAX where `like` is."""
    owned = np.array(numbers, copy=True) if _is_shared(numbers) else np.asarray(numbers)
    with with_float64() if like.dtype == np.float64 else nullcontext():
        return placed(owned, like)


def _is_shared(numbers: Any) -> bool:
    """Return whether numbers may lie in the memory of another array, which may be a JAX one."""
    return isinstance(numbers, np.ndarray) and not numbers.flags.owndata


def cast_on_host(array: Array, dtype: Any) -> Array:
    """Return a copy of an array at hand in another dtype."""
    with np.errstate(all="ignore"), with_float64():
        return placed(np.array(array, dtype=dtype, copy=True), array)
