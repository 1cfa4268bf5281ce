"""What passes through a guard at one call: the point, and what the user's function returned.

This module tells which of them a guard can use. It calls no function of the user's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.backends import flatten_tree, host, is_array, is_traced

_PARTS = 2  # of a pair: the value and the gradient
# The types of arrays seen so far, which have values: what JAX traces is of another type. A guard
# asks at every call, and to look into a tree takes microseconds.
ARRAYS_WITH_VALUES: set[type] = {np.ndarray}


def require_pair(returned: Any) -> None:
    """Raise a `TypeError` if a function returned no pair of a value and a gradient."""
    if not isinstance(returned, (tuple, list)) or len(returned) != _PARTS:
        raise TypeError(
            f"func returned {quote(returned)}; with grad=True it must return a pair (value, "
            "gradient)"
        )


def first_part(value: Any) -> Any:
    """Return the value of what may be a pair (value, aux)."""
    return value[0] if isinstance(value, tuple) else value


def require_values(x: Any) -> None:
    """Raise a `TypeError` if x has no values, as inside of a compiled function."""
    if is_traced(x):
        raise TypeError(
            "x is traced by JAX, so that there are no values, and a guard needs values; put it "
            "around the compiled function, as "
            "checkgrad.guard(jax.jit(jax.value_and_grad(loss)), True), and call it outside of jit"
        )
    if is_array(x):
        ARRAYS_WITH_VALUES.add(type(x))


def is_plain(array: Any) -> bool:
    """Return whether an array is one of NumPy in float64."""
    return type(array) is np.ndarray and array.dtype == np.float64 and array.size > 0


def is_finite(x: Any) -> bool:
    """Return whether all entries of a point are finite."""
    leaves, _ = flatten_tree(x)
    return all(np.all(np.isfinite(host(leaf))) for leaf in leaves if is_array(leaf))
