"""Bounds on x0: how far ``func`` may be evaluated in each coordinate.

The module reads the user's bounds and moves points to within them. It plans no steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.arrays.parsing import as_numeric
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Array


class OutsideError(ValueError):
    """x0 lies outside of its bounds."""


def make_bounds(bounds: Any, point: Point, name: str) -> tuple[Floats, Floats]:
    """Return the user's bounds as flat coordinates: the lower and the upper ones.

    Parameters
    ----------
    bounds : pair, object with `lb` and `ub`, or None
        The lower and the upper bounds. Each is a number, None, or shaped like x0.
    point : Point
        x0.
    name : str
        The name of x0 in error messages.

    Returns
    -------
    lower, upper : array of float64, shape (point.size,)
        Infinite where there is no bound.

    Raises
    ------
    ValueError
        If `bounds` is no pair, one of them does not fit x0, they are crossed, or x0 is complex.
    OutsideError
        If x0 lies outside. It is a `ValueError`.
    TypeError
        If a bound is not a real number.
    """
    if bounds is None:
        return _everywhere(-np.inf, point), _everywhere(np.inf, point)
    if any(point.complexes):
        raise ValueError(f"bounds is {quote(bounds)}, but x0 is complex; pass bounds for real x0")
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):  # as SciPy's Bounds has them
        bounds = tuple(_one_number(side) for side in (bounds.lb, bounds.ub))
    _refuse_pairs(bounds, point)
    lower, upper = _two_sides(bounds)
    low, high = _side(lower, -np.inf, point), _side(upper, np.inf, point)
    crossed = np.flatnonzero(~(low <= high))
    if crossed.size:
        i = int(crossed[0])
        raise ValueError(
            f"the bounds of {name}{point.place(i)} are ({low[i]}, {high[i]}); pass numbers or "
            "infinities, the lower one first"
        )
    x0 = point.on_host(point.leaves)
    outside = np.flatnonzero(~((low <= x0) & (x0 <= high)))
    if outside.size:
        i = int(outside[0])
        raise OutsideError(
            f"{name}{point.place(i)} is {x0[i]}, outside of its bounds ({low[i]}, {high[i]})"
        )
    return low, high


def require_pair(bounds: Any) -> None:
    """Raise a `ValueError` if bounds are of no form that `make_bounds` takes, whatever x0 is."""
    if bounds is not None and not (hasattr(bounds, "lb") and hasattr(bounds, "ub")):
        _two_sides(bounds)


def _two_sides(bounds: Any) -> tuple[Any, Any]:
    try:
        lower, upper = bounds
    except (TypeError, ValueError):
        raise ValueError(
            f"bounds is {quote(bounds)}; pass a pair (lower, upper), each a number, None, or "
            "shaped like x0"
        ) from None
    return lower, upper


def bounded(bounds: tuple[Floats, Floats]) -> bool:
    """Return whether any coordinate has a bound."""
    # One bound for all coordinates is a view of one number: looking at that one is enough.
    sides = (side[:1] if side.strides == (0,) else side for side in bounds)
    return not all(np.all(np.isinf(side)) for side in sides)


def within(point: Point, leaves: list[Array], bounds: tuple[Floats, Floats]) -> list[Array]:
    """Return a point near x0, moved to within the bounds."""
    if not bounded(bounds):
        return leaves
    return point.from_host(np.clip(point.on_host(leaves), *bounds))


def _one_number(side: Any) -> Any:
    """Return a side of SciPy's bounds, where a number is an array of one entry."""
    return side.item() if np.size(side) == 1 and hasattr(side, "item") else side


def _refuse_pairs(bounds: Any, point: Point) -> None:
    """Raise a `ValueError` if bounds may be a pair for each coordinate, as SciPy also takes them.

    A list of two pairs can be read both ways. A list of two lists is taken for two sides.
    """
    if not isinstance(bounds, (list, tuple, np.ndarray)) or len(bounds) != point.size:
        return
    if not all(isinstance(pair, (list, tuple, np.ndarray)) and len(pair) == 2 for pair in bounds):
        return
    is_list_of_tuples = isinstance(bounds, list) and all(isinstance(b, tuple) for b in bounds)
    if len(bounds) == 2 and not is_list_of_tuples:
        return
    sides = ", ".join(str([pair[side] for pair in bounds]) for side in (0, 1))
    raise ValueError(
        f"bounds is {quote(bounds)}, which looks like a pair (low, high) for each of "
        f"{point.size} coordinates; bounds are (lower, upper), each shaped like x0: pass "
        f"({sides}) if it is meant so, or scipy.optimize.Bounds"
        + (f"; pass {tuple(map(list, bounds))} if it is (lower, upper)" if len(bounds) == 2 else "")
    )


def _everywhere(number: float, point: Point) -> Floats:
    """Return the same bound for all coordinates; it takes no memory."""
    return np.broadcast_to(np.float64(number), (point.size,))


def _side(side: Any, default: float, point: Point) -> Floats:
    """Return the lower or the upper bounds as flat coordinates; `default` if there are none."""
    if side is None:
        return _everywhere(default, point)
    if np.isscalar(side):
        parts = [side] * len(point.leaves)
    else:
        parts = point.parts(side, "a side of bounds is", "pass one number, or a tree like x0")
    flat = []
    for leaf, part in zip(point.leaves, parts, strict=True):
        array = as_numeric(part, point.backend, leaf, "a side of bounds", said="is")
        numbers = point.backend.to_host(array)
        if np.iscomplexobj(numbers):
            raise TypeError(f"a side of bounds is {quote(part)}; it must be real")
        try:
            flat.append(np.broadcast_to(numbers, leaf.shape).reshape(-1).astype(np.float64))
        except ValueError:
            raise ValueError(
                f"a side of bounds has shape {numbers.shape}, which does not fit x0 of shape "
                f"{tuple(leaf.shape)}"
            ) from None
    return np.concatenate(flat)
