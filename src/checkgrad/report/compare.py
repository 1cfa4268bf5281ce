"""From the results of a claim to claim and estimate at all that was compared.

Along tangents nothing as large as x0 is made: there is a number for each tangent.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from checkgrad.numerics.decisions import Decisions
from checkgrad.report.comparison import (
    CORRECT,
    INCONCLUSIVE,
    NOT_CHECKED,
    WRONG,
    Codes,
    Comparison,
)
from checkgrad.report.results import ClaimResult
from checkgrad.report.tree import inputs_of, outputs_of


def comparisons_of(claims: Iterable[ClaimResult]) -> tuple[Comparison, ...]:
    """Return what was compared of each claim; claims of which nothing was compared are left out.

    Parameters
    ----------
    claims : iterable of ClaimResult
        What was found.
    """
    return tuple(_comparison(claim) for claim in claims if claim.results)


def _comparison(claim: ClaimResult) -> Comparison:
    axes = [each for each in claim.results if each.directions.are_axes]
    along = axes or list(claim.results)
    entries, has_sums = len(claim.outputs.entries), len(claim.outputs.weights) > 0
    outputs = None if claim.reader is None else claim.reader.spec
    if outputs is None:
        rows, numbers = "value", [0]
    elif axes and entries:
        rows, numbers = "outputs", claim.outputs.entries.tolist()
        along = [each for each in axes if each.output < entries]
    else:
        rows = "sums" if has_sums else "outputs"
        numbers = list(range(claim.outputs.count))
    count = outputs.size if outputs is not None and rows == "outputs" else len(numbers)
    shape = (count, claim.point.size if axes else max(each.directions.count for each in along))
    claimed, estimate, uncertainty = (np.full(shape, np.nan) for _ in range(3))
    codes = np.full(shape, NOT_CHECKED, dtype=np.int8)
    for each in along:
        row, decisions = numbers[each.output], each.decisions
        claimed[row] = decisions.claim
        estimate[row] = decisions.estimate.nearest_to(decisions.claim)
        uncertainty[row] = decisions.reliable_uncertainty
        codes[row] = _codes(decisions)
    return Comparison(
        label=claim.label,
        columns="coordinates" if axes else "tangents",
        rows=rows,
        inputs=inputs_of(claim.point),
        outputs=None if outputs is None else outputs_of(outputs),
        conjugated=claim.point.conj_convention,
        claim=claimed,
        estimate=estimate,
        uncertainty=uncertainty,
        codes=codes,
    )


def _codes(decisions: Decisions) -> Codes:
    codes = np.where(decisions.resolved, CORRECT, INCONCLUSIVE)
    found: Codes = np.where(decisions.wrong, WRONG, codes).astype(np.int8)
    return found
