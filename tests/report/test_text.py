"""What a person reads of a report in a terminal."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from report_cases import VERDICTS, correct, every_report, made, mismatch

from checkgrad import Report, Verdict, verify_grad
from checkgrad.report.text import footer, headline, mismatch_cells, printable, render_text

pytestmark = pytest.mark.numpy

CORRECT, WRONG, INCONCLUSIVE = Verdict.CORRECT, Verdict.WRONG, Verdict.INCONCLUSIVE


@every_report
def test_the_first_line_is_the_verdict_and_why(make: Any) -> None:
    first = str(make()).splitlines()[0]
    word, _, why = first.partition(": ")
    assert word == VERDICTS[make]
    assert len(why) > 10
    assert len(first) < 120


def test_a_correct_report_says_to_how_many_digits() -> None:
    report = correct()
    first = str(report).splitlines()[0]
    assert "all 4 coordinates" in first
    digits = float(first.split(" to ")[1].split()[0])
    assert digits == pytest.approx(-math.log10(report.resolution), abs=0.1)
    assert digits >= 5


def test_the_order_is_verdict_mismatches_hints_cost() -> None:
    listed = (mismatch("x[0]"), mismatch("x[10]", claim=-1.5, wrong=False))
    report = made(WRONG, mismatches=listed, n_wrong=1, n_unresolved=1, hints=("one", "two"))
    rest = "1 not looked at as closely"
    assert render_text(report).splitlines() == [
        f"wrong: the claim is off by 25% (2-norm), at 1 of 4 coordinates ({rest})",
        "  x[0]   claim 2     estimate 1.333333333 ± 1e-09",
        "  x[10]  claim -1.5  estimate 1.333333333 ± 1e-09  unresolved",
        "  * one",
        "  * two",
        f"  {footer(report)}",
    ]


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (
            made(CORRECT),
            "correct: claim and estimate agree at all 4 coordinates, to 9.0 digits or ",
        ),
        (made(CORRECT, n_checked=1), "correct: claim and estimate agree at the only coordinate, "),
        (made(CORRECT, resolution=0.0), "agree at all 4 coordinates, to the last digit"),
        (made(CORRECT, resolution=1.3), "agree at all 4 coordinates, to within rounding"),
        (made(CORRECT, resolution=1.01e-7), "to 6.9 digits or better"),
        (made(WRONG, n_wrong=3), "wrong: the claim is off by 25% (2-norm), at 3 of 4 coordinates"),
        (made(WRONG, hints=("a rule is missing",)), "wrong: a rule is missing"),
        (made(WRONG, n_wrong=1, relative_error=0.00123), "off by 0.12% (2-norm), at"),
        (made(WRONG, n_wrong=1, relative_error=0.994), "off by 99% (2-norm), at"),
        (made(WRONG, n_wrong=1, relative_error=0.996), "off by 100% (2-norm), at"),
        (made(WRONG, n_wrong=1, relative_error=9.99), "off by 999% (2-norm), at"),
        (made(WRONG, n_wrong=1, relative_error=10.0), "off by 10 times its size (2-norm), at"),
        (made(WRONG, n_wrong=1, relative_error=math.inf), "wrong: the claim is not finite, at 1"),
        (made(INCONCLUSIVE, n_unresolved=2), "inconclusive: 2 of 4 coordinates could not be res"),
        (made(INCONCLUSIVE, n_checked=0), "inconclusive: func is not deterministic"),
        (made(INCONCLUSIVE, hints=("a gap", "b")), "inconclusive: a gap"),
    ],
)
def test_the_headline_gives_the_reason(report: Report, line: str) -> None:
    assert line in headline(report)


@pytest.mark.parametrize(
    ("form", "direction", "singular", "plural"),
    [
        ("grad", "all", "coordinate", "coordinates"),
        ("grad", "3 random tangents", "tangent", "tangents"),
        ("jac", "all", "entry", "entries"),
        ("jvp", "the given tangent", "directional derivative", "directional derivatives"),
    ],
)
def test_what_was_checked_is_named_by_the_form_of_the_claim(
    form: str, direction: str, singular: str, plural: str
) -> None:
    of = {"form": form, "direction": direction, "n_wrong": 1}
    assert headline(made(WRONG, **of)).endswith(f"at 1 of 4 {plural}")
    assert headline(made(WRONG, n_checked=1, **of)).endswith(f"at 1 of 1 {singular}")
    assert f"agree at the only {singular}," in headline(made(CORRECT, n_checked=1, **of))


@pytest.mark.parametrize(("verdict", "total"), [(WRONG, 30), (INCONCLUSIVE, 20)])
def test_eight_mismatches_are_shown_and_the_rest_counted(verdict: Verdict, total: int) -> None:
    listed = tuple(mismatch(f"x[{i}]") for i in range(15))
    report = made(verdict, mismatches=listed, n_wrong=30, n_unresolved=20)
    lines = render_text(report).splitlines()
    assert [line.split()[0] for line in lines[1:9]] == [f"x[{i}]" for i in range(8)]
    assert lines[9] == f"  ... and {total - 8} more"
    assert len(lines) == 11


def test_nothing_is_counted_where_all_are_shown() -> None:
    listed = tuple(mismatch(f"x[{i}]") for i in range(8))
    assert "more" not in render_text(made(WRONG, mismatches=listed, n_wrong=8))


def test_a_hint_that_is_the_headline_is_not_repeated() -> None:
    report = made(WRONG, hints=("a rule is missing", "another hint"))
    assert render_text(report).count("a rule is missing") == 1
    assert "  * another hint" in render_text(report).splitlines()


@pytest.mark.parametrize(
    ("changes", "claim", "estimate"),
    [
        ({}, "claim 2", "estimate 1.333333333 ± 1e-09"),
        ({"uncertainty": 0.01}, "claim 2", "estimate 1.33 ± 0.01"),
        ({"estimate": 123.456, "uncertainty": 7.0}, "claim 2", "estimate 123 ± 7"),
        ({"uncertainty": 30.0}, "claim 2", "estimate 1 ± 3e+01"),
        ({"uncertainty": 0.0}, "claim 2", "estimate 1.333333333 ± 0"),
        ({"estimate": 0.0}, "claim 2", "estimate 0 ± 1e-09"),
        ({"uncertainty": math.inf}, "claim 2", "estimate 1.33 (of unknown uncertainty)"),
        ({"estimate": math.nan}, "claim 2", "estimate: none"),
        ({"claim": math.inf}, "claim inf", "estimate 1.333333333 ± 1e-09"),
        ({"claim": 2 / 3}, "claim 0.6666666667", "estimate 1.333333333 ± 1e-09"),
        ({"uncertainty": 2e-11}, "claim 2", "estimate 1.33333333333 ± 2e-11"),
        (
            {"claim": 2 / 3, "uncertainty": 2e-11},
            "claim 0.666666666667",
            "estimate 1.33333333333 ± 2e-11",
        ),
        ({"uncertainty": 2e-15}, "claim 2", "estimate 1.33333333333 ± 2e-15"),
    ],
)
def test_numbers_have_the_digits_that_their_uncertainty_leaves(
    changes: dict[str, float], claim: str, estimate: str
) -> None:
    assert mismatch_cells(mismatch("x[3]", **changes)) == ("x[3]", claim, estimate, "")


def test_an_unresolved_mismatch_says_so() -> None:
    assert mismatch_cells(mismatch(wrong=False))[3] == "unresolved"


def test_the_footer_says_what_the_check_cost_and_where_it_ran() -> None:
    report = made(CORRECT, backend="jax", dtype="float32", device="cuda:0", rtol=1e-3, n_grad=1)
    assert footer(report) == (
        "12 evaluations of func, 1 of the claim; float32 on cuda:0 (jax), evaluated in float64; "
        "rtol 1e-03; noise of func 1.2e-16"
    )
    assert footer(made(CORRECT, n_func=1)).startswith("1 evaluation of func, 3 of the claim; ")


@pytest.mark.parametrize(
    ("worst", "words"),
    [
        (0.5, "off by 25% (2-norm), at"),
        (0.51, "off by 25% (2-norm; the worst coordinate by 51%), at"),
        (math.inf, "off by 25% (2-norm), at"),
    ],
)
def test_the_worst_entry_is_told_apart_where_the_norm_hides_it(worst: float, words: str) -> None:
    assert words in headline(made(WRONG, n_wrong=1, worst_relative_error=worst))


def test_the_worst_entry_is_relative_to_itself() -> None:
    scales = np.asarray([1e3, 1.0, 1.0])
    report = verify_grad(
        lambda x: np.sum(scales * np.sin(x)),
        lambda x: scales * np.cos(x) * np.asarray([1, 1, 0.75]),
        np.ones(3),
    )
    assert report.worst_relative_error == pytest.approx(0.25, rel=1e-6)
    assert "; the worst coordinate by 25%)" in str(report)
    assert correct().worst_relative_error == 0


class _Console:
    def __init__(self, encoding: Any) -> None:
        self.encoding = encoding


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "\\xb5 1 +- 2"),
        ("utf-8", "µ 1 ± 2"),
        ("latin-1", "µ 1 ± 2"),
        (None, "µ 1 ± 2"),
        ("no such encoding", "µ 1 ± 2"),
    ],
)
def test_a_report_can_be_printed_on_any_console(
    monkeypatch: Any, encoding: Any, shown: str
) -> None:
    monkeypatch.setattr("sys.stdout", _Console(encoding))
    assert printable("µ 1 ± 2") == shown


def test_print_works_on_an_ascii_console(monkeypatch: Any) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr("sys.stdout", stream)
    print(made(WRONG, mismatches=(mismatch("x[0]"),), n_wrong=1))
    stream.flush()
    assert b"estimate 1.333333333 +- 1e-09" in stream.buffer.getvalue()
