"""Whether ``func`` says the same when it is called again at x0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.numerics.samples import Flags
from checkgrad.numerics.thresholds import thresholds


@dataclass(frozen=True)
class Repeatability:
    """What calls at x0 showed so far.

    Attributes
    ----------
    agrees : array of bool, shape (outputs,)
        Where all calls agreed.
    first_difference : tuple of float, or None
        Two values of the first output that differed, and its rtol.
    """

    agrees: Flags
    first_difference: tuple[float, float, float] | None = None

    def compared(
        self, value: Floats, again: Floats, epsilon: Floats, rtol: Floats
    ) -> Repeatability:
        """Return what is known after another call.

        Parameters
        ----------
        value, again : array, shape (outputs,)
            What ``func`` returned first, and now.
        epsilon, rtol : array, shape (outputs,)
            The machine epsilon that it computes with, and the tolerances.
        """
        agrees = self.agrees & is_repeatable(value, again, epsilon)
        first, different = self.first_difference, np.flatnonzero(~agrees)
        if different.size and first is None:
            i = int(different[0])
            first = float(value[i]), float(again[i]), float(rtol[i])
        return Repeatability(agrees, first)


def is_repeatable(value: Floats, again: Floats, epsilon: Floats) -> Flags:
    """Return the outputs in which two calls at x0 agree.

    Parallel sums may round anew at every call.

    Parameters
    ----------
    value, again : array, shape (outputs,)
        What the two calls returned.
    epsilon : array, shape (outputs,)
        The machine epsilon that ``func`` computes with.

    Examples
    --------
    >>> is_repeatable(np.array([1.0]), np.array([1.5]), np.array([2.0**-52])).tolist()
    [False]
    """
    limits = thresholds()
    most = np.fmin(limits.rounding_epsilons * epsilon, limits.repeatable_at_most)
    allowed = np.fmax(4 * epsilon, most)
    repeatable: Flags = np.abs(again - value) <= allowed * np.abs(value)
    return repeatable


def is_noisy(value: Floats, sigma: Floats, epsilon: Floats) -> bool:
    """Return whether noise is so large that ``func`` is worth calling once more at x0.

    Parameters
    ----------
    value, sigma, epsilon : array, shape (outputs,)
        The outputs at x0, their noise, and the machine epsilon that ``func`` computes with.
    """
    return bool(np.any(sigma > thresholds().noisy_epsilons * epsilon * np.abs(value)))
