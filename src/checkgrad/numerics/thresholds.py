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


@dataclass(frozen=True)
class Thresholds:
    """All thresholds. "Sigma" is one standard deviation of the noise of ``func``.

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
    scatter_steps, scatter_finest_steps : int
        How many of the finest steps show noise, and how many of them without truncation.
    truncation_decay : float, a factor
        Truncation falls more than this from step to step (as h**3). Noise does not.
    one_sided_gain : float, a factor
        How much surer a one-sided limit must be to replace the central one.
    kink_gap : float, in uncertainties
        How far one-sided derivatives must lie apart to make a kink.
    kink_steps : int
        How many steps must show a kink. A few do so by accident, far from x0 or in few digits.
    kink_above_finest : float, times the shortest step
        Where a kink must show: nearer to x0 it may be a plateau.
    jump_steps : int
        Over how many of the finest steps a jump must stay the same.
    jump_constancy : float, a factor
        How much larger than its variation over these steps a jump must be.
    jump_above_rounding : float, in rounding errors of func(x0)
        How large a jump must be.
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
    quantum_above_noise : float, in sigma
        How large the steps of a staircase must be: those of half precision are up to 8 sigma.
    diverging_growth, diverging_over : float, factors
        How much a one-sided slope grows towards x0 where ``func`` is not smooth, and while the step
        becomes how many times shorter.
    diverging_far : float, a factor
        A slope so much steeper than the estimate is not seen by the coarser steps at all.
    one_sided_range, one_sided_range_if_contradicted : float, in uncertainties
        The range around a one-sided limit that it leaves open; if it contradicts the best estimate.
    narrowest_feature : float, a factor
        How much narrower than x0 a feature may be that noise hides.
    small_coordinate : float, a factor
        A coordinate so much smaller than the others has a scale of its own.
    small_coordinate_noise : float, in sigma
        What a feature as narrow as such a coordinate may hide.
    near, near_if_guess : float, a factor
        Steps that are so much shorter than the scale count as near x0, and if the scale is a guess.
    safety : float, in uncertainties
        How far claim and estimate must lie apart before a claim is wrong.
    wrong_margin : float, times rtol
        How far a wrong claim is off at least: a feature hidden in noise may be worth one rtol.
    agreement : float, a factor
        Two independent numbers that agree so much better than rtol certify each other.
    coefficient_epsilons : float, in machine epsilons of the largest coefficient
        How far rounding may move a 0: cos(pi / 2), entries of a product with an inverse ...
    coefficient_rounding : float, a part of the largest coefficient
        ... and no farther than this in float32 and below.
    negligible : float, a factor
        How much smaller than the whole derivative a negligible entry is.
    one_sided_directions : int
        If one-sided limits excuse so many claims, ``func`` is not smooth as far as it shows ...
    one_sided_excess : float, a factor
        ... and a wrong claim is this many times farther off than the worst of them.
    first_step_digits, first_step_margin : float
        The shortest first step, in parts of the digits, at which h**2 is below rtol / 10, and how
        far below rtol the rounding error is to be there.
    longest_first_step : int, a power of two
        How much longer than the scale a first step may be.
    fewest_for_groups : int
        With fewer coordinates, each is sampled by itself.
    promising_group : float, a part
        How much of the first group must be certified, for the others to be tried.
    stages_if_not_thorough : int
        How many stages are sampled where the verdict does not depend on a direction.
    coarsest_step : int, a power of two
        How much longer than the first step the longest of all steps is.
    dense_down_to, sparse_spacing : int, powers of two
        Below the scale, every power has a step down to here, and then every so-many-th one.
    finest_above_ulp : int, binary digits
        How far the finest step is above a unit in the last place ...
    least_digits : int
        ... of a dtype of so many digits at least. In x0 = 0, coarser dtypes have finer steps.
    reach : int, a power of two
        How much longer than the length of smoothness the longest step may be.
    linear_part : float, a factor
        Beyond that, ``func`` may change by this part of func(x0), if the claim is right.
    finest_below_scale : int, a power of two
        How far below the scale the finest step is where x0 is 0.
    far_above_noise : float, in sigma
        If ``func`` changes by more at the shortest step, a shorter one shows more.
    worth_averaging : float, a factor
        More samples between the steps do not help where the uncertainty is more times too large.
    block : int
        How many directions are sampled at all steps in one go, where digits are few.
    few : int
        So few directions are all followed to their end, once a claim is wrong.
    fewest_more, part_more : int
        Along how many directions to look once a claim is wrong: at least, and the part of all.
    noise_points : int
        Points on each side of x0 at which noise is measured, or twice as many on one side.
    noise_spacing : int, in units in the last place
        How far apart these points are.
    noisy_epsilons : float, in machine epsilons
        Above this noise, jumps are looked for, and func(x0) is evaluated again.
    jump_share : float, a factor
        If a jump at x0 is left out and the noise is so much smaller, the jump was no noise.
    too_regular : float, a part
        Noise that is a smaller part of the change of ``func`` may not be all there is.
    farther_epsilon : float, a machine epsilon
        Noise that is too regular is measured over units of this.
    mostly_unchanged : float, a part
        If more of the points next to x0 have the value at x0, ``func`` does not move there.
    farther_digits : tuple of float, a part of the digits
        How far apart the points are at which lasting noise is looked for.
    rounding_quanta : float, a factor
        Rounding of terms that cancel is up to so many quanta: units in their last place. A quantum
        is up to so many units of ``func`` far away.
    far_away : float, a part of x0
        How far apart points are where x0 changes by about itself.
    slope_epsilons : float, in machine epsilons of the slope of ``func``
        What noise in proportion to the distance may make of a slope at most.
    in_proportion : float, a factor
        By which noise over distance may fall, where noise is in proportion to the distance.
    noise_stays : float, a factor
        How much larger noise that lasts may be at the next of these distances.
    louder_farther : float, a factor
        How much larger than next to x0 noise must be farther away, where ``func`` moves at x0.
    rounded_away : float, in units in the last place
        An offset that rounding to nearest removes.
    units_seen : int, in units in the last place
        An offset that moves a func that rounds its input.
    disproportion : float, a factor
        How much less than in proportion to it one unit moves such a func.
    coarser_numbers : int
        Numbers of a coarser dtype around which ``func`` must not move.
    nearly_half : float, in units in the last place
        How far around each of them. Less than half, for rounding to nearest.
    repeatable_epsilons : float, in machine epsilons
        How far two calls at x0 may differ: parallel sums may ...
    repeatable_at_most : float, relative
        ... but by no more than this, except for a few epsilons of half precision.
    claim_neighbours : int
        Points at which the noise of the claim is measured.
    linear_epsilons : float, in machine epsilons
        How far a linear claim may differ from the sum of its terms.
    outputs_for_ties : int
        Outputs that are first looked at for ties. If one has a tie, all are.
    wrong_outputs, wrong_outputs_along_tangents : int
        Once so many outputs are wrong along axes, or tangents, the others are sampled at few steps.
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
    scatter_steps: int = 6
    scatter_finest_steps: int = 3
    truncation_decay: float = 3.0
    one_sided_gain: float = 4.0
    kink_gap: float = 6.0
    kink_steps: int = 8
    kink_above_finest: float = 64.0
    jump_steps: int = 6
    jump_constancy: float = 10.0
    jump_above_rounding: float = 100.0
    plateau_range: float = 2.0**9
    plateau_epsilons: float = 16.0
    plateau_range_if_cancelled: float = 8.0
    cancelled_digits: float = 0.75
    jump_reach: float = 9.0
    quantum_above_noise: float = 10.0
    diverging_growth: float = 1.5
    diverging_over: float = 64.0
    diverging_far: float = 4.0
    one_sided_range: float = 2.0
    one_sided_range_if_contradicted: float = 5.0
    narrowest_feature: float = 64.0
    small_coordinate: float = 16.0
    small_coordinate_noise: float = 2.0
    near: float = 8.0
    near_if_guess: float = 64.0
    safety: float = 5.0
    wrong_margin: float = 1.5
    agreement: float = 10.0
    coefficient_epsilons: float = 1024.0
    coefficient_rounding: float = 2.0**-15
    negligible: float = 100.0
    one_sided_directions: int = 3
    one_sided_excess: float = 2.0
    first_step_digits: float = 0.36
    first_step_margin: float = 6.0
    longest_first_step: int = 4
    fewest_for_groups: int = 8
    promising_group: float = 0.5
    stages_if_not_thorough: int = 3
    coarsest_step: int = 4
    dense_down_to: int = 24
    sparse_spacing: int = 3
    finest_above_ulp: int = 7
    least_digits: int = 24
    reach: int = 3
    linear_part: float = 4.0
    finest_below_scale: int = 64
    far_above_noise: float = 2.0**8
    worth_averaging: float = 30.0
    block: int = 32
    few: int = 8
    fewest_more: int = 16
    part_more: int = 8
    noise_points: int = 3
    noise_spacing: int = 2
    noisy_epsilons: float = 16.0
    jump_share: float = 100.0
    too_regular: float = 2.0**-6
    farther_epsilon: float = 2.0**-33
    mostly_unchanged: float = 0.5
    farther_digits: tuple[float, ...] = (0.56, 0.48, 0.39, 0.3, 0.22, 0.14)
    rounding_quanta: float = 2.0**10
    far_away: float = 0.25
    slope_epsilons: float = 2.0**14
    in_proportion: float = 16.0
    noise_stays: float = 3.0
    louder_farther: float = 5.0
    rounded_away: float = 0.125
    units_seen: int = 8
    disproportion: float = 3.0
    coarser_numbers: int = 6
    nearly_half: float = 0.22
    repeatable_epsilons: float = 100.0
    repeatable_at_most: float = 1e-5
    claim_neighbours: int = 3
    linear_epsilons: float = 1000.0
    outputs_for_ties: int = 4
    wrong_outputs: int = 3
    wrong_outputs_along_tangents: int = 1


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
