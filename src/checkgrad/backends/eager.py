"""What holds of the libraries that compute at once, and map no function by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from checkgrad.backends.protocol import Array, Lists, Structure


class Eager:
    """The part of `checkgrad.backends.protocol.Backend` that is the same for all of them."""

    xp: Any
    compiles = False
    differentiates = False
    nests: tuple[str, ...] = ()
    bitcasts: tuple[int, ...] = ()
    maps = False
    maps_gradients = False
    convention = "jax"

    def placing(self, structure: Structure | None, originals: Sequence[Array]) -> Structure | None:
        return structure

    def recording(self, array: Array, original: Array) -> Array:
        return array

    def block_until_ready(self, array: Array) -> Array:
        return array

    def split(self, array: Array, size: int) -> Iterator[Array]:
        flat = self.xp.reshape(array, (-1,))
        for start in range(0, flat.shape[0], size):
            yield flat[start : min(start + size, flat.shape[0])]

    def bitcast(self, array: Array, dtype: Any) -> Array:
        raise NotImplementedError

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
