"""How a hint names places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hint_cases import leaves_of

from checkgrad.report.hints import Mismatches
from checkgrad.report.hints.places import Places, describe, leaves_with, listing, name_of

pytestmark = pytest.mark.numpy


def mismatches(known: Any = True, **shapes: tuple[int, ...]) -> Mismatches:
    """Claims that are all wrong, and where they are known."""
    leaves = leaves_of(shapes)
    size = leaves[-1].coordinates.stop
    estimate = np.where(known, np.zeros(size), np.nan)
    return Mismatches.of(np.ones(size), estimate, np.full(size, 1e-9), np.full(size, True), leaves)


def flags(size: int, *where: Any) -> Any:
    entries = np.zeros(size, dtype=bool)
    for index in where:
        entries[index] = True
    return entries


def place(shape: tuple[int, ...], *where: Any, fitting: Any = ()) -> Places:
    """The place of some entries of one array; `fitting` ones are compatible with the slip."""
    shaped = np.zeros(shape, dtype=bool)
    fits = np.zeros(shape, dtype=bool)
    for index in where:
        shaped[index] = fits[index] = True
    for index in fitting:
        fits[index] = True
    return describe(mismatches(x=shape), shaped.ravel(), fits.ravel())


def test_all_entries_are_everywhere() -> None:
    assert place((5,), slice(None)) == Places("at every coordinate", "everywhere", 0.0)


def test_a_single_number_is_not_every_coordinate() -> None:
    assert place((), ()) == Places("at x", "entry", 0.3)
    assert place((1,), 0) == Places("at x[0]", "entry", 0.3)


def test_entries_without_an_estimate_are_an_exception_from_everywhere() -> None:
    found = describe(mismatches(np.arange(5) != 2, x=(5,)), flags(5, 0, 1, 3, 4), np.full(5, True))
    assert found.text == "at every coordinate whose estimate tells"


def test_three_entries_show_that_all_of_many_are_meant() -> None:
    assert place((9,), slice(3), fitting=[slice(None)]).kind == "everywhere"
    assert place((9,), slice(2), fitting=[slice(None)]).text == "at x[0] and x[1]"


def test_half_of_the_entries_show_that_all_of_a_few_are_meant() -> None:
    assert place((4,), [0, 3], fitting=[slice(None)]).kind == "everywhere"
    assert place((5,), [0, 3], fitting=[slice(None)]).kind == "entries"


def test_a_whole_leaf_is_named_by_its_path() -> None:
    found = describe(mismatches(a=(2, 2), b=(3,)), flags(7, slice(4, 7)), flags(7, slice(4, 7)))
    assert found == Places("everywhere in b", "leaf", 0.1)


def test_two_whole_leaves_cost_more_than_one() -> None:
    entries = flags(9, slice(4, 9))
    found = describe(mismatches(a=(4,), b=(3,), c=(2,)), entries, entries)
    assert found == Places("everywhere in b and c", "leaf", pytest.approx(0.15))


def test_entries_in_a_row_are_a_range() -> None:
    assert place((9,), slice(2, 6)) == Places("at x[2:6]", "slice", 0.2)
    assert place((9,), slice(2, 9, 3)).text == "at x[2:9:3]"
    assert place((9,), [2, 3, 6]).text == "at x[2], x[3] and x[6]"


def test_two_entries_are_no_range() -> None:
    assert place((9,), [2, 3]) == Places("at x[2] and x[3]", "entries", pytest.approx(0.45))


def test_a_range_may_hold_entries_that_fit_without_showing_it() -> None:
    assert place((9,), [2, 4, 5], fitting=[3]).text == "at x[2:6]"


def test_a_row_or_column_is_named_with_colons() -> None:
    assert place((4, 6), 2).text == "at x[2, :]"
    assert place((4, 6), (slice(None), 5)).text == "at x[:, 5]"
    assert place((2, 3, 4), (slice(None), 1)).text == "at x[:, 1, :]"


def test_several_rows_are_listed_if_they_are_few() -> None:
    assert place((5, 6), [0, 2, 3]) == Places(
        "at x[0, :], x[2, :] and x[3, :]", "slice", pytest.approx(0.25)
    )
    assert place((5, 6), [0, 1, 2, 3]).kind == "entries"


def test_rows_are_preferred_where_they_are_fewer_than_columns() -> None:
    assert place((2, 5), 0).text == "at x[0, :]"
    assert place((5, 2), (slice(None), 1)).text == "at x[:, 1]"


def test_a_row_that_does_not_fit_whole_is_no_row() -> None:
    assert place((4, 6), (2, slice(5))).kind == "entries"
    assert place((4, 6), (2, slice(5)), fitting=[(2, 5)]).text == "at x[2, :]"


def test_each_row_must_have_enough_entries_that_show_the_slip() -> None:
    rows = [(1, slice(None)), (2, slice(None))]
    assert place((4, 6), 1, (2, slice(3)), fitting=rows).text == "at x[1, :] and x[2, :]"
    assert place((4, 6), 1, (2, slice(2)), fitting=rows).kind == "entries"


def test_a_single_entry_of_a_row_is_named_by_its_index() -> None:
    assert place((1, 6), (0, 2)) == Places("at x[0, 2]", "entry", 0.3)


def test_entries_of_different_kinds_are_listed_together() -> None:
    entries = flags(12, slice(0, 4), 6)
    found = describe(mismatches(a=(4,), b=(8,)), entries, entries)
    assert found == Places("at a and b[2]", "entries", pytest.approx(0.45))


def test_what_is_not_named_is_counted() -> None:
    shapes = {f"p{i}": (4,) for i in range(5)}
    entries = flags(20, slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 14))
    found = describe(mismatches(**shapes), entries, entries)
    assert found.text == "at p0, p1, p2 and 2 more"


def test_entries_beyond_the_leaves_looked_at_are_named_by_the_first() -> None:
    shapes = {f"p{i}": (2,) for i in range(100)}
    entries = flags(200, 180, 190)
    assert describe(mismatches(**shapes), entries, entries).text == "at p90[0] and 1 more"


def test_a_listing_reads_as_a_sentence() -> None:
    assert listing(["a"], 1) == "a"
    assert listing(["a", "b"], 2) == "a and b"
    assert listing(["a", "b", "c"], 3) == "a, b and c"
    assert listing(["a", "b", "c", "d"], 4) == "a, b, c and 1 more"
    assert listing(["a"], 8) == "a and 7 more"


def test_an_entry_outside_of_all_leaves_has_a_number() -> None:
    found = mismatches(a=(2,), b=())
    assert [name_of(found, i) for i in range(4)] == ["a[0]", "a[1]", "b", "coordinate 3"]


def test_the_leaves_with_some_entries_are_found() -> None:
    found = mismatches(a=(2,), b=(3,), c=(1,))
    assert [leaf.path for leaf in leaves_with(found, flags(6, 3, 5))] == ["b", "c"]
