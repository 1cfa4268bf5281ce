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

    @functools.wraps(func)
    def value(x: Any, *args: Any) -> Any:
        return _pair(func(x, *args))[0]

    @functools.wraps(func)
    def gradient(x: Any, *args: Any) -> Any:
        return _pair(func(x, *args))[1]

    return value, gradient


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
