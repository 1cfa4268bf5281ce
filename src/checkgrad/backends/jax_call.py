"""``f(*args)`` as JAX takes it, as a function of floating arrays.

NumPy arrays and Python numbers become arrays of JAX. What is not floating is a constant. So are the
entries that are not finite: a derivative there is none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from checkgrad.backends.array_types import Array
from checkgrad.backends.jax_modes import as_jax, floating_arrays, is_floating_array
from checkgrad.backends.jax_samples import FlatClaim

_NAMED = 3  # arrays that a note names


class JaxCall:
    """A function of the user's and its arguments.

    Parameters
    ----------
    func : callable
        The user's function.
    args : tuple
        Its arguments.

    Attributes
    ----------
    primals : list of array
        The floating arrays among the arguments; 1 stands for an entry that is not finite.
    notes : list of str
        Which entries are left out.
    """

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._func = func
        self._leaves, self._structure = jax.tree_util.tree_flatten(args)
        arrays = [as_jax(leaf) for leaf in self._leaves]
        self._places = [k for k, each in enumerate(arrays) if is_floating_array(each)]
        self._given = _with_dtypes([arrays[k] for k in self._places])
        self.primals = list(self._given)
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self.notes: list[str] = []

    # The function, in three forms.

    def __call__(self, *parts: Array) -> tuple[Array, ...]:
        """Return the floating arrays of the value, from the floating arrays of the arguments."""
        values = floating_arrays(self._func(*self.arguments(parts)))
        if not self._outputs:
            return values
        return tuple(map(_where, self._outputs, values, map(jnp.zeros_like, values)))

    def of_arguments(self, args: Any) -> Any:
        """Return the same from a tree like that of the user; a single array as it is."""
        values = self(*self.parts(args))
        return values[0] if len(values) == 1 else list(values)

    def tree(self, parts: Sequence[Any] | None = None) -> tuple[Any, ...]:
        """Return floating arrays, those of x0 for example, in the structure of the arguments."""
        leaves = list(self._leaves)
        for place, part in zip(self._places, parts or self.primals, strict=True):
            leaves[place] = part
        found: tuple[Any, ...] = jax.tree_util.tree_unflatten(self._structure, leaves)
        return found

    def parts(self, tree: Any) -> list[Any]:
        """Return the floating arrays of a tree like the arguments."""
        leaves = self._structure.flatten_up_to(tuple(tree))
        return [leaves[k] for k in self._places]

    def arguments(self, parts: Sequence[Array]) -> tuple[Any, ...]:
        """Return the arguments of the user's function at a point."""
        if self._inputs:
            parts = list(map(_where, self._inputs, parts, self._given))
        return self.tree(parts)

    def value(self) -> Any:
        """Return what the user's function returns."""
        return self._func(*self.arguments(self._given))

    @property
    def names(self) -> list[str]:
        """What the floating arrays of the arguments are called."""
        paths = jax.tree_util.tree_flatten_with_path(self.tree(self._given))[0]
        every = ["args" + jax.tree_util.keystr(path) for path, _ in paths]
        return [every[place] for place in self._places]

    # Entries that are not finite.

    def leave_out_infinities(self) -> bool:
        """Make constants of the entries that are not finite. Return whether there are any.

        Where the value is not finite, its derivative is not either, and 0 times it is NaN. So what
        only such an entry of the value depends on becomes a constant as well.
        """
        self._inputs = [np.isfinite(np.asarray(each)) for each in self._given]
        values = floating_arrays(self._func(*self.arguments(self._given)))
        self._outputs = [np.isfinite(np.asarray(each)) for each in values]
        if not all(map(np.all, self._outputs)):
            with contextlib.suppress(Exception):  # there may be no rule for reverse mode
                gradient = jax.vjp(self, *self._given)[1](tuple(map(jnp.zeros_like, values)))
                self._inputs = [
                    mask & np.isfinite(np.asarray(part))
                    for mask, part in zip(self._inputs, gradient, strict=True)
                ]
        for kind, masks, named in (
            ("entries of x0, or their derivatives", self._inputs, self.names),
            ("entries of func(x0)", self._outputs, ["func(x0)"] * len(values)),
        ):
            count = sum(int(np.count_nonzero(~mask)) for mask in masks)
            if count:
                where = dict.fromkeys(
                    name for name, mask in zip(named, masks, strict=True) if not np.all(mask)
                )
                of = ", ".join(list(where)[:_NAMED])
                self.notes.append(f"not differentiated, since not finite: {count} {kind} ({of})")
        self.primals = [
            _where(mask, given, jnp.ones_like(given))
            for mask, given in zip(self._inputs, self._given, strict=True)
        ]
        return bool(self.notes)

    # Claims of the user.

    def forward_claim(self, f_jvp: Callable[..., Any]) -> FlatClaim:
        """Return ``f_jvp(primals, tangents)``, which returns value and jvp, for flat lists."""

        def claim(primals: list[Array], tangents: list[Array]) -> tuple[Any, Any]:
            if self._inputs:
                tangents = list(map(_where, self._inputs, tangents, map(jnp.zeros_like, tangents)))
            value, change = f_jvp(self.arguments(primals), self._tangent(tangents))
            return self._finite(floating_arrays(value)), self._finite(floating_arrays(change))

        return claim

    def reverse_claim(self, f_vjp: Callable[..., Any]) -> FlatClaim:
        """Return ``f_vjp(*primals)``, which returns value and pullback, for flat lists."""

        def claim(primals: list[Array], weights: list[Array]) -> tuple[Any, Any]:
            value, pullback = f_vjp(*self.arguments(primals))
            gradient = pullback(_cotangent(value, self._finite(tuple(weights))))
            parts = self._gradient_parts(gradient)
            if self._inputs:
                parts = list(map(_where, self._inputs, parts, map(jnp.zeros_like, parts)))
            return self._finite(floating_arrays(value)), parts

        return claim

    def _gradient_parts(self, gradient: Any) -> list[Any]:
        """Return the floating arrays of a gradient, and say which one is missing."""
        parts = self.parts(gradient)
        for name, part in zip(self.names, parts, strict=True):
            if part is None:
                raise TypeError(
                    f"the vjp returned None for {name}; return an array of its shape and dtype, of "
                    f"zeros where func does not depend on it"
                )
        return parts

    def _finite(self, arrays: Sequence[Array]) -> tuple[Array, ...]:
        if not self._outputs:
            return tuple(arrays)
        return tuple(map(_where, self._outputs, arrays, map(jnp.zeros_like, arrays)))

    def _tangent(self, parts: Sequence[Array]) -> tuple[Any, ...]:
        """Return a tangent in the structure of the arguments; 0 for what is not floating."""
        leaves = [_zero(as_jax(leaf)) for leaf in self._leaves]
        for place, part in zip(self._places, parts, strict=True):
            leaves[place] = part
        found: tuple[Any, ...] = jax.tree_util.tree_unflatten(self._structure, leaves)
        return found


def _where(mask: Any, array: Array, other: Array) -> Array:
    return array if np.all(mask) else jnp.where(mask, array, other)


def _zero(leaf: Any) -> Any:
    return np.zeros(np.shape(leaf), jax.dtypes.float0)


def _cotangent(value: Any, weights: Sequence[Array]) -> Any:
    """Return weights in the structure of a value; 0 for what is not floating."""
    leaves, structure = jax.tree_util.tree_flatten(value)
    given = iter(weights)
    filled = [next(given) if is_floating_array(as_jax(leaf)) else _zero(leaf) for leaf in leaves]
    return jax.tree_util.tree_unflatten(structure, filled)


def _with_dtypes(arrays: list[Array]) -> list[Array]:
    """Return floating arrays in which a Python number has the dtype of the other arrays.

    JAX promotes a Python number to that dtype. An array of its own does not show that any more.
    """
    strong = [each.dtype for each in arrays if not each.weak_type]
    if not strong:
        return arrays
    dtype = jnp.finfo(jnp.result_type(*strong)).dtype  # the real one
    return [
        each.astype(dtype) if each.weak_type and jnp.isrealobj(each) else each for each in arrays
    ]
