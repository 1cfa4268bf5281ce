"""Claims that have the right numbers in another order."""

from __future__ import annotations

import numpy as np
import pytest
from hint_cases import ORDERS, D, assigned, explanations, texts, vector

from checkgrad.report.hints.orders import explain_orders

pytestmark = pytest.mark.numpy


@pytest.mark.parametrize("slip", ORDERS)
def test_another_order_is_explained(slip: str) -> None:
    claim, estimate, hint = ORDERS[slip]
    assert texts(explain_orders, claim, estimate) == [hint]


def test_an_order_without_a_name_is_the_dearest_explanation() -> None:
    (found,) = explanations(explain_orders, *ORDERS["an order without a name"][:2])
    assert found.cost == pytest.approx(7.45)


def test_three_numbers_may_be_in_another_order_and_two_are_swapped() -> None:
    assert texts(explain_orders, assigned([3, 7, 9], D[[7, 9, 3]]), D) == [
        (
            "claim has the right numbers in another order at x[3], x[7] and x[9]: indices or a "
            "sort mixed up?"
        )
    ]
    assert texts(explain_orders, assigned([3, 7], D[[7, 3]]), D) == []


def test_one_number_that_is_no_estimate_rules_it_out() -> None:
    claim = D[np.random.default_rng(5).permutation(30)]
    assert texts(explain_orders, assigned(4, 7.7, claim), D) == []


@pytest.mark.parametrize(("error", "said"), [(7e-4, True), (1.5e-3, False)])
def test_the_numbers_must_be_right_to_one_part_in_a_thousand(error: float, said: bool) -> None:
    claim = np.array([2.0, 3.0, 1.0 + error])
    assert bool(texts(explain_orders, claim, np.array([1.0, 2.0, 3.0]))) is said


@pytest.mark.parametrize(("error", "said"), [(2.5e-3, False), (4e-3, True)])
def test_a_number_may_not_be_where_it_belongs(error: float, said: bool) -> None:
    """Three tolerances: 3e-3."""
    estimate = np.array([1.0, 2.0, 3.0, 5.0, 5.0 * (1 + error)])
    claim = np.array([2.0, 3.0, 1.0, 5.0 * (1 + error), 5.0])
    assert bool(texts(explain_orders, claim, estimate)) is said


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        ([1.0, 1.00001, 2.0, 2.00001, 3.0, 3.00001], False),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 5.00001], True),
    ],
)
def test_numbers_that_are_mostly_alike_have_no_order(estimate: list[float], said: bool) -> None:
    right = np.array(estimate)
    assert bool(texts(explain_orders, np.roll(right, 2), right)) is said


def test_each_number_has_a_tolerance_of_its_own_size() -> None:
    estimate = np.array([-1000.0, 1.0, 2.0, 3.0])
    assert texts(explain_orders, np.roll(estimate, 1), estimate)


def test_a_single_leaf_may_be_in_another_order() -> None:
    estimate = {"a": vector(7, 2), "b": vector(5, 3)}
    claim = {"a": estimate["a"][[3, 0, 1, 6, 2, 4, 5]], "b": estimate["b"] + [1, 3, 7, 2, 9]}
    (text,) = texts(explain_orders, claim, estimate)
    assert "another order everywhere in a" in text
