"""A jaxpr in float64, evaluated operation by operation at many points in one call.

JAX keeps the code of every operation, and of every function that was compiled before. So a
function that nobody has seen yet costs no compilation here, where `jax_widening` compiles it.
"""

from __future__ import annotations

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


def values_of_many(jaxpr: Any, arrays: Sequence[Array], mapped: Sequence[bool]) -> list[HostArray]:
    """Return the results of a jaxpr in float64, on the host, at many points.

    Parameters
    ----------
    jaxpr : ClosedJaxpr
        A function, traced in the dtypes of the user.
    arrays : sequence of array
        Its arguments, wide where they are floating.
    mapped : sequence of bool
        Which of them hold many points along a leading axis. The results do.
    """
    evaluation = _EagerEvaluation()
    axes = [0 if each else None for each in mapped]
    with with_float64():
        of_many = jax.vmap(lambda *parts: evaluation.run(jaxpr, parts), in_axes=axes)
        return [np.asarray(each) for each in of_many(*arrays)]
