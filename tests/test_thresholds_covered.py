"""Every threshold is held by a check that fails if the threshold is halved, or doubled."""

from __future__ import annotations

import dataclasses
import runpy
from pathlib import Path

import pytest

from checkgrad.numerics.thresholds import Thresholds

TABLES = (
    "numerics/test_thresholds.py",
    "measure/test_measure_thresholds.py",
    "refine/test_refine_thresholds.py",
)


def names_in(table: str) -> list[str]:
    """Return the thresholds that a test module has cases for."""
    return list(runpy.run_path(str(Path(__file__).parent / table))["CASES"])


def test_every_threshold_is_in_one_of_the_tables() -> None:
    covered = {name for table in TABLES for name in names_in(table)}
    fields = {field.name for field in dataclasses.fields(Thresholds)}
    assert fields - covered == set(), "has no check"
    assert covered - fields == set(), "is no threshold"


@pytest.mark.parametrize("table", TABLES)
def test_no_threshold_is_in_two_tables(table: str) -> None:
    others = {name for other in TABLES if other != table for name in names_in(other)}
    assert others.isdisjoint(names_in(table))
