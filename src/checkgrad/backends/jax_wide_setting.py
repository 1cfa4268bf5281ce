"""Whether JAX computes in float64 here: for checkgrad yes, for the user's code as the user set.

Both are settings of this thread. The user's global setting never changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np

# What the user has set, while checkgrad has set float64; None while it has not.
_set_by_user: ContextVar[bool | None] = ContextVar("_set_by_user", default=None)


def _enabled(value: bool) -> AbstractContextManager[Any]:
    if hasattr(jax, "enable_x64"):
        context: AbstractContextManager[Any] = jax.enable_x64(value)
        return context
    from jax.experimental import enable_x64  # JAX before 0.8

    older: AbstractContextManager[Any] = enable_x64(value)
    return older


def has_float64() -> bool:
    """Return whether JAX computes in float64 here and now."""
    return bool(jax.dtypes.canonicalize_dtype(np.float64) == np.float64)


def user_has_float64() -> bool:
    """Return whether the user has set float64, inside of `with_float64` or outside."""
    user = _set_by_user.get()
    return has_float64() if user is None else user


@contextmanager
def with_float64() -> Iterator[None]:
    """Return a context in which JAX computes in float64."""
    token = _set_by_user.set(user_has_float64())
    try:
        with _enabled(True):
            yield
    finally:
        _set_by_user.reset(token)


@contextmanager
def as_user_set() -> Iterator[None]:
    """Return a context, inside of `with_float64`, in which JAX computes as the user has set."""
    user = user_has_float64()
    token = _set_by_user.set(None)
    try:
        with _enabled(user):
            yield
    finally:
        _set_by_user.reset(token)
