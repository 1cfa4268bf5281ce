"""Functions that differ only in the numbers and arrays in their closures, as one function of these.

JAX compiles a function anew for every new object. A lambda that closes over the length of a step is
a new object for every step. Here it is taken apart: into what can be compared, for which compiled
code is kept, and into floats and arrays, which are arguments of that code.
"""

from __future__ import annotations

import types
from collections.abc import Hashable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from checkgrad.backends.partitions import Deferred

_PLAIN = (type(None), bool, int, str, type, types.ModuleType, np.dtype)


class NotTakenApartError(Exception):
    """A function closes over an object that can neither be compared nor be an argument."""


class _Same:
    """An object that equals itself only, such as the globals of a module."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


class Taken:
    """Functions and arrays, taken apart.

    Parameters
    ----------
    values : sequence
        Functions, arrays and deferred arrays.

    Attributes
    ----------
    forms : tuple
        What is left of them without numbers and arrays. It can be compared, and hashed.
    numbers : list of float
        The floats, in their order.
    arrays : list of array
        The arrays, each of them once.

    Raises
    ------
    NotTakenApartError
        If one closes over another kind of object.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self.numbers: list[float] = []
        self.arrays: list[Any] = []
        self._places: dict[int, int] = {}
        self.forms: tuple[Hashable, ...] = tuple(map(self._form, values))

    def _form(self, value: Any) -> Hashable:
        if isinstance(value, float | np.floating):
            self.numbers.append(float(value))
            return ("number",)
        if isinstance(value, jax.Array | np.ndarray):
            if id(value) not in self._places:
                self._places[id(value)] = len(self.arrays)
                self.arrays.append(value)
            return "array", self._places[id(value)]
        if isinstance(value, Deferred):
            return "deferred", self._form(value.function), self._form(value.inputs)
        if isinstance(value, tuple | list):
            return "items", tuple(map(self._form, value))
        if isinstance(value, partial):
            named = tuple(sorted(value.keywords))
            given = [value.keywords[name] for name in named]
            return (
                "partial",
                self._form(value.func),
                self._form(value.args),
                named,
                self._form(given),
            )
        if isinstance(value, types.FunctionType):
            return self._form_of_function(value)
        return "plain", _comparable(value)

    def _form_of_function(self, function: types.FunctionType) -> Hashable:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        defaults = function.__defaults__ or ()
        parts = self._form(cells), self._form(defaults)
        return "function", function.__code__, _Same(function.__globals__), *parts


def put_together(forms: Sequence[Any], numbers: Sequence[Any], arrays: Sequence[Any]) -> list[Any]:
    """Return what was taken apart, with other numbers and arrays in it. Deferred ones are made."""
    rest = iter(numbers)
    return [_put_together(form, rest, arrays) for form in forms]


def _put_together(form: Any, numbers: Iterator[Any], arrays: Sequence[Any]) -> Any:
    kind, *parts = form
    if kind == "number":
        return next(numbers)
    if kind == "array":
        return arrays[parts[0]]
    if kind == "plain":
        return parts[0]
    if kind == "items":
        return tuple(_put_together(part, numbers, arrays) for part in parts[0])
    if kind == "deferred":
        function, inputs = (_put_together(part, numbers, arrays) for part in parts)
        return function(*inputs)
    if kind == "partial":
        function, args = (_put_together(part, numbers, arrays) for part in parts[:2])
        given = _put_together(parts[3], numbers, arrays)
        return partial(function, *args, **dict(zip(parts[2], given, strict=True)))
    code, names, cells, defaults = parts
    closed = (types.CellType(each) for each in _put_together(cells, numbers, arrays))
    values = _put_together(defaults, numbers, arrays)
    return types.FunctionType(code, names.value, code.co_name, values, tuple(closed))


def _comparable(value: Any) -> Hashable:
    if isinstance(value, _PLAIN):
        return value
    if callable(value):
        try:
            hash(value)
        except TypeError:
            pass
        else:
            found: Hashable = value
            return found
    raise NotTakenApartError(f"a {type(value).__name__}")
