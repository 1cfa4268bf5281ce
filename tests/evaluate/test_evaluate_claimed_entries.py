"""What is known of single coordinates, on the host or where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad.arrays import entries
from checkgrad.arrays.point import make_point
from checkgrad.claims.linear_map import GradientByLeaves
from checkgrad.evaluate import claimed_entries
from checkgrad.evaluate.coordinate_sizes import coordinate_sizes

X0 = {"a": np.asarray([1.0, -2.0, 0.0, 4.0]), "b": np.asarray([0.5, 3.0])}
CLAIM = [np.asarray([3.0, -5.0, 1.0, np.inf]), np.asarray([np.nan, 1.0])]


def known_of(monkeypatch: pytest.MonkeyPatch, is_large: bool) -> Any:
    if is_large:
        monkeypatch.setattr(entries, "BLOCK", 2)
    point = make_point(X0)
    assert entries.come_one_by_one(point) == is_large
    sizes = coordinate_sizes(point, CLAIM, 1.0)
    monkeypatch.setattr(claimed_entries, "come_one_by_one", entries.come_one_by_one)
    return claimed_entries.claimed_entries(point, GradientByLeaves(CLAIM, point), sizes)


def test_large_arrays_say_what_small_ones_say(monkeypatch: pytest.MonkeyPatch) -> None:
    small = known_of(monkeypatch, is_large=False)
    large = known_of(monkeypatch, is_large=True)
    every = np.arange(6)
    np.testing.assert_array_equal(large.claims(every), small.claims(every))
    np.testing.assert_array_equal(large.sizes(every), small.sizes(every))
    np.testing.assert_array_equal(large.x0(every), small.x0(every))
    assert [large.weight(k) for k in range(6)] == [small.weight(k) for k in range(6)]
    assert large.largest_claim() == small.largest_claim() == 1
    for start, stop, excluded in ((0, 6, ()), (0, 6, (1,)), (2, 4, ()), (3, 5, ()), (4, 6, (5,))):
        chosen = large.heaviest(start, stop, excluded)
        assert chosen == small.heaviest(start, stop, excluded)
    assert 0.5 <= large.median_size() / small.median_size() <= 2
