"""Options and forms of claims at DTensors, checked by two ranks over gloo.

`distributed_tensors.py` has the scenarios; `two_ranks.py` runs them, under a timeout that fails.
"""

from __future__ import annotations

from functools import partial

import pytest

pytest.importorskip("torch", minversion="2.6")
pytest.importorskip("torch.distributed")

from distributed_tensors import CLAIMS_EACH
from once import made_once
from two_ranks import run_two_ranks

pytestmark = pytest.mark.libraries("torch")

TANGENTS = (
    "given_tangents",
    "given_tangents_of_trees",
    "tangents_that_are_refused",
    "projection_that_differs",
    "located_entries",
    "claim_of_more_arrays_on_one_rank",
    "projection_that_raises",  # the last one: it breaks the connections of the mesh
)
FORMS = (
    "other_forms_of_distributed_tensors",
    "jacobians_of_distributed_tensors",
    "directions_of_other_forms",
    "large_leaves_in_other_forms",
    "output_with_as_many_leaves_as_x0",
    "vjp_that_raises",
)
AUTODIFF = (
    "derivatives_of_the_library",
    "modes_that_distributed_tensors_lack",
    "rule_that_raises",
)
BOUNDS = ("bounds_of_distributed_tensors", "bounds_that_are_refused", "all_entries")


@pytest.fixture(scope="module")
def tangents(tmp_path_factory):
    make = partial(run_two_ranks, TANGENTS, tmp_path_factory.mktemp("tangents"))
    return made_once(tmp_path_factory, "tangents", make)


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    make = partial(run_two_ranks, FORMS, tmp_path_factory.mktemp("forms"))
    return made_once(tmp_path_factory, "forms", make)


@pytest.fixture(scope="module")
def autodiff(tmp_path_factory):
    make = partial(run_two_ranks, AUTODIFF, tmp_path_factory.mktemp("autodiff"))
    return made_once(tmp_path_factory, "autodiff", make)


@pytest.fixture(scope="module")
def bounds(tmp_path_factory):
    make = partial(run_two_ranks, BOUNDS, tmp_path_factory.mktemp("bounds"))
    return made_once(tmp_path_factory, "bounds", make)


def same(pair):
    """Return what both ranks found, which must be the same."""
    first, second = ({k: v for k, v in each.items() if k != "seconds"} for each in pair)
    assert first == second
    assert "raised" not in first, first
    return first


def test_tangents_of_every_kind_are_checked_in_every_layout(tangents):
    found = same(tangents["given_tangents"])["found"]
    assert len(found) == (7 + 3 * 2) * CLAIMS_EACH
    assert {*found.values()} == {"correct", "wrong"}
    for name, verdict in found.items():
        assert verdict == ("wrong" if "wrong" in name else "correct"), name


def test_no_leaf_is_gathered_along_given_tangents(tangents):
    assert same(tangents["given_tangents"])["largest"] == 1  # what func returns


def test_tangents_of_trees_of_distributed_tensors(tangents):
    found = same(tangents["given_tangents_of_trees"])["found"]
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
        (
            "returns more",
            "ValueError: direction returned 2 arrays, but x0 has 1; one is needed for",
        ),
        ("claims more", "ValueError: grad returned 2 arrays, but x0 has 1; one is needed for each"),
    ],
)
def test_tangents_that_make_no_sense_are_refused_on_both_ranks(tangents, name, text):
    assert text in same(tangents["tangents_that_are_refused"])["found"][name]


def test_claim_of_more_arrays_on_one_rank_ends_both_at_once(tangents):
    first, second = tangents["claim_of_more_arrays_on_one_rank"]
    assert "grad raised on rank 1, not on all ranks: ValueError: grad returned 2" in first["said"]
    assert "ValueError: grad returned 2 arrays, but x0 has 1" in second["said"]
    assert max(first["seconds"], second["seconds"]) < 10


def test_one_wrong_entry_of_many_is_found_wherever_it_lies(tangents):
    found = same(tangents["located_entries"])["found"]
    assert len(found) == 2
    for name, text in found.items():
        place = name.partition(", ")[2].replace("(", "[").replace(")", "]")
        assert text.startswith(f"wrong  x{place}  claim "), text


def test_no_leaf_is_gathered_to_find_an_entry(tangents):
    assert same(tangents["located_entries"])["largest"] == 1  # what func returns


def test_tangents_that_a_function_makes_are_those_of_rank_0(tangents):
    found = same(tangents["projection_that_differs"])["found"]
    assert found == ["correct", "wrong"] * 2


def test_forms_of_claims_are_checked_in_every_layout(forms):
    found = same(forms["other_forms_of_distributed_tensors"])["found"]
    assert len(found) == 8 * CLAIMS_EACH
    for name, verdict in found.items():
        assert verdict.split()[0] == ("wrong" if "wrong" in name else "correct"), (name, verdict)
        assert "d x[1, 1]" in verdict or "vjp, wrong" not in name


def test_jacobians_may_be_distributed_or_whole(forms):
    found = same(forms["jacobians_of_distributed_tensors"])["found"]
    for name, verdict in found.items():
        assert verdict.startswith("wrong  d func[1] / d x[3, 1]" if "wrong" in name else "correct")


def test_tangents_and_cotangents_of_other_forms(forms):
    found = same(forms["directions_of_other_forms"])
    assert len(found["found"]) == 10 * CLAIMS_EACH
    for name, verdict in found["found"].items():
        assert verdict == ("wrong" if "wrong" in name else "correct"), name
    zero, shape, lengths = found["refused"]
    assert "direction is zero everywhere; pass a finite cotangent" in zero
    assert "direction has shape (2, 3), but func has shape (2, 2) at x0" in shape
    assert "direction[1] is missing on rank 0 and a DTensor of shape (2, 2) on rank 1" in lengths


def test_no_leaf_is_gathered_for_other_forms(forms):
    found = same(forms["large_leaves_in_other_forms"])
    assert found["found"] == ["correct", "wrong", "correct", "wrong  d func / d x[680, 299] "]
    assert found["largest"] == 1  # what func returns


def test_jvps_that_differ_are_judged_and_reported(forms):
    said = same(forms["output_with_as_many_leaves_as_x0"])["said"]
    assert said.startswith("wrong")


def test_vjp_that_raises_on_one_rank_ends_both(forms):
    first, second = forms["vjp_that_raises"]
    assert "vjp raised on rank 1, not on all ranks: ValueError: no vjp here" in first["said"]
    assert second["said"] == "ValueError: no vjp here"
    assert max(first["seconds"], second["seconds"]) < 10


def test_function_of_tangents_that_raises_on_one_rank_ends_both(tangents):
    first, second = tangents["projection_that_raises"]
    assert "direction raised on rank 1, not on all ranks: ValueError: no tan" in first["said"]
    assert second["said"] == "ValueError: no tangent here"
    assert max(first["seconds"], second["seconds"]) < 10


def test_rules_are_checked_in_every_layout_with_distributed_tensors_inside(autodiff):
    found = same(autodiff["derivatives_of_the_library"])["found"]
    assert len(found) == 3 * 2 + 2
    for name, verdict in found.items():
        assert verdict.split()[0] == ("wrong" if "wrong" in name else "correct"), (name, verdict)


def test_forward_mode_is_not_checked_and_the_report_says_so(autodiff):
    text = same(autodiff["derivatives_of_the_library"])["text"]
    assert "not checked: fwd (PyTorch has no forward AD of DTensors)" in text


def test_rule_that_is_wrong_on_one_rank_is_reported(autodiff):
    text = same(autodiff["derivatives_of_the_library"])["on one rank"]
    assert "rank 1 claims 1.5 times what rank 0 does" in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fwd", "func cannot be differentiated in mode fwd: PyTorch has no forward AD of DTensors"),
        ("vmap", "cannot be differentiated in mode vmap of fwd: PyTorch has no vmap of DTensors"),
        ("lin", "modes has 'lin', which torch lacks; pass 'fwd'"),
        (
            "order",
            "modes and order are (('fwd', 'rev'), [1]) on rank 0 and (('fwd', 'rev'), [1, 2])",
        ),
        ("workers", "the ranks of a group have no workers"),
        ("partial", "x0 has a DTensor with the placements (Partial(sum),), which PyTorch cannot"),
    ],
)
def test_what_distributed_tensors_lack_is_said_on_both_ranks(autodiff, name, text):
    assert text in same(autodiff["modes_that_distributed_tensors_lack"])["found"][name]


def test_rule_that_raises_on_one_rank_ends_both(autodiff):
    first, second = autodiff["rule_that_raises"]
    assert "raised on rank 1, not on all ranks: ValueError: no backward here" in first["said"]
    assert second["said"] == "ValueError: no backward here"
    assert max(first["seconds"], second["seconds"]) < 10


def test_bounds_of_every_kind_hold_wherever_func_is_called(bounds):
    found = same(bounds["bounds_of_distributed_tensors"])
    assert found["lowest"] >= 0
    assert len(found["found"]) == 2 * 4 * CLAIMS_EACH
    for name, verdict in found["found"].items():
        assert verdict.split()[0] == ("wrong" if "wrong" in name else "correct"), (name, verdict)
        assert "x[2, 1]" in verdict or "wrong" not in name or "one side" in name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("outside", "OutsideError: x[0, 0] is 0.534"),
        ("crossed", "ValueError: the bounds of x[0, 0] are (1.53"),
        ("shape", "a side of bounds has shape (2, 3), which does not fit x0 of shape (3, 2)"),
        ("no pair", "bounds is not the same on all ranks; pass the same on all of them"),
        ("numbers differ", "bounds[1] is 2.0 on rank 0 and 3.0 on rank 1; pass the same on all"),
        ("arrays differ", "bounds[0] is not the same on all ranks; pass the same on all of them"),
        ("on one rank", "bounds[0] is 0.0 on rank 0 and missing on rank 1; pass the same on all"),
    ],
)
def test_bounds_that_make_no_sense_are_refused_on_both_ranks(bounds, name, text):
    assert text in same(bounds["bounds_that_are_refused"])["found"][name]


def test_all_entries_are_judged_wherever_they_lie(bounds):
    places = ["correct", "wrong  p['one'][0, 1]", "wrong  p['odd'][1, 2]"]
    assert [each.rstrip() for each in same(bounds["all_entries"])["found"]] == places * 2
