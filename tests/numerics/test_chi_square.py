"""Quantiles of the chi-square distribution."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.numerics.chi_square import chi_square_probability, chi_square_quantile

# Tables of the distribution (Abramowitz and Stegun, table 26.8).
TABLE = [
    (0.05, 1, 0.00393),
    (0.05, 10, 3.94030),
    (0.95, 10, 18.3070),
    (0.5, 2, 1.38629),
    (0.05, 100, 77.9295),
    (0.005, 30, 13.7867),
]


@pytest.mark.parametrize(("probability", "degrees", "quantile"), TABLE)
def test_quantiles_are_those_of_the_tables(probability, degrees, quantile):
    assert chi_square_quantile(probability, degrees) == pytest.approx(quantile, rel=2e-3, abs=1e-5)


@pytest.mark.parametrize("degrees", [1, 2, 3, 10, 57, 1000])
@pytest.mark.parametrize("probability", [1e-6, 0.05, 0.5, 0.999])
def test_the_quantile_undoes_the_probability(probability, degrees):
    quantile = chi_square_quantile(probability, degrees)
    assert chi_square_probability(quantile, degrees) == pytest.approx(probability, rel=1e-9)


def test_sums_of_squares_lie_below_a_quantile_as_often_as_it_says():
    sums = np.sum(np.random.default_rng(0).standard_normal((20_000, 10)) ** 2, axis=1)
    assert np.mean(sums < chi_square_quantile(0.05, 10)) == pytest.approx(0.05, abs=0.005)


def test_nothing_lies_below_zero():
    assert chi_square_probability(0.0, 3) == 0.0
    assert chi_square_probability(-1.0, 3) == 0.0
