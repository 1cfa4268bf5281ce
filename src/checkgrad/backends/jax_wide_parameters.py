"""The parameters of JAX's operations where the operands are wide.

A parameter may be a jaxpr: the comparison of a sort, the sum of a scatter. JAX compiles an
operation anew for each jaxpr object. So one native jaxpr has one wide jaxpr.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np

from checkgrad.backends.jax_wide_dtypes import is_narrow, wide_dtype
from checkgrad.backends.jax_wide_operations import closed, is_jaxpr

Run: TypeAlias = Callable[[Any, Sequence[Any]], list[Any]]

_HIGHEST = jax.lax.Precision.HIGHEST
_wide_jaxprs: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def wide_parameter(name: str, parameter: Any, run: Run) -> Any:
    """Return what stands for a parameter of an operation.

    Parameters
    ----------
    name : str
        The name of the parameter.
    parameter : Any
        What the user's function passes.
    run : callable
        Evaluates a closed jaxpr on wide values.
    """
    if name == "precision" and parameter is not None:
        return (_HIGHEST, _HIGHEST)
    if is_jaxpr(parameter):
        return _wide_jaxpr(parameter, run)
    if isinstance(parameter, tuple) and any(map(is_jaxpr, parameter)):
        return tuple(_wide_jaxpr(part, run) if is_jaxpr(part) else part for part in parameter)
    if isinstance(parameter, np.dtype | type) and is_narrow(parameter):
        return wide_dtype(parameter)
    return parameter


def _wide_jaxpr(jaxpr: Any, run: Run) -> Any:
    if jaxpr not in _wide_jaxprs:
        shapes = [
            jax.ShapeDtypeStruct(each.aval.shape, wide_dtype(each.aval.dtype))
            for each in closed(jaxpr).jaxpr.invars
        ]
        found = jax.make_jaxpr(lambda *values: run(closed(jaxpr), values))(*shapes)
        _wide_jaxprs[jaxpr] = found if hasattr(jaxpr, "consts") else found.jaxpr
    return _wide_jaxprs[jaxpr]
