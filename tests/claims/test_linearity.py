"""Whether a claim is the sum of its terms, to within rounding errors."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.claims.linearity import is_sum_of, terms_of_sum
from checkgrad.evaluate.outputs import Outputs

DOUBLE, SINGLE = 2.0**-52, 2.0**-23


def test_terms_of_a_sum_are_the_weighted_claims_of_its_entries():
    outputs = Outputs(np.arange(2), np.asarray([[9.0, 9.0], [10.0, 100.0]]))
    claims = {0: np.asarray([1.0, 2.0, 3.0]), 1: np.asarray([4.0, 5.0, 6.0]), 2: np.zeros(3)}
    terms = terms_of_sum(claims, outputs, 3)
    assert terms.tolist() == [[10.0, 20.0, 30.0], [400.0, 500.0, 600.0]]
    assert terms_of_sum(claims, outputs, 2).tolist() == [[9.0, 18.0, 27.0], [36.0, 45.0, 54.0]]


def test_terms_of_some_entries_have_their_weights():
    outputs = Outputs(np.asarray([2, 0]), np.asarray([[1.0, 10.0, 100.0]]))
    claims = {0: np.asarray([1.0]), 1: np.asarray([1.0])}
    assert terms_of_sum(claims, outputs, 2).tolist() == [[100.0], [1.0]]


@pytest.mark.parametrize("known", [[], [0], [1]])
def test_terms_are_not_known_if_a_claim_is_missing(known):
    outputs = Outputs(np.arange(2), np.ones((1, 2)))
    assert terms_of_sum({k: np.ones(1) for k in known}, outputs, 2) is None


def test_claims_along_a_tangent_are_sums_over_all_terms():
    terms = np.asarray([1.0, 2.0, -4.0])
    assert is_sum_of(np.asarray([-1.0]), terms, 1e-5, DOUBLE)
    assert not is_sum_of(np.asarray([1.0]), terms, 1e-5, DOUBLE)
    assert not is_sum_of(np.asarray([-1.0, 1.0]), terms, 1e-5, DOUBLE)


def test_claims_along_axes_are_sums_over_outputs():
    terms = np.asarray([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    assert is_sum_of(np.asarray([11.0, 22.0, 33.0]), terms, 1e-5, DOUBLE)
    assert not is_sum_of(np.asarray([11.0, 22.0, 33.1]), terms, 1e-5, DOUBLE)
    assert is_sum_of(np.asarray([11.0]), np.asarray([[1.0], [10.0]]), 1e-5, DOUBLE)


@pytest.mark.parametrize(
    ("rtol", "epsilon", "slack"),
    [
        (1e-5, DOUBLE, 1e-5),
        (1e-14, DOUBLE, 1024 * DOUBLE),
        (1e-5, SINGLE, 1024 * SINGLE),
        (1e-3, SINGLE, 1e-3),
    ],
)
@pytest.mark.parametrize("sign", [-1, 1])
def test_slack_is_rtol_or_1024_epsilons_of_the_size_of_the_terms(rtol, epsilon, slack, sign):
    # The terms nearly cancel: 3 in size, 1 as a sum.
    terms = np.asarray([2.0, -1.0])
    assert is_sum_of(np.asarray([1 + sign * 0.99 * 3 * slack]), terms, rtol, epsilon)
    assert not is_sum_of(np.asarray([1 + sign * 1.01 * 3 * slack]), terms, rtol, epsilon)


def test_slack_is_at_the_scale_of_the_largest_direction():
    terms = np.asarray([[1.0, 100.0], [-1.0, 200.0]])
    assert is_sum_of(np.asarray([2.9e-3, 300.0]), terms, 1e-5, DOUBLE)
    assert not is_sum_of(np.asarray([3.1e-3, 300.0]), terms, 1e-5, DOUBLE)


def test_slack_is_free_of_the_scale_of_the_terms():
    terms = np.asarray([2.0, -1.0]) * 2.0**-300
    assert is_sum_of(np.asarray([1 + 2.9e-5]) * 2.0**-300, terms, 1e-5, DOUBLE)
    assert not is_sum_of(np.asarray([1 + 3.1e-5]) * 2.0**-300, terms, 1e-5, DOUBLE)


def test_zero_is_the_sum_of_zeros():
    assert is_sum_of(np.asarray([0.0]), np.zeros(3), 1e-5, DOUBLE)
    assert not is_sum_of(np.asarray([1e-300]), np.zeros(3), 1e-5, DOUBLE)
    assert is_sum_of(np.empty(0), np.empty((2, 0)), 1e-5, DOUBLE)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_is_a_sum_of_terms_that_are_not_finite(bad):
    assert not is_sum_of(np.asarray([1.0]), np.asarray([1.0, bad]), 1e-5, DOUBLE)
    assert not is_sum_of(np.asarray([bad]), np.asarray([1.0, 2.0]), 1e-5, DOUBLE)
