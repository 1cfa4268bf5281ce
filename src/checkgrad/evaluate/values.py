"""Values of ``func`` as they came, one for each point, as one array."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.arithmetic import reshaped
from checkgrad.arrays.claim_arrays import is_claim
from checkgrad.arrays.messages import quote
from checkgrad.arrays.outputs import numbers_of
from checkgrad.arrays.parsing import as_numeric
from checkgrad.arrays.point import Floats, Point
from checkgrad.arrays.refusals import named_part
from checkgrad.backends import Array, is_array
from checkgrad.evaluate.calling import IMMUTABLE

_IF_GRADIENT = ", or pass grad=True to verify_grad if [1] is the gradient"
_FLOATS = frozenset({float, np.float64, np.float32})


def numeric_value(value: Any, point: Point) -> Array:
    """Return a value of ``func`` as an array of the library of x0.

    Raises
    ------
    TypeError
        If it is not numeric.
    """
    if value is None:
        raise TypeError("func returned None; it must return a number (is a return missing?)")
    try:
        return as_numeric(value, point.backend, point.like(0), "func")
    except (TypeError, ValueError) as error:
        advice = named_part(value, _is_number, "func(x)")
        if advice and len(value) > 1 and is_claim(point, value[1]):
            advice += _IF_GRADIENT
        if advice:
            raise type(error)(f"{error}; {advice}") from None
        raise


def _is_number(value: Any) -> bool:
    """Return whether a value is one number."""
    is_plain = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return is_plain or (is_array(value) and math.prod(value.shape) == 1)


def complex_numbers(value: Any, size: int, point: Point) -> npt.NDArray[np.complex128]:
    """Return all numbers of a value of ``func`` at a complex point, on the host.

    Raises
    ------
    ValueError
        If there are not `size` of them.
    """
    numbers = numbers_of(value, point)
    if numbers.size != size:
        raise ValueError(
            f"func returned {quote(value)} for complex numbers: {numbers.size} of them, and "
            f"{size} for real ones; pass method='differences'"
        )
    return numbers


def values_on_host(
    values: list[Any], missing: list[int], shape: tuple[int, ...], point: Point
) -> Floats:
    """Return values as one array on the host; NaN for those that are missing, or complex.

    Parameters
    ----------
    values : list
        As ``func`` returned them.
    missing : list of int
        The indices of values that there are not.
    shape : tuple of int
        The shape of each.
    point : Point
        x0.
    """
    if not values:
        return np.empty((0, *shape))
    # Where a library compiles, putting the values together there is a compilation for each count.
    if point.backend.compiles:
        values = [
            point.backend.host(value)
            if is_array(value) and type(value) not in IMMUTABLE and point.backend.is_local(value)
            else value
            for value in values
        ]
    on_host = not any(is_array(value) and not isinstance(value, np.ndarray) for value in values)
    if on_host:
        try:
            numbers = np.asarray(values)
            # A cast would drop an imaginary part, and make NaN of None and a number of a string.
            if numbers.dtype.kind in "iuf":
                numbers = numbers.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            numbers = np.empty(0)
        if numbers.dtype == np.float64 and numbers.size == len(values) * math.prod(shape):
            return numbers.reshape(-1, *shape)
    elif missing:
        # One library, and so one transfer, for all of them.
        whole = next(value for i, value in enumerate(values) if i not in set(missing))
        values = [whole if i in set(missing) else value for i, value in enumerate(values)]
    stacked = point.backend.to_host(stacked_values(values, shape, point))
    # Where func is real, a complex value, as of a power of a negative number, is none.
    numbers = np.where(np.isreal(stacked), stacked.real, math.nan).astype(np.float64)
    numbers[missing] = math.nan
    return numbers


def stacked_values(values: list[Any], shape: tuple[int, ...], point: Point) -> Array:
    """Return the values of many calls as one array of the library of x0.

    Raises
    ------
    ValueError
        If one has another shape than at x0.
    """
    if _FLOATS.issuperset(map(type, values)) and shape == ():
        return numeric_value(np.asarray(values), point)
    if all(
        type(value) in IMMUTABLE or isinstance(value, np.ndarray) or not is_array(value)
        for value in values
    ):
        try:
            stacked = numeric_value(values, point)
        except (TypeError, ValueError):
            stacked = None
        if stacked is not None and stacked.shape == (len(values), *shape):
            return stacked
    arrays = [numeric_value(value, point) for value in values]
    for value, array in zip(values, arrays, strict=True):
        if array.shape != shape and not (shape == () and math.prod(array.shape) == 1):
            raise ValueError(
                f"func returned shape {tuple(array.shape)} near x0 but shape {shape} at x0: "
                f"{quote(value)}"
            )
    xp = point.xp
    dtypes = {str(a.dtype): a.dtype for a in arrays}
    dtype = xp.result_type(*dtypes.values()) if len(dtypes) > 1 else arrays[0].dtype
    return xp.stack([xp.astype(xp.reshape(a, shape), dtype, copy=False) for a in arrays])


def joined_values(chunks: Iterable[list[Any]], shape: tuple[int, ...], point: Point) -> Array:
    """Return `stacked_values` of some chunks of values, each put together before the next."""
    xp, ready = point.xp, point.backend.block_until_ready
    found = [ready(stacked_values(values, shape, point)) for values in chunks]
    if len(found) == 1:
        return found[0]
    dtype = xp.result_type(*found)
    return xp.concat([xp.astype(chunk, dtype, copy=False) for chunk in found])


def values_of_batch(found: Any, count: int, shape: tuple[int, ...], point: Point) -> Array:
    """Return what one call at many points returned, a value for each along the first axis.

    Raises
    ------
    ValueError
        If it is not `count` values of a shape.
    """
    values = as_numeric(found, point.backend, point.like(0), "func")
    if math.prod(values.shape) != count * math.prod(shape):
        raise ValueError(f"func returned shape {tuple(values.shape)} for {count} points")
    return point.backend.copy(reshaped(values, (count, *shape), point.xp))  # not a reused buffer
