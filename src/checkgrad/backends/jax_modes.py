"""The modes in which JAX differentiates, as claims, and derivatives that are functions again.

The functions take and return floating arrays, each as an argument of its own. `jax_samples` says
what such a claim is.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from checkgrad.backends.array_types import Array
from checkgrad.backends.jax_flat import FlatLayout
from checkgrad.backends.jax_samples import FlatClaim, FlatFunction
from checkgrad.backends.jax_wide_dtypes import is_floating


def floating_arrays(tree: Any) -> tuple[Array, ...]:
    """Return the floating arrays in what a function returned; numbers count as arrays."""
    arrays = (as_jax(leaf) for leaf in jax.tree_util.tree_leaves(tree))
    return tuple(each for each in arrays if is_floating_array(each))


def as_jax(leaf: Any) -> Any:
    """Return a NumPy array or a number as an array of JAX, as JAX takes it; others as they are."""
    known = isinstance(leaf, np.ndarray | np.generic | float | complex)
    return jax.numpy.asarray(leaf) if known else leaf


def is_floating_array(leaf: Any) -> bool:
    """Return whether a leaf is a floating array of JAX, traced or not."""
    return isinstance(leaf, jax.Array) and is_floating(leaf.dtype)


def claim_of(function: FlatFunction, mode: str) -> FlatClaim:
    """Return the derivative of a function in mode "fwd", "rev" or "lin", with the value."""

    def forward(primals: list[Array], tangents: list[Array]) -> tuple[Any, Any]:
        values, changes = jax.jvp(function, tuple(primals), tuple(tangents))
        return values, changes

    def reverse(primals: list[Array], weights: list[Array]) -> tuple[Any, Any]:
        values, pullback = jax.vjp(function, *primals)
        return values, pullback(tuple(weights))

    def linearized(primals: list[Array], tangents: list[Array]) -> tuple[Any, Any]:
        values, pushforward = jax.linearize(function, *primals)
        return values, pushforward(*tangents)

    return {"fwd": forward, "rev": reverse, "lin": linearized}[mode]


def nested(
    function: FlatFunction, primals: list[Array], mode: str, rng: np.random.Generator
) -> tuple[FlatFunction, list[Array]]:
    """Return the derivative of a function as a function, and where to differentiate it.

    Its inputs are those of the function, and a random tangent or cotangent.
    """
    like = jax.eval_shape(function, *primals) if mode == "rev" else primals
    layout, claim, count = FlatLayout(like), claim_of(function, mode), len(primals)
    vector = layout.arrays(rng.standard_normal(layout.size))

    def derivative(*parts: Array) -> tuple[Array, ...]:
        return tuple(claim(list(parts[:count]), list(parts[count:]))[1])

    return derivative, [*primals, *(jax.numpy.asarray(each) for each in vector)]


def alone(function: FlatFunction, primals: list[Array], place: int) -> FlatFunction:
    """Return a function of one of its inputs; the others are constants."""
    return lambda part: function(*primals[:place], part, *primals[place + 1 :])
