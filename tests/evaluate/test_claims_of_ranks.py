"""Claims of ranks that should be the same: which differ, and in which words."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.evaluate.claims_of_ranks import ClaimsOfRanks

CLAIM = [np.array([[1.0, -2.0], [3.0, 0.5]]), np.array([0.25])]


def compared(*others, dtype=np.float64):
    found = ClaimsOfRanks()
    found.compare([[x.astype(dtype) for x in each] for each in (CLAIM, *others)])
    return found


def test_same_claims_need_no_words():
    found = compared(CLAIM, CLAIM)
    assert (found.sentence, found.difference) == ("", 0.0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rounding_is_no_difference(dtype):
    epsilon = float(np.finfo(dtype).eps)
    assert not compared([x * (1 + 4 * epsilon) for x in CLAIM], dtype=dtype).sentence


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("factor", "sentence"),
    [
        (1.5, "rank 1 claims 1.5 times what rank 0 does"),
        (0.5, "rank 0 claims 2 times what rank 1 does"),
        (-1.0, "rank 0 claims -1 times what rank 1 does"),
    ],
)
def test_factor_is_named(factor, sentence, dtype):
    assert compared([factor * x for x in CLAIM], dtype=dtype).sentence == sentence


def test_rank_that_differs_most_is_named():
    off = [CLAIM[0], np.array([0.26])]
    far = [CLAIM[0], np.array([0.75])]
    found = compared(off, far)
    assert found.other == 2
    assert (
        found.sentence == "ranks 0 and 2 claim different derivatives: they differ by 13% (2-norm)"
    )


@pytest.mark.parametrize("number", [np.nan, np.inf, 0.0])
def test_claim_of_a_rank_that_is_no_number_or_nothing_differs(number):
    found = compared([x * 0 + number for x in CLAIM])
    assert found.other == 1
    assert "ranks 0 and 1 claim different derivatives" in found.sentence
