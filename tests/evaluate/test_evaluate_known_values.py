"""Values that are evaluated once, and asked for by every output."""

from __future__ import annotations

import numpy as np

from checkgrad.evaluate.known_values import KnownValues


def places(*pairs):
    which, where = zip(*pairs, strict=True)
    return np.asarray(which, dtype=np.intp), np.asarray(where, dtype=float)


def test_all_places_are_missing_at_first_each_once():
    known = KnownValues(2)
    asked = places((0, 1.0), (1, 1.0), (0, 1.0), (0, 2.0), (1, 1.0))
    assert known.missing(*asked).tolist() == [0, 1, 3]
    found = np.asarray([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    values = known.completed(*asked, np.asarray([0, 1, 3]), found)
    assert values[:, 0].tolist() == [1.0, 2.0, 1.0, 3.0, 2.0]
    assert values[:, 1].tolist() == [10.0, 20.0, 10.0, 30.0, 20.0]


def test_known_places_are_not_missing_again():
    known = KnownValues(2)
    first = places((0, 1.0))
    known.completed(*first, known.missing(*first), np.asarray([[5.0, 6.0]]))
    asked = places((1, 1.0), (0, 1.0))
    assert known.missing(*asked).tolist() == [0]
    values = known.completed(*asked, np.asarray([0]), np.asarray([[7.0, 8.0]]))
    assert values.tolist() == [[7.0, 8.0], [5.0, 6.0]]
    assert known.missing(*asked).dtype == np.intp
    assert known.missing(*asked).size == 0
    assert known.completed(*asked, np.arange(0), np.empty((0, 2))).tolist() == values.tolist()


def test_values_are_kept_only_where_that_is_asked_for():
    known = KnownValues(1, keeps=False)
    asked = places((0, 1.0), (0, 1.0))
    found = np.asarray([[1.0], [2.0]])
    for _ in range(2):
        new = known.missing(*asked)
        assert new.tolist() == [0, 1]
        assert known.completed(*asked, new, found) is found


def test_values_that_are_nan_are_known():
    known = KnownValues(2)
    asked = places((0, 1.0))
    known.completed(*asked, known.missing(*asked), np.full((1, 2), np.nan))
    assert known.missing(*asked).size == 0


def test_what_is_known_along_directions_is_in_order_and_finite():
    known = KnownValues(2)
    asked = places((0, 2.0), (1, 5.0), (0, -1.0), (0, 3.0))
    found = np.asarray([[20.0, 1.0], [50.0, 1.0], [10.0, 1.0], [np.nan, 7.0]])
    known.completed(*asked, np.arange(4), found)
    along = known.along({0, 2}, output=0)
    assert [each.tolist() for each in along[0]] == [[-1.0, 2.0], [10.0, 20.0]]
    assert [each.tolist() for each in along[2]] == [[], []]
    assert 1 not in along
    assert known.along({0}, output=1)[0][1].tolist() == [1.0, 1.0, 7.0]
