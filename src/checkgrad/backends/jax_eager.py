"""A jaxpr in float64, evaluated operation by operation at many points in one call.

JAX keeps the code of every operation, and of every function that was compiled before. So a
function that nobody has seen yet costs no compilation here, where `jax_widening` compiles it.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from checkgrad.backends.array_types import Array, HostArray
from checkgrad.backends.jax_wide_evaluation import WideEvaluation
from checkgrad.backends.jax_wide_operations import body_of
from checkgrad.backends.jax_wide_setting import with_float64

# The names of functions under ``jax.jit``. JAX traces such a function once, so that its jaxpr is
# one object in all functions that call it.
_COMPILED = ("jit", "pjit")
_FEWEST = 128  # points in a call, for arrays of up to so many entries:
_SMALL = 1024
_wide_bodies: weakref.WeakKeyDictionary[Any, Callable[..., list[Array]]]
_wide_bodies = weakref.WeakKeyDictionary()


class _EagerEvaluation(WideEvaluation):
    """Runs what the user compiled as compiled code, and all else one by one."""

    def called(self, equation: Any, values: list[Any]) -> list[Any]:
        if equation.primitive.name not in _COMPILED:
            return super().called(equation, values)
        return list(_wide_body(body_of(equation))(*values))


def _wide_body(body: Any) -> Callable[..., list[Array]]:
    """Return an inner jaxpr in float64, compiled once however many functions call it."""
    if body not in _wide_bodies:
        known = weakref.ref(body)  # the table must not keep its own keys alive
        _wide_bodies[body] = jax.jit(lambda *values: WideEvaluation().run(known(), values))
    return _wide_bodies[body]


def values_of_many(jaxpr: Any, arrays: Sequence[HostArray]) -> list[HostArray]:
    """Return the results of a jaxpr in float64, on the host, at many points.

    Parameters
    ----------
    jaxpr : ClosedJaxpr
        A function, traced in the dtypes of the user.
    arrays : sequence of array
        Its arguments, wide where they are floating. Each holds many points along a leading axis,
        and so do the results.
    """
    evaluation, count = _EagerEvaluation(), len(arrays[0])
    more = _filled(count, max(math.prod(each.shape[1:]) for each in arrays)) - count
    filled = [
        np.pad(each, [(0, more), *[(0, 0)] * (each.ndim - 1)], mode="edge") for each in arrays
    ]
    with with_float64():
        of_many = jax.vmap(lambda *parts: evaluation.run(jaxpr, parts))
        return [np.asarray(each)[:count] for each in of_many(*filled)]


def _filled(count: int, size: int) -> int:
    """Return how many points to evaluate at, so that most functions share the compiled code."""
    power = 1 << (count - 1).bit_length()
    return max(power, _FEWEST) if size <= _SMALL else power
