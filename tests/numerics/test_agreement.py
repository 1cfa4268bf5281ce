"""Two sets of derivatives certify each other where they agree to many digits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from checkgrad.numerics.agreement import entries_agree, sums_agree

ONE = np.zeros(3)  # argument
CLAIM = np.asarray([[1.0, 0.0], [-2.0, 0.0], [1e-4, 0.0]])


def estimates(*changes: float) -> np.ndarray:
    """Return estimates of the first output that differ from the claim by `changes`."""
    found = CLAIM.copy()
    found[: len(changes), 0] += changes
    return np.stack([found, np.full_like(found, np.nan)])


@pytest.mark.parametrize(
    ("changes", "agree"),
    [
        ((9e-5,), True),
        ((2e-4,), False),
        ((0.0, 1.9e-4), True),
        ((0.0, 0.0, 1e-6), True),  # negligible, and right to a hundredth of what counts
        ((0.0, 0.0, 1e-5), False),
        ((np.nan,), False),
    ],
)
def test_entries_agree_to_a_tenth_of_rtol(changes: tuple[float, ...], agree: bool) -> None:
    assert entries_agree(CLAIM, estimates(*changes), 1e-3, ONE) is agree


@pytest.mark.parametrize(("change", "agree"), [(1e-6, True), (1e-5, False)])
def test_sums_agree_to_more_digits(change: float, agree: bool) -> None:
    assert sums_agree(CLAIM, estimates(change), 1e-3, ONE) is agree


@pytest.mark.parametrize("agree", [entries_agree, sums_agree])
def test_small_argument_has_a_limit_of_its_own(agree: Callable[..., bool]) -> None:
    claim = np.asarray([[1e7], [-2e7], [3.0]])
    wrong = claim * [[1], [1], [-1]]
    arguments = np.asarray([0.0, 0.0, 1.0])
    assert agree(claim, claim[None], 1e-3, arguments)
    assert not agree(claim, wrong[None], 1e-3, arguments)
    assert agree(claim, wrong[None], 1e-3, ONE)


def test_nearest_of_several_estimates_counts() -> None:
    first = CLAIM + 1.0
    assert entries_agree(CLAIM, np.stack([first, CLAIM]), 1e-3, ONE)
    assert not entries_agree(CLAIM, np.stack([first, first]), 1e-3, ONE)


def test_claim_of_0_needs_an_estimate_of_0() -> None:
    zeros = np.zeros((2, 1))
    assert entries_agree(zeros, zeros[None], 1e-3, ONE[:2])
    assert not entries_agree(zeros, np.full((1, 2, 1), 1e-12), 1e-3, ONE[:2])


def test_derivative_that_is_not_finite_agrees_with_nothing() -> None:
    infinite = np.full((1, 1), np.inf)
    assert not entries_agree(infinite, infinite[None], 1e-3, ONE[:1])
