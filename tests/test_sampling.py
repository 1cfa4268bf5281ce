"""A plain run leaves out repetitions, and no case, library or dtype."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sampling import (
    Case,
    Together,
    cover,
    draws,
    every_value_once,
    half_with_every_value,
    numbered,
    shuffled,
    spread,
)

pytestmark = pytest.mark.numpy

# A module of tests that says what runs, in a NumPy that has four places.
MODULE = """
import pytest

@pytest.mark.parametrize("a", range(10))
def test_of_many_cases(xp, dtype, a):
    print()

@pytest.mark.parametrize("b", [True, False])
@pytest.mark.parametrize("a", range(10))
def test_of_two_parameters(xp, dtype, a, b):
    print()

@pytest.mark.parametrize("a", range(2))
def test_of_few_cases(xp, dtype, a):
    print()

def test_of_one_case(xp, dtype):
    print()

@pytest.mark.all_dtypes
@pytest.mark.parametrize("a", range(10))
def test_of_all_dtypes(xp, dtype, a):
    print()

@pytest.mark.sampled
@pytest.mark.parametrize("b", "xyz")
@pytest.mark.parametrize("a", range(10))
def test_that_is_sampled(a, b):
    print()

@pytest.mark.full
def test_of_the_full_run():
    print()

@pytest.mark.parametrize("a", [1, pytest.param(2, marks=pytest.mark.full)])
def test_of_a_case_of_the_full_run(a):
    print()

def test_without_cases():
    print()

@pytest.mark.libraries("numpy")
def test_that_names_numpy():
    print()
"""
PLACES = {"numpy-float16", "numpy-float32", "numpy-float64", "numpy-readonly-float64"}


@pytest.fixture(scope="module")
def collect(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give a function that tells which runs of `MODULE` are collected: lists of their ids."""
    here = Path(__file__).parent
    folder = tmp_path_factory.mktemp("tests")
    (folder / "test_module.py").write_text(MODULE)
    (folder / "conftest.py").write_text((here / "conftest.py").read_text())
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {here}\n")

    def collected(*options: str, seed: str = "0") -> dict[str, list[str]]:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "CHECKGRAD_TEST_LIBRARIES": "numpy"}
        environment.pop("CHECKGRAD_FULL", None)
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
        outcome = subprocess.run(
            [*command, *options],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        runs: dict[str, list[str]] = {}
        for name, case in re.findall(r"::test_(\w+)(?:\[(.*)\])?$", outcome.stdout, re.MULTILINE):
            runs.setdefault(name, []).append(case)
        return runs

    return collected


@pytest.fixture(scope="module")
def plain(collect: Any) -> dict[str, list[str]]:
    return collect()


def test_each_case_and_each_place_is_in_a_plain_run(plain: dict[str, list[str]]) -> None:
    assert len(plain["of_many_cases"]) == 10
    split = [re.fullmatch(r"(numpy.*float\d+)-(.*)", case) for case in plain["of_many_cases"]]
    places, cases = zip(*(match.groups() for match in split if match), strict=True)
    assert set(places) == PLACES
    assert len(set(cases)) == 10


def test_half_of_a_product_is_in_a_plain_run(plain: dict[str, list[str]]) -> None:
    assert 10 <= len(plain["of_two_parameters"]) <= 12
    first, second = zip(*(each.split("-")[-2:] for each in plain["of_two_parameters"]), strict=True)
    assert set(first) == {str(number) for number in range(10)}
    assert set(second) == {"True", "False"}


def test_a_test_of_few_cases_runs_in_the_widest_dtype_and_in_a_narrower_one(
    plain: dict[str, list[str]],
) -> None:
    for runs in (plain["of_few_cases"], plain["of_one_case"]):
        assert len(runs) == 2
        assert sum("float64" in run for run in runs) == 1
    assert {run.rpartition("-")[2] for run in plain["of_few_cases"]} == {"0", "1"}


def test_markers_choose_all_dtypes_a_sample_or_nothing(plain: dict[str, list[str]]) -> None:
    assert len(plain["of_all_dtypes"]) == 40
    assert 10 <= len(plain["that_is_sampled"]) <= 12
    numbers, letters = zip(*(case.split("-") for case in plain["that_is_sampled"]), strict=True)
    assert set(numbers) == {str(number) for number in range(10)}
    assert set(letters) == set("xyz")
    assert "of_the_full_run" not in plain
    assert plain["of_a_case_of_the_full_run"] == ["1"]
    assert plain["without_cases"] == [""]


def test_a_full_run_is_the_product(collect: Any) -> None:
    full = {name: len(runs) for name, runs in collect("--full").items()}
    assert full == {
        "of_many_cases": 40,
        "of_two_parameters": 80,
        "of_few_cases": 8,
        "of_one_case": 4,
        "of_all_dtypes": 40,
        "that_is_sampled": 30,
        "of_the_full_run": 1,
        "of_a_case_of_the_full_run": 2,
        "without_cases": 1,
        "that_names_numpy": 1,
    }


def test_all_that_runs_in_numpy_has_its_marker(collect: Any, plain: dict[str, list[str]]) -> None:
    assert collect("-m", "numpy") == plain


def test_every_process_takes_the_same_sample(collect: Any, plain: dict[str, list[str]]) -> None:
    assert collect(seed="1") == plain


@pytest.mark.parametrize(
    ("name", "case"),
    [("of_two_parameters", "numpy-float16-7-True"), ("of_a_case_of_the_full_run", "2")],
)
def test_what_is_named_with_its_case_runs(collect: Any, name: str, case: str) -> None:
    assert collect(f"test_module.py::test_{name}[{case}]") == {name: [case]}


@pytest.mark.parametrize(("cases", "places"), [*itertools.product([1, 2, 5, 12], [1, 2, 4, 5])])
def test_a_cover_has_all_cases_and_all_places(cases: int, places: int) -> None:
    for start in range(7):
        pairs = [*cover(range(cases), range(places), start)]
        assert len(pairs) == max(cases, places)
        assert {case for case, _ in pairs} == {*range(cases)}
        assert {place for _, place in pairs} == {*range(places)}


def test_every_value_is_in_one_of_the_cases_that_are_kept() -> None:
    cases: list[Case] = [
        (("a", a), ("b", b), ("c", c)) for a in range(30) for b in range(4) for c in range(2)
    ]
    kept = every_value_once(shuffled(cases, "name"))
    assert set().union(*kept) == set().union(*cases)
    assert len(kept) < 40
    assert kept != every_value_once(shuffled(cases, "another name"))


def test_half_of_the_cases_has_every_value() -> None:
    def half(*sizes: int) -> list[Case]:
        values = itertools.product(*map(range, sizes))
        return half_with_every_value([tuple(zip("abc", each, strict=False)) for each in values])

    assert len(half(6, 4)) == 12
    assert len(half(7, 3)) == 11
    assert {case[0] for case in half(6, 4)} == {("a", number) for number in range(6)}
    assert len(half(9)) == 9  # of one parameter, all


def test_most_values_that_repeat_each_other_are_marked() -> None:
    def taken(values: list[Any]) -> list[int]:
        return [value for value in values if isinstance(value, int)]

    assert taken(draws(6, 2)) == [0, 1]
    assert taken(spread(range(7), 3)) == [0, 3, 6]
    assert taken(spread(range(7), 3, first=1)) == [1, 4]
    for values in (draws(6, 2), spread(range(6), 3)):
        marked = [value for value in values if not isinstance(value, int)]
        assert len(values) == 6
        assert all([mark.name for mark in value.marks] == ["full"] for value in marked)


def test_either_value_of_a_parameter_meets_all_places() -> None:
    cases: list[Case] = [(("a", a), ("b", b)) for a in range(20) for b in range(2)]
    for places in (2, 4, 5):
        pairs = cover(shuffled(cases, "name"), range(places), 0)
        assert len({(case[1], place) for case, place in pairs}) == 2 * places


def test_equal_numbers_are_one_value_and_equal_objects_are_not() -> None:
    first, second = [1], [1]
    assert [*numbered([{"xy": Together((x, y))} for x, y in [(1, 2), (1, 3), (1, 2)]])] == [
        (("xy", 0),),
        (("xy", 1),),
        (("xy", 0),),
    ]
    runs = [{"x": 0.5, "y": first}, {"x": 0.5, "y": second}, {"x": 0, "y": first}, {"x": False}]
    assert [*numbered(runs)] == [
        (("x", 0), ("y", 0)),
        (("x", 0), ("y", 1)),
        (("x", 1), ("y", 0)),
        (("x", 2),),
    ]
