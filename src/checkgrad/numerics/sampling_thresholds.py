"""The thresholds of refinement and of measurement. `checkgrad.numerics.thresholds` has all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MeasurementThresholds:
    """What the measurements of noise, repeatability and linearity are tuned by.

    Attributes
    ----------
    noise_points : int
        Points on each side of x0 at which noise is measured, or twice as many on one side. That of
        the claim is measured at so many points in all.
    noise_spacing : int, in units in the last place
        How far apart these points are.
    noisy_epsilons : float, in machine epsilons
        Above this noise, jumps are looked for, and func(x0) is evaluated again.
    too_regular : float, a part
        Noise that is a smaller part of the change of ``func`` may not be all there is.
    farther_epsilon : float, a machine epsilon
        Noise that is too regular is measured over units of this.
    mostly_unchanged : float, a part
        If more of the points next to x0 have the value at x0, ``func`` does not move there.
    farther_digits : tuple of float, a part of the digits
        How far apart the points are at which lasting noise is looked for.
    far_away : float, a part of x0
        How far apart points are where x0 changes by about itself.
    slope_epsilons : float, in machine epsilons of the slope of ``func``
        What noise in proportion to the distance may make of a slope at most.
    in_proportion : float, a factor
        By which noise over distance may fall, where noise is in proportion to the distance.
    noise_stays : float, a factor
        How much larger noise that lasts may be at the next of these distances. Truncation falls
        more than this from step to step (as h**3), and noise does not.
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
    rounding_epsilons : float, in machine epsilons of func(x0)
        A change of ``func`` that is no larger may be rounding: two calls at x0 may differ as much,
        since parallel sums do, and a jump is larger.
    repeatable_at_most : float, relative
        Two calls differ by no more than this, except for a few epsilons of half precision.
    outputs_for_ties : int
        Outputs that are first looked at for ties. If one has a tie, all are.
    wrong_outputs, wrong_outputs_along_tangents : int
        Once so many outputs are wrong along axes, or tangents, the others are sampled at few steps.
    """

    noise_points: int = 3
    noise_spacing: int = 2
    noisy_epsilons: float = 16.0
    too_regular: float = 2.0**-6
    farther_epsilon: float = 2.0**-33
    mostly_unchanged: float = 0.5
    farther_digits: tuple[float, ...] = (0.56, 0.48, 0.39, 0.3, 0.22, 0.14)
    far_away: float = 0.25
    slope_epsilons: float = 2.0**14
    in_proportion: float = 16.0
    noise_stays: float = 3.0
    louder_farther: float = 5.0
    rounded_away: float = 0.125
    units_seen: int = 8
    disproportion: float = 3.0
    coarser_numbers: int = 6
    rounding_epsilons: float = 100.0
    repeatable_at_most: float = 1e-5
    outputs_for_ties: int = 4
    wrong_outputs: int = 3
    wrong_outputs_along_tangents: int = 1


@dataclass(frozen=True)
class RefinementThresholds(MeasurementThresholds):
    """What the choice of steps and directions is tuned by.

    Attributes
    ----------
    first_step_digits, first_step_margin : float
        The shortest first step, in parts of the digits, at which h**2 is below rtol / 10, and how
        far below rtol the rounding error is to be there.
    longest_first_step : int, a power of two
        How much longer than the scale a first step may be, and than the first step all others.
    few : int
        With fewer coordinates, each is sampled by itself. So few directions are all followed to
        their end, once a claim is wrong.
    promising_group : float, a part
        How much of the first group must be certified, for the others to be tried.
    stages_if_not_thorough : int
        How many stages are sampled where the verdict does not depend on a direction.
    sparse_spacing : int, powers of two
        Below the scale, every power has a step down to `least_digits`, and then every so-many-th.
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
    fewest_more, groups_per_more : int
        Along how many directions to look once a claim is wrong: at least, and one for so many
        groups, which are what a right claim costs.
    """

    first_step_digits: float = 0.36
    first_step_margin: float = 6.0
    longest_first_step: int = 4
    few: int = 8
    promising_group: float = 0.5
    stages_if_not_thorough: int = 3
    sparse_spacing: int = 3
    finest_above_ulp: int = 7
    least_digits: int = 24
    reach: int = 3
    linear_part: float = 4.0
    finest_below_scale: int = 64
    far_above_noise: float = 2.0**8
    worth_averaging: float = 30.0
    block: int = 32
    fewest_more: int = 16
    groups_per_more: int = 2
