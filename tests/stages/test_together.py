"""Checks that two ranks do together, over gloo: one report for both, and nothing hangs.

`two_ranks.py` has the scenarios, and runs them in two processes, under a timeout that fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("torch.distributed")

from once import made_once
from two_ranks import run_two_ranks

pytestmark = pytest.mark.libraries("torch")

PLAIN = (
    "replicas_float64",
    "replicas_float32",
    "replicas_along_tangents",
    "replicas_that_round_otherwise",
    "gradient_that_one_rank_scales",
    "gradient_wrong_on_rank_1_only",
    "gradient_that_is_not_reduced",
    "shards",
    "shards_float32",
    "shard_off_by_a_percent",
    "other_forms_of_shards",
    "tangent_of_shards",
    "other_rtol",
    "other_dtypes",
    "other_seed",
    "other_trees",
    "partly_sharded",
    "value_that_is_not_reduced",
    "func_raises_off_its_domain",
    "timeout_by_other_clocks",
    "no_group",
    "workers_beside_a_group",
    "claim_raises_on_one_rank",
    "func_raises_on_one_rank",
    "interrupted_rank",
    "rank_that_does_not_come",
)
PARTITIONED = (
    "distributed_tensors",
    "distributed_tensors_float32",
    "distributed_tensor_off_by_a_percent",
    "parts_of_tensors",
    "rank_without_a_part",
    "memory_of_parts",
    "replicated_gradient_that_differs",
    "replicated_x0_that_differs",
    "module_under_fsdp2",
    "module_under_fsdp2_off_by_a_percent",
    "tensor_parallel_module",
    "doors_that_take_no_distributed_tensors",
    "claim_of_distributed_tensors_raises",  # the last one: it breaks the connections of the mesh
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    make = partial(run_two_ranks, PLAIN, tmp_path_factory.mktemp("plain"))
    return made_once(tmp_path_factory, "plain", make)


@pytest.fixture(scope="module")
def partitioned(tmp_path_factory):
    pytest.importorskip("torch", minversion="2.6")  # the first with this fully_shard
    make = partial(run_two_ranks, PARTITIONED, tmp_path_factory.mktemp("partitioned"))
    return made_once(tmp_path_factory, "partitioned", make)


def same_report(pair):
    first, second = ({k: v for k, v in each.items() if k != "seconds"} for each in pair)
    assert first == second
    return first


@pytest.mark.parametrize(
    "name", ["replicas_float64", "replicas_float32", "replicas_along_tangents"]
)
def test_right_gradient_of_replicas_is_correct_on_both_ranks(plain, name):
    assert same_report(plain[name])["verdict"] == "correct"


def test_ranks_may_differ_by_rounding(plain):
    report = same_report(plain["replicas_that_round_otherwise"])
    assert report["verdict"] == "correct"
    assert "rank" not in report["text"]


def test_float32_is_evaluated_in_float64_with_collectives_inside_of_func(plain):
    assert "evaluated in float64" in same_report(plain["replicas_float32"])["text"]


def test_gradient_that_one_rank_scales_is_wrong_on_both_and_the_report_says_so(plain):
    report = same_report(plain["gradient_that_one_rank_scales"])
    assert report["verdict"] == "wrong"
    assert "rank 0 claims 1.5 times what rank 1 does" in report["text"]


def test_gradient_wrong_on_rank_1_only_is_judged_too(plain):
    report = same_report(plain["gradient_wrong_on_rank_1_only"])
    assert report["verdict"] == "wrong"
    assert "p['b'][2]" in report["text"]
    assert "what is shown is the claim of rank 1" in report["text"]


def test_gradient_that_is_not_reduced_is_wrong_on_both(plain):
    report = same_report(plain["gradient_that_is_not_reduced"])
    assert report["verdict"] == "wrong"
    assert "ranks 0 and 1 claim different derivatives" in report["text"]


@pytest.mark.parametrize("name", ["shards", "shards_float32", "tangent_of_shards"])
def test_right_gradient_of_shards_is_correct_on_both_ranks(plain, name):
    assert same_report(plain[name])["verdict"] == "correct"


def test_tangent_of_shards_is_looked_along_on_all_ranks(plain):
    assert same_report(plain["tangent_of_shards"])["direction"] == "the given tangent"


def test_shard_that_is_off_is_wrong_on_both_ranks_and_named(plain):
    report = same_report(plain["shard_off_by_a_percent"])
    assert report["verdict"] == "wrong"
    assert "claim is 1.01 times the estimate everywhere in x['rank 1']" in report["text"]
    assert "x['rank 0']" not in report["text"]


def test_other_forms_of_shards(plain):
    verdicts = same_report(plain["other_forms_of_shards"])["verdicts"]
    assert verdicts == ["correct", "correct", "correct", "wrong"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("other_rtol", "rtol is 0.001 on rank 0 and 0.0001 on rank 1"),
        ("other_dtypes", "the dtype of x0['w'] is torch.float64 on rank 0 and torch.float32 on"),
        ("other_seed", "rng is a generator in the state"),
        ("other_trees", "the structure of x0 is"),
        ("partly_sharded", "x0['b'] differs between the ranks, and x0['a'] is the same on all"),
        ("value_that_is_not_reduced", "func returned 14.0 on rank 0 and 28.0 on rank 1"),
        ("workers_beside_a_group", "group and workers are given"),
    ],
)
def test_what_differs_between_the_ranks_is_named_on_both(plain, name, text):
    error = same_report(plain[name])
    assert error["raised"] == "ValueError"
    assert text in error["text"]


def test_what_is_no_group_is_refused(plain):
    assert same_report(plain["no_group"])["raised"] == "TypeError"


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("claim_raises_on_one_rank", "ValueError", "grad raised on rank 1, not on all ranks: Val"),
        ("func_raises_on_one_rank", "ZeroDivisionError", "func raised on rank 1, not on all ran"),
    ],
)
def test_rank_that_raises_ends_both_within_seconds(plain, name, error, text):
    first, second = plain[name]
    assert first["raised"] == "RanksError"
    assert text in first["text"]
    assert second["raised"] == error
    assert max(first["seconds"], second["seconds"]) < 10


def test_func_that_raises_on_all_ranks_is_at_the_edge_of_its_domain(plain):
    report = same_report(plain["func_raises_off_its_domain"])
    assert report["verdict"] == "correct"
    assert "the edge of its domain" in report["text"]


def test_rank_that_does_not_come_is_not_waited_for(plain):
    waiting, _ = plain["rank_that_does_not_come"]
    assert waiting["raised"] == "RanksError"
    assert "rank 1 has not called checkgrad" in waiting["text"]


def test_interrupted_rank_has_its_report_and_the_other_an_error(plain):
    other, interrupted = plain["interrupted_rank"]
    assert interrupted["stopped"] == "the check was interrupted"
    assert other["raised"] == "RanksError"
    assert "rank 1 has left the check: it was interrupted" in other["text"]


def test_timeout_is_over_when_it_is_for_rank_0(plain):
    report = same_report(plain["timeout_by_other_clocks"])
    assert report["stopped"] == "the timeout of 0.3 s was over"


@pytest.mark.parametrize(
    "name", ["distributed_tensors", "distributed_tensors_float32", "module_under_fsdp2"]
)
def test_right_gradient_of_distributed_tensors_is_correct_without_a_group(partitioned, name):
    assert same_report(partitioned[name])["verdict"] == "correct"


def test_func_gets_distributed_tensors_laid_out_as_those_of_x0(partitioned):
    assert same_report(partitioned["distributed_tensors"])["laid_out_as_x0"]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("distributed_tensor_off_by_a_percent", "p['2.weight'][1, 4]"),
        ("module_under_fsdp2_off_by_a_percent", "p['0.bias'][3]"),
        ("tensor_parallel_module", "p['0.weight']"),
    ],
)
def test_shard_of_a_distributed_tensor_that_is_off_is_wrong_on_both(partitioned, name, place):
    report = same_report(partitioned[name])
    assert report["verdict"] == "wrong"
    assert place in report["text"]


def test_right_gradient_of_a_tensor_parallel_module_is_correct(partitioned):
    assert same_report(partitioned["tensor_parallel_module"])["right"] == "correct"


def test_replicated_gradient_that_differs_is_wrong_on_both(partitioned):
    report = same_report(partitioned["replicated_gradient_that_differs"])
    assert report["verdict"] == "wrong"
    assert "ranks 0 and 1 claim different derivatives" in report["text"]


def test_replicated_x0_that_differs_is_refused_on_both(partitioned):
    error = same_report(partitioned["replicated_x0_that_differs"])
    assert "x0['4.bias'] is replicated, but not the same on all ranks" in error["text"]


def test_other_doors_refuse_distributed_tensors_with_what_to_do(partitioned):
    said = same_report(partitioned["doors_that_take_no_distributed_tensors"])["said"]
    assert len(said) == 2
    assert all("a DTensor, which only verify_* and assert_* take" in each for each in said)


def test_claim_of_distributed_tensors_that_raises_on_one_rank_ends_both(partitioned):
    first, second = partitioned["claim_of_distributed_tensors_raises"]
    assert (first["raised"], second["raised"]) == ("RanksError", "ValueError")
    assert max(first["seconds"], second["seconds"]) < 10


def test_page_shows_what_its_program_prints(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "ranks.md"
    program, shown = re.findall(r"```(?:py|text)\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    script = tmp_path / "program.py"
    script.write_text(program, "utf-8")
    launch = "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"
    outcome = subprocess.run(
        [sys.executable, *launch, str(script)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    lines = [line for line in shown.splitlines() if "±" not in line]  # the last digits may differ
    for line in lines[:-1]:
        assert outcome.stdout.count(line) == 2, outcome.stdout


def test_parts_of_tensors_know_where_they_lie(partitioned):
    for found in partitioned["parts_of_tensors"]:
        assert all(found["facts"]), found["facts"]


def test_rank_that_has_nothing_of_a_leaf_checks_along_tangents_with_the_others(partitioned):
    report = same_report(partitioned["rank_without_a_part"])
    assert (report["right"], report["verdict"]) == ("correct", "wrong")


def test_a_rank_holds_its_part_of_x0_only(partitioned):
    """A shard, a copy, the claim, a point and what func makes: 5.3 where memory is given back.

    With all of x0, which is two shards, it would be 13 shards.
    """
    report = same_report(partitioned["memory_of_parts"])
    assert report["verdict"] == "correct"
    for of_func, of_check in report["shards"]:
        assert of_func < 3
        assert of_check < 9
