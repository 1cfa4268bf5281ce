"""One place at which a claim is wrong, or could not be checked."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Mismatch:
    """One coordinate or tangent at which the claim is wrong, or could not be checked.

    Attributes
    ----------
    where : str
        The place in the user's structure, e.g. ``params['bias'][3]``, or ``tangent 2``.
    claim : float
        The derivative that the user's code returned.
    estimate : float
        The derivative by differences. NaN where differences gave none.
    uncertainty : float
        The uncertainty of the estimate, plus the rounding error of the claim.
    wrong : bool
        Whether the claim is wrong there. Otherwise it is unresolved.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import verify_grad
    >>> report = verify_grad(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, 3.0]))
    >>> report.mismatches[0].where, report.mismatches[0].claim
    ('x[1]', 3.0)
    """

    where: str
    claim: float
    estimate: float
    uncertainty: float
    wrong: bool

    @property
    def relative_error(self) -> float | None:
        """How far the claim is off, relative to the larger of claim and estimate.

        None where one of them is not finite.
        """
        if not (math.isfinite(self.claim) and math.isfinite(self.estimate)):
            return None
        size = max(abs(self.claim), abs(self.estimate))
        return abs(self.claim / size - self.estimate / size) if size > 0 else 0.0
