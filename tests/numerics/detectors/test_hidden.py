"""Hidden features: what noise may hide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.hidden import detect_hidden
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.fit import Limit
from checkgrad.numerics.thresholds import varied
from checkgrad.precision import HALF

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
    assert slope(found(**seen, epsilon=HALF)) == 3 * 2.0**-10
    assert slope(found(**seen, epsilon=HALF, scale=0.25)) == 12 * 2.0**-10
    assert slope(found(**seen, epsilon=HALF, smoothness_length=0.25)) == 12 * 2.0**-10
    assert slope(found(epsilon=HALF)) == 64 * 3 * 2.0**-10


def test_thresholds_of_hidden_features(found: Make) -> None:
    with varied(narrowest_feature=32.0):
        assert slope(found()) == 32 * 3 * 2.0**-10
    with varied(coverage=6.0):
        assert slope(found()) == 64 * 6 * 2.0**-10
    with varied(stands_out=4.0):
        assert slope(found(1.0, 0.2)) == 0.0
