"""Claims that are off by a little in most entries."""

from __future__ import annotations

import numpy as np
import pytest
from hint_cases import D, hints_for

pytestmark = pytest.mark.numpy

RNG = np.random.default_rng(4)
ERRORS = RNG.uniform(-1, 1, D.size)


@pytest.mark.parametrize(("size", "rtol"), [(1e-4, "1e-04"), (3e-3, "1e-02"), (0.009, "1e-02")])
def test_small_errors_all_over_are_an_iteration_that_stops_early(size: float, rtol: str) -> None:
    (hint,) = hints_for(D * (1 + size * ERRORS), D)
    assert "without a pattern: an iteration" in hint
    assert hint.endswith(f"pass rtol={rtol}")


def test_large_errors_are_not() -> None:
    assert hints_for(D * (1 + 0.05 * ERRORS), D) == []


def test_small_errors_in_few_entries_are_not() -> None:
    few = np.where(np.arange(D.size) < 10, ERRORS, 0.0)
    assert hints_for(D * (1 + 1e-3 * few), D) == []


def test_a_slip_is_told_instead() -> None:
    (hint,) = hints_for(D * 1.003, D)
    assert "times the estimate" in hint
