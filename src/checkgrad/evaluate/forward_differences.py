"""Forward differences to SciPy's contract: along every coordinate, or along a random tangent.

The module owns the steps and the evaluations of `check_grad` and `approx_fprime`. On NumPy float64
its numbers are SciPy's, to the last bit. It judges nothing: the other doors estimate derivatives
with `checkgrad.numerics`.
"""

from __future__ import annotations

import functools
import math
import numbers
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from checkgrad.arrays.arithmetic import alike, dot, forward_difference, forward_steps, reshaped
from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.messages import quote
from checkgrad.arrays.parsing import as_numeric
from checkgrad.arrays.point import Point
from checkgrad.arrays.products import product
from checkgrad.backends import Array, machine_epsilon, snapshot
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.evaluator import Evaluator


def is_numpy_number(point: Point) -> bool:
    """Return whether x0 is a 0-d NumPy array. SciPy counts it as one of shape (1,)."""
    return (
        point.structure is None
        and isinstance(point.leaves[0], np.ndarray)
        and point.leaves[0].shape == ()
    )


def of_one_axis(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return `func` with a 0-d argument replaced by one of shape (1,).

    SciPy calls func so along a random tangent: it adds a step of that shape to x0.
    """
    return lambda x, *args: func(np.atleast_1d(x), *args)


def value_shape(value: Array) -> tuple[int, ...]:
    """Return the shape of ``func(x0)``.

    Raises
    ------
    ValueError
        If it has two or more dimensions.
    """
    shape = tuple(value.shape)
    if len(shape) > 1:
        raise ValueError(
            f"func returned shape {shape}; it must return a number or an array of one dimension"
        )
    return shape


def value_and_claim(evaluator: Evaluator, grad: UserFunction) -> tuple[Array, list[Array]]:
    """Return ``func(x0)``, and the arrays of the claim ``grad(x0)``, which is called first."""
    point = evaluator.point
    claim = snapshot(grad.with_user_errstate(point.copy_for_claim()))
    value = evaluator.at_x0()
    return value, point.claim_leaves(claim, value_shape(value), allow_complex=True)


def jacobian(evaluator: Evaluator, value: Array, epsilon: Any) -> list[Array]:
    """Return the forward-difference Jacobian.

    Parameters
    ----------
    evaluator : Evaluator
        Evaluates func; `Evaluator.at_x0` was called.
    value : array
        ``func(x0)``.
    epsilon : Any
        The steps that the user asked for, or None.

    Returns
    -------
    list of array
        One for each leaf of x0, of shape ``value.shape + leaf.shape``; a value of shape (1,)
        counts as a scalar.
    """
    point, xp = evaluator.point, evaluator.point.xp
    shape = () if value.shape == (1,) else tuple(value.shape)
    value = reshaped(value, shape, xp)
    estimates = []
    for leaf, step in enumerate(_steps(point, epsilon)):
        x = point.leaves[leaf]
        default = _default_step(x, evaluator)
        moved, steps = forward_steps(
            reshaped(x, (point.sizes[leaf],), xp),
            default if step is None else step,
            default,
            point.backend,
        )
        values = evaluator.at_entries(leaf, moved, shape)
        if point.is_partitioned:  # what func returned lies over axes of the user's
            values, value = map(point.backend.as_leaf, (values, value))
        quotients = forward_difference
        if not xp.isdtype(values.dtype, "complex floating"):  # complex values raise a warning
            quotients = point.backend.compiled(forward_difference)
        estimate = quotients(values, value, steps, xp)
        if steps.dtype != x.dtype:  # steps of extended precision
            estimate = xp.astype(estimate, x.dtype)
        estimates.append(reshaped(estimate, (*shape, *x.shape), xp))
    return estimates


def along_random_tangent(
    evaluator: Evaluator, grad: UserFunction, epsilon: Any, rng: Any
) -> tuple[list[Array], list[Array]]:
    """Return the claimed and the estimated derivative along one random tangent.

    Raises
    ------
    ValueError
        If func returns more than one number.
    """
    point, xp = evaluator.point, evaluator.point.xp
    value = evaluator.at_x0()
    if math.prod(value_shape(value)) != 1:
        raise ValueError(
            "'random' can only be used with scalar valued func; func returned shape "
            f"{tuple(value.shape)}"
        )
    step = _random_step(evaluator, epsilon)
    # The claim is multiplied by the tangent before func is called again. So the claim needs no
    # copy, although func may write into it.
    claims = point.claim_leaves(grad.with_user_errstate(point.copy_for_claim()), allow_complex=True)
    if all(isinstance(x, np.ndarray) and x.dtype == np.float64 for x in point.leaves):
        moved, claimed = _moved_as_in_scipy(point, claims, step, rng)
    else:
        moving = _moved_where_it_lies if point.is_partitioned else _moved_in_blocks
        moved, claimed, step = moving(evaluator, claims, step, rng)
    del claims
    values = xp.reshape(evaluator.at(moved), (1,))
    dtypes = (xp.float32, *(x.dtype for x in point.leaves))
    widest = max(dtypes, key=lambda dtype: xp.finfo(dtype).bits)
    steps = xp.zeros_like(values, dtype=widest) + step
    return [claimed], [forward_difference(values, xp.reshape(value, ()), steps, xp)]


def _moved_as_in_scipy(
    point: Point, claims: list[Array], step: float, rng: Any
) -> tuple[list[Array], Array]:
    """Return x0 moved along a random tangent, and the product of the claim with the tangent.

    The sum ``x + step * tangent`` rounds. SciPy leaves this error in the result.
    """
    moved, products = [], []
    for x, claim in zip(point.leaves, claims, strict=True):
        tangent = point.backend.random_tangent(rng, x)
        products.append(dot(claim, tangent, point.xp))
        tangent *= step
        tangent += x
        moved.append(tangent)
    return moved, functools.reduce(operator.add, alike(products, point.xp))


def _moved_in_blocks(
    evaluator: Evaluator, claims: list[Array], step: float, rng: Any
) -> tuple[list[Array], Array, float]:
    """Return x0 moved along a random tangent, the claimed derivative along it, and the step.

    The tangent is the one that x0 is really moved along, because the sum ``x + step * tangent``
    rounds coarsely in narrow dtypes. Of a large leaf only the moved leaf is held in memory; all
    else is made block by block. A coordinate may move by a longer step, see `_moved_block`. The
    returned step is the longest one.
    """
    point, xp = evaluator.point, evaluator.point.xp
    longest = 0.0
    change: Array = None

    def move(x: Array, claim: Array) -> Array:
        nonlocal longest, change
        tangent = point.backend.random_tangent(rng, x)
        default = math.copysign(_default_step(x, evaluator), step)
        moved, length = _moved_block(x, tangent, step, default, xp)
        longest = max(longest, length)
        # One running sum. A list of small arrays between large ones would keep their memory.
        product = dot(claim, moved - x, xp)
        change = product if change is None else operator.add(*alike([change, product], xp))
        return moved

    moved = point.leafwise(move, claims)
    return moved, change / longest, longest


def _moved_where_it_lies(
    evaluator: Evaluator, claims: list[Array], step: float, rng: Any
) -> tuple[list[Array], Array, float]:
    """Return what `_moved_in_blocks` does, where x0 is laid out over devices."""
    point, xp = evaluator.point, evaluator.point.xp
    moved, longest = [], 0.0
    for leaf, x in enumerate(point.leaves):
        default = math.copysign(_default_step(x, evaluator), step)
        parts = partial(_moved_and_lengths, step=step, default=default, xp=xp)
        tangent = point.random_numbers(rng, leaf)
        moved.append(point.in_blocks(lambda x, v, parts=parts: parts(x, v)[0], x, tangent))
        lengths = point.blocks(lambda x, v, parts=parts: xp.max(xp.abs(parts(x, v)[1])), x, tangent)
        longest = max(longest, *map(float, lengths))
    pairs = zip(moved, point.leaves, strict=True)
    off = [point.on_demand(operator.sub, *pair) for pair in pairs]
    change = xp.asarray(product(claims, off, point), dtype=point.leaves[0].dtype)
    return moved, change / longest, longest


def _moved_block(
    x: Array, tangent: Array, step: float, default: float, xp: Any
) -> tuple[Array, float]:
    """Return `x` moved along `tangent`, and the longest step taken.

    If the unit in the last place of a coordinate exceeds the step, the coordinate moves by a step
    relative to its size, as with ``direction="all"``. The same holds for a coordinate that the
    tangent is too small to move.
    """
    epsilon = float(machine_epsilon(x))
    if math.prod(x.shape) == 0:
        return x, 0.0
    if x.shape == (BLOCK,) and float(xp.max(xp.abs(x))) * epsilon <= abs(step):
        return x + step * tangent, abs(step)
    moved, lengths = _moved_and_lengths(x, tangent, step, default, xp)
    return moved, float(xp.max(xp.abs(lengths)))


def _moved_and_lengths(
    x: Array, tangent: Array, step: float, default: float, xp: Any
) -> tuple[Array, Array]:
    """Return `x` moved along `tangent`, and the step of each coordinate; see `_moved_block`."""
    size, epsilon = xp.abs(x), float(xp.finfo(x.dtype).eps)
    relative = default * xp.where(size > 1, size, xp.ones_like(size))
    length = xp.where(size * epsilon > abs(step), relative, xp.zeros_like(x) + step)
    move = length * tangent
    unmoved = x + move == x
    length = xp.where(unmoved, relative, length)
    move = xp.where(unmoved, relative * xp.sign(tangent), move)
    with np.errstate(over="ignore"):
        return xp.where(xp.isfinite(x + move), x + move, x - move), length


def _steps(point: Point, epsilon: Any) -> list[Any]:
    """Return the steps that the user asked for: a flat array for each leaf, or None."""
    if epsilon is None:
        return [None] * len(point.leaves)
    if isinstance(epsilon, numbers.Real):
        parts = [epsilon] * len(point.leaves)
    else:
        parts = point.parts(epsilon, "epsilon is", "pass one number, or a tree like x0")
    return [_flat_steps(point, leaf, part) for leaf, part in enumerate(parts)]


def _flat_steps(point: Point, leaf: int, part: Any) -> Array:
    """Return the steps for one leaf, of shape (1,) or of one entry for each coordinate."""
    x = point.leaves[leaf]
    with np.errstate(over="ignore"):
        step = as_numeric(part, point.backend, x, "epsilon", "is")
    if point.xp.isdtype(step.dtype, "complex floating"):
        raise TypeError(f"epsilon is {quote(part)}; it must be real")
    with np.errstate(over="ignore"):
        finite = point.xp.isfinite(point.xp.astype(step, x.dtype))
    if not bool(point.xp.all(finite)):
        raise ValueError(
            f"epsilon is {quote(part)}; it must be finite in the dtype of x0, {x.dtype}"
        )
    if tuple(step.shape) not in ((), (1,), tuple(x.shape)):
        raise ValueError(
            f"epsilon has shape {tuple(step.shape)} but x0{point.leaf_path(leaf)} has shape "
            f"{tuple(x.shape)}; pass one number, or one for each entry"
        )
    if not isinstance(step, np.ndarray):  # it may be on another device
        step = point.backend.from_host(point.backend.to_host(step), x)
    return point.xp.reshape(step, (-1,))


def _default_step(x: Array, evaluator: Evaluator) -> float:
    """Return ``sqrt(eps)`` of the coarser of the dtypes of `x` and of ``func(x0)``."""
    return float(max(machine_epsilon(x), evaluator.value_epsilon) ** 0.5)


def _random_step(evaluator: Evaluator, epsilon: Any) -> float:
    """Return the step along a random tangent: the first one that the user asked for."""
    first = _steps(evaluator.point, epsilon)[0]
    default = max(_default_step(x, evaluator) for x in evaluator.point.leaves)
    return default if first is None or float(first[0]) == 0 else float(first[0])
