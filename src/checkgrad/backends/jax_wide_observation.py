"""A wide evaluation that records how coarse and how large the numbers inside a function are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from checkgrad.backends.array_types import Array
from checkgrad.backends.jax_wide_dtypes import dtype_of, epsilon_of, is_floating, product_epsilon
from checkgrad.backends.jax_wide_evaluation import WideEvaluation
from checkgrad.backends.jax_wide_operations import cast_of, is_exact


class Observing(WideEvaluation):
    """The largest magnitude is the state; what follows from the jaxpr alone is an attribute."""

    def __init__(self, constants: Mapping[int, Any] | None = None) -> None:
        super().__init__(constants)
        self.state = (jnp.zeros((), jnp.float64),)
        self.epsilon = 0.0
        # The largest magnitudes, entry by entry, of all numbers of one shape in one jaxpr. To
        # reduce them once takes less time to compile than to reduce each.
        self._magnitudes: dict[tuple[int, ...], Array] = {}
        self._casts: dict[str, float] = {}
        self._inputs_epsilon = 0.0

    @property
    def casts(self) -> tuple[str, ...]:
        """The dtypes, narrower than every input, that a cast goes through."""
        return tuple(
            name for name, epsilon in self._casts.items() if epsilon > self._inputs_epsilon
        )

    def whole(self, jaxpr: Any, constants: Sequence[Any], values: Sequence[Any]) -> list[Any]:
        """Return the outputs of a function, whose inputs and captured arrays count as well."""
        epsilons = [epsilon_of(dtype_of(each)) for each in jaxpr.jaxpr.invars]
        self.epsilon = self._inputs_epsilon = max(epsilons, default=0.0)
        self._record([*constants, *values])
        results = self.run(jaxpr, values)
        self._reduce()
        return results

    def see(self, equation: Any, results: list[Any]) -> None:
        """See `WideEvaluation.see`."""
        # A constant of a narrower dtype rounds nothing: what is computed in that dtype does.
        rounded = () if is_exact(equation) else equation.outvars
        epsilons = [epsilon_of(dtype_of(each)) for each in rounded]
        name, epsilon = cast_of(equation)
        self.epsilon = max([self.epsilon, product_epsilon(equation), epsilon, *epsilons])
        if name:
            self._casts[name] = epsilon
        self._record(results)

    def run(self, jaxpr: Any, values: Sequence[Any]) -> list[Any]:
        """See `WideEvaluation.run`."""
        outer, self._magnitudes = self._magnitudes, {}
        results = super().run(jaxpr, values)
        self._reduce()
        self._magnitudes = outer
        return results

    def _reduce(self) -> None:
        for each in self._magnitudes.values():
            self.state = (jnp.maximum(self.state[0], jnp.max(each, initial=0.0)),)

    def _record(self, values: Sequence[Any]) -> None:
        for each in values:
            if is_floating(getattr(each, "dtype", None)):
                magnitude = jnp.abs(each).astype(jnp.float64)
                finite = jnp.where(jnp.isfinite(magnitude), magnitude, 0.0)
                before = self._magnitudes.get(each.shape)
                self._magnitudes[each.shape] = (
                    finite if before is None else jnp.maximum(before, finite)
                )
