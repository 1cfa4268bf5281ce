"""One function that returns a value and its gradient, as two functions.

People who minimise write such a function: ``scipy.optimize.minimize(func, x0, jac=True)``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from checkgrad.arrays.messages import quote

_PARTS = 2  # the value and the gradient


def split(func: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the functions of the value and of the gradient.

    Parameters
    ----------
    func : callable
        Returns a pair of both.

    Examples
    --------
    >>> func, grad = split(lambda x: (x**2, 2 * x))
    >>> func(3.0), grad(3.0)
    (9.0, 6.0)
    """
    return _Part(func, 0), _Part(func, 1)


class _Part:
    """A part of what a function returns, as a function. It can be pickled if the function can."""

    def __init__(self, func: Callable[..., Any], number: int) -> None:
        functools.update_wrapper(self, func, updated=())
        self._func = func
        self._number = number

    def __call__(self, x: Any, *args: Any) -> Any:
        return _pair(self._func(x, *args))[self._number]


def _pair(returned: Any) -> Any:
    """Return what a function returned, if it is a pair.

    Raises
    ------
    TypeError
        If it is not.
    """
    if not isinstance(returned, (tuple, list)) or len(returned) != _PARTS:
        raise TypeError(
            f"func returned {quote(returned)}; with grad=True it must return a pair (value, "
            "gradient)"
        )
    return returned
