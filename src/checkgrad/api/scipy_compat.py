"""`check_grad` and `approx_fprime`: SciPy's contract, on every array library and any tree.

The reference is SciPy 1.17 (``scipy.optimize.check_grad``, ``scipy.optimize.approx_fprime`` and
the two-point scheme of ``scipy.optimize._numdiff.approx_derivative``). On NumPy float64 the values
are the same to the last bit. This module owns the signatures and SciPy's rules for `rng` and
`seed`; `checkgrad.evaluate.forward_differences` computes.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from checkgrad.api.argument_types import Function, LikeX0, PointLike, RealValue, Seed, SomeTree
from checkgrad.arrays.arithmetic import distance
from checkgrad.arrays.labels import unlabelled
from checkgrad.arrays.messages import quote, require_functions
from checkgrad.arrays.point import make_point
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.forward_differences import (
    along_random_tangent,
    is_numpy_number,
    jacobian,
    of_one_axis,
    value_and_claim,
    value_shape,
)
from checkgrad.evaluate.options import CHUNK_BYTES, Batch, Evaluation


class _NotGiven:
    """Stands for an argument that the user left out, where None means something else."""

    def __repr__(self) -> str:
        return "<not given>"


_NOT_GIVEN: Any = _NotGiven()


def check_grad(
    func: Function[RealValue | list[Any]],
    grad: Function[LikeX0],
    x0: LikeX0,
    *args: Any,
    epsilon: Any = None,
    direction: Literal["all", "random"] = "all",
    rng: Seed | None = _NOT_GIVEN,
    seed: Seed | np.random.RandomState | None = _NOT_GIVEN,
    batch: Batch = "auto",
    chunk_bytes: int = CHUNK_BYTES,
) -> float:
    """Distance between a hand-written gradient and a forward-difference approximation of it.

    A drop-in for `scipy.optimize.check_grad`. On NumPy float64 the values are the same to the last
    bit. It also takes JAX arrays, PyTorch tensors and arrays of any other library of the array API
    standard, arrays of any shape, and trees of arrays. ``func`` and ``grad`` get arrays of the
    library, dtype and device of `x0`.

    Parameters
    ----------
    func : callable ``func(x, *args)``
        The function whose derivative is checked. It returns a number (a Python or NumPy scalar, a
        0-d array, an array of shape (1,)) or, for ``direction="all"``, an array of shape (m,).
    grad : callable ``grad(x, *args)``
        The claim. It returns the gradient of `func`, of the shape or tree of `x0` (a list of 0-d
        arrays is accepted), or the Jacobian, of shape ``(m,) + x0.shape``.
    x0 : array, array-like or tree of arrays
        Where to check: real floating numbers of any shape. Lists of numbers become a NumPy
        float64 array, as in SciPy. A dict, list, tuple or registered dataclass of arrays is a
        tree.
    *args : Any
        Further arguments of `func` and `grad`.
    epsilon : float, array or tree, optional
        The step, one for all coordinates or one for each. The default is ``sqrt(eps)`` of the
        coarser of the dtypes of `x0` and of ``func(x0)``: 1.49e-8 for float64, 3.45e-4 for
        float32. With ``direction="random"`` only the first entry of an array is used, as in
        SciPy.
    direction : {"all", "random"}
        "all" compares the derivatives along every coordinate. "random" compares the derivative
        along one random tangent. It costs two calls of `func` for any number of coordinates.
    rng : None, int or numpy.random.Generator, optional
        The source of the random tangent. The default, if `seed` is not given either, is NumPy's
        global state. An int seeds a new `numpy.random.Generator`. None makes a new one, with
        another tangent at every call. JAX and PyTorch have a generator of their own: it is seeded
        from this one, and makes the tangent on the device of `x0`.
    seed : None, int, numpy.random.RandomState or numpy.random.Generator, optional
        SciPy's older name of `rng`. Here an int seeds a `numpy.random.RandomState`, and None is
        NumPy's global state.
    batch : {"auto", "vmap", "vectorized", "loop"}
        How `func` is evaluated at many points. "vmap": by ``jax.vmap`` or ``torch.func.vmap``, many
        at a time. "vectorized": `func` takes many points along a leading axis, an array of shape
        ``(k,) + x0.shape`` (or a tree of them), and returns k values. "loop": one call for each.
        "auto" is "vmap" if the library of `x0` has it, the dtype is float32 or wider, the points
        are many, and `func` can be mapped and returns the same values then. Otherwise it is "loop".
    chunk_bytes : int
        How much memory the points of one call may take, in bytes, together with the largest array
        that `func` makes of them. The default is 256 MiB. Lower it if memory is short.

    Returns
    -------
    float
        The 2-norm of the difference between ``grad(x0, *args)`` and the approximation. It is an
        absolute number. Which number is small enough depends on the scale and the curvature of
        `func`; `verify_grad` judges that.

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
    approx_fprime : returns the approximation itself.
    checkgrad.verify_grad : judges a gradient instead of measuring a distance.

    References
    ----------
    .. [1] SciPy 1.17, `scipy.optimize.check_grad`.
    .. [2] Nocedal, J., Wright, S., "Numerical Optimization", 2nd ed., 2006, section 8.1, for the
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
    point = make_point(unlabelled(x0))
    if direction == "random" and is_numpy_number(point):
        func = of_one_axis(func)
    evaluator = Evaluator(func, point, args, Evaluation(batch, chunk_bytes))
    claim = UserFunction(grad, args, name="grad")
    if direction == "random":
        source = _seeded(generator)
        claims, estimates = along_random_tangent(evaluator, claim, epsilon, source)
    else:
        value, claims = value_and_claim(evaluator, claim)
        estimates = jacobian(evaluator, value, epsilon)
    error = point.backend.compiled(distance)(claims, estimates, point.xp)
    return error if isinstance(error, float) else float(error)


@overload
def approx_fprime(
    xk: complex | np.generic | npt.NDArray[Any] | Sequence[complex],
    f: Function[Any],
    epsilon: Any = None,
    *args: Any,
    batch: Batch = "auto",
    chunk_bytes: int = CHUNK_BYTES,
) -> npt.NDArray[Any]: ...


@overload
def approx_fprime(
    xk: SomeTree,
    f: Function[Any],
    epsilon: Any = None,
    *args: Any,
    batch: Batch = "auto",
    chunk_bytes: int = CHUNK_BYTES,
) -> SomeTree: ...


def approx_fprime(
    xk: PointLike,
    f: Function[Any],
    epsilon: Any = None,
    *args: Any,
    batch: Batch = "auto",
    chunk_bytes: int = CHUNK_BYTES,
) -> Any:
    """Forward-difference approximation of the derivatives of a function.

    A drop-in for `scipy.optimize.approx_fprime`, for every array library, dtype, shape and tree
    that `check_grad` takes. On NumPy float64 the values are the same to the last bit.

    Parameters
    ----------
    xk : array, array-like or tree of arrays
        Where to differentiate.
    f : callable ``f(x, *args)``
        The function. It returns a number or an array of shape (m,).
    epsilon : float, array or tree, optional
        The step, one for all coordinates or one for each. The default is ``sqrt(eps)`` of the
        coarser of the dtypes of `xk` and of ``f(xk)``.
    *args : Any
        Further arguments of `f`.
    batch : {"auto", "vmap", "vectorized", "loop"}
        How `f` is evaluated at many points. "vmap": by ``jax.vmap`` or ``torch.func.vmap``, many
        at a time. "vectorized": `f` takes many points along a leading axis, an array of shape
        ``(k,) + xk.shape`` (or a tree of them), and returns k values. "loop": one call for each.
        "auto" is "vmap" if the library of `xk` has it, the dtype is float32 or wider, the points
        are many, and `f` can be mapped and returns the same values then. Otherwise it is "loop".
    chunk_bytes : int
        How much memory the points of one call may take, in bytes, together with the largest array
        that `f` makes of them. The default is 256 MiB. Lower it if memory is short.

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
    check_grad : compares a hand-written gradient with this approximation.

    Notes
    -----
    The forward difference of coordinate i is ``(f(xk + h * e_i) - f(xk)) / h`` with
    ``h = (xk[i] + epsilon) - xk[i]``, the step that is really taken [1]_.

    References
    ----------
    .. [1] Press, W. H., et al., "Numerical Recipes", 3rd ed., 2007, section 5.7.

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
    point = make_point(unlabelled(xk))
    evaluator = Evaluator(f, point, args, Evaluation(batch, chunk_bytes))
    value = evaluator.at_x0()
    value_shape(value)  # raises an exception if it has two dimensions
    estimates = jacobian(evaluator, value, epsilon)
    leaves = [
        point.xp.astype(estimate, leaf.dtype, copy=False)
        for estimate, leaf in zip(estimates, point.leaves, strict=True)
    ]
    if is_numpy_number(point):
        return leaves[0][..., None]
    return point.as_tangent(leaves)


def _generator(rng: Any, seed: Any) -> Any:
    """Return the generator of `rng`; if only `seed` is given, return it as it is."""
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
    """Return the generator that SciPy's older `seed` names."""
    if seed is None or seed is np.random:
        return np.random  # the module draws from NumPy's global state, as SciPy's default does
    if isinstance(seed, numbers.Integral):
        return np.random.RandomState(int(seed))
    if isinstance(seed, (np.random.RandomState, np.random.Generator)):
        return seed
    raise ValueError(f"seed is {quote(seed)}; pass an int, a RandomState or a Generator")
