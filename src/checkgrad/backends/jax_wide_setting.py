"""JAX's settings while checkgrad computes: ours for our arithmetic, the user's for the user's code.

Ours are float64, and none of what makes JAX stop at a number or a cast: a check meets NaN on
purpose. All of them are settings of this thread. The user's global settings never change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np

# What the user has set, while checkgrad has set float64; None while it has not.
_set_by_user: ContextVar[bool | None] = ContextVar("_set_by_user", default=None)
# The other settings of the user that checkgrad has changed: name and value.
_changed: ContextVar[tuple[tuple[str, Any], ...]] = ContextVar("_changed", default=())

# Settings under which our own arithmetic raises, or runs operation by operation, and our values.
_OURS = {
    "debug_nans": False,
    "debug_infs": False,
    "disable_jit": False,
    "enable_checks": False,
    "numpy_dtype_promotion": "standard",
    "numpy_rank_promotion": "allow",
}


def _enabled(value: bool) -> AbstractContextManager[Any]:
    if hasattr(jax, "enable_x64"):
        context: AbstractContextManager[Any] = jax.enable_x64(value)
        return context
    from jax.experimental import enable_x64  # JAX before 0.8

    older: AbstractContextManager[Any] = enable_x64(value)
    return older


def _setting(name: str, value: Any) -> AbstractContextManager[Any]:
    context: AbstractContextManager[Any] = getattr(jax, name)(value)
    return context


def has_float64() -> bool:
    """Return whether JAX computes in float64 here and now."""
    return bool(jax.dtypes.canonicalize_dtype(np.float64) == np.float64)


def user_has_float64() -> bool:
    """Return whether the user has set float64, inside of `with_float64` or outside."""
    user = _set_by_user.get()
    return has_float64() if user is None else user


@contextmanager
def with_float64() -> Iterator[None]:
    """Return a context in which JAX computes in float64, with our settings."""
    token = _set_by_user.set(user_has_float64())
    changed = [
        (name, found)
        for name, ours in _OURS.items()
        if (found := getattr(jax.config, f"jax_{name}")) != ours
    ]
    token_of_changed = _changed.set((*_changed.get(), *changed))
    try:
        with _enabled(True), ExitStack() as stack:
            for name, _ in changed:
                stack.enter_context(_setting(name, _OURS[name]))
            yield
    finally:
        _changed.reset(token_of_changed)
        _set_by_user.reset(token)


@contextmanager
def as_user_set() -> Iterator[None]:
    """Return a context, inside of `with_float64`, in which JAX computes as the user has set."""
    user, changed = user_has_float64(), _changed.get()
    token, token_of_changed = _set_by_user.set(None), _changed.set(())
    try:
        with _enabled(user), ExitStack() as stack:
            for name, value in changed:
                stack.enter_context(_setting(name, value))
            yield
    finally:
        _changed.reset(token_of_changed)
        _set_by_user.reset(token)
