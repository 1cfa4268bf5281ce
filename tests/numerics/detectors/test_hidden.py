"""Hidden features: what noise may hide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.hidden import detect_below_noise, detect_hidden
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.fit import Limit
from checkgrad.numerics.thresholds import varied
from checkgrad.precision import DOUBLE, HALF, SINGLE

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]


def limit(value: float, uncertainty: float) -> Limit:
    return Limit(*(np.array([part]) for part in (value, uncertainty, uncertainty, 1.0)))


@pytest.fixture(scope="module")
def found(samples_of: Make, evidence_of: Make) -> Callable[..., Finding]:
    """The finding for a constant of noise 1/1024, unless `options` say otherwise."""

    def make(value: float = 0.0, uncertainty: float = 1.0, **options: Any) -> Finding:
        samples = samples_of(lambda t: 0 * t, [1.0, 0.5], **({"sigma": 2.0**-10} | options))
        return detect_hidden(evidence_of(samples, best=limit(value, uncertainty)))

    return make


def slope(finding: Finding) -> float:
    assert finding.kind is Kind.HIDDEN
    assert bool(finding.seen[0]) == (finding.undetectable_slope[0] > 0)
    assert not np.any(finding.blocks_correct | finding.blocks_wrong)
    return float(finding.undetectable_slope[0])


def test_a_feature_a_64th_as_wide_as_the_smoothness_length_may_hide(found: Make) -> None:
    assert slope(found()) == 64 * 3 * 2.0**-10
    assert slope(found(smoothness_length=8.0)) == 8 * 3 * 2.0**-10
    assert slope(found(sigma=2.0**-12)) == 16 * 3 * 2.0**-10


def test_without_noise_nothing_is_hidden(found: Make) -> None:
    assert slope(found(sigma=0.0)) == 0.0


def test_an_estimate_that_stands_out_hides_nothing(found: Make) -> None:
    """It must exceed eight uncertainties, and show eight sigma over the smoothness length."""
    for sign in (1.0, -1.0):
        assert slope(found(sign * 1.0, 0.124)) == 0.0
        assert slope(found(sign * 1.0, 0.125)) > 0.0
        assert slope(found(sign * 1.01 * 2.0**-7, 1e-9)) == 0.0
        assert slope(found(sign * 2.0**-7, 1e-9)) > 0.0
        assert slope(found(sign * 2.0**-8, 1e-9, smoothness_length=2.1)) == 0.0
        assert slope(found(sign * 2.0**-8, 1e-9, smoothness_length=1.9)) > 0.0


def test_in_few_digits_a_feature_as_wide_as_x0_may_always_hide(found: Make) -> None:
    seen: dict[str, Any] = {"value": 1.0, "uncertainty": 1e-9}
    assert slope(found(**seen, epsilon=HALF / 2)) == 0.0
    assert slope(found(**seen, epsilon=HALF)) == 6 * 2.0**-10
    assert slope(found(**seen, epsilon=HALF, scale=0.25)) == 24 * 2.0**-10
    assert slope(found(**seen, epsilon=HALF, smoothness_length=0.25)) == 24 * 2.0**-10
    assert slope(found(epsilon=HALF)) == 64 * 3 * 2.0**-10


def test_thresholds_of_hidden_features(found: Make) -> None:
    with varied(narrowest_feature=32.0):
        assert slope(found()) == 32 * 3 * 2.0**-10
    with varied(coverage=6.0):
        assert slope(found()) == 64 * 6 * 2.0**-10
    with varied(stands_out=4.0):
        assert slope(found(1.0, 0.2)) == 0.0


def test_in_few_digits_anything_may_hide_along_a_coordinate_of_unknown_scale(found: Make) -> None:
    assert slope(found(epsilon=HALF, scale_is_guess=True)) == np.inf
    assert slope(found(value=1.0, uncertainty=1e-9, epsilon=HALF, scale_is_guess=True)) < 1
    assert slope(found(epsilon=SINGLE, scale_is_guess=True)) < 1


# Plateaus


def rounded(quantum: float, offset: float = 1.0, slope: float = 1.0) -> Callable[[Any], Any]:
    return lambda t: offset + quantum * np.round(slope * t / quantum)


@pytest.mark.parametrize(
    ("quantum", "epsilon", "hides"),
    [
        (2.0**-22, SINGLE, True),  # two units in the last place
        (2.0**-7, SINGLE, True),  # what terms may leave by cancelling
        (2.0**-4, SINGLE, False),  # too large: func is meant to change in steps
        (2.0**-14, DOUBLE, True),
        (2.0**-11, DOUBLE, False),
        (2.0**-9, HALF, True),
        (2.0**-7, HALF, False),
    ],
)
def test_values_that_are_rounded_hide_the_slope_that_makes_up_one_step(
    quantum: float, epsilon: float, hides: bool, samples_of: Make, evidence_of: Make
) -> None:
    steps = quantum * np.exp2([3.0, 2.0, 1.0, 0.0, -2.0, -4.0])
    samples = samples_of(rounded(quantum), steps, sigma=0.0, epsilon=epsilon)
    hidden = detect_hidden(evidence_of(samples, best=limit(0.0, 1e-9))).undetectable_slope[0]
    assert (hidden >= 1.0) == hides  # the slope is 1; without a plateau, rounding hides less
    assert hidden <= 4.0
    seen = detect_hidden(evidence_of(samples, best=limit(1.0, 1e-9))).undetectable_slope[0]
    assert seen < 0.1


@pytest.mark.parametrize(("quantum", "hides"), [(2.0**-14, True), (2.0**-4, False)])
@pytest.mark.parametrize("shift", [0.0, 0.499])  # which moves the first step of one side nearer
def test_the_rounding_along_one_direction_shows_what_hides_along_another(
    quantum: float, hides: bool, shift: float, samples_of: Make, evidence_of: Make
) -> None:
    steps = quantum * np.exp2([3.0, 2.0, 1.0, 0.0, -2.0, -4.0])
    slopes = np.asarray([1.0, 2.0**-10])

    def function(t: Any) -> Any:  # at all steps along both directions, or at x0
        along = t * (slopes if t.ndim > 1 else 1.0)
        return 1 + quantum * np.round(along / quantum + shift * (slopes < 1 if t.ndim > 1 else 0))

    samples = samples_of(function, steps, sigma=0.0, epsilon=DOUBLE, directions=2)
    best = Limit(*(np.full(2, part) for part in (0.0, 1e-9, 1e-9, 1.0)))
    hidden = detect_hidden(evidence_of(samples, best=best)).undetectable_slope
    assert (hidden[0] >= slopes[0]) == hides
    assert (hidden[1] >= slopes[1]) == hides


def test_a_hinge_on_one_side_hides_nothing(samples_of: Make, evidence_of: Make) -> None:
    hinge = lambda t: 1 + 1e-6 * np.maximum(t - 0.25, 0)  # noqa: E731
    samples = samples_of(hinge, [4.0, 1.0, 0.5, 0.25, 0.1], sigma=0.0, epsilon=SINGLE)
    finding = detect_hidden(evidence_of(samples, best=limit(0.0, 1e-9)))
    rounding = 64 * 3 * 0.3 * SINGLE
    assert finding.undetectable_slope[0] < 1.01 * rounding


# Below the noise


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("height", [1.0, -1.0])
@pytest.mark.parametrize(("sigma", "below"), [(0.124, False), (0.125, True)])
def test_a_change_of_eight_sigma_is_below_the_noise(
    side: int, height: float, sigma: float, below: bool, samples_of: Make, evidence_of: Make
) -> None:
    samples = samples_of(lambda t: 1e-6 + height * (side * t > 0.3), [1.0, 0.5], sigma=sigma)
    finding = detect_below_noise(evidence_of(samples))
    assert finding.kind is Kind.BELOW_NOISE
    assert bool(finding.seen[0]) == below
    assert not np.any(finding.blocks_correct | finding.blocks_wrong)


def test_what_does_not_change_is_not_below_the_noise(samples_of: Make, evidence_of: Make) -> None:
    assert not detect_below_noise(evidence_of(samples_of(lambda t: 0 * t, sigma=1.0))).seen[0]
    missing = samples_of(lambda t: np.where(t > 0.3, np.inf, 0.0), sigma=1.0)
    assert not detect_below_noise(evidence_of(missing)).seen[0]
    missing = samples_of(lambda t: np.where(t > 0.3, np.nan, 0.1 * (t > 0.2)), sigma=1.0)
    assert detect_below_noise(evidence_of(missing)).seen[0]
