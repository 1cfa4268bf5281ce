"""What a notebook shows of a report."""

from __future__ import annotations

import html
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_cases import every_report, made, mismatch

from checkgrad import Verdict, verify_grad
from checkgrad.report.html import STYLE, aligned, render_html

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
    listed = (mismatch(), mismatch("x[12]", claim=-10.25, estimate=math.nan, wrong=False))
    report = made(Verdict.WRONG, mismatches=listed, n_wrong=31, hints=("one", "two"))
    assert render_html(report, style=False) == (
        '<div class="checkgrad"><p><span class="verdict wrong">wrong</span> the claim is off by '
        "25% (2-norm), at 31 of 4 coordinates</p>"
        '<div class="scrolls"><table class="mismatches"><thead><tr><th scope="col">place</th>'
        '<th scope="col">claim</th>'
        '<th scope="col">estimate</th><th scope="col">uncertainty</th>'
        '<th scope="col">relative error</th><th scope="col"></th></tr></thead><tbody>'
        '<tr><td class="place">x[0]</td><td class="number">  2   </td>'
        '<td class="number">1.333333333</td><td class="number">1e-09</td>'
        '<td class="number">33%</td><td></td></tr>'
        '<tr><td class="place">x[12]</td><td class="number">-10.25</td>'
        '<td class="number">           </td><td class="number">     </td>'
        '<td class="number">   </td><td>unresolved</td></tr>'
        '<tr><td colspan="6">and 29 more</td></tr></tbody></table></div>'
        "<ul><li>one</li><li>two</li></ul>"
        '<p class="footer">12 evaluations of func, 3 of the claim; float64 on cpu (numpy); '
        "rtol 1e-05; noise of func 1.2e-16</p></div>"
    )


def test_html_has_no_empty_table_or_list() -> None:
    shown = render_html(made(Verdict.CORRECT), style=False)
    assert "<table" not in shown
    assert "<ul" not in shown


def test_each_verdict_has_its_colour_and_text_that_of_the_page() -> None:
    for each in Verdict:
        assert f'class="verdict {each.value}"' in render_html(made(each, hints=("a",)))
        assert re.search(rf"\.{each.value} {{ background: #[0-9a-f]{{6}}; }}", STYLE)
    colours = re.findall(r"[^-]color: ([^;]+);", STYLE)
    assert set(colours) == {"inherit", "#fff"}  # white stands on the colour of a verdict


def test_html_shows_eight_mismatches_and_the_number_of_the_rest() -> None:
    listed = tuple(mismatch(f"x[{i}]") for i in range(15))
    shown = render_html(made(Verdict.WRONG, mismatches=listed, n_wrong=30))
    assert shown.count('<td class="place">') == 8
    assert "x[7]" in shown
    assert "x[8]" not in shown
    assert "and 22 more" in shown
    shown = render_html(made(Verdict.WRONG, mismatches=listed[:8], n_wrong=8))
    assert "more" not in words(shown.partition("</style>")[2])


def test_numbers_are_aligned_at_their_points() -> None:
    cells = ["1.5", "-20.25", "3", "1e-09", "nan", "33%", ""]
    shown = aligned(cells)
    assert [each.strip() for each in shown] == cells
    assert {len(each) for each in shown} == {7}
    assert shown[0].index(".") == shown[1].index(".")
    assert shown[2][2] == "3"
    assert shown[3][2:4] == "1e"


def test_a_page_is_whole_and_follows_the_browser(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    report = made(Verdict.WRONG, mismatches=(mismatch("<b>±"),), n_wrong=1)
    report.to_html(path)
    page = path.read_text(encoding="utf-8")
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<title>checkgrad: wrong</title>" in page
    assert "color-scheme: light dark" in page
    assert "&lt;b&gt;±" in page
    assert page.count("<style>") == page.count("</style>") == 1
    assert "http" not in page.replace("http://www.w3.org", "")  # it needs nothing from elsewhere


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
    assert shown.count("</table>") == shown.count("<table") == 1


def test_html_escapes_the_messages_of_exceptions() -> None:
    def fails(x: Any) -> Any:
        if np.any(x != 1):
            raise ValueError("<script>alert(1)</script>")
        return 1.0

    report = verify_grad(fails, lambda x: x, np.ones(2))
    assert "script" in str(report)
    assert "<script" not in report._repr_html_()
