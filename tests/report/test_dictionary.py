"""What a program reads of a report."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from report_cases import VERDICTS, every_report, made, mismatch

from checkgrad import Report, Verdict
from checkgrad.report.dictionary import to_dict

pytestmark = pytest.mark.numpy


@every_report
def test_the_dictionary_is_json_and_has_every_attribute(make: Any) -> None:
    report = make()
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["verdict"] == VERDICTS[make]
    assert set(found) == {field.name for field in dataclasses.fields(Report)}
    assert len(found["mismatches"]) == len(report.mismatches)
    assert found["hints"] == list(report.hints)
    assert found["n_func"] == report.n_func


def test_a_mismatch_is_a_dictionary() -> None:
    found = to_dict(made(Verdict.WRONG, mismatches=(mismatch("x[3]", claim=math.nan),)))
    assert found["mismatches"] == [
        {"where": "x[3]", "claim": "nan", "estimate": 4 / 3, "uncertainty": 1e-9, "wrong": True}
    ]


@pytest.mark.parametrize(
    ("value", "word"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")]
)
def test_numbers_that_json_lacks_are_words(value: float, word: str) -> None:
    found = to_dict(made(Verdict.INCONCLUSIVE, resolution=value, error=0.5))
    assert found["resolution"] == word
    assert found["error"] == 0.5
