"""The further arguments of func and the claim, in both ways in which people pass them."""

from __future__ import annotations

from typing import Any

from checkgrad.arrays.messages import quote


def further_arguments(positional: tuple[Any, ...], args: Any) -> tuple[Any, ...]:
    """Return the further arguments as a tuple.

    Parameters
    ----------
    positional : tuple
        Those that were passed one by one.
    args : Any
        Those that were passed together. What is no tuple is the only one, as in SciPy.

    Raises
    ------
    TypeError
        If they were passed in both ways.

    Examples
    --------
    >>> further_arguments((1, 2), ()), further_arguments((), (1, 2)), further_arguments((), 1)
    ((1, 2), (1, 2), (1,))
    """
    together = args if isinstance(args, tuple) else (args,)
    if positional and together:
        raise TypeError(
            f"{len(positional)} further arguments follow x0, and args is {quote(args)}; pass them "
            "in one of the two ways"
        )
    return positional or together
