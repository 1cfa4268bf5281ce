"""What holds of the libraries that compute at once, and map no function by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from checkgrad.backends.protocol import Array, Lists, Structure


class Eager:
    """The part of `checkgrad.backends.protocol.Backend` that is the same for all of them."""

    compiles = False
    differentiates = False
    nests: tuple[str, ...] = ()
    maps = False
    maps_gradients = False
    convention = "jax"

    def placing(self, structure: Structure | None, originals: Sequence[Array]) -> Structure | None:
        return structure

    def settled(self, array: Array) -> Array:
        return array

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    def on_host(self, array: Array) -> bool:
        return True

    def footprint(self, func: Callable[[Array], Any], array: Array) -> int:
        return 0

    def mapped(self, func: Callable[[Array], Any]) -> Callable[[Array], Any]:
        raise NotImplementedError

    def pullback(
        self,
        func: Lists,
        primals: list[Array],
        weights: list[Array],
        again: bool = False,
        between: Callable[[], None] | None = None,
        only: int | None = None,
    ) -> list[Array]:
        raise NotImplementedError

    def recorded(self, func: Lists, primals: list[Array], forward: bool) -> list[Array]:
        raise NotImplementedError

    def pushforward(self, func: Lists, primals: list[Array], tangents: list[Array]) -> list[Array]:
        raise NotImplementedError

    def pullback_of_many(
        self, func: Lists, primals: list[Array], weights: list[Array]
    ) -> list[Array]:
        raise NotImplementedError

    def pushforward_of_many(
        self, func: Lists, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        raise NotImplementedError

    def values_of_many(self, func: Lists, primals: list[Array]) -> list[Array]:
        raise NotImplementedError

    def differentiating(self) -> AbstractContextManager[None]:
        return nullcontext()

    def lacks_rule(self, error: Exception) -> bool:
        return False
