"""Thresholds: every number that the numerics, the refinement and the measurements are tuned by.

Each is a field of one frozen dataclass, with its unit and the reason for its value. A number that
follows from a formula stands next to that formula instead. For each field, a test changes its
outcome when the field is halved or doubled: see tests/test_thresholds_covered.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from checkgrad.numerics.sampling_thresholds import RefinementThresholds


@dataclass(frozen=True)
class Thresholds(RefinementThresholds):
    """All thresholds. "Sigma" is one standard deviation of the noise of ``func``.

    Those below are the ones of estimates and decisions.

    Attributes
    ----------
    rounding_sigma : float, in units in the last place
        The sigma of correct rounding: 1 / sqrt(12), rounded up.
    coverage : float, in sigma
        What the rounding part of an uncertainty covers.
    stands_out : float, in sigma
        A change of ``func`` that is larger is no noise.
    max_degree : int
        Of the polynomials in ``h**order``. Higher ones amplify noise for little.
    spare_steps : int
        Steps beyond the number of terms that test a fit.
    consistent_fine : float, in sigma
        How far a fit may miss a finer step, except for one.
    consistent_coarse : float, in sigma
        The same for a step that weighs nearly as much as the coarsest, for ReLU networks' sake.
    coarse_weight : float, a factor
        A step weighs nearly as much if its weight is within this factor.
    outlier : float, in sigma
        How far a fit may miss a single finer step.
    many_steps : int
        From so many steps on, the finest of them are finer than any feature.
    finest_steps, scatter_finest_steps : int
        How many of the finest steps show noise, and how many of them without truncation. Over so
        many of them, too, a jump must stay the same.
    one_sided_gain : float, a factor
        How much surer a one-sided limit must be to replace the central one.
    kink_steps : int
        How many steps must show a kink. A few do so by accident, far from x0 or in few digits.
    above_finest : float, times the shortest step
        A kink must show at so long a step: at shorter ones, a plateau looks like a kink. A slope
        grows towards x0 if it is steeper than at all steps as long as this and longer.
    jump_constancy : float, a factor
        How much larger than its variation over the finest steps a jump must be.
    plateau_range : float, a factor
        ``func`` must move over steps so much longer than a plateau to be a staircase.
    plateau_epsilons : float, in machine epsilons of x0
        A plateau that is shorter, by the length of x0, makes a staircase too.
    plateau_range_if_cancelled : float, a factor
        As `plateau_range`, where terms that cancel can explain the plateau.
    cancelled_digits : float, a part of the digits
        How many digits terms may lose by cancelling, at most.
    jump_reach : float, times the length of a plateau
        The first change beyond a plateau lies within this.
    diverging_growth : float, a factor
        How much a one-sided slope grows towards x0 where ``func`` is not smooth.
    diverging_far : float, a factor
        A slope so much steeper than the estimate is not seen by the coarser steps at all.
    one_sided_range : float, in uncertainties
        The range around a one-sided limit that it leaves open.
    narrowest_feature : float, a factor
        How much narrower than x0 a feature may be that noise hides.
    small_coordinate : float, a factor
        A coordinate so much smaller than the others has a scale of its own.
    near : float, a factor
        Steps that are so much shorter than the scale count as near x0. If the scale is a guess,
        they are as short as the narrowest feature.
    safety : float, in uncertainties
        How far claim and estimate must lie apart before a claim is wrong. A one-sided limit that
        contradicts the best estimate leaves as much open, and one-sided derivatives lie as far
        apart at a kink.
    wrong_margin : float, times rtol
        How far a wrong claim is off at least: a feature hidden in noise may be worth one rtol.
    agreement : float, a factor
        Two independent numbers that agree so much better than rtol certify each other.
    coefficient_epsilons : float, in machine epsilons of the largest coefficient
        How far rounding may move a 0: cos(pi / 2), entries of a product with an inverse. A linear
        claim may differ as much from the sum of its terms. What is left of terms that cancel is as
        many quanta, units in their last place. Far away, a quantum is as many units of ``func``.
    coefficient_rounding : float, a part of the largest coefficient
        It moves a 0 no farther than this in float32 and below.
    negligible : float, a factor
        How much smaller than the whole derivative a negligible entry is. If a jump at x0 is left
        out and the noise is as much smaller, the jump was no noise.
    one_sided_directions : int
        If one-sided limits excuse so many claims, ``func`` is not smooth as far as it shows ...
    one_sided_excess : float, a factor
        ... and a wrong claim is this many times farther off than the worst of them.
    """

    rounding_sigma: float = 0.3
    coverage: float = 3.0
    stands_out: float = 8.0
    max_degree: int = 3
    spare_steps: int = 2
    consistent_fine: float = 6.0
    consistent_coarse: float = 4.0
    coarse_weight: float = 10.0
    outlier: float = 30.0
    many_steps: int = 12
    finest_steps: int = 6
    scatter_finest_steps: int = 3
    one_sided_gain: float = 4.0
    kink_steps: int = 8
    above_finest: float = 64.0
    jump_constancy: float = 10.0
    plateau_range: float = 2.0**9
    plateau_epsilons: float = 16.0
    plateau_range_if_cancelled: float = 8.0
    cancelled_digits: float = 0.75
    jump_reach: float = 9.0
    diverging_growth: float = 1.5
    diverging_far: float = 4.0
    one_sided_range: float = 2.0
    narrowest_feature: float = 64.0
    small_coordinate: float = 16.0
    near: float = 8.0
    safety: float = 5.0
    wrong_margin: float = 1.5
    agreement: float = 10.0
    coefficient_epsilons: float = 1024.0
    coefficient_rounding: float = 2.0**-15
    negligible: float = 100.0
    one_sided_directions: int = 3
    one_sided_excess: float = 2.0


_DEFAULT = Thresholds()
_current: ContextVar[Thresholds] = ContextVar("thresholds", default=_DEFAULT)


def thresholds() -> Thresholds:
    """Return the thresholds that are in force."""
    return _current.get()


@contextmanager
def varied(**values: Any) -> Iterator[Thresholds]:
    """Put other values of some thresholds in force, for tests.

    Examples
    --------
    >>> with varied(safety=10.0):
    ...     thresholds().safety
    10.0
    """
    token = _current.set(replace(_current.get(), **values))
    try:
        yield _current.get()
    finally:
        _current.reset(token)
