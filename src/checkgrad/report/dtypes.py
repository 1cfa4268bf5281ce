"""What a report says of dtypes: what ``func`` was evaluated in, and what rounding did to the claim.

This module owns the words. What happened is known from the widening and from the results.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from checkgrad.arrays.point import Point
from checkgrad.backends import Observation
from checkgrad.numerics.decisions import Reason
from checkgrad.report.results import ClaimResult

STALE = (
    "the claim is right at x0, and wrong at this point near it: does it look at x0 instead of its "
    "argument, or at what was computed for x0 and never again?"
)
WIDE = "float64"
_NAMED = 3  # operations that a remark names


def dtypes_of(point: Point) -> str:
    """Return the dtypes of x0, as the user passed it."""
    users = zip(point.leaves, point.originals, point.complexes, strict=True)
    names = (
        str((original if paired else leaf).dtype).rpartition(".")[2]
        for leaf, original, paired in users
    )
    return ", ".join(dict.fromkeys(names))


def how_written(dtypes: str) -> str:
    """Return the words for the claim that rounds as the user wrote it.

    Examples
    --------
    >>> how_written("float32"), how_written("float64")
    ('in float32', 'with its casts')
    """
    return "with its casts" if dtypes == WIDE else f"in {dtypes}"


def remarks_in_float64(observation: Observation, claim_obstacle: str) -> Iterator[str]:
    """Yield what there is to say of a func that was evaluated in float64.

    Parameters
    ----------
    observation : Observation
        What was met inside of func.
    claim_obstacle : str
        Why the claim was not evaluated in float64; empty where it was.
    """
    if observation.casts:
        yield (
            f"func casts to {', '.join(observation.casts)} inside; in float64 the cast does not "
            "round, and the verdict is on func without this rounding"
        )
    if observation.islands:
        names = list(observation.islands)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        count = sum(observation.islands.values())
        yield (
            f"{count} operation{'s' if count > 1 else ''} of func ran on rounded numbers, since "
            f"float64 would change the meaning: {', '.join(names[:_NAMED])}{more}"
        )
    if claim_obstacle:
        yield (f"the claim was evaluated as it is written, and func in {WIDE}: {claim_obstacle}")


def remark_on_native(native: Point, obstacle: str) -> str:
    """Return why ``func`` was evaluated in the dtypes of the user."""
    return f"func was evaluated in {dtypes_of(native)}, and not in {WIDE}: {obstacle}"


def dtype_hints(claim: ClaimResult) -> Iterator[str]:
    """Yield what rounding does to the claim, and the remarks on the dtypes.

    Parameters
    ----------
    claim : ClaimResult
        What was found.
    """
    dtypes = dtypes_of(claim.point)
    if is_wrong_in_narrow_dtype(claim):
        yield (
            f"the claim is right in {WIDE}, and wrong {how_written(dtypes)} by more than rounding "
            "explains: does it branch on the dtype, overflow or underflow?"
        )
    elif claim.digits is not None and 0 < claim.digits.kept < _few(max(claim.point.epsilons)):
        result = claim.results[claim.digits.result]
        place = claim.where(result, claim.digits.direction)
        yield (
            f"{how_written(dtypes)} the claim keeps {claim.digits.kept:.1f} digits at {place}, as "
            "rounding explains"
        )
    yield from claim.remarks


def is_wrong_in_narrow_dtype(claim: ClaimResult) -> bool:
    """Return whether the claim is right in float64 and wrong in the dtypes of the user."""
    return any(np.any(each.decisions.reasons[Reason.NARROW]) for each in claim.results)


def _few(epsilon: float) -> float:
    """Return how many digits are few for a dtype: half of those that it has."""
    return -math.log10(epsilon) / 2
