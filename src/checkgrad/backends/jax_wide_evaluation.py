"""Evaluation of a jaxpr with every narrower float widened to float64.

The walk over the equations is here. Subclasses say what else happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from checkgrad.backends.array_types import Array
from checkgrad.backends.jax_wide_dtypes import (
    as_array,
    as_dtype,
    as_wide,
    dtype_of,
    is_floating,
    is_narrow,
    wide_dtype,
)
from checkgrad.backends.jax_wide_operations import (
    CALLS,
    CONTROL_FLOW,
    ISLANDS,
    body_of,
    closed,
    draws,
    is_exact,
    is_literal,
)
from checkgrad.backends.jax_wide_parameters import wide_parameter
from checkgrad.backends.widening import CannotWidenError


class WideEvaluation:
    """One evaluation of a jaxpr, whose narrower floats are wide.

    Literals, captured arrays and random draws are data. They keep the numbers that they have in
    the native dtype. What is computed from them is computed in float64, even where it depends on
    no input: two formulas for one constant, as ``cholesky(K)`` and ``inv(K)``, agree in float64
    only. A random draw is one call of ``jax.random``. It runs natively as a whole, because a
    loop of rejection sampling in another dtype may take another turn.

    A value has its native dtype as long as it is data.

    Parameters
    ----------
    constants : mapping of int to array
        Captured arrays by their ``id``, where they are arguments of compiled code.
    """

    def __init__(self, constants: Mapping[int, Any] | None = None) -> None:
        self._constants = constants or {}
        # Numbers that the subclass carries through the equations, loops and branches included.
        self.state: tuple[Array, ...] = ()
        self._islands: dict[int, str] = {}

    @property
    def islands(self) -> dict[str, int]:
        """The operations of the jaxpr that ran natively on rounded operands, and how often."""
        return dict(Counter(self._islands.values()))

    def run(self, jaxpr: Any, values: Sequence[Any]) -> list[Any]:
        """Return the wide outputs of a closed jaxpr."""
        constants = [
            self._data(constant, variable)
            for variable, constant in zip(jaxpr.jaxpr.constvars, jaxpr.consts, strict=True)
        ]
        variables = [*jaxpr.jaxpr.constvars, *jaxpr.jaxpr.invars]
        numbers = dict(zip(variables, [*constants, *values], strict=True))

        def read(variable: Any) -> Any:
            if is_literal(variable):
                return self._data(variable.val, variable)
            return numbers[variable]

        data = set(jaxpr.jaxpr.constvars)
        for equation in jaxpr.jaxpr.eqns:
            is_data = _is_data(equation, data)
            operands = [read(variable) for variable in equation.invars]
            results = self._guarded(equation, operands, is_data)
            numbers.update(zip(equation.outvars, results, strict=True))
            data.update(equation.outvars if is_data else ())
        return [
            as_dtype(read(variable), wide_dtype(dtype_of(variable)))
            if is_floating(dtype_of(variable))
            else read(variable)
            for variable in jaxpr.jaxpr.outvars
        ]

    def computed(self, equation: Any, values: list[Any]) -> list[Any]:
        """Return the results of one operation on wide operands."""
        if equation.primitive.name == "shard_map":
            return _shard_map(equation, values)
        if equation.primitive.name == "reduce_precision":  # a cast, and float64 keeps all digits
            return values
        run = WideEvaluation().run
        params = {name: wide_parameter(name, of, run) for name, of in equation.params.items()}
        return bind(equation, values, params)

    def called(self, equation: Any, values: list[Any]) -> list[Any]:
        """Return the results of a call of an inner jaxpr on wide operands."""
        return self.run(body_of(equation), values)

    def see(self, equation: Any, results: list[Any]) -> None:
        """Look at the results of one operation. Calls and loops are seen from within."""

    def _data(self, constant: Any, variable: Any) -> Any:
        """Return a constant in its native dtype."""
        constant = self._constants.get(id(constant), constant)
        dtype = dtype_of(variable)
        if dtype is None or jax.dtypes.issubdtype(dtype, jax.dtypes.extended):
            return constant
        if isinstance(constant, jax.Array):
            return as_dtype(constant, dtype)
        return np.asarray(constant, dtype)

    def _guarded(self, equation: Any, values: list[Any], is_data: bool) -> list[Any]:
        try:
            return self._evaluated(equation, values, is_data)
        except CannotWidenError:
            raise
        except Exception as error:
            raise CannotWidenError(
                f"the operation {equation.primitive.name} of JAX does not run in float64 "
                f"({one_line(error)})"
            ) from error

    def _evaluated(self, equation: Any, values: list[Any], is_data: bool) -> list[Any]:
        name = equation.primitive.name
        if is_data:
            results = bind(equation, values, equation.params)
        elif name in ISLANDS:
            results = self._natively(equation, values)
        else:
            values = [as_wide(value) for value in values]
            if name in CALLS:
                return self.called(equation, values)
            if name in CONTROL_FLOW:
                return _RULES[name](self, equation, values)
            results = self.computed(equation, values)
            if any(map(_stays_narrow, equation.outvars, results)):
                results = self._natively(equation, values)
        self.see(equation, results)
        return results

    def _natively(self, equation: Any, values: list[Any]) -> list[Any]:
        """Return the results of an operation in its native dtype, on rounded operands."""
        operands = []
        for variable, value in zip(equation.invars, values, strict=True):
            native = dtype_of(variable)
            is_rounded = native is not None and is_narrow(native) and not is_narrow(value.dtype)
            operands.append(as_dtype(value, native) if is_rounded else value)
            if is_rounded and equation.outvars:
                self._islands[id(equation)] = equation.primitive.name
        return bind(equation, operands, equation.params)


def _stays_narrow(variable: Any, result: Any) -> bool:
    """Return whether an operation, on wide operands, returned a narrow float all the same."""
    return is_floating(dtype_of(variable)) and is_narrow(result.dtype)


def _is_data(equation: Any, data: set[Any]) -> bool:
    """Return whether results are data as the operands are: moved, made of bits, or drawn."""
    floats = [each for each in equation.invars if is_floating(dtype_of(each))]
    if not all(is_literal(variable) or variable in data for variable in floats):
        return False
    name = equation.primitive.name
    moves = is_exact(equation) and (bool(floats) or name in ISLANDS)
    return moves or (name in CALLS and draws(equation))


def _shard_map(equation: Any, values: list[Any]) -> list[Any]:
    """Return the results of a function of one shard each, which sees no state of an evaluation."""
    params = equation.params
    body = closed(params["jaxpr"])
    options = {name: params[name] for name in ("mesh", "check_vma")}
    axes = params["manual_axes" if "manual_axes" in params else "newly_manual_axes"]
    mapped = jax.shard_map(
        lambda *shards: tuple(WideEvaluation().run(body, shards)),
        in_specs=tuple(params["in_specs"]),
        out_specs=tuple(params["out_specs"]),
        axis_names=set(axes),
        **options,
    )
    return list(mapped(*values))


def bind(equation: Any, values: Sequence[Any], params: Mapping[str, Any]) -> list[Any]:
    """Return the results of the operation of an equation, with other operands and parameters."""
    bound = equation.primitive.get_bind_params(dict(params))
    if isinstance(bound, tuple):  # JAX before 0.10
        functions, bound = bound
        values = [*functions, *values]
    results = equation.primitive.bind(*values, **bound)
    return list(results) if equation.primitive.multiple_results else [results]


def one_line(error: Exception) -> str:
    """Return the type of `error` and the first line of its message."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _scan(evaluation: WideEvaluation, equation: Any, values: list[Any]) -> list[Any]:
    params = equation.params
    first, last = params["num_consts"], params["num_consts"] + params["num_carry"]
    constants, initial, sequences = values[:first], values[first:last], values[last:]

    def body(carry: tuple[Any, Any], entries: list[Any]) -> tuple[Any, Any]:
        evaluation.state, carried = carry
        results = evaluation.run(closed(params["jaxpr"]), [*constants, *carried, *entries])
        return (evaluation.state, results[: last - first]), results[last - first :]

    carry = (evaluation.state, [as_array(each) for each in initial])
    options = {name: params[name] for name in ("length", "reverse", "unroll")}
    (evaluation.state, carried), collected = jax.lax.scan(body, carry, sequences, **options)
    return [*carried, *collected]


def _while(evaluation: WideEvaluation, equation: Any, values: list[Any]) -> list[Any]:
    params = equation.params
    first = params["cond_nconsts"]
    last = first + params["body_nconsts"]

    def goes_on(carry: tuple[Any, Any]) -> Array:
        evaluation.state, carried = carry
        return evaluation.run(closed(params["cond_jaxpr"]), [*values[:first], *carried])[0]

    def body(carry: tuple[Any, Any]) -> tuple[Any, Any]:
        evaluation.state, carried = carry
        results = evaluation.run(closed(params["body_jaxpr"]), [*values[first:last], *carried])
        return evaluation.state, results

    carry = (evaluation.state, [as_array(each) for each in values[last:]])
    evaluation.state, carried = jax.lax.while_loop(goes_on, body, carry)
    return list(carried)


def _cond(evaluation: WideEvaluation, equation: Any, values: list[Any]) -> list[Any]:
    def branch_of(jaxpr: Any) -> Callable[..., Any]:
        def branch(state: tuple[Array, ...], *operands: Any) -> Any:
            evaluation.state = state
            results = evaluation.run(closed(jaxpr), operands)
            return evaluation.state, results

        return branch

    branches = equation.params["branches"]
    platforms = equation.params.get("branches_platforms")
    if platforms is not None:  # the branches differ by the device, and only one is for this one
        here = jax.default_backend()
        branches = [
            branch
            for branch, names in zip(branches, platforms, strict=True)
            if names is None or here in names
        ][:1]
        values = [jnp.int32(0), *values[1:]]
    evaluation.state, results = jax.lax.switch(
        values[0], [branch_of(branch) for branch in branches], evaluation.state, *values[1:]
    )
    return list(results)


def _custom_linear_solve(evaluation: WideEvaluation, equation: Any, values: list[Any]) -> list[Any]:
    lengths = equation.params["const_lengths"]
    first = lengths.matvec + lengths.vecmat
    constants, right_sides = values[first : first + lengths.solve], values[sum(lengths) :]
    return evaluation.run(closed(equation.params["jaxprs"].solve), [*constants, *right_sides])


_RULES: Mapping[str, Callable[[WideEvaluation, Any, list[Any]], list[Any]]] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
    "custom_linear_solve": _custom_linear_solve,
}
