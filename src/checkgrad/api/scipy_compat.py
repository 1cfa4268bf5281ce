"""`check_grad` and `approx_fprime`: SciPy's contract, on every array library and any tree.

The reference is SciPy 1.17 (``scipy.optimize.check_grad``, ``scipy.optimize.approx_fprime`` and
the two-point scheme of ``scipy.optimize._numdiff.approx_derivative``): on NumPy float64 the values
are the same to the last bit.
"""

from __future__ import annotations

import functools
import math
import numbers
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from checkgrad.arrays.arithmetic import (
    alike,
    distance,
    dot,
    forward_difference,
    forward_steps,
    reshaped,
)
from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.messages import quote, require_functions
from checkgrad.arrays.parsing import as_numeric
from checkgrad.arrays.point import Point, make_point
from checkgrad.backends import Array, machine_epsilon, snapshot
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.options import CHUNK_BYTES


class _NotGiven:
    """Stands for an argument that the user left out, where None means something else."""

    def __repr__(self) -> str:
        return "<not given>"


_NOT_GIVEN: Any = _NotGiven()


def check_grad(
    func: Callable[..., Any],
    grad: Callable[..., Any],
    x0: Any,
    *args: Any,
    epsilon: Any = None,
    direction: str = "all",
    rng: Any = _NOT_GIVEN,
    seed: Any = _NOT_GIVEN,
    batch: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
) -> float:
    """Distance between a hand-written gradient and a forward-difference approximation of it.

    A drop-in for `scipy.optimize.check_grad`, with the same values to the last bit on NumPy
    float64, that also takes JAX arrays, PyTorch tensors and any other library of the array API
    standard, arrays of any shape and trees of arrays. ``func`` and ``grad`` get arrays of the
    library, dtype and device of `x0`.

    Parameters
    ----------
    func : callable ``func(x, *args)``
        The function whose derivative is checked. Returns a number (a Python or NumPy scalar, a
        0-d array, an array of shape (1,)) or, for ``direction="all"``, an array of shape (m,).
    grad : callable ``grad(x, *args)``
        The claim: the gradient of `func`, of the shape or tree of `x0` (a list of 0-d arrays
        will do), or the Jacobian, of shape ``(m,) + x0.shape``.
    x0 : array, array-like or tree of arrays
        Where to check: real floating numbers of any shape. Lists of numbers become a NumPy
        float64 array, as in SciPy; a dict, list, tuple or registered dataclass of arrays is a
        tree.
    *args : Any
        Further arguments of `func` and `grad`.
    epsilon : float, array or tree, optional
        The step, one for all coordinates or one for each. The default is ``sqrt(eps)`` of the
        coarser of the dtypes of `x0` and of ``func(x0)``: 1.49e-8 for float64, 3.45e-4 for
        float32. With ``direction="random"`` only the first entry of an array is used, as in
        SciPy.
    direction : {"all", "random"}
        "all" compares the derivative along every coordinate; "random" the one along a single
        random tangent, which costs two calls of `func`, however many coordinates there are.
    rng : None, int or numpy.random.Generator, optional
        Where the random tangent comes from: NumPy's global state, if neither `rng` nor `seed` is
        given. An int seeds a new `numpy.random.Generator`; with None, it is another one at every
        call. Libraries with a generator of their own (JAX, PyTorch) are seeded from it, and make
        the tangent on the device of `x0`.
    seed : None, int, numpy.random.RandomState or numpy.random.Generator, optional
        SciPy's older name of `rng`. An int here seeds a `numpy.random.RandomState`; None is
        NumPy's global state.
    batch : {"auto", "vmap", "vectorized", "loop"}
        How `func` is evaluated at many points. "vmap": by ``jax.vmap`` or ``torch.func.vmap``, many
        at a time. "vectorized": `func` takes many points along a leading axis, an array of shape
        ``(k,) + x0.shape`` (or a tree of them), and returns k values. "loop": one call for each.
        "auto" is "vmap" where the library of `x0` has it, in float32 or wider, the points are
        many, and `func` can be mapped and returns the same values then; else "loop".
    chunk_bytes : int
        How much memory the points of one call may take, in bytes, together with the largest array
        that `func` makes of them: 256 MiB by default. Touch it where memory is short.

    Returns
    -------
    float
        The 2-norm of the difference between ``grad(x0, *args)`` and the approximation. It is an
        absolute number: whether it is small enough depends on the scale and curvature of `func`.

    Raises
    ------
    ValueError
        If `x0` is empty or not finite, the claim has another shape or tree than `x0`, `direction`
        is unknown, or "random" is used with a vector-valued `func`.
    TypeError
        If `x0`, or what `func` or `grad` returns, is not numeric, or if `func` or `grad` is not
        callable.

    See Also
    --------
    approx_fprime : the approximation itself.

    References
    ----------
    .. [1] SciPy 1.17, `scipy.optimize.check_grad`.
    .. [2] J. Nocedal, S. Wright, "Numerical Optimization", 2nd ed., 2006, section 8.1, for the
       step ``sqrt(eps)``.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import check_grad
    >>> def func(x):
    ...     return x[0]**2 - 0.5 * x[1]**3
    >>> def grad(x):
    ...     return [2 * x[0], -1.5 * x[1]**2]
    >>> bool(check_grad(func, grad, [1.5, -1.5]) < 1e-6)
    True
    >>> bool(check_grad(func, grad, np.asarray([1.5, -1.5], dtype=np.float32)) < 1e-2)
    True

    A tree of arrays, of any shapes:

    >>> def loss(params):
    ...     return np.sum(params["weight"] ** 2) + 3 * params["bias"]
    >>> def loss_grad(params):
    ...     return {"weight": 2 * params["weight"], "bias": 3.0}
    >>> params = {"weight": np.ones((2, 3)), "bias": np.array(0.5)}
    >>> bool(check_grad(loss, loss_grad, params) < 1e-6)
    True
    """
    if direction not in ("all", "random"):
        raise ValueError(f"{direction} is not a valid string for ``direction`` argument")
    require_functions(func=func, grad=grad)
    generator = _generator(rng, seed)
    point = make_point(x0)
    if direction == "random" and _is_numpy_number(point):
        func = _of_one_axis(func)
    sampler = Evaluator(func, point, args, batch, chunk_bytes)
    if direction == "random":
        claims, estimates = _along_random(sampler, grad, args, epsilon, _seeded(generator))
    else:
        claim = snapshot(grad(point.copy_for_claim(), *args))
        value = sampler.at_x0()
        claims = point.claim_leaves(claim, _value_shape(value), allow_complex=True)
        estimates = _jacobian(sampler, value, epsilon)
    error = point.backend.compiled(distance)(claims, estimates, point.xp)
    return error if isinstance(error, float) else float(error)


def approx_fprime(
    xk: Any,
    f: Callable[..., Any],
    epsilon: Any = None,
    *args: Any,
    batch: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
) -> Any:
    """Forward-difference approximation of the derivatives of a function.

    A drop-in for `scipy.optimize.approx_fprime`, with the same values to the last bit on NumPy
    float64, for every array library, dtype, shape and tree that `check_grad` takes.

    Parameters
    ----------
    xk : array, array-like or tree of arrays
        Where to differentiate.
    f : callable ``f(x, *args)``
        Returns a number or an array of shape (m,).
    epsilon : float, array or tree, optional
        The step, one for all coordinates or one for each. The default is ``sqrt(eps)`` of the
        coarser of the dtypes of `xk` and of ``f(xk)``.
    *args : Any
        Further arguments of `f`.
    batch : {"auto", "vmap", "vectorized", "loop"}
        How `f` is evaluated at many points. "vmap": by ``jax.vmap`` or ``torch.func.vmap``, many
        at a time. "vectorized": `f` takes many points along a leading axis, an array of shape
        ``(k,) + xk.shape`` (or a tree of them), and returns k values. "loop": one call for each.
        "auto" is "vmap" where the library of `xk` has it, in float32 or wider, the points are
        many, and `f` can be mapped and returns the same values then; else "loop".
    chunk_bytes : int
        How much memory the points of one call may take, in bytes, together with the largest array
        that `f` makes of them: 256 MiB by default. Touch it where memory is short.

    Returns
    -------
    array or tree of arrays
        The gradient, of the shape or tree of `xk`, or the Jacobian of shape ``(m,) + xk.shape``,
        in the library, dtype and device of `xk`. A 0-d NumPy `xk` counts as one of shape (1,), as
        in SciPy.

    Raises
    ------
    ValueError
        If `xk` is empty or not finite, or `f` returns an array of two or more dimensions.
    TypeError
        If `xk`, or what `f` returns, is not numeric, or if `f` is not callable.

    See Also
    --------
    check_grad : compare a hand-written gradient with this approximation.

    Notes
    -----
    The forward difference of coordinate i is ``(f(xk + h * e_i) - f(xk)) / h`` with
    ``h = (xk[i] + epsilon) - xk[i]``, the step that is really taken [1]_.

    References
    ----------
    .. [1] W. H. Press et al., "Numerical Recipes", 3rd ed., 2007, section 5.7.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import approx_fprime
    >>> def func(x, c0, c1):
    ...     return c0 * x[0]**2 + c1 * x[1]**2
    >>> eps = np.sqrt(np.finfo(float).eps)
    >>> approx_fprime(np.ones(2), func, [eps, np.sqrt(200) * eps], 1, 200).round(3)
    array([  2., 400.])
    """
    require_functions(f=f)
    point = make_point(xk)
    sampler = Evaluator(f, point, args, batch, chunk_bytes)
    value = sampler.at_x0()
    _value_shape(value)
    estimates = _jacobian(sampler, value, epsilon)
    leaves = [
        point.xp.astype(estimate, leaf.dtype, copy=False)
        for estimate, leaf in zip(estimates, point.leaves, strict=True)
    ]
    if _is_numpy_number(point):
        return leaves[0][..., None]
    return point.as_tangent(leaves)


def _is_numpy_number(point: Point) -> bool:
    """Whether x0 is a single NumPy array of no dimension, which has one for SciPy."""
    return (
        point.structure is None
        and isinstance(point.leaves[0], np.ndarray)
        and point.leaves[0].shape == ()
    )


def _of_one_axis(func: Callable[..., Any]) -> Callable[..., Any]:
    """`func` of arrays of shape (1,), where it gets one of no dimension.

    So SciPy calls it along a random direction: it adds a step of that shape to x0.
    """
    return lambda x, *args: func(np.atleast_1d(x), *args)


def _value_shape(value: Array) -> tuple[int, ...]:
    """The shape of ``func(x0)``, with () for the (1,) that SciPy also counts as a scalar."""
    shape = tuple(value.shape)
    if len(shape) > 1:
        raise ValueError(
            f"func returned shape {shape}; it must return a number or an array of one dimension"
        )
    return shape


def _jacobian(sampler: Evaluator, value: Array, epsilon: Any) -> list[Array]:
    """The forward-difference Jacobian, a leaf of ``value.shape + leaf.shape`` for each of x0."""
    point, xp = sampler.point, sampler.point.xp
    shape = () if value.shape == (1,) else tuple(value.shape)
    value = reshaped(value, shape, xp)
    estimates = []
    for leaf, step in enumerate(_steps(point, epsilon)):
        x = point.leaves[leaf]
        default = _default_step(x, sampler)
        moved, steps = forward_steps(
            reshaped(x, (point.sizes[leaf],), xp),
            default if step is None else step,
            default,
            point.backend,
        )
        values = sampler.at_entries(leaf, moved, shape)
        quotients = forward_difference
        if not xp.isdtype(values.dtype, "complex floating"):  # of which it warns
            quotients = point.backend.compiled(forward_difference)
        estimate = quotients(values, value, steps, xp)
        if steps.dtype != x.dtype:  # they are longer
            estimate = xp.astype(estimate, x.dtype)
        estimates.append(reshaped(estimate, (*shape, *x.shape), xp))
    return estimates


def _steps(point: Point, epsilon: Any) -> list[Any]:
    """The steps that the user asked for: a number or a flat array for each leaf, or None."""
    if epsilon is None:
        return [None] * len(point.leaves)
    if isinstance(epsilon, numbers.Real):
        parts = [epsilon] * len(point.leaves)
    else:
        parts = point.parts(epsilon, "epsilon is", "pass one number, or a tree like x0")
    return [_flat_step(point, leaf, part) for leaf, part in enumerate(parts)]


def _flat_step(point: Point, leaf: int, part: Any) -> Any:
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


def _default_step(x: Array, sampler: Evaluator) -> float:
    """``sqrt(eps)`` of the coarser of the dtypes of `x` and of ``func(x0)``, rounded to it."""
    return float(max(machine_epsilon(x), sampler.value_epsilon) ** 0.5)


def _along_random(
    sampler: Evaluator, grad: Callable[..., Any], args: tuple[Any, ...], epsilon: Any, rng: Any
) -> tuple[list[Array], list[Array]]:
    """Claim and estimate along one random tangent."""
    point, xp = sampler.point, sampler.point.xp
    value = sampler.at_x0()
    if math.prod(_value_shape(value)) != 1:
        raise ValueError(
            "'random' can only be used with scalar valued func; func returned shape "
            f"{tuple(value.shape)}"
        )
    step = _random_step(sampler, epsilon)
    # What it says of the tangent is taken from the claim before func, which may write into it,
    # is called again, so that no copy is needed.
    claims = point.claim_leaves(grad(point.copy_for_claim(), *args), allow_complex=True)
    if all(isinstance(x, np.ndarray) and x.dtype == np.float64 for x in point.leaves):
        moved, claimed = _moved_as_in_scipy(point, claims, step, rng)
    else:
        moved, claimed, step = _moved_in_blocks(sampler, claims, step, rng)
    del claims
    values = xp.reshape(sampler.at(moved), (1,))
    dtypes = (xp.float32, *(x.dtype for x in point.leaves))
    widest = max(dtypes, key=lambda dtype: xp.finfo(dtype).bits)
    steps = xp.zeros_like(values, dtype=widest) + step
    return [claimed], [forward_difference(values, xp.reshape(value, ()), steps, xp)]


def _moved_as_in_scipy(
    point: Point, claims: list[Array], step: float, rng: Any
) -> tuple[list[Array], Array]:
    """x0 moved along a random tangent, and the product of the claim with it.

    The sum ``x + step * tangent`` rounds; SciPy leaves that in the error.
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
    sampler: Evaluator, claims: list[Array], step: float, rng: Any
) -> tuple[list[Array], Array, float]:
    """x0 moved along a random tangent, what the claim says of it, and the step.

    The tangent is the one that x0 is really moved along: the sum ``x + step * tangent`` rounds,
    coarsely in the narrow dtypes. It is never held as a whole, nor is anything else but the moved
    x0; what fits the cache takes no time beside making the random numbers. A coordinate may move
    by a longer step, see `_moved_block`; the step returned is the longest.
    """
    point, xp = sampler.point, sampler.point.xp
    longest = 0.0
    change: Array = None

    def move(x: Array, claim: Array) -> Array:
        nonlocal longest, change
        tangent = point.backend.random_tangent(rng, x)
        default = math.copysign(_default_step(x, sampler), step)
        moved, length = _moved_block(x, tangent, step, default, xp)
        longest = max(longest, length)
        # One sum: small arrays that are kept between large ones keep the memory of those.
        product = dot(claim, moved - x, xp)
        change = product if change is None else operator.add(*alike([change, product], xp))
        return moved

    moved = point.leafwise(move, claims)
    return moved, change / longest, longest


def _moved_block(
    x: Array, tangent: Array, step: float, default: float, xp: Any
) -> tuple[Array, float]:
    """`x` moved along `tangent`, and the longest step taken.

    A coordinate whose unit in the last place exceeds the step moves by a step relative to it, as
    with ``direction="all"``; so does one among few where the tangent is too small to move it.
    """
    epsilon = float(machine_epsilon(x))
    if math.prod(x.shape) == 0:
        return x, 0.0
    if x.shape == (BLOCK,) and float(xp.max(xp.abs(x))) * epsilon <= abs(step):
        return x + step * tangent, abs(step)
    size = xp.abs(x)
    relative = default * xp.where(size > 1, size, xp.ones_like(size))
    length = xp.where(size * epsilon > abs(step), relative, xp.zeros_like(x) + step)
    move = length * tangent
    still = x + move == x
    length = xp.where(still, relative, length)
    move = xp.where(still, relative * xp.sign(tangent), move)
    with np.errstate(over="ignore"):
        moved = xp.where(xp.isfinite(x + move), x + move, x - move)
    return moved, float(xp.max(xp.abs(length)))


def _random_step(sampler: Evaluator, epsilon: Any) -> float:
    first = _steps(sampler.point, epsilon)[0]
    default = max(_default_step(x, sampler) for x in sampler.point.leaves)
    return default if first is None or float(first[0]) == 0 else float(first[0])


def _generator(rng: Any, seed: Any) -> Any:
    """The source of random numbers that `rng` names, or else SciPy's older `seed`, as it came."""
    if rng is _NOT_GIVEN:
        return np.random if seed is _NOT_GIVEN else seed
    if seed is not _NOT_GIVEN:
        raise TypeError(
            "check_grad() got multiple values for argument now known as `rng`: "
            f"rng={quote(rng)} and seed={quote(seed)}; pass one of them, best rng"
        )
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"rng is {quote(rng)}; pass None, an int of 0 or more, or a numpy.random.Generator"
        ) from None


def _seeded(seed: Any) -> Any:
    """The source of random numbers that SciPy's older `seed` names."""
    if seed is None or seed is np.random:
        return np.random  # its functions draw from NumPy's global state, as SciPy's default does
    if isinstance(seed, numbers.Integral):
        return np.random.RandomState(int(seed))
    if isinstance(seed, (np.random.RandomState, np.random.Generator)):
        return seed
    raise ValueError(f"seed is {quote(seed)}; pass an int, a RandomState or a Generator")
