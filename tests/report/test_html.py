"""What a notebook shows of a report."""

from __future__ import annotations

import html
import re
from typing import Any

import numpy as np
import pytest
from report_cases import every_report, made, mismatch

from checkgrad import Verdict, verify_grad
from checkgrad.report.html import render_html

pytestmark = pytest.mark.numpy

HOSTILE = ["<script>alert(1)</script>", "a&b", "\"'><img src=x onerror=alert(1)>", "</td></b>"]


def words(shown: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", shown)).split())


@every_report
def test_html_says_what_the_text_says(make: Any) -> None:
    report = make()
    shown = words(report._repr_html_())
    assert report.verdict.value in shown
    for listed in report.mismatches[:3]:
        assert listed.where in shown
    for hint in report.hints:
        assert " ".join(hint.split()) in shown


def test_html_has_the_verdict_a_table_a_list_and_the_footer() -> None:
    report = made(Verdict.WRONG, mismatches=(mismatch(),), n_wrong=1, hints=("one", "two"))
    assert render_html(report) == (
        '<div><p><strong style="color: #cf222e">wrong</strong>: the claim is off by 25% (2-norm), '
        "at 1 of 4 coordinates</p>"
        "<table><tr><td>x[0]</td><td>claim 2</td><td>estimate 1.333333333 ± 1e-09</td><td></td>"
        "</tr></table>"
        "<ul><li>one</li><li>two</li></ul>"
        "<p><small>12 evaluations of func, 3 of the claim; float64 on cpu (numpy); rtol 1e-05; "
        "noise of func 1.2e-16</small></p></div>"
    )


def test_html_has_no_empty_table_or_list() -> None:
    shown = render_html(made(Verdict.CORRECT))
    assert "<table" not in shown
    assert "<ul" not in shown


def test_each_verdict_has_its_colour() -> None:
    colours = [
        re.findall("#[0-9a-f]{6}", render_html(made(each, hints=("a",)))) for each in Verdict
    ]
    assert colours == [["#1a7f37"], ["#cf222e"], ["#9a6700"]]


def test_html_shows_eight_mismatches() -> None:
    listed = tuple(mismatch(f"x[{i}]") for i in range(15))
    shown = render_html(made(Verdict.WRONG, mismatches=listed, n_wrong=30))
    assert shown.count("<tr>") == 8
    assert "x[7]" in shown
    assert "x[8]" not in shown


@pytest.mark.parametrize("text", HOSTILE)
def test_html_escapes_everything_from_the_user(text: str) -> None:
    report = made(
        Verdict.WRONG,
        mismatches=(mismatch(text),),
        hints=(text,),
        dtype=text,
        device=text,
        backend=text,
    )
    shown = render_html(report)
    assert text not in shown
    assert shown.count(html.escape(text)) == 6  # the headline quotes the hint
    assert shown.count("</table>") == shown.count("<table>") == 1


def test_html_escapes_the_messages_of_exceptions() -> None:
    def fails(x: Any) -> Any:
        if np.any(x != 1):
            raise ValueError("<script>alert(1)</script>")
        return 1.0

    report = verify_grad(fails, lambda x: x, np.ones(2))
    assert "script" in str(report)
    assert "<script" not in report._repr_html_()
