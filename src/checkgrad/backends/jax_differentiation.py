"""JAX's differentiation: ``jax.vjp``, ``jax.jvp`` and ``jax.vmap`` of functions of lists."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from checkgrad.backends.array_types import Array
from checkgrad.backends.differentiation import Differentiation, ListFunction
from checkgrad.backends.jax_placement import laid_out

# What JAX raises where a function has no rule for a mode: a custom_vjp in forward mode; in reverse
# mode a rule that is not linear in its tangent, or a while_loop; a primitive in any mode.
_NO_RULE = (
    (TypeError, "forward-mode"),
    (NotImplementedError, " rule "),
    (ValueError, "Reverse-mode differentiation does not work"),
)


class JaxDifferentiation(Differentiation):
    """JAX differentiates in both modes, again and again, and under vmap."""

    nests: tuple[str, ...] = ("rev", "fwd", "lin")
    maps_gradients = True
    max_order = 9  # the number of checks doubles with each

    def pullback(
        self,
        func: ListFunction,
        primals: list[Array],
        weights: list[Array],
        again: bool = False,
        between: Callable[[], None] | None = None,
        only: int | None = None,
    ) -> list[Array]:
        chosen = range(len(primals)) if only is None else [only]

        def of_chosen(*parts: Array) -> tuple[Array, ...]:
            every = list(primals)
            for place, part in zip(chosen, parts, strict=True):
                every[place] = part
            return tuple(func(every))

        values, vjp = jax.vjp(of_chosen, *(primals[place] for place in chosen))
        weights = [laid_out(*pair) for pair in zip(weights, values, strict=True)]
        if between is not None:
            between()
        gradients = [jnp.zeros_like(part) for part in primals]
        for place, part in zip(chosen, vjp(tuple(weights)), strict=True):
            gradients[place] = part
        return gradients

    def recorded(self, func: ListFunction, primals: list[Array], forward: bool) -> list[Array]:
        zeros = [jnp.zeros_like(part) for part in primals]
        flat = _spread(func)
        values, _ = jax.jvp(flat, primals, zeros) if forward else jax.vjp(flat, *primals)
        return list(values)

    def pushforward(
        self, func: ListFunction, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        _, changes = jax.jvp(_spread(func), primals, tangents)
        return list(changes)

    def pullback_of_many(
        self, func: ListFunction, primals: list[Array], weights: list[Array]
    ) -> list[Array]:
        gradients: list[Array] = jax.vmap(functools.partial(self.pullback, func))(primals, weights)
        return gradients

    def pushforward_of_many(
        self, func: ListFunction, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        mapped = jax.vmap(functools.partial(self.pushforward, func))
        changes: list[Array] = mapped(primals, tangents)
        return changes

    def values_of_many(self, func: ListFunction, primals: list[Array]) -> list[Array]:
        values: list[Array] = jax.vmap(func)(primals)
        return values

    @property
    def linearization(self) -> Differentiation:
        return _JaxLinearization()

    def lacks_rule(self, error: Exception) -> bool:
        return lacks_rule(error)


def lacks_rule(error: Exception) -> bool:
    """Return whether an exception says that a function has no rule for a mode."""
    return any(isinstance(error, kind) and part in str(error) for kind, part in _NO_RULE)


class _JaxLinearization(JaxDifferentiation):
    """Forward mode by ``jax.linearize``: the function first, and the tangents later."""

    def recorded(self, func: ListFunction, primals: list[Array], forward: bool) -> list[Array]:
        if not forward:
            return super().recorded(func, primals, forward)
        return list(jax.linearize(_spread(func), *primals)[0])

    def pushforward(
        self, func: ListFunction, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        _, pushforward = jax.linearize(_spread(func), *primals)
        return list(pushforward(*tangents))


def _spread(func: ListFunction) -> Callable[..., tuple[Array, ...]]:
    """Return `func` with one argument for each array, and a tuple for its list of values."""
    return lambda *parts: tuple(func(list(parts)))
