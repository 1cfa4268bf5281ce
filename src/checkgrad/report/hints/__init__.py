"""Hints: the slip of the pen that would turn the right derivative into the wrong claim.

This package owns the hints of a report. It does arithmetic on host arrays. It calls no user code,
and it does not judge: the verdict comes in as flags.

Each family of slips has one file. A family is a function of the `Mismatches`. It yields an
`Explanation` for each slip that it recognises. `choose` then picks the hints of the report.

To add a hint, write a new file with such a function, and add the function to `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from checkgrad.numerics.samples import Flags, Floats
from checkgrad.report.hints.choose import Family, choose
from checkgrad.report.hints.constants import explain_constants
from checkgrad.report.hints.decay import explain_decay
from checkgrad.report.hints.factors import explain_factors
from checkgrad.report.hints.factors_of_x0 import explain_factors_of_x0
from checkgrad.report.hints.mismatches import Leaf, Mismatches
from checkgrad.report.hints.not_finite import explain_not_finite
from checkgrad.report.hints.orders import explain_orders
from checkgrad.report.hints.other_leaves import explain_other_leaves
from checkgrad.report.hints.rearrangements import explain_rearrangements
from checkgrad.report.hints.same_everywhere import explain_same_everywhere
from checkgrad.report.hints.scattered import scattered_errors
from checkgrad.report.hints.swaps import explain_swaps
from checkgrad.report.hints.symmetric import explain_symmetric
from checkgrad.report.hints.zeros import explain_zeros

__all__ = ["FAMILIES", "Leaf", "Mismatches", "recognise"]

# Of two explanations that are equally good, that of the earlier family is chosen.
FAMILIES: tuple[Family, ...] = (
    explain_not_finite,
    explain_zeros,
    explain_same_everywhere,
    explain_factors,
    explain_swaps,
    explain_symmetric,
    explain_rearrangements,
    explain_other_leaves,
    explain_factors_of_x0,
    explain_constants,
    explain_decay,
    explain_orders,
)


def recognise(
    claim: Floats,
    estimate: Floats,
    uncertainty: Floats,
    wrong: Flags,
    leaves: Sequence[Leaf],
    x0: Floats | None = None,
    is_flat: Flags | None = None,
) -> list[str]:
    """Return the hints that claim and estimate give.

    Parameters
    ----------
    claim, estimate, uncertainty : array, shape (entries,)
        The entries of the derivative, and the uncertainty of the estimate. Any value may be
        infinite or NaN. Such an entry supports one hint only: that a claim is not finite.
    wrong : array of bool, shape (entries,)
        The entries that the verdict found wrong.
    leaves : sequence of Leaf
        The arrays that the entries belong to, in order.
    x0 : array, shape (entries,), optional
        For each entry, the coordinate of x0 that the derivative is taken by. None where it is
        not known.
    is_flat : array of bool, shape (entries,), optional
        Where ``func`` does not change around x0. None where that is not known.

    Returns
    -------
    list of str
        One sentence for each hint, the most telling one first. The list is empty where nothing
        is recognised.

    Examples
    --------
    >>> import numpy as np
    >>> estimate = np.array([1.0, -3.0, 5.0])
    >>> precise, everywhere = np.full(3, 1e-9), np.full(3, True)
    >>> recognise(-estimate, estimate, precise, everywhere, [Leaf("x", (3,), 0)])
    ['claim is -1 times the estimate at every coordinate: a flipped sign?']
    """
    with np.errstate(all="ignore"):
        mismatches = Mismatches.of(claim, estimate, uncertainty, wrong, leaves, x0, is_flat)
        explanations = [found for family in FAMILIES for found in family(mismatches)]
        chosen = choose(mismatches.wrong, explanations)
        return chosen or list(scattered_errors(mismatches))
