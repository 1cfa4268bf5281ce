"""Series and data frames as x0: labels in the places, and claims in the order of the labels.

The classes here have the attributes of pandas that count. The last tests run on pandas itself,
where it is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad import Verdict, check_grad, verify_grad, verify_jac, verify_jvp, verify_vjp
from checkgrad.arrays.labels import is_labelled, unlabelled
from checkgrad.arrays.point import make_point

pytestmark = pytest.mark.numpy


class Index(list[Any]):
    """The labels along an axis."""

    def equals(self, other: Any) -> bool:
        return list(self) == list(other)


class Series:
    """Numbers with labels."""

    def __init__(self, values: Any, index: Any) -> None:
        self.values, self.index = np.asarray(values), Index(index)

    def to_numpy(self) -> Any:
        return self.values

    def reindex(self, index: Any) -> Series:
        return Series([self[label] for label in index], index)

    def __getitem__(self, label: Any) -> Any:
        if label not in self.index:
            raise KeyError(label)
        return self.values[self.index.index(label)]


NAMES = ["const", "age", "income"]
X0 = Series([1.0, 2.0, -0.5], NAMES)


def func(p: Any) -> Any:
    return p["const"] ** 2 + np.sin(p["age"]) * p["income"]


def grad(p: Any, order: Any = NAMES) -> Any:
    found = {
        "const": 2 * p["const"],
        "age": np.cos(p["age"]) * p["income"],
        "income": np.sin(p["age"]),
    }
    return Series([found[name] for name in order], order)


def test_what_has_labels_is_known_by_its_attributes() -> None:
    assert is_labelled(X0)
    assert not any(map(is_labelled, [np.ones(2), [1.0], {"a": 1.0}, 2.0]))
    assert unlabelled(X0) is X0.values
    assert unlabelled(2.0) == 2.0


def test_func_gets_what_the_user_passed() -> None:
    report = verify_grad(func, grad, X0)
    assert report.verdict is Verdict.CORRECT
    point = make_point(X0)
    assert isinstance(point.copy(), Series)
    assert point.copy().values is not X0.values
    assert point.place(1) == "['age']"


def test_labels_stand_in_the_report() -> None:
    def wrong(p: Any) -> Any:
        claim = grad(p)
        return Series(claim.values * [1, 2, 1], claim.index)

    report = verify_grad(func, wrong, X0)
    assert [each.where for each in report.mismatches] == ["p['age']"]
    assert report.hints == ("claim is 2 times the estimate at p['age']: a factor too many?",)


def test_a_claim_is_put_in_the_order_of_the_labels() -> None:
    assert verify_grad(func, lambda p: grad(p, NAMES[::-1]), X0).verdict is Verdict.CORRECT
    assert verify_grad(func, lambda p: grad(p).values, X0).verdict is Verdict.CORRECT


def test_a_claim_with_other_labels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\['age'\].* return what has the labels of x0"):
        verify_grad(func, lambda p: grad(p, ["age"]), X0)


def test_bounds_and_tangents_may_have_labels() -> None:
    lower = Series([-9.0, 0.0, 0.0], ["income", "age", "const"])
    report = verify_grad(func, grad, X0, bounds=(lower, 9), direction=X0)
    assert report.verdict is Verdict.CORRECT


def test_every_form_takes_labels() -> None:
    def squares(p: Any) -> Any:
        return Series(p.values**2, p.index)

    assert verify_jac(squares, lambda p: np.diag(2 * p.values), X0)
    assert verify_jvp(squares, lambda p, v: 2 * p.values * v.values, X0)
    assert verify_vjp(squares, lambda p, w: Series(2 * p.values * w, p.index), X0)


def test_float32_is_evaluated_in_float64() -> None:
    report = verify_grad(func, grad, Series(np.float32(X0.values), NAMES))
    assert (report.verdict, report.evaluated_in) == (Verdict.CORRECT, "float64")


def test_scipys_functions_hand_out_arrays_as_scipy_does() -> None:
    assert check_grad(lambda x: x[0] ** 2 + 0 * x[1], lambda x: [2 * x[0], 0, 0], X0) < 1e-6


def test_a_func_of_arrays_is_told_what_to_pass() -> None:
    with pytest.raises(KeyError) as caught:
        verify_grad(lambda x: x[0] ** 2, grad, X0)
    (note,) = caught.value.__notes__
    assert "labels 'const', 'age', 'income'" in note
    assert "x0.to_numpy()" in note


def test_a_series_within_a_tree_is_refused_with_the_remedy() -> None:
    with pytest.raises(TypeError, match=r"x0\['a'\].to_numpy\(\)"):
        verify_grad(func, grad, {"a": X0})


def test_a_series_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    x0 = pandas.Series(X0.values, index=NAMES)
    right = verify_grad(func, lambda p: pandas.Series(grad(p).values, p.index)[NAMES[::-1]], x0)
    assert right.verdict is Verdict.CORRECT
    wrong = verify_grad(func, lambda p: 2 * grad(p).values, x0)
    assert {each.where for each in wrong.mismatches} == {f"p[{name!r}]" for name in NAMES}


def test_a_data_frame_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    x0 = pandas.DataFrame({"a": [1.0, 2.0], "b": [3, 4]}, index=["r1", "r2"])

    def of_frame(d: Any) -> Any:
        return np.sum(np.sin(d["a"])) + np.sum(d["b"] ** 2)

    def claim(d: Any) -> Any:
        return pandas.DataFrame({"b": 3 * d["b"], "a": np.cos(d["a"])})

    report = verify_grad(of_frame, claim, x0)
    assert [each.where for each in report.mismatches] == ["d['r2', 'b']", "d['r1', 'b']"]
