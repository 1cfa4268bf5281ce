"""The number that some values share, and when some entries stand for all."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.report.hints.agreement import represents, shared_value

pytestmark = pytest.mark.numpy


def shared(values: list[float], tolerances: list[float] | float = 0.01) -> float:
    return shared_value(np.array(values), np.broadcast_to(tolerances, len(values)))


def test_the_number_of_most_values_is_found_among_others() -> None:
    assert shared([7.0, 2.0, -1.0, 2.0, 5.0, 2.0]) == 2.0


def test_values_agree_to_within_their_tolerance() -> None:
    assert shared([1.0, 1.005, 1.01, 3.0, 3.0]) == pytest.approx(1.005)
    assert shared([1.0, 1.05, 1.1, 3.0, 3.0]) == 3.0


def test_values_with_a_large_tolerance_follow_and_do_not_lead() -> None:
    values, tolerances = [2.0, 2.001, 5.0, 6.0, 7.0], [0.01, 0.01, 3.0, 3.0, 3.0]
    assert shared(values, tolerances) == pytest.approx(2.0, abs=0.01)


def test_certain_values_weigh_more() -> None:
    assert shared([1.0, 1.002], [1e-6, 1e-2]) == pytest.approx(1.0, abs=1e-6)
    assert shared([1.0, 1.002], 0.01) == pytest.approx(1.001)


def test_exact_values_weigh_the_same() -> None:
    assert shared([3.0, 3.0, 4.0], 0.0) == 3.0


@pytest.mark.parametrize(
    ("number", "size", "enough"),
    [(1, 1, True), (1, 2, True), (1, 3, False), (2, 4, True), (2, 5, False), (3, 1000, True)],
)
def test_three_entries_or_half_of_them_stand_for_all(number: int, size: int, enough: bool) -> None:
    assert represents(number, size) is enough
