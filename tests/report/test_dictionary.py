"""What a program reads of a report, and the way back."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from typing import Any, NamedTuple

import numpy as np
import pytest
from report_cases import VALUES, VERDICTS, every_report, func, grad, made, mismatch, not_finite

from checkgrad import Report, Verdict, verify_grad, verify_jac, verify_vjp
from checkgrad.report.dictionary import to_dict

pytestmark = pytest.mark.numpy

PARTS = ("claim", "estimate", "uncertainty", "decisions")


def through_json(report: Report) -> Report:
    return Report.from_dict(json.loads(json.dumps(report.to_dict(), allow_nan=False)))


def assert_same_trees(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_same_trees(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same_trees(*pair)
    else:
        np.testing.assert_array_equal(one, other)


def assert_same_report(copy: Report, report: Report) -> None:
    assert str(copy) == str(report)
    assert repr(copy) == repr(report)
    assert copy._repr_html_() == report._repr_html_()
    assert copy.rate == report.rate
    assert json.dumps(copy.to_dict()) == json.dumps(report.to_dict())
    for name in PARTS:
        assert_same_trees(getattr(copy, name), getattr(report, name))


@every_report
def test_the_dictionary_is_json_and_has_every_attribute(make: Any) -> None:
    report = make()
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["verdict"] == VERDICTS[make]
    attributes = {field.name for field in dataclasses.fields(Report)}
    assert set(found) == attributes | {"schema", "schema_version"}
    assert len(found["mismatches"]) == len(report.mismatches)
    assert found["hints"] == list(report.hints)
    assert found["n_func"] == report.n_func


@every_report
def test_a_report_comes_back_from_json(make: Any) -> None:
    assert_same_report(through_json(make()), make())


@every_report
def test_a_report_comes_back_from_a_pickle(make: Any) -> None:
    assert_same_report(pickle.loads(pickle.dumps(make())), make())


def test_numbers_that_are_not_finite_come_back() -> None:
    copy = through_json(not_finite())
    assert math.isnan(copy.claim[1])
    assert math.isnan(copy.mismatches[0].claim)
    report = made(Verdict.INCONCLUSIVE, resolution=math.inf, error_bound=-math.inf)
    assert through_json(report) == report


def test_a_place_may_have_the_name_of_a_number() -> None:
    report = made(Verdict.WRONG, mismatches=(mismatch("nan"),), n_wrong=1)
    assert through_json(report).mismatches[0].where == "nan"


class Pair(NamedTuple):
    a: Any
    b: Any


TREES = {
    "dict": {"b": np.asarray([1.0, 2.0]), "a": [np.asarray(3.0), (np.ones((2, 3)),)]},
    "tuple": (np.ones(2), {3: np.ones(1)}, []),
    "with an integer": {"n": np.asarray([1, 2]), "x": np.asarray([1.5, 2.5])},
}


@pytest.mark.parametrize("name", TREES)
def test_trees_come_back(name: str) -> None:
    x0 = TREES[name]
    report = verify_grad(lambda x: 1.0, lambda x: x, x0)
    assert_same_report(through_json(report), report)
    assert_same_report(pickle.loads(pickle.dumps(report)), report)


def test_trees_of_other_classes_become_dictionaries_by_path() -> None:
    report = verify_grad(lambda x: np.sum(x.a) * x.b, lambda x: Pair(x.b, x.a), Pair(2.0, 3.0))
    assert isinstance(report.claim, Pair)
    assert report.claim.a == 3.0
    copy = through_json(report)
    assert copy.claim == {".a": 3.0, ".b": 2.0}
    assert str(copy) == str(report)
    assert pickle.loads(pickle.dumps(report)).claim == copy.claim


def test_a_jacobian_and_cotangents_come_back() -> None:
    def outputs(x: Any) -> Any:
        return {"p": x**2, "q": np.sum(x)}

    def jac(x: Any) -> Any:
        return {"p": np.diag(2 * x), "q": np.zeros_like(x)}

    report = verify_jac(outputs, jac, VALUES)
    assert_same_report(through_json(report), report)
    cotangents = [np.ones(4), np.arange(4.0)]
    report = verify_vjp(lambda x: x**2, lambda x, w: x * w, VALUES, direction=cotangents)
    assert report.claim.shape == (2, 4)
    assert_same_report(through_json(report), report)


def test_arrays_may_be_left_out() -> None:
    report = verify_grad(func, lambda x: 2 * grad(x), VALUES)
    found = report.to_dict(arrays=False)
    assert found["comparisons"] == found["samples"] == []
    copy = Report.from_dict(found)
    assert str(copy) == str(report)
    assert copy.claim is None


def test_what_the_check_ran_on_is_there() -> None:
    found = verify_grad(func, grad, VALUES.astype(np.float32), rng=7).to_dict()
    assert found["inputs"] == [{"path": "", "shape": [4], "dtype": "float32"}]
    assert found["seed"] == 7
    assert found["elapsed"] > 0
    assert found["versions"]["numpy"] == np.__version__
    assert set(found["versions"]) == {"checkgrad", "numpy"}
    generator = np.random.default_rng(0)
    assert verify_grad(func, grad, VALUES, rng=generator).seed is None
    assert verify_grad(func, grad, VALUES).seed == 0


def test_the_same_check_makes_the_same_dictionary_but_for_the_time() -> None:
    one, other = (verify_grad(func, lambda x: 2 * grad(x), VALUES).to_dict() for _ in range(2))
    assert one | {"elapsed": 0} == other | {"elapsed": 0}


def test_a_mismatch_is_a_dictionary() -> None:
    found = to_dict(made(Verdict.WRONG, mismatches=(mismatch("x[3]", claim=math.nan),)), True)
    assert found["mismatches"] == [
        {"where": "x[3]", "claim": "nan", "estimate": 4 / 3, "uncertainty": 1e-9, "wrong": True}
    ]


@pytest.mark.parametrize(
    ("value", "word"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")]
)
def test_numbers_that_json_lacks_are_words(value: float, word: str) -> None:
    found = to_dict(made(Verdict.INCONCLUSIVE, resolution=value, error=0.5), True)
    assert found["resolution"] == word
    assert found["error"] == 0.5


def test_what_is_no_report_is_refused() -> None:
    with pytest.raises(ValueError, match="this is no report"):
        Report.from_dict({"verdict": "correct"})
    later = made(Verdict.CORRECT).to_dict() | {"schema_version": 2}
    with pytest.raises(ValueError, match="upgrade checkgrad"):
        Report.from_dict(later)


def test_keys_of_later_versions_are_ignored_and_defaults_stand_for_missing_ones() -> None:
    found = made(Verdict.CORRECT).to_dict() | {"something": 1}
    del found["remarks"]
    assert Report.from_dict(found) == made(Verdict.CORRECT)


def test_keys_of_later_versions_are_ignored_in_all_parts() -> None:
    report = verify_grad(func, lambda x: 2 * grad(x), VALUES)
    found = report.to_dict()
    for name in ("mismatches", "samples", "comparisons", "inputs"):
        found[name][0]["something"] = 1
    found["comparisons"][0]["inputs"]["arrays"][0]["something"] = 1
    assert_same_report(Report.from_dict(found), report)


@pytest.mark.parametrize("found", [None, [1], "{}"])
def test_what_is_no_dictionary_is_refused_with_what_to_pass(found: Any) -> None:
    with pytest.raises(TypeError, match=r"the report is .* \(type .*; pass the dictionary that"):
        Report.from_dict(found)


@pytest.mark.parametrize(
    ("part", "key"),
    [
        (None, "n_wrong"),
        ("mismatches", "estimate"),
        ("samples", "noise"),
        ("samples", "steps"),
        ("comparisons", "claim"),
        ("inputs", "dtype"),
    ],
)
def test_a_missing_key_is_named(part: str | None, key: str) -> None:
    found = verify_grad(func, lambda x: 2 * grad(x), VALUES).to_dict()
    del (found if part is None else found[part][0])[key]
    with pytest.raises(ValueError, match=f"the report lacks the key '{key}'; pass all"):
        Report.from_dict(found)
