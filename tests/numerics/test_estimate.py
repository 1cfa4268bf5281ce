"""Estimates from samples of formulas: accuracy, what is not smooth, and freedom of scale."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkgrad.numerics import estimate as estimates
from checkgrad.numerics.detectors import DETECTORS
from checkgrad.numerics.estimate import Estimate, _clearer, estimate
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.limit import Limit
from checkgrad.numerics.samples import Floats, Samples
from checkgrad.numerics.thresholds import varied
from checkgrad.precision import BRAIN, SINGLE

pytestmark = pytest.mark.numpy

Curve = Callable[[Floats], Any]  # func, of the signed step
Make = Callable[..., Any]
BY_STEP = ("forward", "forward_values", "backward", "backward_values")
PER_DIRECTION = ("scale", "smoothness_length", "scale_is_guess")


def kinks(found: Estimate) -> Any:
    return found.findings.seen[Kind.KINK]


def jumps(found: Estimate) -> Any:
    return found.findings.seen[Kind.JUMP]


def side_by_side(parts: list[Samples]) -> Samples:
    """Several directions of one point; the first says what func(x0) is."""
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=-1)
        for name in (*BY_STEP, *PER_DIRECTION)
    }
    sigma = np.asarray([part.sigma for part in parts], float)
    return dataclasses.replace(parts[0], sigma=sigma, **columns)


CURVES: dict[str, tuple[Curve, float]] = {
    "linear": (lambda t: 3 * t, 3.0),
    "square": (lambda t: (1 + t) ** 2, 2.0),
    "cube": (lambda t: (t - 0.7) ** 3, 3 * 0.49),
    "exp": (lambda t: np.exp(2 * t), 2.0),
    "sine": (lambda t: np.sin(9 * t + 0.3), 9 * math.cos(0.3)),
    "fast sine": (lambda t: np.sin(100 * t + 1), 100 * math.cos(1)),
    "logistic": (lambda t: 1 / (1 + np.exp(-5 * t)), 1.25),
    "root": (lambda t: np.sqrt(1.1 + t), 0.5 / math.sqrt(1.1)),
    "log": (lambda t: np.log(1.01 + t), 1 / 1.01),
    "rational": (lambda t: 1 / (1 + 25 * (t - 0.1) ** 2), 5.0 / 1.25**2),
}


# Smooth functions


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("sides", ["both", "right", "left"])
def test_the_derivative_of_a_smooth_function(name: str, sides: str, samples_of: Make) -> None:
    curve, slope = CURVES[name]
    found = estimate(samples_of(curve, sides=sides))
    assert abs(found.value[0] - slope) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] <= (1e-8 if sides == "both" else 1e-6) * abs(slope)
    assert found.low[0] == found.high[0] == found.value[0]
    assert not jumps(found)[0]
    assert np.all(np.isnan(found.findings.coarse_estimates))


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("noise", [1e-12, 1e-5])
def test_the_error_of_an_estimate_is_within_five_uncertainties(
    name: str, noise: float, samples_of: Make, powers_of_two: Make
) -> None:
    curve, slope = CURVES[name]
    for seed in range(2):  # each with its own error in func(x0), which all directions share
        steps = powers_of_two(finest=-30)
        found = estimate(samples_of(curve, steps, noise=noise, seed=seed, directions=5))
        errors = np.abs(np.clip(slope, found.low, found.high) - slope) / found.uncertainty
        worst = int(np.argmax(errors))
        assert errors[worst] <= 5, f"seed {seed}, direction {worst}: {errors[worst]:.1f}"


@pytest.mark.parametrize("noise", [1e-12, 1e-6])
def test_noise_makes_no_kink_no_jump_and_no_staircase(
    noise: float, samples_of: Make, powers_of_two: Make
) -> None:
    for name, (curve, _) in CURVES.items():
        steps = powers_of_two(finest=-30)
        found = estimate(samples_of(curve, steps, noise=noise, directions=5))
        assert not np.any(kinks(found)), f"a kink in {name}"
        assert not np.any(jumps(found)), f"a jump in {name}"
        assert np.all(np.isnan(found.findings.coarse_estimates)), f"a staircase in {name}"


weights = st.integers(-16, 16).map(lambda k: k / 8)


@given(
    polynomial=st.lists(weights, min_size=1, max_size=6),
    waves=st.lists(st.tuples(weights, st.integers(1, 20), weights), max_size=3),
    growth=st.tuples(weights, weights),
    noise=st.sampled_from([0.0, 1e-14, 1e-11, 1e-8, 1e-5]),
    value=st.sampled_from([0.0, 1.0, -100.0]),
    seed=st.integers(0, 10**6),
)
@settings(deadline=None, derandomize=True, max_examples=25)
def test_the_uncertainty_covers_the_error_over_random_smooth_functions(
    polynomial: list[float],
    waves: list[Any],
    growth: tuple[float, float],
    noise: float,
    value: float,
    seed: int,
    samples_of: Make,
) -> None:
    def curve(t: Floats) -> Floats:
        total = np.polynomial.polynomial.polyval(t, [value, *polynomial])
        for height, speed, phase in waves:
            total = total + height * np.sin(speed * t + phase)
        return np.asarray(total + growth[0] * np.exp(growth[1] * t))

    slope = polynomial[0] + growth[0] * growth[1]
    slope += sum(height * speed * math.cos(phase) for height, speed, phase in waves)
    found = estimate(samples_of(curve, noise=noise, seed=seed))
    nearest = float(np.clip(slope, found.low[0], found.high[0]))
    assert abs(nearest - slope) <= 5 * found.uncertainty[0] + 1e-15 * abs(slope)


# What is not smooth


@pytest.mark.parametrize(("below", "above"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 3.0), (1.0, -5.0)])
def test_at_a_kink_the_value_is_the_middle_of_the_range(
    below: float, above: float, samples_of: Make
) -> None:
    found = estimate(
        samples_of(lambda t: np.where(t < 0, below * t, above * t) + 0.1 * t**2, noise=1e-12)
    )
    assert found.has_kink.tolist() == [True]
    assert found.low[0] == pytest.approx(min(below, above), abs=1e-6)
    assert found.high[0] == pytest.approx(max(below, above), abs=1e-6)
    assert found.value[0] == (found.low[0] + found.high[0]) / 2


def test_at_a_kink_the_uncertainty_is_that_of_both_sides(samples_of: Make) -> None:
    kinked = samples_of(np.abs, noise=1e-9)
    found = estimate(kinked)
    sides = [
        estimate(
            dataclasses.replace(
                kinked, **{f"{side}_values": np.full_like(kinked.forward_values, np.nan)}
            )
        )
        for side in ("forward", "backward")
    ]
    assert found.uncertainty[0] == pytest.approx(sum(s.uncertainty[0] for s in sides), rel=1e-9)


def test_a_feature_elsewhere_does_not_mislead(samples_of: Make) -> None:
    for place in (0.4, 1e-2, 1e-4):
        for curve in (
            lambda t, place=place: 2 * t + (t > place),
            lambda t, place=place: 2 * t + 5 * np.maximum(t - place, 0),
        ):
            found = estimate(samples_of(curve))
            assert abs(found.value[0] - 2) <= 5 * found.uncertainty[0]
            assert found.uncertainty[0] < 1e-6
            assert not jumps(found)[0]


def test_a_narrow_feature_is_not_stepped_over(samples_of: Make) -> None:
    for width in (1e-2, 1e-4, 1e-6):
        found = estimate(
            samples_of(lambda t, width=width: np.sin(t) + 3 * width * np.tanh(t / width))
        )
        assert abs(found.value[0] - 4) <= 5 * found.uncertainty[0]
        assert found.uncertainty[0] < 0.1


@pytest.mark.parametrize("width", [2.0**-24, 2.0**-30])
@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.9])
def test_a_staircase_has_the_slope_beyond_its_plateau_and_a_coarse_estimate(
    width: float, phase: float, samples_of: Make
) -> None:
    def curve(t: Floats) -> Floats:
        stair = width * np.floor(t / width + phase)
        return np.asarray(3 * stair + stair**2)

    found = estimate(samples_of(curve))
    assert abs(found.value[0] - 3) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] < 0.05
    assert found.findings.coarse_estimates[0, 0] == 0.0


def test_the_rounding_of_a_large_value_is_no_staircase(
    samples_of: Make, powers_of_two: Make
) -> None:
    unit = 2.0**-16  # of 184 in float32; what a noisy sum there was seen to change by, below 4e-6
    seen = {"forward_values": [0, 0, 0, 1, 1, 1, 3], "backward_values": [0, 0, -1, 0, 0, 0, -2]}
    samples = samples_of(
        lambda t: 184 + np.round(11.34 * t / unit) * unit,
        powers_of_two(finest=-24),
        sigma=7e-6,
        epsilon=SINGLE,
        scale=2.0**-9,
    )
    for side, units in seen.items():
        values = getattr(samples, side).copy()
        values[: -len(units) - 1 : -1, 0] = 184.0 + unit * np.asarray(units)
        samples = dataclasses.replace(samples, **{side: values})
    found = estimate(samples)
    assert abs(found.value[0] - 11.34) <= found.uncertainty[0]
    assert not found.findings.seen[Kind.STAIRCASE][0]


def test_one_wide_step_is_a_constant(samples_of: Make) -> None:
    found = estimate(samples_of(lambda t: np.floor(t + 0.4)))
    assert found.value[0] == 0.0
    assert not jumps(found)[0]


@pytest.mark.parametrize("edge", [0.5, 1e-2, 1e-4])
def test_an_edge_of_the_domain_leaves_the_shorter_steps(edge: float, samples_of: Make) -> None:
    found = estimate(samples_of(lambda t: np.where(t < -edge, np.nan, np.exp(t))))
    assert abs(found.value[0] - 1) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] < 1e-5


@pytest.mark.parametrize("holes", [[0], [0, 1, 2], [5], [40], list(range(0, 40, 2))])
@pytest.mark.parametrize("side", ["forward_values", "backward_values"])
def test_steps_without_a_value_are_left_out(holes: list[int], side: str, samples_of: Make) -> None:
    samples = samples_of(lambda t: np.exp(2 * t))
    values = getattr(samples, side).copy()
    values[holes] = np.nan
    found = estimate(dataclasses.replace(samples, **{side: values}))
    assert abs(found.value[0] - 2) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] < 1e-6


def test_without_any_value_there_is_no_estimate(samples_of: Make) -> None:
    found = estimate(samples_of(lambda t: np.where(t == 0, 0.0, np.nan)))
    assert math.isnan(found.value[0])
    assert found.uncertainty[0] == math.inf
    assert found.findings.seen[Kind.EDGE][0]
    assert not jumps(found)[0]


def test_a_single_step_has_a_value_of_unknown_uncertainty(samples_of: Make) -> None:
    found = estimate(samples_of(np.exp, [1e-3]))
    assert found.value[0] == pytest.approx(1, rel=1e-5)
    assert found.uncertainty[0] == math.inf
    assert found.rounding[0] < 1e-10
    assert found.step[0] == 1e-3


def test_few_digits_hide_what_many_show(samples_of: Make, powers_of_two: Make) -> None:
    options: dict[str, Any] = {"noise": 1e-3, "steps": powers_of_two(finest=-20), "epsilon": BRAIN}
    seen = estimate(samples_of(lambda t: 1 + 0.01 * t, **options))
    assert seen.findings.undetectable_slope[0] > 0
    unseen = estimate(samples_of(lambda t: 1 + 0 * t, scale_is_guess=True, **options))
    assert unseen.findings.undetectable_slope[0] == math.inf


# Which limit


def test_the_central_limit_is_taken_where_it_is_clear(samples_of: Make) -> None:
    found = estimate(samples_of(lambda t: np.exp(t), noise=1e-6))
    one_sided = estimate(samples_of(lambda t: np.exp(t), noise=1e-6, sides="right"))
    assert found.uncertainty[0] < one_sided.uncertainty[0]


def test_the_error_of_central_quotients_is_taken_to_be_even(samples_of: Make) -> None:
    """For t + t**3 it is the step squared: one term of the fit, from the longest step on."""
    found = estimate(samples_of(lambda t: t + t**3, noise=1e-6))
    assert found.step.tolist() == [1.0]
    assert abs(found.value[0] - 1) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] < 1e-5


def limit(value: float, uncertainty: float, rounding: float, step: float) -> Limit:
    return Limit.of(*(np.array([part]) for part in (value, uncertainty, rounding, step)))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("value", "uncertainty", "taken"),
    [(2.0, 0.9, True), (2.0, 1.0, False), (6.0, 0.9, True), (6.1, 0.9, False), (-2.1, 0.9, False)],
)
def test_a_one_sided_limit_is_taken_if_it_is_clearer_and_contradicts_nothing(
    sign: float, value: float, uncertainty: float, taken: bool
) -> None:
    """The other one is 2 with an uncertainty of 4: a fourth of that is needed."""
    central = limit(sign * 2.0, 4.0, 3.0, 1.0)
    one_sided = limit(sign * value, uncertainty, 0.5, 0.25)
    found = _clearer(central, one_sided)
    for name, part in vars(one_sided if taken else central).items():
        np.testing.assert_array_equal(getattr(found, name), part)


@pytest.mark.parametrize("side", [1, -1])
def test_a_far_more_certain_one_sided_limit_replaces_the_central_one(
    side: int, samples_of: Make
) -> None:
    """Beyond 2**-14 on one side, func has no value: the other side sees far more steps."""
    samples = samples_of(
        lambda t: np.where(side * t < -(2.0**-14), np.nan, np.exp(side * t)), noise=1e-9
    )
    found = estimate(samples)
    alone = estimate(
        samples_of(lambda t: np.where(side * t < 0, np.nan, np.exp(side * t)), noise=1e-9)
    )
    for name in ("value", "uncertainty", "rounding", "step"):
        assert getattr(found, name)[0] == pytest.approx(getattr(alone, name)[0], rel=1e-3)
    with varied(one_sided_gain=1e9):
        central = estimate(samples)
    assert central.uncertainty[0] > 4 * found.uncertainty[0]
    assert central.step[0] <= 2.0**-14


def test_a_side_that_is_flat_far_and_wide_does_not_overrule_the_other(
    samples_of: Make, powers_of_two: Make
) -> None:
    def curve(t: Floats) -> Floats:
        return 1 + np.exp(-((t + 1) ** 2) * 30) * 10  # a bell on the left: its tail has the slope

    slope = -60 * 10 * math.exp(-30)
    found = estimate(samples_of(curve, powers_of_two(17, -30), noise=1e-13))
    assert abs(found.value[0] - slope) <= 5 * found.uncertainty[0]


# The slope nearby


def test_a_constant_has_no_slope_at_x0_and_none_nearby(samples_of: Make) -> None:
    found = estimate(samples_of(lambda t: 5 + 0 * t))
    assert found.value[0] == 0.0
    assert found.nearby_slope[0] == 0.0
    assert found.uncertainty[0] < 1e-12


@pytest.mark.parametrize(("sides", "slope"), [("both", 1 / 8), ("right", 1 / 8), ("left", 1 / 8)])
def test_the_slope_nearby_is_the_largest_within_an_eighth_of_the_scale(
    sides: str, slope: float, samples_of: Make
) -> None:
    found = estimate(samples_of(lambda t: t**2, sides=sides))
    assert abs(found.value[0]) <= 5 * found.uncertainty[0]
    assert found.nearby_slope.tolist() == [slope]
    far = estimate(samples_of(lambda t: t**2, sides=sides, scale=4.0))
    assert far.nearby_slope.tolist() == [4 * slope]
    guess = estimate(samples_of(lambda t: t**2, sides=sides, scale_is_guess=True))
    assert guess.nearby_slope.tolist() == [slope / 8]
    with varied(near=16.0, narrowest_feature=128.0):
        half = estimate(samples_of(lambda t: -(t**2), sides=sides))
        assert half.nearby_slope.tolist() == [slope / 2]
        guess = estimate(samples_of(lambda t: t**2, sides=sides, scale_is_guess=True))
        assert guess.nearby_slope.tolist() == [slope / 16]


def test_the_slope_nearby_is_that_of_the_steeper_side(samples_of: Make) -> None:
    for side in (1, -1):
        found = estimate(samples_of(lambda t, side=side: np.where(side * t > 0, t**2, 3 * t**2)))
        assert found.nearby_slope.tolist() == [3 / 8]


@pytest.mark.parametrize(("sigma", "slope"), [(1 / 513, 1 / 8), (1 / 511, 0.0)])
def test_the_slope_nearby_must_stand_out_of_the_noise(
    sigma: float, slope: float, samples_of: Make
) -> None:
    """Over an eighth, func changes by 1/64; eight sigma are needed."""
    assert estimate(samples_of(lambda t: t**2, sigma=sigma)).nearby_slope.tolist() == [slope]


def test_a_step_without_a_value_has_no_slope(samples_of: Make) -> None:
    found = estimate(samples_of(lambda t: np.where(np.abs(t) == 1 / 8, np.inf, t**2)))
    assert found.nearby_slope.tolist() == [1 / 16]


# Directions and steps


def test_directions_do_not_disturb_each_other(samples_of: Make) -> None:
    curves = [CURVES[name][0] for name in ("exp", "rational")]
    curves += [
        np.abs,
        lambda t: 0 * t,
        lambda t: np.where(t > 0, np.nan, t),
        lambda t: 1.0 * (t > 0),
    ]
    parts = [samples_of(lambda t, c=curve: c(t) - c(np.zeros(1))) for curve in curves]
    together = estimate(side_by_side(parts))
    for column, part in enumerate(parts):
        assert_same(together.take([column]), estimate(part), rtol=1e-12)


def assert_same(one: Estimate, other: Estimate, factor: float = 1.0, rtol: float = 1e-13) -> None:
    """Both are the same, with all slopes of the second `factor` times as large; steps aside."""
    for name in ("value", "uncertainty", "rounding", "nearby_slope"):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name) * factor, rtol, 1e-300, err_msg=name
        )
    for name, part in vars(one.findings).items():
        if name == "seen":
            for kind in Kind:
                np.testing.assert_array_equal(part[kind], other.findings.seen[kind])
        elif part.dtype == bool:
            np.testing.assert_array_equal(part, getattr(other.findings, name), err_msg=name)
        else:
            theirs = getattr(other.findings, name) * factor
            np.testing.assert_allclose(part, theirs, rtol, 1e-300, err_msg=name)


def test_the_order_of_the_steps_does_not_matter(samples_of: Make) -> None:
    samples = samples_of(lambda t: np.exp(2 * t), noise=1e-9)
    order = np.random.default_rng(0).permutation(samples.forward.shape[0])
    shuffled = dataclasses.replace(
        samples, **{name: getattr(samples, name)[order] for name in BY_STEP}
    )
    assert_same(estimate(samples), estimate(shuffled), rtol=1e-12)


@pytest.mark.parametrize("turn", [1, 4, 7])
def test_the_order_of_the_detectors_does_not_matter(
    turn: int, samples_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves: list[Any] = [
        np.abs,
        lambda t: np.sqrt(np.abs(t)),
        lambda t: 1.0 * (t > 0),
        lambda t: np.round(2.0**20 * t) * 2.0**-20,
        lambda t: np.where(np.abs(t) < 2.0**-20, 2 * t, t),
    ]
    samples = side_by_side([samples_of(curve, noise=1e-12) for curve in curves])
    before = estimate(samples)
    assert any(np.any(seen) for seen in before.findings.seen.values())
    monkeypatch.setattr(estimates, "DETECTORS", (*DETECTORS[turn:], *DETECTORS[:turn])[::-1])
    assert_same(before, estimate(samples), rtol=0)


def test_unequal_steps_are_no_source_of_error(samples_of: Make, powers_of_two: Make) -> None:
    steps = powers_of_two(finest=-30)
    found = estimate(samples_of(np.exp, steps, backward=0.8 * steps))
    assert abs(found.value[0] - 1) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] < 1e-7


@pytest.mark.parametrize("power", [-300, 300])
@pytest.mark.parametrize("what", ["values", "steps"])
def test_powers_of_two_scale_the_estimate_exactly(power: int, what: str, samples_of: Make) -> None:
    curves = [CURVES[name][0] for name in ("fast sine", "rational")]
    curves += [np.abs, lambda t: t**2, lambda t: 1.0 * (t > 0), lambda t: 0 * t]
    curves += [lambda t: np.floor(t * 2**24) / 2**24, lambda t: np.where(t > 1e-3, np.nan, t)]
    curves += [lambda t: np.sqrt(np.abs(t))]
    parts = [samples_of(lambda t, c=c: 1 + c(t) - c(np.zeros(1))) for c in curves]
    parts += [samples_of(lambda t, c=c: 1 + c(t) - c(np.zeros(1)), noise=1e-10) for c in curves]
    samples = dataclasses.replace(side_by_side(parts), value=1.0)
    names = {
        "values": ("value", "forward_values", "backward_values", "sigma"),
        "steps": ("forward", "backward", "scale", "smoothness_length"),
    }[what]
    factor = 2.0**power
    changed = {name: getattr(samples, name) * factor for name in names}
    first, second = estimate(samples), estimate(dataclasses.replace(samples, **changed))
    assert_same(second, first, factor if what == "values" else 1 / factor)
    steps = first.step if what == "values" else first.step * factor
    np.testing.assert_array_equal(second.step, steps)


# The container


def test_every_detector_looks(samples_of: Make) -> None:
    assert len(DETECTORS) == len(set(DETECTORS)) == len(Kind) - 4  # four are found elsewhere
    found = estimate(samples_of(lambda t: np.sqrt(np.abs(t))))
    assert found.findings.seen[Kind.DIVERGING][0]


def test_an_estimate_of_values_knows_no_more_than_these() -> None:
    value = np.array([1.0, math.nan, math.inf])
    found = Estimate.of_values(value, np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.1, 0.2]))
    assert found.value is value
    assert found.uncertainty.tolist() == [0.1, 0.2, 0.3]
    assert found.rounding.tolist() == [0.0, 0.1, 0.2]
    assert np.all(np.isnan(found.step))
    assert found.nearby_slope.tolist() == [0.0, 0.0, 0.0]
    edge = [False, True, True]
    assert found.findings.blocks_correct.tolist() == edge
    assert found.findings.blocks_wrong.tolist() == edge
    for kind in Kind:
        assert found.findings.seen[kind].tolist() == (edge if kind is Kind.EDGE else [False] * 3)


def test_the_valid_derivatives_are_those_of_a_kink_or_else_the_value(
    estimate_with: Make,
) -> None:
    found = estimate_with([0.5, 7.0], kink=([0.0, math.nan], [1.0, math.nan]))
    assert found.has_kink.tolist() == [True, False]
    assert found.low.tolist() == [0.0, 7.0]
    assert found.high.tolist() == [1.0, 7.0]
    assert found.nearest_to(np.array([0.25, 8.0])).tolist() == [0.25, 7.0]
    assert found.nearest_to(np.array([-1.0, 6.0])).tolist() == [0.0, 7.0]
    assert found.nearest_to(np.array([2.0, math.nan])).tolist() == [1.0, 7.0]
    assert found.nearest_to(np.array([math.inf, -math.inf])).tolist() == [0.5, 7.0]


def test_take_and_put_concern_every_field(estimate_with: Make) -> None:
    found = estimate_with(
        [1.0, 2.0, 3.0], [0.1, 0.2, 0.3], step=[1, 2, 3], nearby_slope=[4, 5, 6], coarse=[7, 8, 9]
    )
    taken = found.take(np.array([2, 0]))
    assert taken.value.tolist() == [3.0, 1.0]
    assert taken.findings.coarse_estimates[0].tolist() == [9.0, 7.0]
    changed = found.put(np.array([1]), found.take(np.array([2])))
    assert changed.value.tolist() == [1.0, 3.0, 3.0]
    assert changed.uncertainty.tolist() == [0.1, 0.3, 0.3]
    assert changed.rounding.tolist() == [0.1, 0.3, 0.3]
    assert changed.step.tolist() == [1.0, 3.0, 3.0]
    assert changed.nearby_slope.tolist() == [4.0, 6.0, 6.0]
    assert changed.findings.coarse_estimates[0].tolist() == [7.0, 9.0, 9.0]
    assert found.value.tolist() == [1.0, 2.0, 3.0]
