"""The floating dtypes of JAX, narrow and wide, and how coarse they are.

A *narrow* dtype is a floating one that float64, or complex128, stands for. This module does not
evaluate anything.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from checkgrad.backends.array_types import Array

_FLOAT64_BYTES = 8

# What XLA rounds the operands of a product of float32 arrays to, unless the highest precision is
# asked for: TensorFloat-32 on a GPU, bfloat16 on a TPU.
_PRODUCT_EPSILON = {"gpu": 2.0**-10, "cuda": 2.0**-10, "rocm": 2.0**-10, "tpu": 2.0**-7}
_PRODUCTS = ("dot_general", "conv_general_dilated")
_HIGHEST = jax.lax.Precision.HIGHEST


def is_floating(dtype: Any) -> bool:
    """Return whether `dtype` is a real or complex floating one; those of keys are not."""
    return bool(jnp.issubdtype(dtype, jnp.inexact))


def is_complex(dtype: Any) -> bool:
    """Return whether `dtype` is a complex one."""
    return bool(jnp.issubdtype(dtype, jnp.complexfloating))


def wide_dtype(dtype: Any) -> Any:
    """Return float64 for a real floating `dtype`, complex128 for a complex one; others as given."""
    if not is_floating(dtype):
        return dtype
    return np.dtype(np.complex128 if is_complex(dtype) else np.float64)


def is_narrow(dtype: Any) -> bool:
    """Return whether `dtype` is floating and not yet wide."""
    return is_floating(dtype) and np.dtype(dtype) != wide_dtype(dtype)


def dtype_of(variable: Any) -> Any:
    """Return the native dtype of a variable or literal of a jaxpr; None for a token."""
    return getattr(variable.aval, "dtype", None)


def epsilon_of(dtype: Any) -> float:
    """Return the machine epsilon of `dtype`; 0 where the dtype is exact or there is none."""
    return float(jnp.finfo(dtype).eps) if dtype is not None and is_floating(dtype) else 0.0


def product_epsilon(equation: Any) -> float:
    """Return what the operands of a product are rounded to on this device; 0 if they are not."""
    if equation.primitive.name not in _PRODUCTS or dtype_of(equation.outvars[0]) != np.float32:
        return 0.0
    precision = equation.params.get("precision")
    if precision is not None and all(part == _HIGHEST for part in np.ravel(precision)):
        return 0.0
    return _PRODUCT_EPSILON.get(jax.default_backend(), 0.0)


def as_dtype(value: Any, dtype: Any) -> Array:
    """Return `value` in `dtype`, and not weakly typed."""
    return jnp.asarray(value, dtype=dtype)


def as_wide(value: Any) -> Any:
    """Return `value` in the wide dtype that stands for its own; what is no float as it is."""
    dtype = getattr(value, "dtype", None)
    return as_dtype(value, wide_dtype(dtype)) if dtype is not None and is_narrow(dtype) else value


def as_array(value: Any) -> Any:
    """Return `value` as an array of JAX, which a literal of a jaxpr is not."""
    return jnp.asarray(value) if isinstance(value, np.ndarray | np.generic) else value
