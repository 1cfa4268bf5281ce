"""Which explanations become hints."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.report.hints.choose import Explanation, choose

pytestmark = pytest.mark.numpy

WRONG = np.full(12, True)


def explanation(text: str, *entries: int, cost: float = 1.0, certain: bool = False) -> Explanation:
    explains = np.zeros(12, dtype=bool)
    explains[list(entries)] = True
    return Explanation(explains, cost, text, certain)


def test_the_explanation_of_most_entries_comes_first() -> None:
    few, many = explanation("few", 0, 1), explanation("many", 2, 3, 4, cost=5.0)
    assert choose(WRONG, [few, many]) == ["many", "few"]


def test_of_two_explanations_of_equally_many_entries_the_cheaper_is_chosen() -> None:
    dear, cheap = explanation("dear", 0, 1, cost=2.0), explanation("cheap", 0, 1, cost=1.5)
    assert choose(WRONG, [dear, cheap]) == ["cheap"]


def test_of_two_equal_explanations_the_first_is_chosen() -> None:
    assert choose(WRONG, [explanation("first", 0), explanation("second", 0)]) == ["first"]


def test_only_entries_that_are_wrong_count() -> None:
    found = [explanation("three, one wrong", 0, 1, 2), explanation("two, both wrong", 0, 4)]
    assert choose(np.isin(np.arange(12), [0, 4]), found) == ["two, both wrong"]


def test_an_explanation_is_left_out_unless_most_of_its_entries_remain() -> None:
    first = explanation("first", 0, 1, 2, 3, 4)
    assert choose(WRONG, [first, explanation("half", 3, 4, 5, 6)]) == ["first"]
    assert choose(WRONG, [first, explanation("most", 4, 5, 6)]) == ["first", "most"]


def test_an_entry_is_explained_once() -> None:
    found = [explanation("a", 0, 1, 2, 3), explanation("b", 3, 4, 5), explanation("c", 5, 6, 7)]
    assert choose(WRONG, found) == ["a", "c", "b"] or choose(WRONG, found) == ["a", "c"]
    assert choose(WRONG, found[:2]) == ["a", "b"]


def test_there_are_at_most_three_hints() -> None:
    assert choose(WRONG, [explanation(str(i), i) for i in range(5)]) == ["0", "1", "2"]


def test_what_is_certain_comes_first_and_counts_as_a_hint() -> None:
    guesses = [explanation(str(i), i) for i in range(5)]
    certain = explanation("certain", 11, certain=True, cost=9.0)
    assert choose(WRONG & (np.arange(12) != 11), [*guesses, certain]) == ["certain", "0", "1"]


def test_without_explanations_there_are_no_hints() -> None:
    assert choose(WRONG, []) == []
    assert choose(~WRONG, [explanation("nothing wrong", 0)]) == []
    assert choose(WRONG, [explanation("nothing explained")]) == []
