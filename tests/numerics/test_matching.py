"""How likely a match by chance is."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.numerics.matching import chance_of_match, residuals_needed


@pytest.mark.parametrize(("count", "least"), [(3, 0.9), (5, 0.7), (10, 0.5)])
def test_chance_is_how_often_independent_numbers_fit_as_well(count, least):
    rng = np.random.default_rng(count)
    vectors = rng.standard_normal((200_000, count))
    cosines = vectors[:, 0] ** 2 / np.sum(vectors**2, axis=1)
    seen = np.mean(cosines >= least)
    bound = chance_of_match(least, count, 1)
    assert seen <= bound * 1.1
    assert bound <= 2 * seen


def test_it_grows_with_the_number_of_candidates_and_falls_with_that_of_residuals():
    assert chance_of_match(0.99, 6, 1000) == pytest.approx(10 * chance_of_match(0.99, 6, 100))
    assert chance_of_match(0.99, 7, 100) < chance_of_match(0.99, 6, 100)


@pytest.mark.parametrize(("cosine", "count"), [(1.0, 1), (0.0, 5), (-0.5, 5)])
def test_nothing_is_known_from_one_residual_or_of_what_does_not_fit(cosine, count):
    assert chance_of_match(cosine, count, 7) == 7


def test_more_noise_needs_more_residuals():
    needed = [residuals_needed(noise, 10**6, 0.01) for noise in (1e-6, 1e-3, 0.03, 0.1)]
    assert needed == sorted(needed)
    assert needed[0] < needed[-1] <= 10
    assert residuals_needed(0.9, 4, 0.01) == 6


def test_twelve_digits_of_a_fit_count_and_more_are_rounding():
    exact = chance_of_match(1.0, 3, 1)
    assert 0 < exact == chance_of_match(1 - 5e-13, 3, 1) < chance_of_match(1 - 1e-12, 3, 1)
