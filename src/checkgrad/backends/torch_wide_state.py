"""What a function keeps on objects of the user: found once, remembered before each evaluation.

This module owns the search for such objects, and puts back what an evaluation left there. It
knows tensors only by their class.
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import is_
from typing import Any

import torch

_MOST = 20_000  # objects: a search that finds more of them would cost more than the evaluation
_LONGEST = 10_000  # entries of a container: longer ones hold data
_MOST_INSIDE = 1_000  # objects: where tensors are looked for in what func has put somewhere
_CONTAINERS = (dict, list, set)
_TENSORS = (torch.Tensor, torch.nn.Parameter)
_LIBRARIES = ("torch", "numpy", "builtins", "checkgrad")  # they keep nothing of func's
_EMPTY = object()  # stands for what a cell without a value holds
_PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.Tensor, torch.dtype)


# What is reached from objects of some classes.
_PARTS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    (dict, lambda each: [*each.values()]),
    ((list, tuple, set, frozenset), lambda each: [*each]),
    (types.MethodType, lambda each: (each.__self__, each.__func__)),
    (functools.partial, lambda each: (each.func, each.args, each.keywords)),
    ((staticmethod, classmethod), lambda each: (each.__func__,)),
    (property, lambda each: (each.fget, each.fset)),
)


class KeptState:
    """Everything that a function reaches and can keep tensors in.

    Parameters
    ----------
    function : callable
        The function. It is searched through closures, defaults, the globals that its code names,
        bound methods, partial functions, attributes, classes, and lists and dicts in all of these.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._containers: list[Any] = []
        self._cells: list[types.CellType] = []
        self._globals: list[tuple[dict[str, Any], str]] = []
        # Tensors, each with another one of the same memory: `x.data = y` would make x lose it.
        self._tensors: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._find(function)

    def _find(self, function: Any) -> None:
        left = deque([function])
        seen: set[int] = set()
        keep = []  # objects that are made on the way must not die: others could get their ids
        while left and len(seen) < _MOST:
            each = left.popleft()
            if type(each) in _TENSORS and id(each) not in seen and each.layout is torch.strided:
                seen.add(id(each))
                self._tensors.append((each, each.detach()))
            if isinstance(each, (*_PLAIN, types.ModuleType)) or id(each) in seen:
                continue
            seen.add(id(each))
            keep.append(each)
            if isinstance(each, (*_CONTAINERS, tuple, frozenset)) and len(each) > _LONGEST:
                continue
            if isinstance(each, _CONTAINERS):
                self._containers.append(each)
            left += self._reached_from(each)

    def _reached_from(self, each: Any) -> Iterable[Any]:
        if isinstance(each, types.FunctionType):
            return self._reached_from_function(each)
        if isinstance(each, type):
            of_library = each.__module__.split(".")[0] in _LIBRARIES
            return () if of_library else (*vars(each).values(), *each.__bases__)
        for kind, parts in _PARTS:
            if isinstance(each, kind):
                return parts(each)
        return type(each), _attributes(each)

    def _reached_from_function(self, function: types.FunctionType) -> Iterator[Any]:
        for cell in function.__closure__ or ():
            self._cells.append(cell)
            yield _content(cell)
        yield function.__defaults__
        yield function.__kwdefaults__
        yield function.__dict__
        if str(function.__module__).split(".")[0] in _LIBRARIES:
            return
        for name in _names(function.__code__):
            if name in function.__globals__:
                self._globals.append((function.__globals__, name))
                yield function.__globals__[name]

    def remember(self) -> Callable[[], None]:
        """Return a function that puts tensors back where they are now.

        Only what holds tensors, now or then, is put back: numbers that func counts with stay.
        """
        self._tensors = [
            (each, data if each.data_ptr() == data.data_ptr() else each.detach())
            for each, data in self._tensors
        ]
        tensors = [
            (each, data, each.grad if each.is_leaf else None) for each, data in self._tensors
        ]
        containers = [(each, each.copy()) for each in self._containers]
        cells = [(cell, _content(cell)) for cell in self._cells]
        variables = [(names, name, names.get(name)) for names, name in self._globals]

        def put_back() -> None:
            for container, copy in containers:
                if container or copy:
                    _restore(container, copy)
            for cell, content in cells:
                _restore_cell(cell, content)
            for names, name, value in variables:
                if names.get(name) is not value and (_holds(names.get(name)) or _holds(value)):
                    names[name] = value
            for tensor, data, gradient in tensors:
                _restore_tensor(tensor, data, gradient)

        return put_back


def _restore(container: Any, copy: Any) -> None:
    if isinstance(container, dict):
        _restore_dict(container, copy)
    elif _differs(container, copy) and (_holds([*container]) or _holds([*copy])):
        container.clear()
        container.extend(copy) if isinstance(container, list) else container.update(copy)


def _restore_cell(cell: types.CellType, content: Any) -> None:
    now = _content(cell)
    if now is content or not (_holds(now) or _holds(content)):
        return
    if content is _EMPTY:
        del cell.cell_contents
    else:
        cell.cell_contents = content


def _restore_tensor(tensor: Any, data: Any, gradient: Any) -> None:
    if tensor.data_ptr() != data.data_ptr():
        tensor.data = data
    if tensor.is_leaf and tensor.grad is not gradient:
        tensor.grad = gradient


def _restore_dict(container: dict[Any, Any], copy: dict[Any, Any]) -> None:
    if len(container) == len(copy) and all(map(is_, container.values(), copy.values())):
        return
    missing = object()
    for key in [*container]:
        before = copy.get(key, missing)
        if before is not container[key] and (_holds(container[key]) or _holds(before)):
            if before is missing:
                del container[key]
            else:
                container[key] = before
    for key, before in copy.items():
        if key not in container and _holds(before):
            container[key] = before


def _differs(container: Any, copy: Any) -> bool:
    if isinstance(container, set):
        return len(container) != len(copy) or {*map(id, container)} != {*map(id, copy)}
    return len(container) != len(copy) or not all(map(is_, container, copy))


def _holds(value: Any) -> bool:
    """Return whether `value` is a tensor, or has one inside."""
    left = [value]
    seen: set[int] = set()
    while left and len(seen) < _MOST_INSIDE:
        each = left.pop()
        if isinstance(each, torch.Tensor):
            return True
        if isinstance(each, _PLAIN) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            left += each.values()
        elif isinstance(each, (list, tuple, set, frozenset)):
            left += each
        else:
            left.append(_attributes(each))
    return False


def _attributes(each: Any) -> Any:
    """Return the dict of attributes, or None, also for a proxy that raises some error instead."""
    with contextlib.suppress(Exception):
        attributes = each.__dict__
        return attributes if isinstance(attributes, dict) else None
    return None


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # the name has no value yet
        return _EMPTY


def _names(code: types.CodeType) -> Iterator[str]:
    """Yield the names that `code` uses, those of functions inside of it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
