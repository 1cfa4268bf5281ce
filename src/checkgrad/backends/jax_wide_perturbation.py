"""A wide evaluation in which every operation that rounds gets a random error (Monte Carlo).

The error is a function of the seed, the operation and the exact result. It therefore needs no
state, in loops and under vmap either. Equal operations on equal numbers make equal errors, as in
native arithmetic: the mean of a thousand equal terms is no more exact than one of them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from checkgrad.backends.array_types import Array
from checkgrad.backends.jax_wide_dtypes import (
    dtype_of,
    epsilon_of,
    is_complex,
    is_floating,
    product_epsilon,
)
from checkgrad.backends.jax_wide_evaluation import WideEvaluation
from checkgrad.backends.jax_wide_operations import cast_of, is_accumulating, is_exact

# The numbers of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
# OOPSLA 2014). They turn any two 64-bit integers into ones that have nothing in common.
_GOLDEN = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_SHIFTS = (30, 27, 31)
_WORD = 2**64

_LARGEST = float(np.finfo(np.float64).max)
_MANTISSA_BITS = 52
_ONE = 0x3FF0000000000000  # the bits of 1.0


class Perturbing(WideEvaluation):
    """Random relative errors of up to half a unit in the last place of the native dtype.

    A result that the native dtype holds exactly gets no error. So powers of two and small
    integers stay what they are.

    Parameters
    ----------
    seed : array
        A number of uint64.
    constants : mapping of int to array, optional
        See `WideEvaluation`.
    """

    def __init__(self, seed: Array, constants: Mapping[int, Any] | None = None) -> None:
        super().__init__(constants)
        self._seed = _mixed(seed)
        self._errors = 0

    def computed(self, equation: Any, values: list[Any]) -> list[Any]:
        """See `WideEvaluation.computed`."""
        if is_exact(equation):
            return super().computed(equation, values)
        natives = [dtype_of(variable) for variable in equation.outvars]
        accumulated = next((each for each in natives if is_floating(each)), None)
        if is_accumulating(equation) and accumulated is not None:
            epsilon = max(product_epsilon(equation), float(jnp.finfo(accumulated).eps))
            values = [self._with_error(each, accumulated, epsilon) for each in values]
        results, cast = super().computed(equation, values), cast_of(equation)[1]
        return [
            self._with_error(
                each, native, max(cast, epsilon_of(native)), cast <= epsilon_of(native)
            )
            if is_floating(native)
            else each
            for each, native in zip(results, natives, strict=True)
        ]

    def _with_error(
        self, values: Any, native: Any, epsilon: float, unless_native: bool = False
    ) -> Any:
        if not is_floating(getattr(values, "dtype", None)):
            return values
        self._errors += 1
        state = self._seed + np.uint64(self._errors * _GOLDEN % _WORD)
        return _with_error(values, state, jnp.dtype(native), epsilon, unless_native)


# Compiled once for each shape, and not once for each operation.
@functools.partial(jax.jit, static_argnums=(2, 3, 4))
def _with_error(
    values: Array, state: Array, native: Any, epsilon: float, unless_native: bool
) -> Array:
    """Return values with errors of up to half of `epsilon`, relative to each.

    If `unless_native`, a value that the native dtype holds exactly gets none.
    """
    if is_complex(values.dtype):
        parts = (jnp.real(values), jnp.imag(values))
        found = jax.lax.complex(*(_rounded(part, state, native, epsilon) for part in parts))
    else:
        found = _rounded(values, state, native, epsilon)
    if not unless_native or native == values.dtype:
        return found
    return jnp.where(values.astype(native).astype(values.dtype) == values, values, found)


def _rounded(values: Array, state: Array, native: Any, epsilon: float) -> Array:
    limits, magnitude = jnp.finfo(native), jnp.abs(values)
    # XLA takes numbers below the smallest normal one for 0, except in float16, which it computes
    # in float32.
    is_float16 = jnp.dtype(limits.dtype) == np.float16
    unit = magnitude if not is_float16 else float(limits.smallest_subnormal) / 2
    relative = jnp.minimum(magnitude, _LARGEST) * (epsilon / 2)  # infinity stays infinity
    size = jnp.where(magnitude < float(limits.tiny), unit, relative)
    return values + size * _uniform(values, state)


def _uniform(values: Array, state: Array) -> Array:
    """Return a number between -1 and 1 for every value; other ones at another state."""
    bits = jax.lax.bitcast_convert_type(jnp.asarray(values, jnp.float64), jnp.uint64)
    mixed = _mixed(bits ^ state)
    fraction = (mixed >> np.uint64(64 - _MANTISSA_BITS)) | np.uint64(_ONE)
    return 2.0 * jax.lax.bitcast_convert_type(fraction, jnp.float64) - 3.0


def _mixed(bits: Array) -> Array:
    """Return the output of splitmix64 at a state."""
    for shift, multiplier in zip(_SHIFTS, _MULTIPLIERS, strict=False):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(multiplier)
    return bits ^ (bits >> np.uint64(_SHIFTS[-1]))
