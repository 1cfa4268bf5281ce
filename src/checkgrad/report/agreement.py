"""The numbers of a picture of claim against estimate. `checkgrad.report.plots` draws it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.samples import Floats
from checkgrad.report.comparison import DECISIONS, NOT_CHECKED, Comparison
from checkgrad.report.mismatch import Mismatch

_RANGE = 1e3  # of sizes, above which a linear axis hides the small ones
_FINEST = 1e-6  # of the largest size, below which an axis with powers of ten is linear
_MARGIN = 0.05  # of the range, beyond the outermost points


@dataclass(frozen=True, eq=False)
class AgreementPoints:
    """Claims against estimates.

    Attributes
    ----------
    estimate, claim : array, shape (points,)
        What was compared, as far as it is finite.
    uncertainty : array, shape (points,)
        That of the comparison; 0 where it is not known.
    decision : array of str, shape (points,)
        What was decided.
    named : list of (str, float, float)
        Places that the report names, with estimate and claim.
    limits : pair of float
        Both axes are from here to there.
    linear_up_to : float or None
        Axes have powers of ten beyond; None for axes that are linear.
    missing : int
        How many were compared that are not finite.
    """

    estimate: Floats
    claim: Floats
    uncertainty: Floats
    decision: npt.NDArray[np.str_]
    named: list[tuple[str, float, float]]
    limits: tuple[float, float]
    linear_up_to: float | None
    missing: int


def agreement_points(
    comparisons: Sequence[Comparison], mismatches: Sequence[Mismatch]
) -> AgreementPoints:
    """Return the points of all claims in one picture.

    Parameters
    ----------
    comparisons : sequence of Comparison
        What was compared.
    mismatches : sequence of Mismatch
        The places that the report names.
    """
    estimate, claim, uncertainty = (
        np.concatenate([getattr(each, name).ravel() for each in comparisons])
        for name in ("estimate", "claim", "uncertainty")
    )
    codes = np.concatenate([each.codes.ravel() for each in comparisons])
    compared = codes != NOT_CHECKED
    shown = compared & np.isfinite(estimate) & np.isfinite(claim)
    estimate, claim = estimate[shown], claim[shown]
    spread = np.where(np.isfinite(uncertainty[shown]), uncertainty[shown], 0.0)
    return AgreementPoints(
        estimate=estimate,
        claim=claim,
        uncertainty=spread,
        decision=np.asarray(DECISIONS)[codes[shown]],
        named=[
            (each.where, each.estimate, each.claim)
            for each in mismatches
            if math.isfinite(each.estimate) and math.isfinite(each.claim)
        ],
        limits=_limits(estimate, claim),
        linear_up_to=_linear_up_to(estimate, claim),
        missing=int(np.sum(compared & ~shown)),
    )


def _limits(*numbers: Floats) -> tuple[float, float]:
    both = np.concatenate(numbers)
    if not both.size:
        return -1.0, 1.0
    low, high = float(both.min()), float(both.max())
    margin = _MARGIN * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin


def _linear_up_to(*numbers: Floats) -> float | None:
    sizes = np.abs(np.concatenate(numbers))
    sizes = sizes[sizes > 0]
    if not sizes.size or sizes.max() <= _RANGE * np.median(sizes):
        return None
    return float(max(sizes.min(), _FINEST * sizes.max()))
