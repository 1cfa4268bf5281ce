"""Options and forms of claims at DTensors, checked by two ranks over gloo.

`distributed_tensors.py` has the scenarios; `two_ranks.py` runs them, under a timeout that fails.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch", minversion="2.6")
pytest.importorskip("torch.distributed")

from two_ranks import run_two_ranks

pytestmark = pytest.mark.libraries("torch")

SCENARIOS = (
    "given_tangents",
    "given_tangents_of_trees",
    "tangents_that_are_refused",
    "projection_that_differs",
    "located_entries",
    "projection_that_raises",  # the last one: it breaks the connections of the mesh
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return run_two_ranks(SCENARIOS, tmp_path_factory.mktemp("distributed"))


def same(pair):
    """Return what both ranks found, which must be the same."""
    first, second = ({k: v for k, v in each.items() if k != "seconds"} for each in pair)
    assert first == second
    assert "raised" not in first, first
    return first


def test_tangents_of_every_kind_are_checked_in_every_layout(outcomes):
    found = same(outcomes["given_tangents"])["found"]
    assert len(found) == (7 + 3 * 2) * 2
    for name, verdict in found.items():
        assert verdict == ("wrong" if "wrong" in name else "correct"), name


def test_no_leaf_is_gathered_along_given_tangents(outcomes):
    assert same(outcomes["given_tangents"])["largest"] == 1  # what func returns


def test_tangents_of_trees_of_distributed_tensors(outcomes):
    found = same(outcomes["given_tangents_of_trees"])["found"]
    assert found == ["correct", "wrong"] * 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shape", "ValueError: direction has shape (5, 6) but x0 has shape (6, 5); give one"),
        ("zero", "ValueError: direction is zero everywhere; pass a finite tangent"),
        ("not finite", "ValueError: direction is not finite; pass a finite tangent"),
        ("shard", "ValueError: direction is not the same on all ranks; pass the same on all of"),
        ("differs", "ValueError: direction is not the same on all ranks; pass the same on all"),
        ("replicas differ", "ValueError: direction is not the same on all ranks; pass the same"),
        ("one of the list differs", "ValueError: direction[1] is not the same on all ranks; pass"),
        ("other lengths", "ValueError: direction[2] is missing on rank 0 and an array on rank 1"),
        ("on one rank", "ValueError: direction is an array on rank 0 and 'auto' on rank 1; pass"),
        ("other kinds", "direction is an array on rank 0 and a DTensor of shape (6, 5) on rank 1"),
        ("returns another shape", "direction returned shape (2,) but x0 has shape (6, 5); give"),
        ("returns nothing", "TypeError: direction returned None; it must return numbers"),
    ],
)
def test_tangents_that_make_no_sense_are_refused_on_both_ranks(outcomes, name, text):
    assert text in same(outcomes["tangents_that_are_refused"])["found"][name]


def test_one_wrong_entry_of_many_is_found_wherever_it_lies(outcomes):
    found = same(outcomes["located_entries"])["found"]
    assert len(found) == 2
    for name, text in found.items():
        place = name.partition(", ")[2].replace("(", "[").replace(")", "]")
        assert text.startswith(f"wrong  x{place}  claim "), text


def test_no_leaf_is_gathered_to_find_an_entry(outcomes):
    assert same(outcomes["located_entries"])["largest"] == 1  # what func returns


def test_tangents_that_a_function_makes_are_those_of_rank_0(outcomes):
    found = same(outcomes["projection_that_differs"])["found"]
    assert found == ["correct", "wrong"] * 2


def test_function_of_tangents_that_raises_on_one_rank_ends_both(outcomes):
    first, second = outcomes["projection_that_raises"]
    assert "direction raised on rank 1, not on all ranks: ValueError: no tan" in first["said"]
    assert second["said"] == "ValueError: no tangent here"
    assert max(first["seconds"], second["seconds"]) < 10
