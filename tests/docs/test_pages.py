"""The pages hold what the reports refer to, and their code and links are fit to be read."""

import re

import pytest
from check_links import broken_links
from page_outputs import CODE_BLOCK, ROOT

from checkgrad.numerics.decisions import OPEN_REASONS
from checkgrad.report.reasons import code_of

DOCS = ROOT / "docs"
COLUMNS = 88
CODE_CELL = re.compile(r"(?<=^```\{code-cell\}\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
WITH_CODE = sorted([ROOT / "README.md", *DOCS.glob("*.md"), *(DOCS / "gallery").glob("*.md")])

pytestmark = pytest.mark.numpy


def test_every_reason_has_an_entry_on_the_page_of_troubleshooting():
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    codes = {code_of(reason) for reason in OPEN_REASONS}
    assert set(re.findall(r"^### ([\w-]+)$", text, re.MULTILINE)) == codes
    assert set(re.findall(r"^\| \[([\w-]+)\]\(#\1\) \|", text, re.MULTILINE)) == codes


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_code_fits_into_the_columns_of_a_page(page):
    text = page.read_text(encoding="utf-8")
    blocks = [match[0] for match in CODE_BLOCK.finditer(text)]
    lines = [
        line for block in blocks for line in block.splitlines() if line.startswith((">>> ", "... "))
    ]
    lines += [line for cell in CODE_CELL.finditer(text) for line in cell[0].splitlines()]
    assert [line for line in lines if len(line) > COLUMNS] == []


def test_programs_that_the_site_shows_fit_too():
    programs = list((DOCS / "examples").glob("*.py"))
    lines = [line for path in programs for line in path.read_text("utf-8").splitlines()]
    assert lines
    assert [line for line in lines if len(line) > COLUMNS] == []


def test_references_do_not_begin_with_an_initial():
    # "J. Moré" is the tenth item of a list, with letters for numbers, and the page shows "Moré".
    begins = re.compile(r"^ *\.\. \[\w+\] [A-Z]\. .*", re.MULTILINE)
    sources = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]
    assert [line for text in sources for line in begins.findall(text)] == []


def test_every_page_is_in_the_table_of_contents():
    for folder in (DOCS, DOCS / "gallery"):
        index = (folder / "index.md").read_text(encoding="utf-8")
        blocks = re.findall(r"^```\{toctree\}\n(.*?)^```$", index, re.MULTILINE | re.DOTALL)
        listed = {line for block in blocks for line in block.split("\n")}
        assert {page.stem for page in folder.glob("*.md")} - {"index"} <= listed


def test_link_that_leads_nowhere_is_found(tmp_path):
    (tmp_path / "one.html").write_text(
        '<p id="top"><a href="two.html#here">1</a><a href="two.html#there">2</a>'
        '<a href="three.html">3</a><a href="https://example.org">4</a><a href="#top">5</a>',
        encoding="utf-8",
    )
    (tmp_path / "two.html").write_text('<h1 id="here">', encoding="utf-8")
    broken = [message.split(": ")[1] for message in broken_links(tmp_path)]
    assert broken == ["two.html#there", "three.html"]
