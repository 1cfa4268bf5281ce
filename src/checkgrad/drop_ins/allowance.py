"""What a user allows on top of what the samples can tell: ``atol`` and ``rtol``.

Other checkers ask for tolerances. Here none is needed. If a user gives one all the same, an entry
is wrong only if it exceeds the tolerance too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from checkgrad.numerics.decisions import Decisions
from checkgrad.report.results import ClaimResult


@dataclass(frozen=True)
class Allowance:
    """A tolerance: the claim may differ from the estimate by ``atol + rtol * |estimate|``.

    Attributes
    ----------
    atol, rtol : float or None
        None where the user gave none. If one is given, the other counts as 0.
    """

    atol: float | None = None
    rtol: float | None = None

    @property
    def is_given(self) -> bool:
        """Whether the user gave a tolerance."""
        return self.atol is not None or self.rtol is not None

    def applied(self, result: ClaimResult) -> ClaimResult:
        """Return a result in which what is allowed is resolved."""
        if not self.is_given:
            return result
        found = tuple(
            replace(each, decisions=self._applied(each.decisions)) for each in result.results
        )
        return replace(result, results=found)

    def _applied(self, decisions: Decisions) -> Decisions:
        estimate = decisions.estimate.value
        with np.errstate(all="ignore"):
            limit = (self.atol or 0.0) + (self.rtol or 0.0) * np.abs(estimate)
            allowed = (np.abs(decisions.claim - estimate) <= limit) & ~decisions.resolved
        return decisions.accepting(allowed)
