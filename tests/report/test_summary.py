"""The `repr` of a report: one line that explains a failing ``assert``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from report_cases import correct, every_report, incomplete, made, mismatch, undetermined

from checkgrad import Verdict, verify_grad, verify_jac

pytestmark = pytest.mark.numpy

WRONG, INCONCLUSIVE = Verdict.WRONG, Verdict.INCONCLUSIVE


@every_report
def test_it_is_one_line_with_the_verdict(make: Any) -> None:
    line = repr(make())
    assert line.startswith(f"<Report {make().verdict.value}: ")
    assert line.endswith(">")
    assert "\n" not in line
    assert len(line) < 120


def test_an_assertion_shows_it() -> None:
    with pytest.raises(AssertionError) as caught:
        assert made(WRONG, n_wrong=2, worst_relative_error=0.5)
    assert "<Report wrong: 2 of 4 coordinates off, worst 50%>" in str(caught.value)


def test_a_correct_one_says_how_many_digits_agree() -> None:
    assert repr(correct()).startswith("<Report correct: 4 coordinates agree to ")
    assert repr(made(Verdict.CORRECT)) == "<Report correct: 4 coordinates agree to 9.0 digits>"
    single = made(Verdict.CORRECT, n_checked=1)
    assert repr(single) == "<Report correct: 1 coordinate agrees to 9.0 digits>"


def test_a_wrong_one_names_the_largest_relative_error() -> None:
    def grad(x: Any) -> Any:
        return 2 * x * np.asarray([1.01, 1.0, 2.0])

    report = verify_grad(lambda x: np.sum(x**2), grad, np.asarray([100.0, 1.0, 0.1]))
    assert report.mismatches[0].where == "x[0]"  # the largest absolute error
    assert repr(report) == "<Report wrong: 2 of 3 coordinates off, worst 50% at x[2]>"
    report = verify_jac(lambda x: x**2, lambda x: np.diag(x), np.asarray([1.0, 3.0]))
    assert repr(report) == "<Report wrong: 2 of 4 entries off, worst 50% at d func[0] / d x[0]>"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_wrong": 0, "hints": ("a rule is missing",)}, "a rule is missing"),
        ({"n_wrong": 0, "hints": ("long " * 50,)}, ("long " * 50)[:110] + "..."),
        (
            {"n_wrong": 1, "worst_relative_error": 25.0},
            "1 of 4 coordinates off, worst 25 times its size",
        ),
        (
            {"n_wrong": 1, "mismatches": (mismatch(claim=math.nan),)},
            "1 of 4 coordinates off, nan at x[0]",
        ),
        (
            {"n_wrong": 1, "located": True, "direction": "10 random tangents"},
            "1 coordinate off, found along 10 random tangents, worst 0%",
        ),
        ({"n_wrong": 1, "complete": False}, "1 of 4 coordinates off, worst 0%; incomplete"),
    ],
)
def test_other_wrong_ones(changes: Any, words: str) -> None:
    assert repr(made(WRONG, **changes)) == f"<Report wrong: {words}>"


def test_inconclusive_ones_say_why() -> None:
    assert repr(made(INCONCLUSIVE, n_unresolved=3)) == (
        "<Report inconclusive: 3 of 4 coordinates not resolved>"
    )
    assert repr(undetermined()) == "<Report inconclusive: func is not deterministic>"
    assert repr(incomplete()) == (
        "<Report inconclusive: the budget of 20 evaluations was spent; "
        "4 of 4 coordinates not decided>"
    )
    assert repr(made(INCONCLUSIVE, hints=("not checked: vmap",))) == (
        "<Report inconclusive: not checked: vmap>"
    )
