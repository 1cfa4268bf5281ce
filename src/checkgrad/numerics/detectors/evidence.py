"""What detectors look at: the samples of some directions, and what was made of them."""

from __future__ import annotations

from dataclasses import dataclass

from checkgrad.numerics.limit import Limit
from checkgrad.numerics.quotients import Quotients
from checkgrad.numerics.samples import Flags, Samples


@dataclass(frozen=True)
class Evidence:
    """Samples, quotients and limits of some directions.

    Attributes
    ----------
    samples : Samples
        Without the steps that stay on a plateau.
    is_quantised : array of bool, shape (directions,)
        Where such steps were left out.
    central : Quotients
        Central quotients.
    central_noisy : Quotients
        The same with the noise that their scatter shows.
    smooth, right, left : Limit
        The limits of the central quotients (with that noise) and of the one-sided ones.
    best : Limit
        The clearest of the three.
    has_kink : array of bool, shape (directions,)
        Where `func` has a kink at x0, see `checkgrad.numerics.detectors.kink`.
    """

    samples: Samples
    is_quantised: Flags
    central: Quotients
    central_noisy: Quotients
    smooth: Limit
    right: Limit
    left: Limit
    best: Limit
    has_kink: Flags
