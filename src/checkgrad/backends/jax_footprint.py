"""How much memory a traced function of JAX takes, as its jaxpr tells. Nothing is evaluated."""

from __future__ import annotations

import math
from typing import Any


def largest_made(jaxpr: Any) -> int:
    """Return the bytes of the largest array that a traced function makes, at any depth."""
    largest = 0
    for equation in jaxpr.eqns:
        for made in (variable.aval for variable in equation.outvars):
            if hasattr(made, "dtype"):
                largest = max(largest, math.prod(made.shape) * made.dtype.itemsize)
        for parameter in equation.params.values():
            parts = parameter if isinstance(parameter, (tuple, list)) else (parameter,)
            for inner in (getattr(part, "jaxpr", part) for part in parts):
                if hasattr(inner, "eqns"):
                    largest = max(largest, largest_made(inner))
    return largest
