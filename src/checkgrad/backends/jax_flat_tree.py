"""JAX: trees of floating arrays on one device as one vector of NumPy, and back.

Arrays that are committed to a device, or lie on several, are left to others.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_flatten, tree_unflatten

from checkgrad.backends.array_types import HostArray

# Of all ways from many arrays of NumPy to arrays of JAX, the arguments of a compiled function are
# the fastest by far: about ten microseconds an array, and not sixty.
_taken = jax.jit(lambda leaves: leaves)


class JaxFlatTree:
    """How trees of the same structure become vectors, see `checkgrad.backends.FlatTree`.

    Parameters
    ----------
    leaves : list of jax.Array
        Those of the first tree.
    definition : jax.tree_util.PyTreeDef
        Its structure.
    """

    def __init__(self, leaves: list[Any], definition: Any) -> None:
        self._definition = definition
        self._types = [leaf.aval for leaf in leaves]
        self._device = _device_of(leaves[0])
        self.sizes = tuple(leaf.size for leaf in leaves)
        self._ends = list(itertools.accumulate(self.sizes))
        self._epsilons = {leaf.dtype: float(jnp.finfo(leaf.dtype).eps) for leaf in leaves}
        self.epsilon = max(self._epsilons.values())

    @classmethod
    def like(cls, tree: Any) -> JaxFlatTree | None:
        """Return how trees like `tree` become vectors; None if it has arrays of another kind."""
        leaves, definition = tree_flatten(tree)
        if not leaves or not all(map(_is_simple, leaves)):
            return None
        one_device = len({_device_of(leaf) for leaf in leaves}) == 1
        return cls(leaves, definition) if one_device and sum(leaf.size for leaf in leaves) else None

    def coordinates(self, tree: Any) -> HostArray | None:
        """See `checkgrad.backends.FlatTree`."""
        leaves, definition = tree_flatten(tree)
        if definition != self._definition or not all(map(self._fits, leaves, self._types)):
            return None
        return np.concatenate([np.asarray(leaf).reshape(-1) for leaf in leaves], dtype=np.float64)

    def _fits(self, leaf: Any, wanted: Any) -> bool:
        """Return whether a leaf is an array like the one of the first tree, and where it is."""
        if not isinstance(leaf, jax.Array) or isinstance(leaf, jax.core.Tracer):
            return False
        same = leaf.shape == wanted.shape and leaf.dtype == wanted.dtype
        return same and not leaf.committed and _device_of(leaf) == self._device

    def tree(self, coordinates: HostArray) -> Any:
        """See `checkgrad.backends.FlatTree`."""
        parts = [
            coordinates[end - size : end].reshape(wanted.shape).astype(wanted.dtype)
            for end, size, wanted in zip(self._ends, self.sizes, self._types, strict=True)
        ]
        with jax.default_device(self._device):
            return tree_unflatten(self._definition, _taken(parts))

    def read(self, value: Any) -> tuple[float, float] | None:
        """See `checkgrad.backends.FlatTree`."""
        if not isinstance(value, jax.Array) or math.prod(value.shape) != 1:
            return None
        epsilon = self._epsilons.get(value.dtype)
        if epsilon is None or isinstance(value, jax.core.Tracer):
            return None
        return float(value.item()), epsilon


def _is_simple(leaf: Any) -> bool:
    """Return whether a leaf is an array of real floating numbers that is on a single device."""
    if not isinstance(leaf, jax.Array) or isinstance(leaf, jax.core.Tracer) or leaf.committed:
        return False
    return jnp.issubdtype(leaf.dtype, jnp.floating) and len(leaf.devices()) == 1


def _device_of(leaf: Any) -> Any:
    return next(iter(leaf.devices()))
