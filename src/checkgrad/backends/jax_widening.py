"""JAX functions in float64: the jaxpr of a function, evaluated with every narrower float widened.

The function is traced once for each shape, in the dtypes and with the settings of the user, and
the wide code is compiled once. This module does not know what the operations do.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from checkgrad.backends.array_types import Array
from checkgrad.backends.jax_footprint import largest_made
from checkgrad.backends.jax_placement import sharding_in_type
from checkgrad.backends.jax_wide_dtypes import is_floating
from checkgrad.backends.jax_wide_evaluation import WideEvaluation, one_line
from checkgrad.backends.jax_wide_observation import Observing
from checkgrad.backends.jax_wide_operations import closed, has_loops, inner_jaxprs
from checkgrad.backends.jax_wide_perturbation import Perturbing
from checkgrad.backends.jax_wide_setting import as_user_set, user_has_float64, with_float64
from checkgrad.backends.widening import (
    CannotWidenError,
    NativeDtypes,
    Observation,
    WideFunction,
    Widening,
)

_Traces: TypeAlias = "dict[Any, _Trace]"

_Compiled = type(jax.jit(lambda: None))
# Compiled code does not depend on later changes of what the function closes over. So the wide
# code of a compiled function serves every check of it.
_of_compiled: weakref.WeakKeyDictionary[Any, _Traces] = weakref.WeakKeyDictionary()


class JaxprWidening(Widening):
    """The function is traced, and every operation of the jaxpr runs on wide arrays."""

    sees_inside = True

    def widened(self, function: Callable[..., Any], natives: NativeDtypes) -> WideFunction:
        """See `Widening.widened`."""
        traces: _Traces = {}
        if isinstance(function, _Compiled):
            traces = _of_compiled.setdefault(function, traces)
        return _WideJaxpr(function, natives, traces)


class _WideJaxpr(WideFunction):
    def __init__(
        self, function: Callable[..., Any], natives: NativeDtypes, traces: _Traces
    ) -> None:
        self._function = function
        self._natives = [np.dtype(dtype) for each in natives for dtype in each]
        self._traces = traces

    def __call__(self, *args: Any) -> Any:
        with with_float64():
            trace, arrays = self._traced(args)
            return trace.value(arrays)

    def observed(self, *args: Any) -> tuple[Any, Observation]:
        with with_float64():
            trace, arrays = self._traced(args)
            return trace.value(arrays), trace.observation(arrays)

    def coarsest_epsilon(self, *args: Any) -> float:
        with with_float64():
            trace, arrays = self._traced(args)
            return trace.observation(arrays).epsilon

    def largest(self, *args: Any) -> float:
        with with_float64():
            trace, arrays = self._traced(args)
            return trace.largest(arrays)

    def perturbed(self, seed: int, *args: Any) -> Any:
        with with_float64():
            trace, arrays = self._traced(args)
            return trace.perturbed(seed, arrays)

    def _traced(self, args: tuple[Any, ...]) -> tuple[_Trace, list[Array]]:
        leaves, structure = jax.tree_util.tree_flatten(args)
        is_array = [hasattr(leaf, "dtype") and hasattr(leaf, "shape") for leaf in leaves]
        arrays = [leaf for leaf, chosen in zip(leaves, is_array, strict=True) if chosen]
        others = [leaf for leaf, chosen in zip(leaves, is_array, strict=True) if not chosen]
        types = tuple(self._native_types(arrays))
        kinds = [(type(leaf), leaf) for leaf in others]
        key = (structure, tuple(is_array), types, repr(kinds), user_has_float64())
        if key not in self._traces:

            def function(*given: Any) -> Any:
                arrays, rest = iter(given), iter(others)
                chosen = [next(arrays if is_one else rest) for is_one in is_array]
                return self._function(*jax.tree_util.tree_unflatten(structure, chosen))

            self._traces[key] = _Trace(function, types)
        return self._traces[key], arrays

    def _native_types(self, arrays: Sequence[Array]) -> Iterator[tuple[Any, ...]]:
        """Yield the shape, the dtype and the sharding that each array has as the user has it."""
        natives = iter(self._natives)
        for array in arrays:
            dtype = next(natives) if is_floating(array.dtype) else array.dtype
            yield tuple(array.shape), dtype, sharding_in_type(array)


class _Trace:
    """The jaxpr of a function of one set of types, and the wide code for it."""

    def __init__(self, function: Callable[..., Any], types: Sequence[Any]) -> None:
        natives = [
            jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)
            for shape, dtype, sharding in types
        ]
        try:
            with as_user_set():
                jaxpr, result = jax.make_jaxpr(function, return_shape=True)(*natives)
        except Exception as error:
            raise CannotWidenError(f"JAX cannot trace it ({one_line(error)})") from error
        self._jaxpr = jaxpr
        self._structure = jax.tree_util.tree_structure(result)
        # Captured arrays are arguments of the compiled code, which would hold a copy of each.
        self._captured = {id(each): each for each in _captured(jaxpr)}
        self._constants = [_as_argument(each) for each in self._captured.values()]
        self._seen: Observing | None = None
        self._value = jax.jit(self._evaluate)
        self._observe = jax.jit(self._evaluate_observing)
        # Errors make every operation a long one. Operations run one by one are compiled one by
        # one, whatever their number. A loop is compiled anew for each seed then.
        loops = has_loops(jaxpr)
        self._perturb = jax.jit(self._evaluate_perturbing) if loops else self._evaluate_perturbing

    def value(self, arrays: list[Array]) -> Any:
        """Return the value of the function."""
        return self._returned(self._value(self._constants, arrays))

    def observation(self, arrays: list[Array]) -> Observation:
        """Return what is met inside, which the jaxpr tells without an evaluation."""
        if self._seen is None:
            jax.eval_shape(self._evaluate_observing, self._constants, arrays)
        seen = self._seen
        assert seen is not None
        made_bytes = largest_made(closed(self._jaxpr).jaxpr)
        return Observation(seen.epsilon, seen.islands, seen.casts, made_bytes=made_bytes)

    def largest(self, arrays: list[Array]) -> float:
        """Return the largest finite magnitude of any floating number inside."""
        return float(self._observe(self._constants, arrays)[1])

    def perturbed(self, seed: int, arrays: list[Array]) -> Any:
        """Return the value of the function by Monte Carlo arithmetic."""
        number = jnp.asarray(seed % 2**64, jnp.uint64)
        return self._returned(self._perturb(self._constants, arrays, number))

    def _returned(self, values: list[Array]) -> Any:
        return jax.tree_util.tree_unflatten(self._structure, values)

    def _by_id(self, constants: list[Array]) -> dict[int, Array]:
        return dict(zip(self._captured, constants, strict=True))

    def _evaluate(self, constants: list[Array], arrays: list[Array]) -> list[Array]:
        return WideEvaluation(self._by_id(constants)).run(self._jaxpr, arrays)

    def _evaluate_observing(
        self, constants: list[Array], arrays: list[Array]
    ) -> tuple[list[Array], Array]:
        seen = self._seen = Observing(self._by_id(constants))
        values = seen.whole(self._jaxpr, constants, arrays)
        return values, seen.state[0]

    def _evaluate_perturbing(
        self, constants: list[Array], arrays: list[Array], seed: Array
    ) -> list[Array]:
        return Perturbing(seed, self._by_id(constants)).run(self._jaxpr, arrays)


def _captured(jaxpr: Any) -> Iterator[Any]:
    """Yield the arrays that a traced function captures, at any depth."""
    yield from closed(jaxpr).consts
    for equation in closed(jaxpr).jaxpr.eqns:
        for inner in inner_jaxprs(equation):
            yield from _captured(inner)


def _as_argument(constant: Any) -> Any:
    return constant if isinstance(constant, jax.Array) else np.asarray(constant)
