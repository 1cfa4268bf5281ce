"""Steps, differences, norms and products in the array library and on the device of x0.

On NumPy float64 every result is SciPy's, to the last bit. The module calls no function of the
user's.
"""

from __future__ import annotations

import functools
import math
import operator
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from checkgrad.backends import Array, Backend, HostArray

_DOUBLE = 8  # bytes of a float64


def forward_difference(values: Array, value: Array, steps: Array, xp: Any) -> Array:
    """Return first-order forward differences.

    Parameters
    ----------
    values : array, shape (n, *m)
        ``func`` with coordinate i moved by ``steps[i]``.
    value : array, shape (*m)
        ``func`` at x0.
    steps : array, shape (n,)
        The steps taken.
    xp : namespace
        The array API namespace of the three.

    Returns
    -------
    array, shape (*m, n)
        The Jacobian. If the values are complex, it is the real part, with a warning, as in SciPy.
    """
    differences = difference(values, value[None, ...], xp)
    column = xp.reshape(steps, (-1,) + (1,) * (len(values.shape) - 1))
    differences, column = alike([differences, column], xp)
    quotients = differences / column
    real = _real(quotients, xp)
    if isinstance(real, np.ndarray):
        real = real.astype(np.promote_types(steps.dtype, np.float64), copy=False)
    return xp.moveaxis(real, 0, -1)


def difference(one: Array, other: Array, xp: Any) -> Array:
    """Return ``one - other``, whatever their dtypes."""
    if one.dtype != other.dtype:
        one, other = alike([one, other], xp)
    return one - other


def alike(arrays: Sequence[Array], xp: Any) -> list[Array]:
    """Return `arrays` cast to one dtype.

    The cast is explicit, because JAX with ``jax_numpy_dtype_promotion="strict"`` promotes nothing
    by itself.
    """
    if len({str(array.dtype) for array in arrays}) == 1:
        return list(arrays)
    try:
        dtype = xp.result_type(*(array.dtype for array in arrays))
    except Exception:  # JAX's own class of error, which this package does not import
        dtype = max((a.dtype for a in arrays), key=lambda dtype: xp.finfo(dtype).bits)
        if xp.finfo(dtype).bits < xp.finfo(xp.float32).bits:
            dtype = xp.float32  # bfloat16 and float16: neither holds the other
    return [xp.astype(array, dtype, copy=False) for array in arrays]


def at_least_single(array: Array, xp: Any) -> Array:
    """Return `array`, cast to float32 if its dtype is narrower or not floating."""
    floating = xp.isdtype(array.dtype, ("real floating", "complex floating"))
    if floating and xp.finfo(array.dtype).bits >= xp.finfo(xp.float32).bits:
        return array
    return xp.astype(array, xp.float32)


def _real(array: Array, xp: Any) -> Array:
    """Return the real part of complex numbers, and warn the caller of the public function."""
    if not xp.isdtype(array.dtype, "complex floating"):
        return array
    warnings.warn(
        "Casting complex values to real discards the imaginary part",
        np.exceptions.ComplexWarning,
        stacklevel=5,
    )
    return xp.real(array)


def distance(ones: Sequence[Array], others: Sequence[Array], xp: Any) -> Array:
    """Return the `norm` of the differences between `ones` and `others`."""
    return norm([difference(one, other, xp) for one, other in zip(ones, others, strict=True)], xp)


def norm(differences: Sequence[Array], xp: Any) -> Array:
    """Return the 2-norm of all entries of `differences` together, on their device.

    On NumPy the sum is SciPy's, to the last bit. Elsewhere the entries are cast to float32 at least
    and divided by the largest, because squares overflow: in float16 from 256 on, in float32 from
    2e19 on.
    """
    if all(isinstance(d, np.ndarray) and d.dtype.itemsize >= _DOUBLE for d in differences):
        return np.sqrt(sum(np.sum(np.abs(d**2)) for d in differences))
    sizes = [xp.abs(at_least_single(d, xp)) for d in differences if math.prod(d.shape)]
    sizes = alike(sizes, xp)
    largest = functools.reduce(xp.maximum, [xp.max(s) for s in sizes])
    scale = xp.where((largest > 0) & (largest < math.inf), largest, xp.ones_like(largest))
    squares = [xp.sum((s / scale) ** 2) for s in sizes]
    return scale * xp.sqrt(functools.reduce(operator.add, squares))


def norm_in_range(numbers: HostArray) -> float:
    """Return the 2-norm of a vector of float64, also where squares over- or underflow.

    NumPy may warn of them: the caller owns the error state, which takes time to change.
    """
    size = math.sqrt(float(numbers.dot(numbers)))
    if 0.0 < size < math.inf:
        return size
    largest = float(np.max(np.abs(numbers), initial=0.0))
    if not 0.0 < largest < math.inf:
        return size
    scaled = numbers / largest
    return largest * math.sqrt(float(scaled.dot(scaled)))


def dot(claim: Array, tangent: Array, xp: Any) -> Array:
    """Return the product of a claim and a tangent of one shape, summed in float32 at least."""
    if isinstance(claim, np.ndarray) and claim.dtype.itemsize >= _DOUBLE:
        return np.dot(claim.ravel(), tangent.ravel())
    one, other = alike([at_least_single(claim, xp), at_least_single(tangent, xp)], xp)
    return xp.sum(one * other)


def forward_steps(x: Array, epsilon: Any, default: float, backend: Backend) -> tuple[Array, Array]:
    """Return ``x + epsilon``, and the steps that are really taken, ``(x + epsilon) - x``.

    A step that vanishes in the sum becomes ``default * sign(x) * max(1, |x|)``, as in SciPy's
    ``approx_derivative`` (scipy.optimize._numdiff, ``abs_step``).

    Parameters
    ----------
    x : array
        Coordinates, of any shape and real floating dtype.
    epsilon : float or array
        The steps asked for, broadcastable to the shape of `x`, on its device.
    default : float
        The relative step that stands in for one that vanishes.
    backend : Backend
        The array library of `x`.

    Returns
    -------
    moved : array
        The sum, in the shape and dtype of `x`.
    taken : array
        The steps.
    """
    xp = backend.xp
    # A step of extended precision is added in extended precision, as in SciPy.
    extended = isinstance(x, np.ndarray) and np.result_type(epsilon).char == "g"
    dtype = np.longdouble if extended else x.dtype
    step = epsilon if isinstance(epsilon, float) else xp.astype(epsilon, dtype, copy=False)
    # Compiled code may keep more digits in between than a narrow dtype has.
    narrow = xp.finfo(x.dtype).bits < xp.finfo(xp.float32).bits
    sums = _sums if narrow else backend.compiled(_sums)
    moved, taken, everywhere = sums(x, step, xp)
    if not bool(everywhere):
        vanished = taken == 0
        sign = xp.astype(x >= 0, x.dtype) * 2 - 1
        magnitude = xp.where(xp.abs(x) > 1, xp.abs(x), xp.ones_like(x))
        moved = x + xp.where(vanished, default * sign * magnitude, xp.zeros_like(x) + step)
        taken = moved - x
    return xp.astype(moved, x.dtype, copy=False), taken


def _sums(x: Array, step: Any, xp: Any) -> tuple[Array, Array, Array]:
    """Return ``x + step``, the steps taken, and whether none of them vanishes."""
    moved = x + step
    taken = moved - x
    return moved, taken, xp.all(taken != 0)


def reshaped(array: Array, shape: tuple[int, ...], xp: Any) -> Array:
    """Return `array` in a `shape`; the same object if it has that shape, which costs nothing."""
    return array if tuple(array.shape) == shape else xp.reshape(array, shape)
