"""What the primitive operations of JAX do to floats: which round, which are exact, which are bits.

The tables name primitives of all releases of JAX that checkgrad supports. An operation that no
table names rounds its result once. This module does not evaluate anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.extend.core
import jax.numpy as jnp

from checkgrad.backends.jax_wide_dtypes import dtype_of, epsilon_of, is_floating

# Calls of an inner jaxpr. The primal of a function with custom rules is one of them.
CALLS = frozenset(
    "jit pjit closed_call core_call core_closed_call composite remat remat2 checkpoint "
    "custom_jvp_call custom_vjp_call custom_vjp_call_jaxpr call_hi_primitive".split()
)
CONTROL_FLOW = frozenset("scan while cond custom_linear_solve".split())
_BODIES = ("jaxpr", "call_jaxpr", "fun_jaxpr")
_OBJECT = "_prim"  # the parameter of `call_hi_primitive`: that of `jax.remat` in newer releases

# What has a meaning in the bits of a float, or is code that JAX does not see into.
ISLANDS = frozenset(
    "bitcast_convert_type nextafter random_gamma random_gamma_grad rng_uniform "
    "pure_callback io_callback debug_callback ffi_call pallas_call triton_kernel_call".split()
)

_RANDOM = frozenset(
    "random_bits random_gamma random_seed random_split random_fold_in random_wrap random_unwrap "
    "threefry2x32 rng_bit_generator rng_uniform".split()
)

# What moves, selects or compares numbers, changes a sign, or has an integer for its result.
_EXACT = frozenset(
    "abs all_gather all_to_all argmax argmin argsort bitcast_convert_type broadcast "
    "broadcast_in_dim ceil clamp complex concatenate conj copy copy_p cummax cummin device_put "
    "dynamic_slice dynamic_update_slice expand_dims floor gather get imag iota is_finite max min "
    "name neg nextafter optimization_barrier pad pmax pmin ppermute pvary real reduce_max "
    "reduce_min reduce_window_max reduce_window_min rem reshape rev round scatter scatter-max "
    "scatter-min scatter_max scatter_min select_and_scatter select_n sharding_constraint sign "
    "slice sort split squeeze stop_gradient swap tie_in top_k transpose unstack".split()
)

# What adds or multiplies many numbers, and rounds in between.
_ACCUMULATING = frozenset(
    "cholesky conv_general_dilated cumlogsumexp cumprod cumsum dot_general eig eigh fft "
    "hessenberg householder_product lu psum qr ragged_dot ragged_dot_general reduce reduce_prod "
    "reduce_sum reduce_window reduce_window_sum scatter-add scatter-mul scatter_add scatter_mul "
    "schur select_and_gather_add select_and_scatter_add shard_map svd triangular_solve "
    "tridiagonal tridiagonal_solve".split()
)


def is_exact(equation: Any) -> bool:
    """Return whether the native operation never rounds, whatever its operands are."""
    name = equation.primitive.name
    if name == "convert_element_type":
        return not is_narrowing(dtype_of(equation.invars[0]), equation.params["new_dtype"])
    return str(name) in _EXACT


def is_accumulating(equation: Any) -> bool:
    """Return whether the native operation rounds many times on the way to one number."""
    return str(equation.primitive.name) in _ACCUMULATING


def is_narrowing(source: Any, target: Any) -> bool:
    """Return whether a cast from one floating dtype to another one rounds."""
    if not is_floating(source) or not is_floating(target):
        return False
    before, after = jnp.finfo(source), jnp.finfo(target)
    return bool(after.eps > before.eps or after.max < before.max)


def body_of(equation: Any) -> Any:
    """Return the inner jaxpr of one of `CALLS`, with the constants that it holds."""
    if _OBJECT in equation.params:  # an operation made of others, which holds no jaxpr
        operation = equation.params[_OBJECT]
        shapes = [
            jax.ShapeDtypeStruct(each.aval.shape, each.aval.dtype) for each in equation.invars
        ]
        return jax.make_jaxpr(operation.expand)(*jax.tree.unflatten(operation.in_tree, shapes))
    found = next(equation.params[name] for name in _BODIES if name in equation.params)
    return closed(found)


def closed(jaxpr: Any) -> Any:
    """Return a jaxpr, open or closed, as a closed one."""
    return jaxpr if hasattr(jaxpr, "consts") else jax.extend.core.ClosedJaxpr(jaxpr, ())


def inner_jaxprs(equation: Any) -> Iterator[Any]:
    """Yield the jaxprs, open or closed, among the parameters of an equation."""
    if _OBJECT in equation.params:
        yield body_of(equation)
    for parameter in equation.params.values():
        parts = parameter if isinstance(parameter, tuple | list) else (parameter,)
        yield from (part for part in parts if is_jaxpr(part))


def has_loops(jaxpr: Any) -> bool:
    """Return whether a closed jaxpr has a loop or a branch, at any depth."""
    return any(
        equation.primitive.name in ("scan", "while", "cond")
        or any(has_loops(inner) for inner in inner_jaxprs(equation))
        for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns
    )


def is_jaxpr(parameter: Any) -> bool:
    """Return whether a parameter of an equation is a jaxpr, open or closed."""
    return isinstance(parameter, jax.extend.core.Jaxpr | jax.extend.core.ClosedJaxpr)


def is_literal(variable: Any) -> bool:
    """Return whether an operand of an equation is a number in the jaxpr."""
    return isinstance(variable, jax.extend.core.Literal)


def draws(equation: Any) -> bool:
    """Return whether an equation draws random numbers, at any depth."""
    if equation.primitive.name in _RANDOM:
        return True
    bodies = (getattr(inner, "jaxpr", inner) for inner in inner_jaxprs(equation))
    return any(draws(each) for body in bodies for each in body.eqns)


def cast_of(equation: Any) -> tuple[str, float]:
    """Return the name and the epsilon of the dtype that an equation casts to; "" where none."""
    source, params = dtype_of(equation.invars[0]) if equation.invars else None, equation.params
    if equation.primitive.name == "reduce_precision":
        exponent, mantissa = params["exponent_bits"], params["mantissa_bits"]
        limits = jnp.finfo(source)
        if exponent >= limits.nexp and mantissa >= limits.nmant:
            return "", 0.0
        return _ieee_name(exponent, mantissa), 2.0**-mantissa
    target = params.get("new_dtype", params.get("preferred_element_type"))
    if target is None or source is None or not is_narrowing(source, target):
        return "", 0.0
    return jnp.dtype(target).name, epsilon_of(target)


def _ieee_name(exponent: int, mantissa: int) -> str:
    for name in ("float32", "bfloat16", "float16"):
        limits = jnp.finfo(name)
        if (limits.nexp, limits.nmant) == (exponent, mantissa):
            return name
    return f"float{1 + exponent + mantissa}_e{exponent}m{mantissa}"
