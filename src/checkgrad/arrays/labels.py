"""Series and data frames: arrays whose entries have labels instead of numbers.

They are known by their attributes, so that pandas is never imported. The user's functions get what
the user passed, a series or a data frame. What they return is put in the order of its labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.backends import Array, Structure


def is_labelled(value: Any) -> bool:
    """Return whether a value is a series or a data frame."""
    return hasattr(value, "to_numpy") and hasattr(value, "index") and hasattr(value, "reindex")


def unlabelled(value: Any) -> Any:
    """Return the array in a series or a data frame; anything else as it is."""
    return value.to_numpy() if is_labelled(value) else value


def labelled_structure(x0: Any) -> Structure:
    """Return how an array makes up a series or a data frame like x0.

    Parameters
    ----------
    x0 : Series or DataFrame
        What the user passed.
    """
    kind, axes = type(x0), _axes(x0)

    def rebuilt(leaves: list[Array]) -> Any:
        return kind(leaves[0], **axes)

    def flatten_like(other: Any) -> tuple[list[Any], tuple[str, ...], str]:
        return [_ordered(other, axes)], ("",), kind.__name__

    shape = tuple(len(axis) for axis in axes.values())

    def entry_name(entry: int) -> str:
        index = np.unravel_index(entry, shape)
        names = [repr(_plain(axis[i])) for axis, i in zip(axes.values(), index, strict=True)]
        return f"[{', '.join(names)}]"

    return Structure(
        unflatten=rebuilt,
        unflatten_tangent=rebuilt,
        paths=("",),
        description=kind.__name__,
        flatten_like=flatten_like,
        entry_name=entry_name,
    )


def _axes(value: Any) -> dict[str, Any]:
    """Return the labels along each axis, by the names of the parameters that take them."""
    axes = {"index": value.index}
    return axes | ({"columns": value.columns} if hasattr(value, "columns") else {})


def _ordered(value: Any, axes: dict[str, Any]) -> Any:
    """Return the numbers of a value, in the order of the labels of x0 if it has labels.

    Raises
    ------
    ValueError
        If it has other labels.
    """
    if not is_labelled(value):
        return value
    own = _axes(value)
    for name, labels in axes.items():
        if name in own and sorted(map(repr, own[name])) != sorted(map(repr, labels)):
            raise ValueError(
                f"{quote(list(own[name]))} are the labels along its {name}, and those of x0 are "
                f"{quote(list(labels))}; return what has the labels of x0"
            )
    same = {name: labels for name, labels in axes.items() if name in own}
    if all(own[name].equals(labels) for name, labels in same.items()):
        return value.to_numpy()
    return value.reindex(**same).to_numpy()


def _plain(label: Any) -> Any:
    """Return a label without the type that NumPy gives it."""
    return label.item() if isinstance(label, np.generic) else label
