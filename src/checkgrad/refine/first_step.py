"""The first step along each direction."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

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
    limits = thresholds()
    sizes = np.abs(np.where(np.isfinite(spec.claim), spec.claim, 0.0))
    whole = np.max(sizes, initial=0.0)
    target = np.where(sizes <= whole / limits.negligible, whole, sizes)
    scale = np.log2(spec.directions.scale)
    shortest = scale - round(limits.first_step_digits * digits_of(spec.epsilon))
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.log2(spec.sigma_at_x0) - np.log2(target) - math.log2(spec.rtol)
    margin = math.log2(limits.coverage * limits.first_step_margin)
    needed = np.where(np.isfinite(needed), needed + margin, shortest)
    # A claim may certify itself at any step, unless it is about zero.
    longest = scale + np.where(sizes < target, -2, limits.longest_first_step)
    return np.clip(np.floor(needed), shortest, longest).astype(np.intp)
