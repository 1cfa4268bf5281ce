"""The arrays in what the user's functions return, read from any structure.

This is the counterpart of `checkgrad.arrays.claim_arrays` for outputs. The module validates dtypes
and structure. `checkgrad.arrays.outputs` makes a vector of the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from checkgrad.arrays.labels import unlabelled
from checkgrad.arrays.messages import quote
from checkgrad.arrays.parsing import as_numeric, backend_array, flatten_floating, is_floating
from checkgrad.arrays.point import Point
from checkgrad.backends import Array, Structure, is_array


def output_arrays(
    value: Any, point: Point, name: str, said: str = "returned"
) -> tuple[list[Array], list[str], Structure | None]:
    """Return the arrays that make up a value, in the library of x0, and their paths.

    Parameters
    ----------
    value : Any
        A number, an array, or a tree of them.
    point : Point
        x0, for its array library and device.
    name, said : str
        The name of the value and the verb after it in error messages; `said` is "is" for a value
        that the user passed.

    Returns
    -------
    arrays : list of array
        The floating arrays of the tree, or all of them if none is floating.
    paths : list of str
        Their places in the tree; ``[""]`` for a single array.
    structure : Structure or None
        How they make up the tree; None for a single array.

    Raises
    ------
    TypeError
        If `value` is None, has no array in it, or is not numeric.
    """
    if value is None:
        raise TypeError(f"{name} returned None; it must return numbers (is a return missing?)")
    like, value = point.like(0), unlabelled(value)
    if is_array(value) or is_one_array(value):
        return [as_numeric(value, point.backend, like, name, said)], [""], None
    leaves, structure = flatten_floating(value)
    if not leaves:
        remedy = "it must return numbers" if said == "returned" else "pass numbers"
        raise TypeError(f"{name} {said} {quote(value)}; {remedy}")
    arrays = [
        as_numeric(leaf, point.backend, like, f"{name}{path}", said)
        for leaf, path in zip(leaves, structure.paths, strict=True)
    ]
    return arrays, list(structure.paths), structure


def recording_arrays(value: Any, point: Point) -> tuple[list[Array], Structure | None]:
    """Return the floating arrays in a value, still recording for differentiation.

    Parameters
    ----------
    value : Any
        What ``func`` returned, or a cotangent of the same structure.
    point : Point
        x0, for its array library and device.

    Returns
    -------
    arrays : list of array
        The floating arrays. A list of numbers and 0-d arrays is one array.
    structure : Structure or None
        How they make up the value; None for a single array.

    Raises
    ------
    TypeError
        If the value has no floating number in it.
    """
    leaves: list[Any]
    structure: Structure | None = None
    if is_array(value) or is_one_array(value):
        leaves = [value]
    else:
        leaves, structure = flatten_floating(value)
    arrays = [_stacked(leaf, point) for leaf in leaves]
    if not arrays or not all(map(is_floating, arrays)):
        raise TypeError(
            f"func returned {quote(value)}, which has no floating number to differentiate"
        )
    return arrays, structure


def _stacked(value: Any, point: Point) -> Array:
    """Return a number, an array, or nested lists of numbers and 0-d arrays as one array."""
    if isinstance(value, (list, tuple)):
        return point.xp.stack([_stacked(item, point) for item in value])
    like = point.like(0)
    if is_array(value):
        return backend_array(value, point.backend, like)
    return point.backend.asarray(value, like)


def is_one_array(value: Any) -> bool:
    """Return whether a value is a number, or nested lists of numbers and of 0-d arrays.

    Examples
    --------
    >>> is_one_array([1.0, [2.0]]), is_one_array({"loss": 1.0})
    (True, False)
    """
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return bool(value) and all(is_one_array(item) for item in value)
    if is_array(value):
        return len(value.shape) == 0
    return isinstance(value, (int, float, complex, np.generic, str, bytes))


def require_leading_axis(arrays: Sequence[Array], paths: Sequence[str]) -> None:
    """Raise a `ValueError` unless all arrays have a leading axis, of one length."""
    lengths = {tuple(array.shape[:1]) for array in arrays}
    if len(lengths) > 1 or () in lengths:
        shapes = ", ".join(
            f"func{path} {tuple(array.shape)}" for array, path in zip(arrays, paths, strict=True)
        )
        raise ValueError(
            f"func returned shapes {shapes} for many points along a leading axis; with "
            "batch='vectorized' it must return one value for each point: shape (k, ...)"
        )


def listed(paths: Sequence[str]) -> str:
    """Return how an error message names the structure that has arrays at `paths`."""
    if not any(paths):
        return "one array" if paths else "nothing"
    return f"a tree of {', '.join(paths)}"
