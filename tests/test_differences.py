"""The arithmetic of estimates, on values sampled from formulas: no function is called here."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkgrad.numerics.estimate import (
    Estimate,
    Floats,
    Samples,
    central_quotients,
    estimate,
    noise_along_line,
)

pytestmark = pytest.mark.numpy

EPSILON = 2.0**-52
Curve = Callable[[Floats], Floats]  # the change of func with the signed step


def ladder(finest: int = -46, coarsest: int = 0) -> Floats:
    return np.ldexp(1.0, np.arange(coarsest, finest - 1, -1))


def sampled(
    curve: Curve,
    steps: Floats | None = None,
    noise: float = 0.0,
    value: float = 0.0,
    seed: int = 0,
    sides: str = "both",
    probes: int = 1,
) -> Samples:
    """Probes at x0 = 1 of the same curve, each with white noise of its own in every value."""
    rng = np.random.default_rng(seed)
    steps = np.repeat((ladder() if steps is None else steps)[:, None], probes, axis=1)

    def at(signed: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return value + curve(signed) + noise * rng.normal(size=signed.shape)

    missing = np.full_like(steps, np.nan)
    return Samples(
        value=float(at(np.zeros(1))[0]),
        forward=steps if sides != "below" else missing,
        forward_values=at(steps) if sides != "below" else missing,
        backward=steps if sides != "above" else missing,
        backward_values=at(-steps) if sides != "above" else missing,
        noise=noise,
        precision=EPSILON,
        scale=np.ones(probes),
        smooth=np.ones(probes),
        vague=np.zeros(probes, dtype=bool),
    )


def side_by_side(parts: list[Samples]) -> Samples:
    """Several probes of one point; the first says what func(x0) is."""
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=-1)
        for name in (
            "forward",
            "forward_values",
            "backward",
            "backward_values",
            "scale",
            "smooth",
            "vague",
        )
    }
    noise = np.asarray([part.noise for part in parts], dtype=np.float64)
    return dataclasses.replace(parts[0], noise=noise, **columns)


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


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("sides", ["both", "above", "below"])
def test_the_derivative_of_a_smooth_function(name: str, sides: str) -> None:
    curve, slope = CURVES[name]
    found = estimate(sampled(curve, sides=sides))
    assert abs(found.value[0] - slope) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] <= (1e-8 if sides == "both" else 1e-6) * abs(slope)
    assert found.lower[0] == found.upper[0] == found.value[0]
    assert not found.jump[0]
    assert math.isnan(found.rival[0])


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("noise", [1e-14, 1e-11, 1e-8, 1e-5, 1e-3])
def test_the_error_of_an_estimate_is_within_five_uncertainties(name: str, noise: float) -> None:
    curve, slope = CURVES[name]
    for seed in range(5):  # each with its own error in func(x0), which all probes share
        found = estimate(sampled(curve, noise=noise, seed=seed, probes=60))
        errors = np.abs(np.clip(slope, found.lower, found.upper) - slope) / found.uncertainty
        worst = int(np.argmax(errors))
        assert errors[worst] <= 5, f"seed {seed}, probe {worst}: {errors[worst]:.1f} uncertainties"


@pytest.mark.parametrize("noise", [1e-12, 1e-9, 1e-6])
def test_noise_makes_no_kink_no_jump_and_no_staircase(noise: float) -> None:
    for name, (curve, _) in CURVES.items():
        for seed in range(3):
            found = estimate(sampled(curve, noise=noise, seed=seed, probes=50))
            assert np.all(found.lower == found.upper), f"a kink in {name}, seed {seed}"
            assert not np.any(found.jump), f"a jump in {name}, seed {seed}"
            assert np.all(np.isnan(found.rival)), f"a staircase in {name}, seed {seed}"


weights = st.integers(-16, 16).map(lambda k: k / 8)


@given(
    polynomial=st.lists(weights, min_size=1, max_size=6),
    waves=st.lists(st.tuples(weights, st.integers(1, 20), weights), max_size=3),
    growth=st.tuples(weights, weights),
    noise=st.sampled_from([0.0, 1e-14, 1e-11, 1e-8, 1e-5]),
    value=st.sampled_from([0.0, 1.0, -100.0]),
    seed=st.integers(0, 10**6),
)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_the_uncertainty_covers_the_error_over_random_smooth_functions(
    polynomial: list[float],
    waves: list[Any],
    growth: tuple[float, float],
    noise: float,
    value: float,
    seed: int,
) -> None:
    def curve(t: Floats) -> Floats:
        total = np.polynomial.polynomial.polyval(t, [0.0, *polynomial])
        for height, speed, phase in waves:
            total = total + height * np.sin(speed * t + phase)
        return np.asarray(total + growth[0] * np.exp(growth[1] * t))

    slope = polynomial[0] + growth[0] * growth[1]
    slope += sum(height * speed * math.cos(phase) for height, speed, phase in waves)
    found = estimate(sampled(curve, noise=noise, value=value, seed=seed))
    nearest = float(np.clip(slope, found.lower[0], found.upper[0]))
    assert abs(nearest - slope) <= 5 * found.uncertainty[0] + 1e-15 * abs(slope)


# What is not smooth


@pytest.mark.parametrize(("below", "above"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 3.0), (1.0, -5.0)])
@pytest.mark.parametrize("noise", [0.0, 1e-12])
def test_a_kink_has_a_range_of_derivatives(below: float, above: float, noise: float) -> None:
    bend = lambda t: np.where(t < 0, below * t, above * t) + 0.1 * t**2  # noqa: E731
    found = estimate(sampled(bend, noise=noise))
    assert found.lower[0] == pytest.approx(min(below, above), abs=1e-6)
    assert found.upper[0] == pytest.approx(max(below, above), abs=1e-6)
    assert found.lower[0] <= found.value[0] <= found.upper[0]


@pytest.mark.parametrize("height", [1.0, -1e-3, 1e-6])
@pytest.mark.parametrize("side", ["above", "below"])
def test_a_jump_is_seen(height: float, side: str) -> None:
    def curve(t: Floats) -> Floats:
        return t + height * (t > 0 if side == "above" else t < 0)

    assert estimate(sampled(curve)).jump[0]


def test_a_steep_slope_is_no_jump() -> None:
    assert not estimate(sampled(lambda t: 1e6 * t)).jump[0]
    assert not estimate(sampled(lambda t: np.sqrt(np.abs(t)))).jump[0]


def test_a_jump_elsewhere_does_not_mislead() -> None:
    for place in (0.3, 1e-2, 1e-4):
        found = estimate(sampled(lambda t, place=place: 2 * t + (t > place)))
        assert abs(found.value[0] - 2) <= 5 * found.uncertainty[0]
        assert found.uncertainty[0] < 1e-6
        assert not found.jump[0]


@pytest.mark.parametrize("place", [0.4, 1e-2, 1e-5])
def test_a_kink_elsewhere_does_not_mislead(place: float) -> None:
    found = estimate(sampled(lambda t: t + 5 * np.maximum(t - place, 0)))
    assert abs(found.value[0] - 1) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] < 1e-6


def test_a_narrow_feature_is_not_stepped_over() -> None:
    for width in (1e-2, 1e-4, 1e-6):
        found = estimate(sampled(lambda t, width=width: np.sin(t) + 3 * width * np.tanh(t / width)))
        assert abs(found.value[0] - 4) <= 5 * found.uncertainty[0]
        assert found.uncertainty[0] < 0.1


@pytest.mark.parametrize("tread", [2.0**-24, 2.0**-30])
@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.9])
def test_a_staircase_has_the_slope_of_its_treads_ends_and_a_rival(
    tread: float, phase: float
) -> None:
    def curve(t: Floats) -> Floats:
        stair = tread * np.floor(t / tread + phase)
        return np.asarray(3 * stair + stair**2)

    found = estimate(sampled(curve))
    assert abs(found.value[0] - 3) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] < 0.05
    assert found.rival[0] == 0.0


def test_the_rounding_of_a_large_value_is_no_staircase() -> None:
    unit = 2.0**-16  # of 184 in float32; what a noisy sum there was seen to change by, below 4e-6
    seen = {"forward_values": [0, 0, 0, 1, 1, 1, 3], "backward_values": [0, 0, -1, 0, 0, 0, -2]}
    steps = ladder(finest=-24)
    samples = sampled(lambda t: np.round(11.34 * t / unit) * unit, steps, value=184.0)
    for side, units in seen.items():
        values = getattr(samples, side).copy()
        values[: -len(units) - 1 : -1, 0] = 184.0 + unit * np.asarray(units)
        samples = dataclasses.replace(samples, **{side: values})
    samples = dataclasses.replace(
        samples, noise=7e-6, precision=2.0**-23, scale=np.asarray([2.0**-9])
    )
    found = estimate(samples)
    assert abs(found.value[0] - 11.34) <= found.uncertainty[0]
    assert math.isnan(found.rival[0])


def test_one_wide_tread_is_a_constant() -> None:
    found = estimate(sampled(lambda t: np.floor(t + 0.4)))
    assert found.value[0] == 0.0
    assert not found.jump[0]
    assert not found.rival[0] > 0


@pytest.mark.parametrize("edge", [0.5, 1e-2, 1e-4])
def test_an_edge_of_the_domain_shortens_the_ladder(edge: float) -> None:
    def curve(t: Floats) -> Floats:
        return np.where(t < -edge, np.nan, np.exp(t))

    found = estimate(sampled(curve))
    assert abs(found.value[0] - 1) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] < 1e-5


@pytest.mark.parametrize("holes", [[0], [0, 1, 2], [5], [10, 11, 12], [40], list(range(0, 40, 2))])
@pytest.mark.parametrize("side", ["forward_values", "backward_values"])
def test_rungs_without_a_value_are_left_out(holes: list[int], side: str) -> None:
    samples = sampled(lambda t: np.exp(2 * t))
    values = getattr(samples, side).copy()
    values[holes] = np.nan
    found = estimate(dataclasses.replace(samples, **{side: values}))
    assert abs(found.value[0] - 2) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] < 1e-6


def test_without_any_value_there_is_no_estimate() -> None:
    found = estimate(sampled(lambda t: np.where(t == 0, 0.0, np.nan)))
    assert math.isnan(found.value[0])
    assert found.uncertainty[0] == math.inf
    assert not found.jump[0]


def test_a_single_rung_has_a_value_of_unknown_uncertainty() -> None:
    found = estimate(sampled(np.exp, steps=np.asarray([1e-3])))
    assert found.value[0] == pytest.approx(1, rel=1e-5)
    assert found.uncertainty[0] == math.inf
    assert found.rounding[0] < 1e-10


def test_a_constant_has_the_derivative_zero() -> None:
    found = estimate(sampled(lambda t: 0 * t, value=5.0))
    assert found.value[0] == 0.0
    assert found.slope[0] == 0.0
    assert found.uncertainty[0] < 1e-12


def test_a_stationary_point_shows_how_fast_func_moves_nearby() -> None:
    found = estimate(sampled(lambda t: t**2, value=3.0))
    assert abs(found.value[0]) <= 5 * found.uncertainty[0]
    assert 0.01 < found.slope[0] < 1.0


def test_probes_do_not_disturb_each_other() -> None:
    curves = [curve for curve, _ in CURVES.values()]
    curves += [
        np.abs,
        lambda t: 0 * t,
        lambda t: np.where(t > 0, np.nan, t),
        lambda t: 1.0 * (t > 0),
    ]
    parts = [sampled(lambda t, c=curve: c(t) - c(np.zeros(1))) for curve in curves]
    together = estimate(side_by_side(parts))
    for column, part in enumerate(parts):
        alone = estimate(part)
        for field in dataclasses.fields(Estimate):
            one, all_of_them = (getattr(found, field.name) for found in (alone, together))
            np.testing.assert_allclose(
                all_of_them[column], one[0], rtol=1e-12, atol=1e-300, err_msg=field.name
            )


def test_the_order_of_the_rungs_does_not_matter() -> None:
    samples = sampled(lambda t: np.exp(2 * t), noise=1e-9)
    order = np.random.default_rng(0).permutation(samples.forward.shape[0])
    shuffled = dataclasses.replace(
        samples,
        **{
            name: getattr(samples, name)[order]
            for name in ("forward", "forward_values", "backward", "backward_values")
        },
    )
    first, second = estimate(samples), estimate(shuffled)
    assert first.value[0] == pytest.approx(second.value[0], rel=1e-14)
    assert first.uncertainty[0] == pytest.approx(second.uncertainty[0], rel=1e-12)


def test_unequal_steps_are_no_source_of_error() -> None:
    steps = ladder(-30)[:, None]
    forward, backward = steps * 1.0, steps * 0.8
    samples = Samples(
        1.0, forward, np.exp(forward), backward, np.exp(-backward), 0.0, EPSILON,
        np.ones(1), np.ones(1), np.zeros(1, dtype=bool),
    )  # fmt: skip
    quotients, _ = central_quotients(samples)
    assert abs(quotients[12, 0] - 1) < 1e-6  # second order: the step squared, not the step
    found = estimate(samples)
    assert abs(found.value[0] - 1) <= 5 * found.uncertainty[0]
    assert found.uncertainty[0] < 1e-7


@pytest.mark.parametrize("power", [-300, -40, 1, 40, 300])
@pytest.mark.parametrize("what", ["func", "x"])
def test_powers_of_two_scale_the_estimate_exactly(power: int, what: str) -> None:
    curves = [curve for curve, _ in CURVES.values()]
    curves += [np.abs, lambda t: t**2, lambda t: 1.0 * (t > 0), lambda t: 0 * t]
    curves += [lambda t: np.floor(t * 2**24) / 2**24, lambda t: np.where(t > 1e-3, np.nan, t)]
    for curve in curves:
        for noise in (0.0, 1e-10):
            samples = sampled(curve, noise=noise, value=1.0)
            factor = 2.0**power
            names = (
                ["value", "forward_values", "backward_values", "noise"]
                if what == "func"
                else ["forward", "backward", "scale", "smooth"]
            )
            changed = {name: getattr(samples, name) * factor for name in names}
            first, second = estimate(samples), estimate(dataclasses.replace(samples, **changed))
            slope = factor if what == "func" else 1 / factor
            for name in ("value", "uncertainty", "rounding", "slope", "hidden", "lower", "upper"):
                np.testing.assert_allclose(
                    getattr(second, name), getattr(first, name) * slope, rtol=1e-13, err_msg=name
                )
            assert second.jump[0] == first.jump[0]
            np.testing.assert_array_equal(second.rival, first.rival * slope)


# The noise


@pytest.mark.parametrize("noise", [1e-14, 1e-9, 1e-3, 1e6])
def test_the_noise_of_white_noise_on_a_smooth_line_is_recovered(noise: float) -> None:
    rng = np.random.default_rng(0)
    line = 7 * noise * np.arange(7) + noise * np.arange(7) ** 2
    found = [noise_along_line(line + noise * rng.normal(size=7)) for _ in range(400)]
    assert 0.8 * noise < np.sqrt(np.mean(np.square(found))) < 1.2 * noise
    # A single measurement, of a few points, is right to an order of magnitude.
    assert np.quantile(found, 0.02) > 0.1 * noise
    assert np.quantile(found, 0.98) < 3 * noise


def test_the_noise_of_a_smooth_line_is_none() -> None:
    assert noise_along_line(np.arange(7.0) ** 2) == 0.0
    assert noise_along_line(np.full(7, 3.5)) == 0.0


@pytest.mark.parametrize("power", [-1000, -300, 300, 900])
def test_powers_of_two_scale_the_noise_exactly(power: int) -> None:
    values = np.random.default_rng(1).normal(size=7)
    assert noise_along_line(np.ldexp(values, power)) == math.ldexp(noise_along_line(values), power)


def test_values_that_are_not_finite_are_left_out_of_the_noise() -> None:
    values = np.random.default_rng(1).normal(size=12)
    values[11] = math.inf
    assert math.isfinite(noise_along_line(values))
    assert noise_along_line(np.full(7, math.nan)) == 0.0
    assert noise_along_line(np.ones(2)) == 0.0


@pytest.mark.parametrize("sides", ["both", "above", "below"])
def test_a_slope_that_grows_towards_x0_is_steep(sides: str) -> None:
    for curve in (lambda t: np.abs(t) ** 0.5, lambda t: np.abs(t) ** 0.5 + 2 * t):
        assert estimate(sampled(curve, sides=sides)).steep[0]
    for curve, _ in CURVES.values():
        assert not estimate(sampled(curve, sides=sides)).steep[0]
    assert not estimate(sampled(np.abs, sides=sides)).steep[0]


def test_a_change_no_larger_than_the_noise_is_faint() -> None:
    unit = EPSILON * 1.0
    assert estimate(sampled(lambda t: unit * (np.abs(t) > 0.3), value=1.0)).faint[0]
    assert not estimate(sampled(lambda t: 0 * t, value=1.0)).faint[0]
    assert not estimate(sampled(np.floor, value=1.0)).faint[0]


def test_a_bend_between_samples_far_from_x0_is_no_kink() -> None:
    steps = np.asarray([32.0, 8.0])
    found = estimate(sampled(lambda t: np.sqrt(1 + t**2), steps=steps, noise=1e-3))
    assert found.lower[0] == found.upper[0]


def test_a_side_that_is_flat_far_and_wide_does_not_overrule_the_other() -> None:
    def curve(t: Floats) -> Floats:
        return np.exp(-((t + 1) ** 2) * 30) * 10  # a bell on the left, whose tail has the slope

    slope = -60 * 10 * math.exp(-30)
    steps = ladder(-30, coarsest=17)
    found = estimate(sampled(curve, steps=steps, noise=1e-13, value=1.0))
    assert abs(found.value[0] - slope) <= 5 * found.uncertainty[0]


def test_few_digits_hide_what_many_show() -> None:
    many = sampled(lambda t: 0.01 * t, value=1.0, noise=1e-3, steps=ladder(-20))
    few = dataclasses.replace(many, precision=2.0**-7)
    assert estimate(few).hidden[0] > 0
    guessed = dataclasses.replace(few, vague=np.ones(1, dtype=bool))
    unseen = sampled(lambda t: 0 * t, value=1.0, noise=1e-3, steps=ladder(-20))
    unseen = dataclasses.replace(unseen, precision=2.0**-7, vague=np.ones(1, dtype=bool))
    assert estimate(unseen).hidden[0] == math.inf
    assert estimate(guessed).hidden[0] < math.inf or estimate(guessed).value[0] < 1
