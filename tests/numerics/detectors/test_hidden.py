"""Hidden features: what noise may hide, with many digits and with few."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.hidden import detect_below_noise, detect_hidden
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.limit import Limit
from checkgrad.numerics.quotients import Quotients
from checkgrad.numerics.thresholds import varied
from checkgrad.precision import BRAIN, HALF

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]


def limit(value: float, uncertainty: float) -> Limit:
    return Limit.of(*(np.array([part]) for part in (value, uncertainty, uncertainty, 1.0)))


@pytest.fixture(scope="module")
def found(samples_of: Make, evidence_of: Make) -> Callable[..., Finding]:
    """The finding for a constant of noise 1/1024, unless `options` say otherwise."""

    def make(
        value: float = 0.0,
        uncertainty: float = 1.0,
        has_kink: bool = False,
        shown: Any = None,
        **options: Any,
    ) -> Finding:
        samples = samples_of(lambda t: 0 * t, [1.0, 0.5], **({"sigma": 2.0**-10} | options))
        evidence = evidence_of(
            samples, best=limit(value, uncertainty), has_kink=np.array([has_kink])
        )
        if shown is not None:
            sigma = np.asarray(shown, float)[:, None]
            noisy = Quotients(np.ones_like(sigma), np.ones_like(sigma), sigma, np.zeros(1))
            evidence = dataclasses.replace(evidence, central_noisy=noisy)
        return detect_hidden(evidence)

    return make


def slope(finding: Finding) -> float:
    assert finding.kind is Kind.HIDDEN
    assert bool(finding.seen[0]) == (finding.undetectable_slope[0] > 0)
    assert not np.any(finding.blocks_correct | finding.blocks_wrong)
    return float(finding.undetectable_slope[0])


# Many digits


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


def test_along_a_small_coordinate_a_feature_may_be_as_narrow_as_that(found: Make) -> None:
    """A sixteenth of the smoothness length is small."""
    unit = 2.0**-10
    seen = {"value": 1.0, "uncertainty": 1e-9}
    assert slope(found(**seen, scale=1 / 16)) == 3 * unit * 16
    assert slope(found(**seen, scale=1 / 15)) == 0.0
    assert slope(found(**seen, scale=1.0, smoothness_length=16.0)) == 3 * unit
    assert slope(found(**seen, scale=1 / 16, scale_is_guess=True)) == 0.0
    # Where the estimate does not stand out, the larger of both counts.
    assert slope(found(scale=1 / 64)) == 64 * 3 * unit
    assert slope(found(scale=1 / 128)) == 3 * unit * 128


# Few digits


def test_few_digits_hide_over_the_shorter_length(found: Make) -> None:
    seen: dict[str, Any] = {"value": 1.0, "uncertainty": 1e-9, "epsilon": BRAIN}
    assert slope(found(**seen)) == 3 * 2.0**-10
    assert slope(found(**seen, scale=0.25)) == 12 * 2.0**-10
    assert slope(found(**seen, smoothness_length=0.25)) == 12 * 2.0**-10
    assert slope(found(**seen, scale=4.0)) == 3 * 2.0**-10


def test_an_estimate_that_does_not_stand_out_hides_more_in_float16(found: Make) -> None:
    assert slope(found(epsilon=BRAIN)) == 3 * 2.0**-10
    assert slope(found(epsilon=HALF)) == 8 * 3 * 2.0**-10
    assert slope(found(epsilon=2 * BRAIN)) == 3 * 2.0**-10
    assert slope(found(1.0, 0.124, epsilon=HALF)) == 3 * 2.0**-10
    assert slope(found(1.0, 0.125, epsilon=HALF)) == 8 * 3 * 2.0**-10


def test_from_half_precision_on_digits_are_few(found: Make) -> None:
    assert slope(found(epsilon=HALF / 2)) == 64 * 3 * 2.0**-10


def test_the_noise_that_the_quotients_show_counts(found: Make) -> None:
    seen: dict[str, Any] = {"value": 1.0, "uncertainty": 1e-9, "epsilon": HALF}
    assert slope(found(**seen, shown=[0.5, 0.25, math.nan])) == 0.75
    assert slope(found(**seen, shown=[0.0, 0.0])) == 3 * 2.0**-10
    assert slope(found(**seen, shown=[math.nan, math.nan])) == 3 * 2.0**-10


def test_where_the_scale_is_a_guess_anything_may_hide(found: Make) -> None:
    guess: dict[str, Any] = {"epsilon": HALF, "scale_is_guess": True}
    assert slope(found(**guess)) == math.inf
    assert slope(found(1.0, 0.124, **guess)) == 3 * 2.0**-10
    assert slope(found(**guess, has_kink=True)) == 8 * 3 * 2.0**-10


def test_thresholds_of_hidden_features(found: Make) -> None:
    with varied(narrowest_feature=32.0):
        assert slope(found()) == 32 * 3 * 2.0**-10
    with varied(coverage=6.0):
        assert slope(found()) == 64 * 6 * 2.0**-10
        assert slope(found(1.0, 1e-9, epsilon=HALF)) == 6 * 2.0**-10
    with varied(small_coordinate=8.0):
        assert slope(found(1.0, 1e-9, scale=1 / 8)) > 0
    with varied(coverage=4.0):
        assert slope(found(1.0, 1e-9, scale=1 / 16)) == 4 * 16 * 2.0**-10
    with varied(stands_out=4.0):
        assert slope(found(1.0, 0.2)) == 0.0


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
