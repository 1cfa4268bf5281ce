"""JAX arrays that lie over the devices of a mesh, of one process or of two.

`eight_devices.py` has the scenarios. They run in processes of their own, under a timeout that
fails.
"""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("jax")

import jax
from eight_devices import AXES, SIZES, all_scenarios, axes_of, axes_of_size, directions_of
from once import made_once

pytestmark = [
    pytest.mark.libraries("jax"),
    pytest.mark.skipif(
        not jax.config.jax_enable_x64, reason="the processes have float64 whatever this one has"
    ),
]

MOST_SHARDS = 4
MOST_SHARDS_IN_FLOAT64 = 8  # of float32


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return made_once(tmp_path_factory, "scenarios", all_scenarios)


@pytest.fixture
def found(scenarios: Any) -> dict[str, Any]:
    of_eight_devices: dict[str, Any] = scenarios[0]
    return of_eight_devices


@pytest.fixture
def of_processes(scenarios: Any) -> list[dict[str, Any]]:
    of_two: list[dict[str, Any]] = scenarios[1]
    return of_two


@pytest.mark.parametrize(
    ("size", "axes"), [(size, axes) for size in SIZES for axes in axes_of_size(size)]
)
def test_a_device_holds_at_most_four_shards(found: dict[str, Any], size: int, axes: str) -> None:
    """Where func got its argument was asserted at each of its calls."""
    memory = found["memory"][f"{size} {axes}"]
    assert memory["verdict"] == "correct"
    assert memory["calls"] > 4
    assert memory["shards"] <= MOST_SHARDS


@pytest.mark.parametrize("axes", axes_of("float32"))
def test_float32_is_evaluated_in_float64_where_it_lies(found: dict[str, Any], axes: str) -> None:
    report = found["float32"][axes]
    assert report["verdict"] == "correct"
    assert "evaluated in float64" in report["text"]
    assert report["shards"] <= MOST_SHARDS_IN_FLOAT64


@pytest.mark.parametrize("axes", axes_of("wrong"))
def test_a_wrong_entry_is_found_without_a_copy_of_all(found: dict[str, Any], axes: str) -> None:
    report = found["wrong"][axes]
    assert report["verdict"] == "wrong"
    assert report["places"] == ["x[77, 5]"]
    assert report["shards"] <= MOST_SHARDS


@pytest.mark.parametrize(
    ("axes", "direction"), [(axes, each) for axes in AXES for each in directions_of(axes)]
)
def test_functions_that_mind_the_sharding_are_checked(
    found: dict[str, Any], axes: str, direction: Any
) -> None:
    assert found["kinds"][f"{axes} {direction}"] == ["correct", "wrong", "correct"]


@pytest.mark.parametrize("axes", AXES)
def test_all_doors_take_sharded_arrays(found: dict[str, Any], axes: str) -> None:
    assert max(found["kinds"][f"{axes} check_grad"]) < 1e-5
    assert found["kinds"][f"{axes} forms"] == ["correct"] * 3
    assert "x0[0, 0] is nan" in found["kinds"][f"{axes} nan"]


def test_a_mesh_that_is_set_does_not_matter(found: dict[str, Any]) -> None:
    assert found["kinds"]["set_mesh"] == "correct"


def test_tangents_are_the_same_on_any_number_of_devices(found: dict[str, Any]) -> None:
    on_eight, on_four = found["kinds"]["tangents"]
    assert on_eight == on_four


@pytest.mark.parametrize("axes", axes_of("tree"))
def test_leaves_of_a_tree_lie_each_as_it_did(found: dict[str, Any], axes: str) -> None:
    right, wrong, text = found["tree"][axes]
    assert (right, wrong) == ("correct", "wrong")
    assert "8 devices (cpu)" in text


def test_a_large_leaf_may_lie_on_one_device_and_its_claim_on_all(found: dict[str, Any]) -> None:
    assert found["beside"]["verdicts"] == ["correct", "wrong"]
    assert found["beside"]["places"] == ["x['one'][190000]"]


@pytest.mark.parametrize("axes", axes_of("processes"))
def test_two_processes_come_to_the_same_report(
    of_processes: list[dict[str, Any]], axes: str
) -> None:
    """The shards of the second process are off by 1%."""
    first, second = (each[axes] for each in of_processes)
    assert first == second
    assert first[:3] == ["correct", "correct", "wrong"]


def test_two_processes_evaluate_in_float64(of_processes: list[dict[str, Any]]) -> None:
    first, second = (each["float32"] for each in of_processes)
    assert first == second
    assert "evaluated in float64" in first


def test_a_timeout_of_one_process_ends_both(of_processes: list[dict[str, Any]]) -> None:
    assert all("timeout" in each["stopped"] for each in of_processes)
