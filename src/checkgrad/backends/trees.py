"""Trees of arrays: ``jax.tree_util`` where a leaf is a JAX array, ``optree`` otherwise."""

from __future__ import annotations

import sys
from typing import Any

import array_api_compat

from checkgrad.backends.protocol import Structure


def flatten_tree(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of `tree` and its structure.

    JAX users register their own node types with ``jax.tree_util``, which optree does not know, so
    it comes first, where it has been imported and finds a JAX array, and last, where optree leaves
    over an object that it can take apart.
    """
    if "jax" in sys.modules:
        leaves, structure = _flatten_jax(tree)
        if any(array_api_compat.is_jax_array(leaf) for leaf in leaves):
            return leaves, structure
    found, found_structure = _flatten_optree(tree)
    if any(_is_opaque(leaf) for leaf in found) and "jax" in sys.modules:
        leaves, structure = _flatten_jax(tree)
        if leaves and not any(_is_opaque(leaf) for leaf in leaves):
            return leaves, structure
    return found, found_structure


def _is_opaque(leaf: Any) -> bool:
    return not (array_api_compat.is_array_api_obj(leaf) or isinstance(leaf, (int, float, complex)))


def _flatten_jax(tree: Any) -> tuple[list[Any], Structure]:
    from jax import tree_util

    with_paths, definition = tree_util.tree_flatten_with_path(tree)

    def flatten_like(other: Any) -> tuple[list[Any], str]:
        leaves, other_definition = tree_util.tree_flatten(other)
        return leaves, str(other_definition)

    structure = Structure(
        unflatten=lambda leaves: tree_util.tree_unflatten(definition, leaves),
        paths=tuple(tree_util.keystr(path) for path, _ in with_paths),
        description=str(definition),
        flatten_like=flatten_like,
    )
    return [leaf for _, leaf in with_paths], structure


def _flatten_optree(tree: Any) -> tuple[list[Any], Structure]:
    import optree

    accessors, leaves, definition = optree.tree_flatten_with_accessor(tree)

    def flatten_like(other: Any) -> tuple[list[Any], str]:
        leaves, other_definition = optree.tree_flatten(other)
        return leaves, str(other_definition)

    structure = Structure(
        unflatten=lambda leaves: optree.tree_unflatten(definition, leaves),
        paths=tuple(accessor.codify("") for accessor in accessors),
        description=str(definition),
        flatten_like=flatten_like,
    )
    return leaves, structure
