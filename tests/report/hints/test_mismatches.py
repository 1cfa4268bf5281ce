"""Which entries a hint can explain, and the leaves that they are in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hint_cases import D, assigned, leaves_of, mismatches_of, scaled, tree

from checkgrad.report.hints import Leaf, Mismatches

pytestmark = pytest.mark.numpy


def of(claim: float, estimate: float = 1.0, uncertainty: float = 0.1, wrong: bool = True) -> bool:
    """Whether a single entry is one that a hint can explain."""
    found = Mismatches.of(
        *(np.array([value]) for value in (claim, estimate, uncertainty)),
        np.array([wrong]),
        leaves_of({"x": (1,)}),
    )
    return bool(found.wrong[0])


def test_an_entry_is_named_by_its_index() -> None:
    assert Leaf("p", (2, 3), 7).entry(4) == "p[1, 1]"
    assert Leaf("p", (2, 3, 4), 7).entry(23) == "p[1, 2, 3]"
    assert Leaf("p", (), 7).entry(0) == "p"


def test_a_leaf_knows_its_coordinates() -> None:
    leaf = Leaf("p", (2, 3), 7)
    assert leaf.size == 6
    assert leaf.coordinates == slice(7, 13)
    assert Leaf("p", (), 7).coordinates == slice(7, 8)
    assert Leaf("p", (3, 0), 7).size == 0


def test_a_leaf_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Leaf("p", (), 0).start = 1  # type: ignore[misc]


def test_only_a_wrong_entry_is_to_be_explained() -> None:
    assert of(claim=3.0)
    assert not of(claim=3.0, wrong=False)


def test_a_claim_within_four_uncertainties_is_not_to_be_explained() -> None:
    assert not of(claim=1.3)
    assert of(claim=1.5)
    assert of(claim=0.5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_entry_that_is_not_finite_is_not_to_be_explained(value: float) -> None:
    with np.errstate(invalid="ignore"):
        assert not of(claim=value)
        assert not of(claim=3.0, estimate=value)
        assert not of(claim=3.0, uncertainty=value)


def test_the_leaves_with_wrong_entries_are_found_past_empty_ones() -> None:
    shapes = {"a": (2,), "empty": (0,), "b": (3,), "number": (), "none": (0, 2), "c": (2, 2)}
    leaves = leaves_of(shapes)
    for path in ("a", "b", "number", "c"):
        (leaf,) = (each for each in leaves if each.path == path)
        for place in (leaf.start, leaf.coordinates.stop - 1):
            claim = assigned(place, 9.0, np.zeros(10))
            found = Mismatches.of(claim, np.zeros(10), np.full(10, 0.1), claim > 0, leaves)
            assert found.wrong_leaves == [leaf]


def test_at_most_32_leaves_are_looked_at_one_by_one() -> None:
    estimate = {f"p[{i}]": np.ones(2) for i in range(100)}
    found = mismatches_of({path: -part for path, part in estimate.items()}, estimate)
    assert [leaf.path for leaf in found.wrong_leaves] == [f"p[{i}]" for i in range(32)]


def test_the_regions_are_everything_and_then_each_wrong_leaf() -> None:
    one = {**tree(), "p['V']": -tree()["p['V']"]}
    assert list(mismatches_of(one, tree()).regions()) == [slice(0, 53)]
    two = {**one, "p['b']": -tree()["p['b']"]}
    regions = [slice(0, 53), slice(24, 48), slice(48, 53)]
    assert list(mismatches_of(two, tree()).regions()) == regions


def test_entries_outside_of_a_region_are_left_out() -> None:
    found = mismatches_of(scaled([2, 5, 9], -1), D)
    assert np.flatnonzero(found.within(found.wrong, slice(3, 9))).tolist() == [5]
    assert np.flatnonzero(found.wrong).tolist() == [2, 5, 9]


def test_x0_is_passed_on_and_may_be_unknown() -> None:
    x0 = np.array([7.0])
    values = np.ones(1), np.ones(1), np.ones(1), np.array([True]), leaves_of({"x": (1,)})
    assert Mismatches.of(*values, x0).x0 is x0
    assert Mismatches.of(*values).x0 is None
