"""What cannot be x0, and what to pass instead; what is left of a value that holds the right one.

This module owns the remedies in messages about values of a wrong kind. It converts nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, NoReturn

import numpy as np

from checkgrad.arrays.messages import quote

_MOST_PARTS = 2  # of a tuple in which a value is looked for: a pair (value, gradient)


def refuse_leaf(leaf: Any, place: str) -> NoReturn:
    """Raise a `TypeError` on a leaf of x0 that is neither an array nor a number.

    Parameters
    ----------
    leaf : Any
        The leaf.
    place : str
        Where it is, e.g. ``x0['bias']``.
    """
    if isinstance(leaf, np.matrix):
        raise TypeError(
            f"{place} is {quote(leaf)}, which always has two axes; pass a plain array, e.g. "
            "np.asarray(x).ravel()"
        )
    raise TypeError(f"{place} is {quote(leaf)}; {_remedy(leaf, place)}")


def refuse_masked(value: Any, said: str) -> None:
    """Raise a `TypeError` if a value is a masked array: what is masked has no derivative.

    Parameters
    ----------
    value : Any
        The value.
    said : str
        The beginning of the message: its subject and verb, e.g. "grad returned".
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{said} {quote(value)}, some of whose numbers may be masked; make it a plain array, "
            "e.g. by .filled(0.0), or by .compressed() without what is masked"
        )


def _remedy(leaf: Any, place: str) -> str:
    if hasattr(leaf, "named_parameters"):
        return (
            "pass its parameters, e.g. dict(model.named_parameters()), and a func of these, as "
            "torch.func.functional_call makes one"
        )
    if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type):
        kind = type(leaf).__name__
        return (
            f"a dataclass must be registered: jax.tree_util.register_dataclass({kind}) does so "
            f"for JAX; or pass a dictionary, e.g. vars({place}), and a func of that"
        )
    if hasattr(leaf, "to_numpy"):
        return f"pass its numbers, {place}.to_numpy()"
    if hasattr(leaf, "toarray"):
        return f"pass its entries, e.g. {place}.data, or all of it, {place}.toarray()"
    if isinstance(leaf, (Iterator, AbstractSet)):
        return f"pass an array, e.g. np.asarray(list({place}))"
    if isinstance(leaf, Callable):  # type: ignore[arg-type]
        return "x0 is the point, which comes after the functions"
    return "x0 is an array, numbers, or a tree (dict, list, tuple, registered dataclass) of arrays"


def named_part(value: Any, fits: Callable[[Any], bool], call: str) -> str:
    """Return how to take the part of a tuple that fits; empty if there is none.

    Parameters
    ----------
    value : Any
        What a function of the user's returned.
    fits : callable
        Returns whether a part is what the function should have returned.
    call : str
        How the call is written, e.g. ``grad(x)``.
    """
    if not isinstance(value, tuple) or not 0 < len(value) <= _MOST_PARTS:
        return ""
    for k, part in enumerate(value):
        if fits(part):
            count = "a tuple of one" if len(value) == 1 else "a pair"
            return f"it is {count}, whose part [{k}] has the right form: take {call}[{k}]"
    return ""
