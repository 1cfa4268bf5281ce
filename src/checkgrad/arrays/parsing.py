"""From what the user passes to arrays: x0, its tree, and the numbers that functions return.

The module decides what counts as an array and what as a tree, and converts numbers to arrays of
the library of x0. Nothing here calls the user's functions.
"""

from __future__ import annotations

import array as stdlib_array
import dataclasses
import math
import numbers
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from checkgrad.arrays.labels import is_labelled, labelled_structure
from checkgrad.arrays.messages import quote
from checkgrad.arrays.refusals import refuse_leaf, refuse_masked
from checkgrad.backends import (
    Array,
    Backend,
    Structure,
    densified,
    find_backend,
    flatten_tree,
    is_array,
    is_number,
    snapshot,
    without,
)


def backend_array(array: Array, backend: Backend, like: Array) -> Array:
    """Return `array` as it is, or converted if it is NumPy's and the library is another one."""
    if isinstance(array, np.ndarray) and backend.name != "numpy":
        return backend.asarray(array, like)
    return array


def copy_for_claim(array: Array, backend: Backend) -> Array:
    """Return a copy that has the strides of `array`, and requires a gradient where it does."""
    return backend.resembling(backend.copy(array), array)


def is_host_part(part: Any) -> bool:
    """Return whether a part of x0 is a NumPy array, or no array at all."""
    return isinstance(part, np.ndarray) or not is_array(part)


def plain_array(part: Any) -> Array:
    """Return a NumPy array or a number as a plain array in native byte order."""
    if not is_array(part):
        wide = np.complex128 if isinstance(part, (complex, np.complexfloating)) else np.float64
        return np.asarray(part, dtype=wide)
    array = np.asarray(part)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def flatten_x0(x0: Any, constants: Collection[str] = ()) -> tuple[list[Array], Structure | None]:
    """Return the arrays in x0, and the structure around them; None for a single array.

    The leaves at the paths in `constants` are not differentiated.

    Raises
    ------
    TypeError
        If a leaf of a tree is neither an array nor a number, or is a masked array.
    ValueError
        If x0 has no array in it, or is a ragged list.
    """
    refuse_masked(x0, "x0 is")
    if isinstance(x0, Iterator):
        refuse_leaf(x0, "x0")
    if is_array(x0):
        return [x0], None
    if _is_array_like(x0):
        return [_host_array(x0)], None
    if is_labelled(x0):
        return [_host_array(x0.to_numpy())], labelled_structure(x0)
    leaves, structure = flatten_floating(x0, constants)
    if len(leaves) == 1 and leaves[0] is x0 and _turns_into_array(x0):
        return [_host_array(x0)], None
    arrays = []
    for leaf, path in zip(leaves, structure.paths, strict=True):
        number = isinstance(leaf, (int, float, np.number)) and not isinstance(leaf, bool)
        if number or isinstance(leaf, complex) or is_array(leaf):
            arrays.append(leaf)
        else:
            refuse_leaf(leaf, f"x0{path}")
        refuse_masked(leaf, f"x0{path} is")
    if not arrays:
        raise ValueError(f"x0 is empty: {quote(x0)} has no array in it")
    return arrays, structure


def flatten_floating(tree: Any, constants: Collection[str] = ()) -> tuple[list[Any], Structure]:
    """Return the leaves of a tree that are differentiated, and its structure.

    The floating leaves are differentiated, or all leaves if none is floating. Those at the paths in
    `constants` are not. The structure keeps the other leaves in their places.
    """
    leaves, structure = flatten_tree(tree)
    chosen = [
        is_floating(leaf) and path not in constants
        for leaf, path in zip(leaves, structure.paths, strict=True)
    ]
    if not any(chosen) or all(chosen):
        return leaves, structure
    fixed = {k: snapshot(leaf) for k, leaf in enumerate(leaves) if not chosen[k]}
    kept = [leaf for k, leaf in enumerate(leaves) if k not in fixed]
    kept_structure = without(structure, fixed, snapshot)
    return kept, dataclasses.replace(kept_structure, constants=tuple(constants))


def constants_in(x0: Any) -> tuple[str, ...]:
    """Return the paths of floating leaves of x0 that its library takes for constants.

    Raises
    ------
    TypeError
        If x0 mixes array libraries.
    """
    if is_array(x0) or _is_array_like(x0):
        return ()
    leaves, structure = flatten_floating(x0)
    arrays = [leaf for leaf in leaves if is_array(leaf)]
    if not arrays:
        return ()
    constants = find_backend(arrays).constants(leaves)
    pairs = zip(structure.paths, constants, strict=True)
    return tuple(path for path, is_constant in pairs if is_constant)


def is_floating(leaf: Any) -> bool:
    """Return whether a leaf is a floating number, or an array of them."""
    if is_array(leaf):
        if isinstance(leaf, np.ndarray):
            return leaf.dtype.kind not in "biuSUMm"
        return is_number(leaf, "real floating") or is_number(leaf, "complex floating")
    return isinstance(leaf, (float, complex, np.inexact))


def _is_array_like(x0: Any) -> bool:
    """Return whether x0 is what NumPy reads as one array: numbers, or nested sequences of them."""
    if isinstance(x0, np.ndarray):
        return x0.ndim == 0  # SciPy reads a list of 0-d arrays as a vector
    if isinstance(x0, (range, stdlib_array.array, memoryview)):
        return True
    if isinstance(x0, (numbers.Real, complex, str, bytes, np.generic)) or x0 is None:
        return True
    if isinstance(x0, Sequence) and not hasattr(x0, "_fields"):
        return all(_is_array_like(item) for item in x0)
    return False


def _turns_into_array(x0: Any) -> bool:
    """Return whether x0 is no array but can become one, as a data frame can."""
    return hasattr(x0, "__array__") and not isinstance(x0, np.matrix)


def _host_array(x0: Any) -> Array:
    """Return x0 as NumPy reads it."""
    try:
        return _of_any_size(np.asarray(x0))
    except ValueError as error:
        raise ValueError(f"x0 is not an array: {error}; got {quote(x0)}") from None


def _of_any_size(array: Array) -> Array:
    """Return Python's real numbers that fit no NumPy dtype (long integers) as float64."""
    if array.dtype.kind != "O" or not all(isinstance(item, numbers.Real) for item in array.flat):
        return array
    return np.asarray([as_float(item) for item in array.flat]).reshape(array.shape)


def as_float(number: Any) -> float:
    """Return a real number of Python's as a float; infinite if it is too large for one."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def real_pairs(array: Array, xp: Any) -> Array:
    """Return real and imaginary parts along a new last axis."""
    return xp.stack([xp.real(array), xp.imag(array)], axis=-1)


def as_real_floating(array: Array, xp: Any, name: str, given: Any) -> Array:
    """Return an array of real numbers; integers become floating numbers.

    Raises
    ------
    TypeError
        If the numbers are neither. The message quotes `given`.
    """
    if is_number(array, "real floating"):
        return array
    if is_number(array, "integral"):
        return xp.astype(array, default_floating(xp))
    raise TypeError(
        f"{name} is {quote(given)}, of dtype {array.dtype}; it must be real numbers, e.g. float64"
    )


def default_floating(xp: Any) -> Any:
    """Return the dtype that integers are converted to."""
    return xp.__array_namespace_info__().default_dtypes()["real floating"]


def as_numeric(
    value: Any, backend: Backend, like: Array, name: str, said: str = "returned"
) -> Array:
    """Return numbers of the user's as one array of the backend's library.

    Parameters
    ----------
    value : Any
        A number, an array, or nested lists of them. A list of 0-d arrays becomes one array.
    backend : Backend
        The array library.
    like : array
        An array on the device that the result is on. Integers get its dtype, except NumPy's.
    name, said : str
        The name of the value and the verb after it in error messages; `said` is "is" for a value
        that the user passed.

    Raises
    ------
    TypeError
        If `value` is not numeric. Truth values are not.
    ValueError
        If a list has parts of different shapes.
    """
    refuse_masked(value, f"{name} {said}")
    value = densified(value)
    remedy = "it must return numbers" if said == "returned" else "pass numbers"
    if isinstance(value, (list, tuple)) and any(_holds_array(item) for item in value):
        items = [as_numeric(item, backend, like, name, said) for item in value]
        shapes = {tuple(item.shape) for item in items}
        if len(shapes) > 1:
            raise ValueError(f"{name} {said} parts of different shapes: {sorted(shapes)}")
        dtype = backend.xp.result_type(*items)
        return backend.xp.stack([backend.xp.astype(item, dtype, copy=False) for item in items])
    if is_array(value) and getattr(value.dtype, "kind", "") != "O":
        array = backend.asarray(value, like)
    else:
        try:
            array = _of_any_size(np.asarray(value))
        except ValueError:
            raise ValueError(
                f"{name} {said} {quote(value)}, whose parts have different shapes; {remedy}"
            ) from None
        if backend.name != "numpy" and array.dtype.kind in "biufc":
            array = backend.asarray(array, like)
    if isinstance(array, np.ndarray):
        if array.dtype.kind not in "iufc":
            raise TypeError(f"{name} {said} {quote(value)}; {remedy}")
        return array
    if backend.xp.isdtype(array.dtype, "bool"):
        raise TypeError(f"{name} {said} {quote(value)}; {remedy}")
    if backend.xp.isdtype(array.dtype, "integral"):
        return backend.xp.astype(array, like.dtype)
    return array


def _holds_array(value: Any) -> bool:
    """Return whether a value is or holds an array of another library than NumPy."""
    if isinstance(value, (list, tuple)):
        return any(_holds_array(item) for item in value)
    return is_array(value) and not isinstance(value, np.ndarray)
