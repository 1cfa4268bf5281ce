"""The check of a single coordinate that a search has found: is its claim wrong?

Steps are farther apart than in `checkgrad.refine.loop`. The search has already seen the same error
along several tangents. The estimate, its findings and the decision are those of any check.
"""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.decisions import Decisions
from checkgrad.numerics.samples import Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import digits_of
from checkgrad.refine.progress import Progress
from checkgrad.refine.spec import CheckSpec

# In powers of two: how far apart the steps are, to the depth down to which all steps are dense
# elsewhere, and below it. If the verdict does not depend on the entry, fewer steps will do.
_SPACING, _FINE_SPACING, _FEW = 2, 6, 4


def check_entry(spec: CheckSpec, closely: bool) -> Decisions:
    """Sample the first direction at steps all over, and compare its claim with the estimate.

    Parameters
    ----------
    spec : CheckSpec
        What is to be checked. The other directions show how large other claims are.
    closely : bool
        Whether a verdict depends on the decision. Otherwise fewer steps are sampled.
    """
    first = np.arange(1)
    progress = Progress(spec)
    progress.start(first)
    progress.claim_noise = spec.claim_noise()
    progress.sample(_steps(spec, closely)[:, None])
    progress.mark_fully_sampled(first)
    progress.allow_negligible(slice(None))
    return progress.decide_for(first)


def _steps(spec: CheckSpec, closely: bool) -> Floats:
    """Return steps from half of the scale down to a few units in the last place."""
    limits = thresholds()
    finest = limits.finest_above_ulp - max(digits_of(spec.epsilon), limits.least_digits)
    dense = max(-limits.least_digits, finest)
    if closely:
        powers = [
            *range(-1, dense - 1, -_SPACING),
            *range(dense - _FINE_SPACING, finest, -_FINE_SPACING),
        ]
    else:
        powers = list(range(-_FEW // 2, dense - 1, -_FEW))
    steps: Floats = spec.directions.scale[0] * np.exp2(powers)
    return steps
