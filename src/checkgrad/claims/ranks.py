"""The processes that differentiate one func together: by default this one alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Ranks(Protocol):
    """The processes that differentiate one func together; see `Alone`."""

    def called(self, call: Callable[[], list[Any]]) -> list[Any]:
        """Return what a call of the library returns, the same on all of them."""

    def told(self, found: list[str]) -> list[str]:
        """Return what all of them found to be wrong with a rule."""


class Alone:
    """One process alone."""

    def called(self, call: Callable[[], list[Any]]) -> list[Any]:
        """See `Ranks.called`."""
        return call()

    def told(self, found: list[str]) -> list[str]:
        """See `Ranks.told`."""
        return found
