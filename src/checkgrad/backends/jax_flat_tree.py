"""JAX: trees of floating arrays on one device as one vector of NumPy, and back.

Arrays that are committed to a device, or lie on several, are left to others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_flatten, tree_unflatten

from checkgrad.backends.array_types import HostArray

# Of all ways from many arrays of NumPy to arrays of JAX, the arguments of a compiled function are
# the fastest by far: about ten microseconds an array, and not sixty. So the user's function gets
# arrays of NumPy where it is compiled. For others, this one is.
_taken = jax.jit(lambda leaves: leaves)
_MAY_TRANSFER = (None, "allow")  # what JAX's guard of transfers is set to


class JaxFlatTree:
    """How trees of the same structure become vectors, see `checkgrad.backends.FlatTree`.

    Parameters
    ----------
    leaves : list of jax.Array
        Those of the first tree.
    definition : jax.tree_util.PyTreeDef
        Its structure.
    func : callable
        What gets the trees that are made.
    """

    def __init__(self, leaves: list[Any], definition: Any, func: Callable[..., Any]) -> None:
        self._definition = definition
        self._kinds = frozenset(map(type, leaves))  # no type of what JAX traces with is among them
        self._types = [leaf.aval for leaf in leaves]
        self._device = _device_of(leaves[0])
        is_compiled = type(func) is type(_taken)
        self._is_compiled = is_compiled and self._device == jax.local_devices()[0]
        self.sizes = tuple(leaf.size for leaf in leaves)
        self._ends = list(itertools.accumulate(self.sizes))
        self._epsilons = {leaf.dtype: float(jnp.finfo(leaf.dtype).eps) for leaf in leaves}
        self.epsilon = max(self._epsilons.values())

    @classmethod
    def like(cls, tree: Any, func: Callable[..., Any]) -> JaxFlatTree | None:
        """Return how trees like `tree` become vectors; None if it has arrays of another kind."""
        leaves, definition = tree_flatten(tree)
        if not leaves or not all(map(_is_simple, leaves)):
            return None
        one_device = len({_device_of(leaf) for leaf in leaves}) == 1
        has_any = one_device and sum(leaf.size for leaf in leaves)
        return cls(leaves, definition, func) if has_any else None

    def coordinates(self, tree: Any) -> HostArray | None:
        """See `checkgrad.backends.FlatTree`."""
        leaves, definition = tree_flatten(tree)
        if definition != self._definition or not all(map(self._fits, leaves, self._types)):
            return None
        if len(leaves) == 1:
            return np.asarray(leaves[0]).reshape(-1).astype(np.float64)
        return np.concatenate([np.asarray(leaf).reshape(-1) for leaf in leaves], dtype=np.float64)

    def _fits(self, leaf: Any, wanted: Any) -> bool:
        """Return whether a leaf is an array like the one of the first tree, and where it is."""
        if type(leaf) not in self._kinds:
            return False
        same = leaf.shape == wanted.shape and leaf.dtype == wanted.dtype
        return same and not leaf.committed and _device_of(leaf) == self._device

    def points(self, *vectors: HostArray) -> list[Any]:
        """See `checkgrad.backends.FlatTree`."""
        leaves = [self._leaves(each) for each in vectors]
        taken = leaves if self._takes_host_arrays() else self._placed(leaves)
        return [tree_unflatten(self._definition, each) for each in taken]

    def tree(self, vector: HostArray) -> Any:
        """See `checkgrad.backends.FlatTree`."""
        return tree_unflatten(self._definition, self._placed([self._leaves(vector)])[0])

    def _leaves(self, vector: HostArray) -> list[HostArray]:
        """Return the leaves of a tree as arrays of NumPy."""
        return [
            vector[end - size : end].astype(wanted.dtype).reshape(wanted.shape)
            for end, size, wanted in zip(self._ends, self.sizes, self._types, strict=True)
        ]

    def _placed(self, leaves: list[list[HostArray]]) -> Any:
        with jax.default_device(self._device):
            return _taken(leaves) if _compiled_take_host_arrays() else jax.device_put(leaves)

    def _takes_host_arrays(self) -> bool:
        """Return whether the function takes arrays of NumPy for what it computes on the device."""
        is_default = jax.config.jax_default_device is None
        return self._is_compiled and is_default and _compiled_take_host_arrays()

    def snapshot(self, tree: Any) -> Any:
        """See `checkgrad.backends.FlatTree`."""
        if type(tree) in self._kinds:
            return tree
        leaves, definition = tree_flatten(tree)
        if definition != self._definition or not self._kinds.issuperset(map(type, leaves)):
            return None
        return tree_unflatten(definition, leaves)

    def read(self, value: Any) -> tuple[float, float] | None:
        """See `checkgrad.backends.FlatTree`."""
        if type(value) not in self._kinds or math.prod(value.shape) != 1:
            return None
        epsilon = self._epsilons.get(value.dtype)
        return None if epsilon is None else (float(value.item()), epsilon)


def _compiled_take_host_arrays() -> bool:
    """Return whether compiled functions turn arrays of NumPy into those of JAX unasked."""
    config = jax.config
    may_transfer = config.jax_transfer_guard_host_to_device in _MAY_TRANSFER
    return may_transfer and not config.jax_disable_jit


def _is_simple(leaf: Any) -> bool:
    """Return whether a leaf is an array of real floating numbers that is on a single device."""
    if not isinstance(leaf, jax.Array) or isinstance(leaf, jax.core.Tracer) or leaf.committed:
        return False
    return jnp.issubdtype(leaf.dtype, jnp.floating) and len(leaf.devices()) == 1


def _device_of(leaf: Any) -> Any:
    return next(iter(leaf.devices()))
