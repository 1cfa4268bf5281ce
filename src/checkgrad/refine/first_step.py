"""The first step along each direction."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import digits_of
from checkgrad.refine.spec import CheckSpec


def first_steps(spec: CheckSpec) -> npt.NDArray[np.intp]:
    """Return log2 of the step that each direction is sampled at first.

    The step is long enough that the rounding error comes well below `rtol` if the claim is right.
    If the claim is wrong, the direction is sampled further. Otherwise it is the shortest step whose
    truncation error is acceptable.

    Parameters
    ----------
    spec : CheckSpec
        What is to be checked.

    Returns
    -------
    array of int, shape (directions,)
        Powers of two.
    """
    finest = digits_of(spec.epsilon)
    return first_steps_of(
        spec.claim, spec.directions.scale, np.asarray(spec.sigma_at_x0), spec.rtol, finest
    )


def first_steps_of(
    claim: Floats, scale: Floats, sigma: Floats, rtol: Floats | float, digits: int
) -> npt.NDArray[np.intp]:
    """Return the same for one output or for several, whose directions lie along the last axis.

    Parameters
    ----------
    claim, scale : array, shape (..., directions)
        The claims, and the steps that change x0 by about itself.
    sigma, rtol : array, shape (..., 1), or float
        The noise of one evaluation at x0, and the smallest relative error that must not get past.
    digits : int
        The binary digits that ``func`` computes with.
    """
    limits = thresholds()
    sizes = np.abs(np.where(np.isfinite(claim), claim, 0.0))
    whole = np.max(sizes, axis=-1, keepdims=True, initial=0.0)
    target = np.where(sizes <= whole / limits.negligible, whole, sizes)
    scale = np.log2(scale)
    shortest = scale - round(limits.first_step_digits * digits)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.log2(sigma) - np.log2(target) - np.log2(rtol)
    margin = math.log2(limits.coverage * limits.first_step_margin)
    needed = np.where(np.isfinite(needed), needed + margin, shortest)
    # A claim may certify itself at any step, unless it is about zero.
    longest = scale + np.where(sizes < target, -2, limits.longest_first_step)
    powers: npt.NDArray[np.intp] = np.clip(np.floor(needed), shortest, longest).astype(np.intp)
    return powers
