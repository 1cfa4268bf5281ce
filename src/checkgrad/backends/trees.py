"""Trees of arrays: ``jax.tree_util`` where a leaf is a JAX array, ``optree`` otherwise."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import array_api_compat

from checkgrad.backends.array_types import Structure


def flatten_tree(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves of `tree` and its structure.

    JAX users register their own node types with ``jax.tree_util``, and optree does not know them.
    So ``jax.tree_util`` comes first, if JAX has been imported and one of the leaves is a JAX
    array. It also comes last, if optree leaves an object that ``jax.tree_util`` can take apart.
    """
    if "jax" in sys.modules:
        with contextlib.suppress(ValueError, TypeError):  # keys that have no order
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
    """Return whether `leaf` is neither an array nor a number."""
    return not (array_api_compat.is_array_api_obj(leaf) or isinstance(leaf, (int, float, complex)))


def _flatten_jax(tree: Any) -> tuple[list[Any], Structure]:
    from jax import tree_util

    def flatten(tree: Any) -> tuple[list[Any], tuple[str, ...], Any]:
        with_paths, definition = tree_util.tree_flatten_with_path(tree)
        paths = tuple(tree_util.keystr(path) for path, _ in with_paths)
        return [leaf for _, leaf in with_paths], paths, definition

    return _with_structure(tree, flatten, tree_util.tree_unflatten)


def _flatten_optree(tree: Any) -> tuple[list[Any], Structure]:
    import optree

    def flatten(tree: Any) -> tuple[list[Any], tuple[str, ...], Any]:
        accessors, leaves, definition = optree.tree_flatten_with_accessor(tree)
        return leaves, tuple(accessor.codify("") for accessor in accessors), definition

    return _with_structure(tree, flatten, optree.tree_unflatten)


def _with_structure(
    tree: Any,
    flatten: Callable[[Any], tuple[list[Any], tuple[str, ...], Any]],
    unflatten: Callable[[Any, list[Any]], Any],
) -> tuple[list[Any], Structure]:
    leaves, paths, definition = flatten(tree)

    def flatten_like(other: Any) -> tuple[list[Any], tuple[str, ...], str]:
        other_leaves, other_paths, other_definition = flatten(other)
        if sorted(other_paths) != sorted(paths):
            renamed = _with_types_of(unflatten(definition, list(paths)), other)
            other_leaves, other_paths, other_definition = flatten(renamed)
        return other_leaves, other_paths, str(other_definition)

    structure = Structure(
        unflatten=lambda leaves: unflatten(definition, leaves),
        unflatten_tangent=lambda leaves: unflatten(definition, leaves),
        paths=paths,
        description=str(definition),
        flatten_like=flatten_like,
    )
    return leaves, structure


def _with_types_of(tree: Any, other: Any) -> Any:
    """Return `other` with the named tuples of `tree`, and with plain tuples elsewhere."""
    if isinstance(tree, Mapping) and isinstance(other, Mapping):
        return {key: _with_types_of(tree.get(key), part) for key, part in other.items()}
    sequences = isinstance(tree, (list, tuple)) and isinstance(other, (list, tuple))
    if not sequences or len(tree) != len(other):
        return other
    parts = [_with_types_of(*pair) for pair in zip(tree, other, strict=True)]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


def without(structure: Structure, fixed: dict[int, Any], copy: Callable[[Any], Any]) -> Structure:
    """Return `structure` with some leaves fixed: they are not among its leaves any more.

    Parameters
    ----------
    structure : Structure
        The structure of the whole tree.
    fixed : dict of int to leaf
        The fixed leaves, by their places in ``structure.paths``.
    copy : callable
        Makes the copies of fixed leaves that ``unflatten`` puts in their places.
    """
    hidden = {structure.paths[place] for place in fixed}
    count = len(structure.paths)

    def filled(leaves: Sequence[Any], fill: Callable[[Any], Any]) -> list[Any]:
        others = iter(leaves)
        return [fill(fixed[k]) if k in fixed else next(others) for k in range(count)]

    def flatten_like(other: Any) -> tuple[list[Any], tuple[str, ...], str]:
        leaves, paths, description = structure.flatten_like(other)
        kept = [k for k, path in enumerate(paths) if path not in hidden]
        return [leaves[k] for k in kept], tuple(paths[k] for k in kept), description

    return dataclasses.replace(
        structure,
        unflatten=lambda leaves: structure.unflatten(filled(leaves, copy)),
        unflatten_tangent=lambda leaves: structure.unflatten(filled(leaves, _zero)),
        paths=tuple(path for path in structure.paths if path not in hidden),
        flatten_like=flatten_like,
        fixed=tuple(structure.paths[place] for place in fixed),
    )


def _zero(leaf: Any) -> Any:
    """Return the tangent of a fixed leaf: 0 for numbers, and any other leaf itself."""
    if array_api_compat.is_array_api_obj(leaf):
        return array_api_compat.array_namespace(leaf).zeros_like(leaf) if is_number(leaf) else leaf
    return type(leaf)(0) if isinstance(leaf, (bool, int, float, complex)) else leaf


def is_number(array: Any, kind: str = "numeric") -> bool:
    """Return whether an array has a kind of dtype of the standard; truth values are numeric.

    JAX and NumPy also have dtypes that the standard does not know.
    """
    xp = array_api_compat.array_namespace(array)
    try:
        return bool(xp.isdtype(array.dtype, kind) or (kind == "numeric" and array.dtype == xp.bool))
    except TypeError:  # the keys of random numbers
        return False


def is_traced(tree: Any) -> bool:
    """Return whether JAX traces a tree at the moment, so that it has no values. This is fast."""
    jax = sys.modules.get("jax")
    if jax is None:
        return False
    return any(map(_is_tracer, set(map(type, jax.tree_util.tree_leaves(tree)))))


@functools.lru_cache(maxsize=64)  # JAX takes a microsecond to answer this
def _is_tracer(kind: type) -> bool:
    return issubclass(kind, sys.modules["jax"].core.Tracer)
