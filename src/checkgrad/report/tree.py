"""The arrays of x0, or of what func returns, as a report keeps them: names, shapes, and the tree.

This module owns the way from flat numbers to arrays in the user's tree, and the same as JSON. It
holds no array of the user's. Numbers come back as NumPy arrays.
"""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from checkgrad.arrays.outputs import OutputSpec
from checkgrad.arrays.point import Point
from checkgrad.backends import Structure

_MAPPINGS = (dict, OrderedDict, defaultdict)
_KEYS = (str, int)  # of mappings, that JSON can hold in a list


@dataclass(frozen=True)
class ArraySpec:
    """One array of x0, or of what ``func`` returns.

    Attributes
    ----------
    path : str
        Its place in the user's tree, e.g. ``['bias']``; empty for a single array.
    shape : tuple of int
        Its shape.
    dtype : str
        Its dtype, e.g. ``float32``.

    Examples
    --------
    >>> ArraySpec("['bias']", (3,), "float32").size
    3
    """

    path: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def is_complex(self) -> bool:
        """Whether each entry is two real coordinates."""
        return self.dtype.startswith("complex")

    @property
    def size(self) -> int:
        """The number of its real coordinates."""
        return math.prod(self.shape) * (2 if self.is_complex else 1)


@dataclass(frozen=True)
class TreeSpec:
    """Some arrays, and how they make up the user's tree.

    Attributes
    ----------
    arrays : tuple of ArraySpec
        The arrays, in the order of their coordinates.
    layout : Any
        The tree in terms of JSON: an int for an array, ``{"dict": [[key, node], ...]}``,
        ``{"list": [node, ...]}`` or ``{"tuple": [node, ...]}``, and None for what is not
        differentiated. None as a whole for trees of other classes.
    unflatten : callable or None
        Makes trees of other classes from their arrays. It is not kept in files.

    Examples
    --------
    >>> spec = TreeSpec((ArraySpec("['a']", (3,), "float32"),), {"dict": [["a", 0]]})
    >>> spec.size, spec.tree(["an array"])
    (3, {'a': 'an array'})
    """

    arrays: tuple[ArraySpec, ...]
    layout: Any
    unflatten: Callable[[list[Any]], Any] | None = field(default=None, compare=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "unflatten": None}  # a closure cannot be pickled

    @property
    def size(self) -> int:
        """The number of real coordinates."""
        return sum(array.size for array in self.arrays)

    def tree(self, parts: Sequence[Any]) -> Any:
        """Return the user's tree around one part for each array.

        Trees of other classes than dict, list and tuple are a dictionary by path where the classes
        are not known, as in a report from a file.
        """
        if self.unflatten is not None:
            return self.unflatten(list(parts))
        if self.layout is None:
            return dict(zip((array.path for array in self.arrays), parts, strict=True))
        return _built(self.layout, parts)

    def split(self, numbers: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Return numbers, of which all coordinates lie along the last axis, array by array.

        Complex arrays have real and imaginary parts along another axis, the last.
        """
        parts, start = [], 0
        for array in self.arrays:
            here = numbers[..., start : start + array.size]
            pair = (2,) if array.is_complex else ()
            parts.append(here.reshape((*numbers.shape[:-1], *array.shape, *pair)))
            start += array.size
        return parts

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"arrays": [array_to_dict(array) for array in self.arrays], "layout": self.layout}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> TreeSpec:
        """Return what `to_dict` was made of."""
        return cls(tuple(map(array_from_dict, found["arrays"])), found["layout"])


def array_to_dict(array: ArraySpec) -> dict[str, Any]:
    """Return the description of an array as JSON has it."""
    return {"path": array.path, "shape": list(array.shape), "dtype": array.dtype}


def array_from_dict(found: dict[str, Any]) -> ArraySpec:
    """Return what `array_to_dict` was made of."""
    return ArraySpec(found["path"], tuple(found["shape"]), found["dtype"])


def inputs_of(point: Point) -> TreeSpec:
    """Return the arrays of x0, as the user passed them.

    Parameters
    ----------
    point : Point
        x0.
    """
    arrays = tuple(
        ArraySpec(
            point.leaf_path(k), point.user_shape(k), _dtype_name(original if paired else leaf)
        )
        for k, (leaf, original, paired) in enumerate(
            zip(point.leaves, point.originals, point.complexes, strict=True)
        )
    )
    return _tree_spec(arrays, point.structure)


def outputs_of(spec: OutputSpec) -> TreeSpec:
    """Return the arrays that ``func`` returns.

    Parameters
    ----------
    spec : OutputSpec
        Their layout.
    """
    arrays = tuple(
        ArraySpec(part.path, tuple(part.like.shape), _dtype_name(part.like)) for part in spec.parts
    )
    return _tree_spec(arrays, spec.structure)


def _dtype_name(array: Any) -> str:
    return str(array.dtype).rpartition(".")[2]


def _tree_spec(arrays: tuple[ArraySpec, ...], structure: Structure | None) -> TreeSpec:
    if structure is None:
        return TreeSpec(arrays, 0)
    if structure.paths == ("",):  # a single array, with labels, or with a placement of its own
        has_labels = structure.entry_name is not None
        return TreeSpec(arrays, 0, structure.unflatten if has_labels else None)
    places = [_Place(k) for k in range(len(arrays))]
    try:
        tree = structure.unflatten(list(places))
    except Exception:  # a class of the user's that takes nothing but arrays
        return TreeSpec(arrays, None, structure.unflatten_tangent)
    layout, found = _layout(tree)
    if found < len(arrays):
        return TreeSpec(arrays, None, structure.unflatten_tangent)
    return TreeSpec(arrays, layout)


@dataclass(frozen=True)
class _Place:
    """Stands for an array of a tree, one without a shape."""

    number: int
    shape: None = None


def _layout(node: Any) -> tuple[Any, int]:
    """Return a tree in terms of JSON, and how many arrays were found in it."""
    if isinstance(node, _Place):
        return node.number, 1
    if type(node) in _MAPPINGS and all(type(key) in _KEYS for key in node):
        items = [(key, *_layout(value)) for key, value in node.items()]
        return {"dict": [[key, value] for key, value, _ in items]}, sum(n for *_, n in items)
    if type(node) in (list, tuple):
        parts = [_layout(value) for value in node]
        return {type(node).__name__: [value for value, _ in parts]}, sum(n for _, n in parts)
    return None, 0


def _built(layout: Any, parts: Sequence[Any]) -> Any:
    """Return the tree of a layout around `parts`."""
    if layout is None:
        return None
    if isinstance(layout, int):
        return parts[layout]
    ((kind, nodes),) = layout.items()
    if kind == "dict":
        return {key: _built(node, parts) for key, node in nodes}
    built = [_built(node, parts) for node in nodes]
    return tuple(built) if kind == "tuple" else built
