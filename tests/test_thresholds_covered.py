"""Every threshold is held by a check that fails if the threshold is halved, or doubled."""

from __future__ import annotations

import dataclasses
import runpy
from pathlib import Path

from checkgrad.numerics.thresholds import Thresholds

TABLES = (
    "numerics/test_thresholds.py",
    "measure/test_measure_thresholds.py",
    "refine/test_refine_thresholds.py",
)


def names_in(table: str) -> list[str]:
    """Return the thresholds that a test module has cases for.

    A threshold with several uses has a case for each, named ``threshold:use``.
    """
    cases = list(runpy.run_path(str(Path(__file__).parent / table))["CASES"])
    return [name.partition(":")[0] for name in cases]


def test_every_threshold_is_in_one_of_the_tables() -> None:
    covered = {name for table in TABLES for name in names_in(table)}
    fields = {field.name for field in dataclasses.fields(Thresholds)}
    assert fields - covered == set(), "has no check"
    assert covered - fields == set(), "is no threshold"
