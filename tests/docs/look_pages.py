"""The pages that ``look.py`` photographs and that are not of the site: a notebook, and reports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "report"  # where `picture_cases` is

CELLS = (
    f"import sys\nsys.path.insert(0, {str(CASES)!r})\nimport picture_cases as cases",
    "cases.correct()",
    "cases.wrong_array()",
    "cases.wrong_field()",
    "cases.kink()",
    "cases.noise()",
    "cases.wrong_field().claim",
    "print(cases.noise())",
    '_ = cases.wrong_array().plot("agreement")',
    '_ = cases.wrong_field().plot("image")',
    '_ = cases.noise().plot("steps")',
    '_ = cases.kink().plot("steps")',
    '_ = cases.sampled().plot("taylor")',
    """from matplotlib import pyplot as plt
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")  # a figure of the user's
cases.wrong_array().plot("agreement", ax=axes[0])
_ = cases.wrong_array().plot("taylor", ax=axes[1])""",
)

SUITE = f"""
import sys
sys.path.insert(0, {str(CASES)!r})
import numpy as np
import picture_cases as cases
import pytest
from checkgrad import assert_grad, verify_grad, verify_jac


@pytest.mark.parametrize("offset", [0.0, 0.25])
def test_gradient_of_a_loss_with_a_long_name_and_several_parameters(offset):
    def func(x):
        return np.sum(np.exp(x + offset))

    assert_grad(func, lambda x: np.exp(x + offset), cases.X0)


def test_field():
    broken = cases._wrong_field
    assert verify_grad(lambda field: np.sum(np.sin(field)), broken, cases.FIELD)


def test_parameters():
    def loss(params):
        return np.sum(np.tanh(cases.INPUTS @ params["W"] + params["b"]) ** 2)

    assert_grad(loss, cases._wrong_in_one_array, cases.PARAMS)


def test_jacobian():
    assert verify_jac(lambda x: np.sin(x), lambda x: np.diag(np.cos(x)), cases.X0)


def test_solver():
    def noisy(x):
        return np.sum(np.sin(x)) + 1e-6 * np.sum(np.sin(1e20 * x))

    assert_grad(noisy, np.cos, np.asarray([0.3, 1.2, 2.0]))
"""


def checks_page(folder: Path) -> Path:
    """Write the page of ``pytest --checkgrad-report`` for a small suite, its reports unfolded."""
    (folder / "test_model.py").write_text(SUITE, encoding="utf-8")
    options = ("-q", "-p", "no:cacheprovider", "--rootdir=.", "--checkgrad-report=.")
    command = [sys.executable, "-m", "pytest", *options, "test_model.py"]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)
    page = folder / "checks.html"
    shown = page.read_text(encoding="utf-8").replace("<details>", "<details open>", 3)
    page.write_text(shown, encoding="utf-8")
    return page


def report_page(folder: Path) -> Path:
    """Write a report to a file."""
    sys.path.insert(0, str(CASES))
    import picture_cases

    page = folder / "report.html"
    picture_cases.wrong_field().to_html(page)
    return page


def notebook_pages(folder: Path, themes: Sequence[str]) -> dict[str, Path]:
    """Execute a notebook, and write it as a page in each theme of JupyterLab."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    ExecutePreprocessor(timeout=600, kernel_name="python3").preprocess(notebook)
    pages = {}
    for theme in themes:
        # Nothing comes from elsewhere: no formulas, and no scripts.
        exporter = HTMLExporter(theme=theme, mathjax_url="", require_js_url="")
        body, _ = exporter.from_notebook_node(notebook)
        pages[theme] = folder / f"notebook-{theme}.html"
        pages[theme].write_text(body, encoding="utf-8")
    return pages
