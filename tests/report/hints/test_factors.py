"""Claims that are a constant times the right derivative."""

from __future__ import annotations

import numpy as np
import pytest
from hint_cases import (
    FACTORS,
    ROUGH,
    D,
    W,
    array,
    assigned,
    explanations,
    hints_for,
    random_errors,
    scaled,
    texts,
    tree,
    vector,
    with_leaf,
)

from checkgrad.report.hints.factors import explain_factors, factor_text

pytestmark = pytest.mark.numpy

MANY = vector(40)


@pytest.mark.parametrize("slip", FACTORS)
def test_a_factor_is_explained(slip: str) -> None:
    claim, estimate, hint = FACTORS[slip]
    assert hint in texts(explain_factors, claim, estimate)


def test_the_size_of_the_leaf_is_told_from_its_lengths() -> None:
    estimate = {"a": array(2, 3, 4), "b": vector(7)}
    claim = {**estimate, "a": estimate["a"] / 24}
    assert hints_for(claim, estimate) == [
        (
            "claim is 1/24, one over the size of a, times the estimate everywhere in a: a sum "
            "taken for a mean?"
        )
    ]
    claim = {**estimate, "a": 3 * estimate["a"]}
    (hint,) = hints_for(claim, estimate)
    assert hint.startswith("claim is 3, the length of axis 1 of a, times")


def test_a_leaf_that_shares_no_factor_with_the_others_is_explained_alone() -> None:
    claim, estimate = with_leaf(W, 1.7 * tree()[W])
    claim = {**claim, "p['V']": random_errors(24, claim["p['V']"].ravel()).reshape(4, 6)}
    found = texts(explain_factors, claim, estimate)
    assert [text for text in found if "1.7 times the estimate everywhere in p['W']" in text]


# What counts as the factor


@pytest.mark.parametrize(("factor", "named"), [(2.0015, True), (2.003, False), (1.997, False)])
def test_a_named_factor_must_be_met_to_one_part_in_a_thousand(factor: float, named: bool) -> None:
    (text,) = texts(explain_factors, factor * D, D)
    assert text.startswith("claim is 2 times") is named


def test_factors_near_one_are_told_apart() -> None:
    claim = np.where(np.arange(40) < 22, 1.001, 1.00103) * MANY
    (found,) = explanations(explain_factors, claim, MANY)
    assert found.text.startswith("claim is 1.001 times the estimate at x[0:22]")


def test_factors_near_one_need_not_be_equal_to_the_last_digit() -> None:
    claim = np.where(np.arange(40) % 2, 1.001, 1.001012) * MANY
    (text,) = texts(explain_factors, claim, MANY)
    assert text.startswith("claim is 1.001 times the estimate at every coordinate")


@pytest.mark.parametrize(("error", "said"), [(8e-6, True), (1.5e-5, False)])
def test_the_factor_n_of_a_single_entry_must_be_exact(error: float, said: bool) -> None:
    assert bool(texts(explain_factors, scaled(3, 30 * (1 + error)), D)) is said


def test_a_usual_factor_of_a_single_entry_need_not_be_exact() -> None:
    for factor in (-1.0005, 2.001, 0.5003, -2.001, -0.5003):
        assert texts(explain_factors, scaled(3, factor), D)


def test_a_factor_is_read_from_entries_that_tell_it_only() -> None:
    uncertainty = np.where(np.arange(30) % 2, 1e-9, 0.1)
    claim = np.where(np.arange(30) % 2, 3.0, 5.0) * D
    (found, *_) = explanations(explain_factors, claim, D, uncertainty)
    assert found.text.startswith("claim is 3 times the estimate at x[1:30:2]")


@pytest.mark.parametrize(("relative_error", "read"), [(0.008, True), (0.018, False)])
def test_an_estimate_with_an_error_of_five_percent_is_too_rough(
    relative_error: float, read: bool
) -> None:
    """Four uncertainties count as the error: the margin."""
    assert bool(texts(explain_factors, 7.3 * D, D, relative_error)) is read


def test_the_factor_is_that_of_the_most_certain_entries() -> None:
    uncertainty = np.where(np.arange(30) < 10, 1e-9, 5e-3)
    (text,) = texts(explain_factors, 1.2345 * D, D, uncertainty)
    assert text.startswith(("claim is 1.234 times", "claim is 1.235 times"))


def test_a_claim_that_moves_less_than_the_estimate_is_uncertain_shows_no_factor() -> None:
    assert texts(explain_factors, 1.01 * D, D, 2 * ROUGH) == []


def test_an_entry_too_uncertain_to_show_the_factor_is_not_explained() -> None:
    """Its claim is 10 uncertainties off the estimate; the factor shows from 16.8 on."""
    uncertainty = np.where(np.arange(30) == 7, 1e-3, 1e-9)
    (found,) = explanations(explain_factors, 1.01 * D, D, uncertainty)
    assert found.text.startswith("claim is 1.01 times the estimate at every coordinate:")
    assert np.flatnonzero(~found.explains).tolist() == [7]


# How many entries it takes


@pytest.mark.parametrize(("flipped", "said"), [(3, False), (5, True)])
def test_a_quarter_of_the_errors_must_share_a_factor_with_a_name(flipped: int, said: bool) -> None:
    claim = scaled(slice(20, 20 + flipped), -1, random_errors(15 - flipped))
    assert bool(texts(explain_factors, claim, D)) is said


@pytest.mark.parametrize(("scaled_entries", "said"), [(6, False), (9, True)])
def test_half_of_the_errors_must_share_any_other_factor(scaled_entries: int, said: bool) -> None:
    where = slice(15, 15 + scaled_entries)
    claim = scaled(where, 5.5, random_errors(15 - scaled_entries))
    assert bool(texts(explain_factors, claim, D)) is said


def test_three_entries_share_a_factor_by_no_accident_and_two_may() -> None:
    assert texts(explain_factors, scaled([3, 7, 20], 5.5), D)
    assert not texts(explain_factors, scaled([3, 7], 5.5), D)


def test_two_entries_share_a_factor_with_a_name_only_if_no_other_is_wrong() -> None:
    assert texts(explain_factors, scaled([3, 7], -1), D)
    assert not texts(explain_factors, scaled([3, 7, 9], [-1, -1, 0.37]), D)


@pytest.mark.parametrize(("n_leaves", "said"), [(3, True), (4, False)])
def test_one_entry_in_each_of_many_leaves_is_an_accident(n_leaves: int, said: bool) -> None:
    estimate = {f"p[{i}]": vector(9, i + 1) for i in range(6)}
    factors = [-1.0, 0.37, 5.1, 1.93][:n_leaves]
    claim = {
        **estimate,
        **{f"p[{i}]": scaled(2, factor, estimate[f"p[{i}]"]) for i, factor in enumerate(factors)},
    }
    assert bool(texts(explain_factors, claim, estimate)) is said


def test_three_factors_are_looked_for() -> None:
    claim = np.repeat([-1.0, 2.0, 0.5, -2.0], 10) * MANY
    starts = [text[:12] for text in texts(explain_factors, claim, MANY)]
    assert len(starts) == 3


def test_zeros_and_numbers_that_are_not_finite_have_no_factor() -> None:
    claim = assigned([0, 1, 2], [0.0, np.nan, np.inf], -D)
    (found,) = explanations(explain_factors, claim, assigned(5, np.nan))
    assert np.flatnonzero(~found.explains).tolist() == [0, 1, 2, 5]


@pytest.mark.parametrize(
    ("slip", "cost"),
    [
        ("sign", 1.0),
        ("sign of a leaf", 1.1),
        ("sign of one entry", 1.3),
        ("twice", 1.5),
        ("a number", 5.0),
        ("a number in a leaf", 5.1),
    ],
)
def test_the_likelier_the_factor_and_the_simpler_the_place_the_cheaper(
    slip: str, cost: float
) -> None:
    (found, *_) = explanations(explain_factors, *FACTORS[slip][:2])
    assert found.cost == pytest.approx(cost)


# How it is written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (3.00001, "3"),
        (3.0001, "3"),
        (1 / 7, "1/7"),
        (999.0, "999"),
        (1500.0, "1500"),
        (12345.0, "1.234e+04"),
        (0.73214, "0.7321"),
        (1.37, "1.37"),
        (1.01, "1.01"),
        (1.00012, "1.00012"),
        (1.000123, "1.00012"),
        (0.99988, "0.99988"),
        (-3.0, "-3"),
        (0.0, "0"),
        (2.0, "2"),
        (1.0, "1"),
        (1.000001, "1.000001"),
    ],
)
def test_a_factor_is_written_as_a_person_writes_it(value: float, text: str) -> None:
    assert factor_text(value) == text


def test_a_factor_near_an_integer_has_its_own_digits() -> None:
    assert factor_text(3.002) == "3.002"
    assert factor_text(1 / 7.01) == "0.1427"
