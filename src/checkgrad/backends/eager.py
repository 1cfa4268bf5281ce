"""What holds of the libraries that compute at once, and map no function by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checkgrad.backends.protocol import Array


class Eager:
    """The part of `checkgrad.backends.protocol.Backend` that is the same for all of them."""

    compiles = False

    def settled(self, array: Array) -> Array:
        return array

    def compiled(
        self, function: Callable[[Array, Array, int], Array]
    ) -> Callable[[Array, Array, int], Array]:
        return function

    def footprint(self, func: Callable[[Array], Any], array: Array) -> int:
        return 0

    def mapped(self, func: Callable[[Array], Any]) -> Callable[[Array], Any] | None:
        return None
